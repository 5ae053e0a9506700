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
const GEO_SECRET = 's3-geo';

let cluster: CephCluster;
let platform: Tenant;
let geo: Tenant;

const putKeys = async (name: string, tenant: Tenant): Promise<void> => {
  const data = Object.fromEntries(
    Object.entries(keysOf(tenant)).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  const metadata = { name, namespace: SYSTEM_NAMESPACE };
  await cluster.kube.apply(resources.secrets, { apiVersion: 'v1', kind: 'Secret', metadata, data } as never);
};

beforeAll(async () => {
  cluster = await startCephCluster();
  platform = cluster.tenantWith(await cluster.ceph.createUser('platform'));
  geo = cluster.tenantWith(await cluster.ceph.createUser('geo'));
  const s3 = { endpoint: new URL(cluster.ceph.endpoint).origin, secretName: SECRET, forcePathStyle: true };
  const named = { ...s3, name: 'geo', secretName: GEO_SECRET, namespaceLabels: {} };
  const others = { ...s3, name: 'others', namespaceLabels: { team: 'others' } };
  cluster.run({ resyncMs: 2_000, world: { cloud: 'openstack', policy: { s3, s3Services: [named, others] } } });
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
    await putKeys(SECRET, platform);
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

  it('is made at the service that it names, with the keys for that, and is looked after with them', async () => {
    await cluster.submit('named', { name: 'named-bucket', s3: { service: 'geo' } });
    const waiting = await cluster.untilReady('named', 'CredentialsMissing');
    expect(waiting.status?.conditions?.find(({ type }) => type === 'Ready')?.message).toContain(
      `Secret "${GEO_SECRET}" of service geo in S3_SERVICES is not in namespace ${SYSTEM_NAMESPACE}`,
    );
    await putKeys(GEO_SECRET, geo);
    await cluster.untilReady('named', 'Created');
    expect(await bucketsOf(geo)).toEqual(['named-bucket']);
    expect(await bucketsOf(platform)).not.toContain('named-bucket');
    await cluster.change('named', { name: 'named-bucket', s3: { service: 'geo' }, labels: { tier: 'cold' } });
    await expect.poll(() => tagsOf(geo, 'named-bucket')).toMatchObject({ tier: 'cold' });
  });

  it('goes nowhere where it names the service of other namespaces', async () => {
    await cluster.submit('nosy', { name: 'nosy-bucket', s3: { service: 'others' } });
    const store = await cluster.untilReady('nosy', 'InvalidSpec');
    const message = store.status?.conditions?.find(({ type }) => type === 'Ready')?.message;
    expect(message).toContain('which has geo: name one of those');
    expect(await bucketsOf(platform)).not.toContain('nosy-bucket');
  });
});
