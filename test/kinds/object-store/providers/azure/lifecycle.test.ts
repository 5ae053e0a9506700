import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ArmStub, armError, startArmStub } from '../../../../../dev/stubs/arm.ts';
import { createAzureProvider } from '../../../../../src/kinds/object-store/providers/azure/provider.ts';
import type { BucketProvider, DesiredBucket } from '../../../../../src/kinds/object-store/providers/bucket.ts';
import { desiredBucket, featureOf } from '../../../../fixtures/desired-bucket.ts';

const place = { subscription: 'sub-1', resourceGroup: 'rg-1' };
const signal = AbortSignal.timeout(60_000);
/** Where nobody answers: whether a container is empty cannot be told. */
const NOWHERE = 'https://127.0.0.1:1/';
const POLICY = /managementPolicies/;

let arm: ArmStub;

beforeEach(async () => {
  arm = await startArmStub({ ...place, blobEndpoint: () => NOWHERE });
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
const writes = () => arm.requests.filter(({ method, url }) => method !== 'GET' && POLICY.test(url.pathname));

describe('the lifecycle rules of a container', () => {
  it('go before it goes, and those of others stay', async () => {
    const logs = withRules('logs');
    await provider().create(logs, signal);
    for (const wanted of [logs, withRules('logs2'), withRules('log')]) await applied(wanted);
    await provider().remove(logs, true, signal);
    expect(rulesOf()).toEqual(['quartermaster-log.1', 'quartermaster-logs2.1']);
    const done = arm.requests.filter(({ method }) => method !== 'GET').slice(-2);
    expect(done.map(({ method, url }) => `${method} ${url.pathname.split('/').at(-1)}`)).toEqual([
      'PUT default',
      'DELETE logs',
    ]);
  });

  it('keep it where they cannot be taken away', async () => {
    const logs = withRules('logs');
    await provider().create(logs, signal);
    await applied(logs);
    arm.failNext('DELETE', POLICY, armError(403, 'AuthorizationFailed', 'no'));
    await expect(provider().remove(logs, true, signal)).rejects.toMatchObject({
      reason: 'PermissionDenied',
      message: expect.stringContaining('managementPolicies/delete') as string,
    });
    expect(arm.account('account1')?.containers.has('logs')).toBe(true);
  });

  it('stay where it is not known to be empty, and where it is given up', async () => {
    const logs = withRules('logs');
    await provider().create(logs, signal);
    await applied(logs);
    await expect(provider().remove(logs, false, signal)).rejects.toMatchObject({
      reason: 'EndpointUnreachable',
    });
    await provider().unmark(logs, signal);
    expect(rulesOf()).toEqual(['quartermaster-logs.1']);
  });

  it('that an earlier one of its name left are gone before it is made', async () => {
    await applied(withRules('logs'));
    await applied(withRules('logs2'));
    await provider().create(desiredBucket({ name: 'logs' }), signal);
    expect(rulesOf()).toEqual(['quartermaster-logs2.1']);
    const order = arm.requests
      .filter(({ method }) => method === 'PUT')
      .map(({ url }) => url.pathname.split('/').at(-1));
    expect(order.slice(-2)).toEqual(['default', 'logs']);
  });

  it('that an earlier one left keep it from being made where they cannot be taken away', async () => {
    await applied(withRules('logs'));
    arm.failNext('GET', POLICY, armError(403, 'AuthorizationFailed', 'no'));
    await expect(provider().create(desiredBucket({ name: 'logs' }), signal)).rejects.toMatchObject({
      reason: 'PermissionDenied',
    });
    expect(arm.account('account1')?.containers.has('logs')).toBe(false);
  });

  it('are nothing to write about where there are none, nor where the account can have none', async () => {
    const plain = desiredBucket({ name: 'plain' });
    await applied(withRules('logs'));
    const before = writes().length;
    await provider().create(plain, signal);
    arm.failNext('GET', POLICY, armError(400, 'FeatureNotSupportedForAccount', 'no'));
    await provider().remove(plain, true, signal);
    expect(writes()).toHaveLength(before);
    expect(arm.account('account1')?.containers.has('plain')).toBe(false);
  });
});

describe('what Azure does not do of spec.lifecycle', () => {
  const definitionsOf = (account = 'account1'): string => JSON.stringify(arm.account(account)?.policy ?? {});
  const unsupported = (sentence: string) => ({
    reason: 'UnsupportedFeature',
    message: expect.stringContaining(sentence) as string,
  });

  it.each([
    [{ noncurrentExpireDays: 30 }, 'counts the days of a version from when it was written'],
    [{ abortMultipartDays: 1 }, 'drops unfinished uploads after 7 days'],
  ] as const)('%j is told, and the others are applied', async (rule, sentence) => {
    const feature = featureOf(provider(), withRules('logs', [{ expireDays: 90, ...rule }]), 'lifecycle');
    expect(await feature.isApplied(signal)).toBe(false);
    await expect(feature.apply(signal)).rejects.toMatchObject(unsupported(sentence));
    expect(definitionsOf()).toContain('"daysAfterModificationGreaterThan":90');
    expect(definitionsOf()).not.toContain('daysAfterCreationGreaterThan');
    const before = writes().length;
    await expect(feature.isApplied(signal)).rejects.toMatchObject(unsupported(sentence));
    expect(writes()).toHaveLength(before);
  });

  it('takes away a rule for versions that was written before', async () => {
    const rules = [
      {
        name: 'quartermaster-logs.1',
        enabled: true,
        type: 'Lifecycle',
        definition: {
          filters: { blobTypes: ['blockBlob', 'appendBlob'], prefixMatch: ['logs/'] },
          actions: { version: { delete: { daysAfterCreationGreaterThan: 30 } } },
        },
      },
    ];
    Object.assign(arm.account('account1') ?? {}, { policy: { properties: { policy: { rules } } } });
    const feature = featureOf(provider(), withRules('logs', [{ noncurrentExpireDays: 30 }]), 'lifecycle');
    expect(await feature.isApplied(signal)).toBe(false);
    await expect(feature.apply(signal)).rejects.toMatchObject({ reason: 'UnsupportedFeature' });
    expect(rulesOf()).toEqual([]);
  });
});

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
