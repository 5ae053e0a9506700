import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ArmStub, armError, startArmStub } from '../../../../../dev/stubs/arm.ts';
import { createAzureProvider } from '../../../../../src/kinds/object-store/providers/azure/provider.ts';
import type { BucketProvider, DesiredBucket } from '../../../../../src/kinds/object-store/providers/bucket.ts';
import { desiredBucket, featureOf } from '../../../../fixtures/desired-bucket.ts';

const place = { subscription: 'sub-1', resourceGroup: 'rg-1' };
const signal = AbortSignal.timeout(60_000);
const POLICY = /managementPolicies/;

let arm: ArmStub;

beforeEach(async () => {
  arm = await startArmStub(place);
  for (const name of ['account1', 'account2']) arm.addAccount(name);
});

afterEach(() => arm?.stop());

/** One of its own for each caller, as ObjectStores of two Secrets have. */
const provider = (name = 'account1'): BucketProvider =>
  createAzureProvider({
    ...place,
    account: { kind: 'given', name },
    credential: { getToken: () => Promise.resolve({ token: 'any', expiresOnTimestamp: Date.now() + 600_000 }) },
    managementEndpoint: arm.endpoint,
    caBundle: arm.caBundle,
  });

const withRules = (name: string, lifecycle: DesiredBucket['lifecycle'] = [{ expireDays: 1 }]) =>
  desiredBucket({ name, lifecycle });
const applied = async (wanted: DesiredBucket, account = 'account1'): Promise<void> =>
  featureOf(provider(account), wanted, 'lifecycle').apply(signal);
const rulesOf = (account = 'account1'): readonly string[] =>
  [...(JSON.stringify(arm.account(account)?.policy ?? {}).match(/(?<="name":")[^"]+/g) ?? [])].toSorted();

describe('the lifecycle policy of an account', () => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];

  it('has the rules of all containers that ask for them at once', async () => {
    await Promise.all(names.map((name) => applied(withRules(name))));
    expect(rulesOf()).toEqual(names.map((name) => `quartermaster-${name}.1`));
    await Promise.all(names.slice(1).map((name) => applied(withRules(name, []))));
    expect(rulesOf()).toEqual(['quartermaster-a.1']);
  });

  it('is written by the next one where the one before it failed, and waits for no other account', async () => {
    arm.failNext('PUT', POLICY, armError(500, 'InternalServerError', 'oops'));
    const outcomes = await Promise.allSettled([
      ...names.map((name) => applied(withRules(name))),
      applied(withRules('a'), 'account2'),
    ]);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect([...rulesOf(), ...rulesOf('account2')]).toHaveLength(names.length);
  });
});
