import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SYSTEM_NAMESPACE } from '../../src/api/names.ts';
import { resources } from '../../src/kube/api-server.ts';
import {
  bucketsOf,
  type CephCluster,
  keysOf,
  startCephCluster,
  type Tenant,
  tagsOf,
} from '../fixtures/object-store-ceph.ts';

const SECRET = 's3-platform';

let cluster: CephCluster;
let platform: Tenant;

const putPlatformKeys = async (tenant: Tenant): Promise<void> => {
  const data = Object.fromEntries(
    Object.entries(keysOf(tenant)).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  const metadata = { name: SECRET, namespace: SYSTEM_NAMESPACE };
  await cluster.kube.apply(resources.secrets, { apiVersion: 'v1', kind: 'Secret', metadata, data } as never);
};

beforeAll(async () => {
  cluster = await startCephCluster();
  platform = cluster.tenantWith(await cluster.ceph.createUser('platform'));
  const s3 = { endpoint: new URL(cluster.ceph.endpoint).origin, secretName: SECRET, forcePathStyle: true };
  cluster.run({ resyncMs: 2_000, world: { cloud: 'openstack', policy: { s3 } } });
});

afterAll(() => cluster?.stop());

describe('an ObjectStore of a name alone, where the platform named its S3 service', () => {
  it('waits for the platform’s keys, and says which Secret that is', async () => {
    await cluster.submit('early', { name: 'early-bucket' });
    const store = await cluster.untilReady('early', 'CredentialsMissing');
    expect(store.status?.conditions?.find(({ type }) => type === 'Ready')?.message).toContain(
      `Secret "${SECRET}" of the setting S3_CREDENTIALS is not in namespace ${SYSTEM_NAMESPACE}`,
    );
  });

  it('gets a bucket with the platform’s keys as soon as they are there', async () => {
    await putPlatformKeys(platform);
    const store = await cluster.untilReady('early', 'Created');
    expect(store.status).toMatchObject({ provider: 's3', endpoint: cluster.ceph.endpoint, url: 's3a://early-bucket' });
    expect(await bucketsOf(platform)).toContain('early-bucket');
    expect(await tagsOf(platform, 'early-bucket')).toMatchObject({ 'quartermaster-objectstore': store.metadata.uid });
    expect(await cluster.connection('early-objectstore')).toMatchObject({ BUCKET_NAME: 'early-bucket' });
  });

  it('never takes over a bucket that is there, since the platform’s keys own them all', async () => {
    await cluster.submit('second', { name: 'early-bucket' });
    await cluster.untilReady('second', 'NotOwned');
  });

  it('of a tenant with keys of their own is made with those', async () => {
    const alice = await cluster.addTenant('alice');
    await cluster.submit('own', { name: 'own-bucket', credentialsSecretRef: { name: 'alice' } });
    await cluster.untilReady('own', 'Created');
    expect(await bucketsOf(alice)).toEqual(['own-bucket']);
    expect(await bucketsOf(platform)).not.toContain('own-bucket');
  });
});
