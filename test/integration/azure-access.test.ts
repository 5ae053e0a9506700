import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ArmStub, startArmStub } from '../../dev/stubs/arm.ts';
import { type Azurite, startAzurite } from '../../dev/stubs/azurite.ts';
import type { AccessProvider } from '../../src/kinds/object-store/providers/access.ts';
import { azureAccess } from '../../src/kinds/object-store/providers/azure/access.ts';
import {
  type BlobService,
  openBlobService,
  sharedKey,
} from '../../src/kinds/object-store/providers/azure/blob-service.ts';
import { readAzureError } from '../../src/kinds/object-store/providers/azure/errors.ts';
import { createAzureProvider } from '../../src/kinds/object-store/providers/azure/provider.ts';
import { createVendorCall } from '../../src/kinds/object-store/providers/vendor-call.ts';
import { desiredAccess } from '../fixtures/desired-bucket.ts';

const signal = AbortSignal.timeout(60_000);
const place = { subscription: 'sub-1', resourceGroup: 'rg-1' };

let azurite: Azurite;
let arm: ArmStub;
let service: BlobService;
let byKey: AccessProvider;
let byManager: AccessProvider;

beforeAll(async () => {
  azurite = await startAzurite();
  const { account, key, endpoint, caBundle } = azurite;
  arm = await startArmStub({ ...place, blobEndpoint: () => endpoint, key });
  arm.addAccount(account);
  arm.addAccount('keyless', { allowSharedKeyAccess: false });
  service = openBlobService(new URL(endpoint), sharedKey(account, key), caBundle);
  for (const container of ['spark-history', 'others']) {
    await service.send({ method: 'PUT', container }, signal);
    await azurite.putBlob(`${container}/there`);
  }
  const call = createVendorCall({ target: 'azurite', read: readAzureError });
  byKey = azureAccess({ call, open: () => Promise.resolve({ account, key, service }) });
  byManager = managed(account);
});

afterAll(async () => {
  await azurite?.stop();
  await arm?.stop();
});

const managed = (name: string): AccessProvider =>
  createAzureProvider({
    ...place,
    account: { kind: 'given', name },
    credential: { getToken: () => Promise.resolve({ token: 'any', expiresOnTimestamp: Date.now() + 600_000 }) },
    managementEndpoint: arm.endpoint,
    caBundle: arm.caBundle + azurite.caBundle,
  }).access;

describe('tokens for a container of Azure', () => {
  it('open that container and no other', async () => {
    const { id, secret } = await byKey.issueKey(desiredAccess(), signal);
    expect(await byKey.observe(desiredAccess(), signal)).toEqual({ isGranted: true, keys: [id] });
    expect(new URLSearchParams(secret).get('si')).toBe(id);
    expect(await azurite.tried(secret, 'PUT', 'spark-history/mine')).toBe(201);
    expect(await azurite.tried(secret, 'GET', 'spark-history/mine')).toBe(200);
    expect(await azurite.tried(secret, 'DELETE', 'spark-history/mine')).toBe(202);
    expect(await azurite.tried(secret, 'GET', 'others/there')).toBe(403);
    expect(await azurite.tried(secret, 'PUT', 'others/mine')).toBe(403);
  });

  it('read and do not write where that is asked for, those that are out already too', async () => {
    const { secret } = await byKey.issueKey(desiredAccess({ user: 'quartermaster-uid-2' }), signal);
    const reader = desiredAccess({ user: 'quartermaster-uid-2', mode: 'ReadOnly' });
    expect(await byKey.observe(reader, signal)).toMatchObject({ isGranted: false });
    await byKey.grant(reader, signal);
    expect(await byKey.observe(reader, signal)).toMatchObject({ isGranted: true });
    expect(await azurite.tried(secret, 'GET', 'spark-history/there')).toBe(200);
    expect(await azurite.tried(secret, 'PUT', 'spark-history/mine')).toBe(403);
  });

  it('open nothing once they are taken back, and leave others’ alone', async () => {
    const one = desiredAccess({ user: 'quartermaster-uid-3' });
    const other = desiredAccess({ user: 'quartermaster-uid-4' });
    const key = await byKey.issueKey(one, signal);
    const { keys } = (await byKey.observe(desiredAccess(), signal)) ?? { keys: [] };
    await byKey.revokeKey(one, key.id, signal);
    await byKey.revokeKey(one, key.id, signal);
    expect(await azurite.tried(key.secret, 'GET', 'spark-history/there')).toBe(403);
    const again = await byKey.issueKey(other, signal);
    expect(await azurite.tried(again.secret, 'GET', 'spark-history/there')).toBe(200);
    await byKey.revoke(other, signal);
    expect(await azurite.tried(again.secret, 'GET', 'spark-history/there')).toBe(403);
    expect(await byKey.observe(desiredAccess(), signal)).toEqual({ isGranted: true, keys });
    expect(keys).toHaveLength(1);
  });

  it('are signed with a key that Resource Manager is asked for', async () => {
    const mine = desiredAccess({ user: 'quartermaster-uid-5' });
    const { secret } = await byManager.issueKey(mine, signal);
    expect(await azurite.tried(secret, 'GET', 'spark-history/there')).toBe(200);
    await byManager.revoke(mine, signal);
    expect(await azurite.tried(secret, 'GET', 'spark-history/there')).toBe(403);
  });

  it('are not made where the account allows no keys, and there it is said what to do', async () => {
    await expect(managed('keyless').issueKey(desiredAccess(), signal)).rejects.toMatchObject({
      reason: 'UnsupportedFeature',
      message: expect.stringContaining('assign Storage Blob Data Contributor on the container') as string,
    });
  });

  it('are as many as Azure lets a container have, and then it is said so', async () => {
    const many = desiredAccess({ bucket: 'others' });
    for (let made = 0; made < 5; made++) await byKey.issueKey(many, signal);
    await expect(byKey.issueKey(many, signal)).rejects.toMatchObject({ reason: 'QuotaExceeded' });
    await byKey.revoke(many, signal);
    expect(await byKey.observe(many, signal)).toEqual({ isGranted: true, keys: [] });
  });

  it('have nobody to be taken from where container or account are gone', async () => {
    await byKey.revoke(desiredAccess({ bucket: 'gone' }), signal);
    await managed('gone').revoke(desiredAccess(), signal);
    expect(await byKey.observe(desiredAccess({ bucket: 'gone' }), signal)).toBeUndefined();
  });
});
