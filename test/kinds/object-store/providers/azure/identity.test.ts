import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ArmStub, armError, startArmStub } from '../../../../../dev/stubs/arm.ts';
import type { DesiredAccess, IdentityProvider } from '../../../../../src/kinds/object-store/providers/access.ts';
import { createAzureKeyProvider } from '../../../../../src/kinds/object-store/providers/azure/account-key.ts';
import { createAzureProvider } from '../../../../../src/kinds/object-store/providers/azure/provider.ts';
import { desiredAccess } from '../../../../fixtures/desired-bucket.ts';

const signal = AbortSignal.timeout(60_000);
const ISSUER = 'https://westeurope.oic.prod-aks.azure.com/tenant/cluster/';
const WRITER = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe';
const READER = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1';
const place = { subscription: 'sub-1', resourceGroup: 'rg-1' };

let arm: ArmStub;

beforeEach(async () => {
  arm = await startArmStub(place);
  arm.addAccount('account1');
});

afterEach(() => arm?.stop());

const identities = (oidcIssuer = ISSUER, name = 'account1'): IdentityProvider => {
  const provider = createAzureProvider({
    ...place,
    oidcIssuer,
    account: { kind: 'given', name },
    credential: { getToken: () => Promise.resolve({ token: 'any', expiresOnTimestamp: Date.now() + 600_000 }) },
    managementEndpoint: arm.endpoint,
    caBundle: arm.caBundle,
  });
  if (provider.identities === undefined) throw new Error('Azure knows no service accounts');
  return provider.identities;
};

const access = (fields: Partial<DesiredAccess> = {}) =>
  desiredAccess({ bucket: 'history', serviceAccount: { namespace: 'team-a', name: 'spark' }, ...fields });

/** The roles that a pod of the service account has on a container, when it signs in as Azure Workload Identity has it. */
const rolesOf = async (subject: string, container = 'history', issuer = ISSUER) => {
  const clientId = (await identities().observe(access(), signal))?.identity ?? '';
  const signIn = { issuer, subject, audiences: ['api://AzureADTokenExchange'], clientId };
  return arm.identities.rolesOf(signIn, container);
};

const SPARK = 'system:serviceaccount:team-a:spark';

describe('identities of Azure', () => {
  it('are for one service account and one container, made once, and tell the client ID it is annotated with', async () => {
    expect(await identities().observe(access(), signal)).toBeUndefined();
    await identities().grant(access(), signal);
    await identities().grant(access(), signal);
    const [stored] = arm.identities.stored.values();
    expect(arm.identities.stored.size).toBe(1);
    expect(await identities().observe(access(), signal)).toEqual({
      keys: [],
      isGranted: true,
      identity: stored?.clientId,
    });
    expect(stored?.tags).toEqual({ 'quartermaster-objectstore': 'team-a/history' });
    expect(await rolesOf(SPARK)).toEqual([WRITER]);
    expect(await rolesOf(SPARK, 'others')).toEqual([]);
    expect(await rolesOf('system:serviceaccount:team-b:spark')).toEqual([]);
    expect(await rolesOf(SPARK, 'history', 'https://elsewhere.example.org/')).toEqual([]);
  });

  it('read and do not write where that is asked for, and keep their client ID when it changes', async () => {
    await identities().grant(access(), signal);
    const before = await identities().observe(access(), signal);
    const reader = access({ mode: 'ReadOnly' });
    expect(await identities().observe(reader, signal)).toMatchObject({ isGranted: false });
    await identities().grant(reader, signal);
    expect(await identities().observe(reader, signal)).toEqual(before);
    expect(await rolesOf(SPARK)).toEqual([READER]);
  });

  it('are put right where somebody else may become them, or the identity was made anew', async () => {
    await identities().grant(access(), signal);
    const [name = ''] = arm.identities.stored.keys();
    const theirs = { issuer: ISSUER, subject: 'system:serviceaccount:kube-system:any', audiences: ['x'] };
    arm.identities.stored.get(name)?.credentials.set('theirs', theirs);
    expect(await identities().observe(access(), signal)).toMatchObject({ isGranted: false });
    await identities().grant(access(), signal);
    expect([...(arm.identities.stored.get(name)?.credentials.keys() ?? [])]).toEqual(['kubernetes']);
    arm.identities.stored.clear();
    expect(await identities().observe(access(), signal)).toBeUndefined();
    await identities().grant(access(), signal);
    expect(await rolesOf(SPARK)).toEqual([WRITER]);
    expect(arm.identities.assignments.size).toBe(1);
  });

  it('go with their roles, whatever the setting says by then, and are gone already without a word', async () => {
    await identities().grant(access(), signal);
    await identities('').revoke(access(), signal);
    await identities('').revoke(access(), signal);
    expect([arm.identities.stored.size, arm.identities.assignments.size]).toEqual([0, 0]);
  });

  it('that Azure does not know everywhere yet are asked for again later', async () => {
    arm.identities.delayNext(1);
    await expect(identities().grant(access(), signal)).rejects.toMatchObject({ reason: 'Throttled' });
    await identities().grant(access(), signal);
    expect(await rolesOf(SPARK)).toEqual([WRITER]);
  });

  it('leave nothing behind wherever they were cut off', async () => {
    for (const path of [/userAssignedIdentities\/[\w-]+$/, /federatedIdentityCredentials/, /roleAssignments/]) {
      arm.failNext('PUT', path, armError(500, 'InternalServerError', 'cut'));
      await expect(identities().grant(access(), signal)).rejects.toMatchObject({ reason: 'ProviderError' });
      await identities().grant(access(), signal);
      expect(await rolesOf(SPARK)).toEqual([WRITER]);
      arm.failNext('DELETE', path, armError(500, 'InternalServerError', 'cut'));
      await identities()
        .revoke(access(), signal)
        .catch(() => undefined);
      await identities().revoke(access(), signal);
      expect([arm.identities.stored.size, arm.identities.assignments.size]).toEqual([0, 0]);
    }
  });

  it('need permissions, which are named', async () => {
    arm.failNext('PUT', /roleAssignments/, armError(403, 'AuthorizationFailed', 'no'));
    await expect(identities().grant(access(), signal)).rejects.toMatchObject({
      reason: 'PermissionDenied',
      message: expect.stringMatching(/assign roles on the container.*roleAssignments\/write/) as string,
    });
  });

  it('are not made without an issuer, for an account that is gone, or with the key of an account, and then it is said so', async () => {
    await expect(identities('').grant(access(), signal)).rejects.toMatchObject({
      reason: 'UnsupportedFeature',
      message: expect.stringContaining('AZURE_OIDC_ISSUER') as string,
    });
    await expect(identities(ISSUER, 'gone').grant(access(), signal)).rejects.toMatchObject({ reason: 'ProviderError' });
    const byKey = createAzureKeyProvider({ account: 'account1', key: 'a2V5' }).identities;
    await expect(byKey?.grant(access(), signal)).rejects.toMatchObject({
      reason: 'UnsupportedFeature',
      message: expect.stringContaining('service principal') as string,
    });
    await byKey?.revoke(access(), signal);
  });
});
