import {
  CreateBucketCommand,
  DeleteBucketLifecycleCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  ListBucketsCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AccessKey, type CephRgw, startCephRgw } from '../../dev/ceph-rgw/ceph-rgw.ts';
import type { ObjectStore, ObjectStoreSpec } from '../../src/api/object-store.ts';
import { resources } from '../../src/kube/kube.ts';
import {
  conditionOf,
  type ObjectStoreCluster,
  type RunningController,
  startObjectStoreCluster,
  until,
} from '../fixtures/object-store-cluster.ts';

let ceph: CephRgw;
let cluster: ObjectStoreCluster;
let controller: RunningController;
let alice: Tenant;
let bob: Tenant;

interface Tenant extends AccessKey {
  /** The SDK itself, for what a person would do by hand. */
  readonly client: S3Client;
}

beforeAll(async () => {
  [ceph, cluster] = await Promise.all([startCephRgw(), startObjectStoreCluster()]);
  alice = tenantOf(await ceph.createUser('alice'));
  bob = tenantOf(await ceph.createUser('bob', { maxBuckets: 1 }));
  await cluster.putSecret('alice', keysOf(alice));
  await cluster.putSecret('bob', keysOf(bob));
  controller = cluster.run({ resyncMs: 2_000 });
});

afterAll(async () => {
  await cluster?.stop();
  await ceph?.stop();
});

const tenantOf = (key: AccessKey): Tenant => {
  const credentials = { accessKeyId: key.accessKey, secretAccessKey: key.secretKey };
  return {
    ...key,
    client: new S3Client({ endpoint: ceph.endpoint, region: 'us-east-1', forcePathStyle: true, credentials }),
  };
};

const keysOf = ({ accessKey, secretKey }: AccessKey) => ({ 'access-key': accessKey, 'secret-key': secretKey });

const inCeph = (name: string, spec: Partial<ObjectStoreSpec> = {}): ObjectStoreSpec => ({
  name,
  provider: 's3',
  s3: { endpoint: ceph.endpoint },
  credentialsSecretRef: { name: 'alice' },
  ...spec,
});

/** The ObjectStore as soon as its Ready condition has this reason for the generation that is asked for. */
const untilReady = (name: string, reason: string): Promise<ObjectStore> =>
  until(`${name} has reason ${reason}`, async () => {
    const store = await cluster.read(name);
    const ready = conditionOf(store, 'Ready');
    return ready?.reason === reason && ready.observedGeneration === store?.metadata.generation ? store : undefined;
  });

const untilGone = (name: string): Promise<true> =>
  until(`${name} is gone`, async () => (await cluster.read(name)) === undefined);

const bucketsOf = async ({ client }: Tenant): Promise<readonly (string | undefined)[]> =>
  (await client.send(new ListBucketsCommand({}))).Buckets?.map(({ Name }) => Name) ?? [];

const tagsOf = async ({ client }: Tenant, Bucket: string): Promise<Readonly<Record<string, string>>> => {
  const answer = await client.send(new GetBucketTaggingCommand({ Bucket })).catch(() => undefined);
  return Object.fromEntries(answer?.TagSet?.map(({ Key, Value }) => [Key ?? '', Value ?? '']) ?? []);
};

const isVersioned = async ({ client }: Tenant, Bucket: string): Promise<boolean> =>
  (await client.send(new GetBucketVersioningCommand({ Bucket }))).Status === 'Enabled';

const lifecycleOf = async ({ client }: Tenant, Bucket: string) =>
  (await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket })).catch(() => undefined))?.Rules ?? [];

describe('an ObjectStore on Ceph', () => {
  it('becomes Ready with a bucket that carries its mark and what spec asks for', async () => {
    await cluster.submit('whole', {
      ...inCeph('whole-bucket'),
      versioning: true,
      lifecycle: [{ prefix: 'tmp/', expireDays: 7 }],
      labels: { team: 'data' },
    });
    const store = await untilReady('whole', 'Created');
    expect(store.metadata.finalizers).toEqual(['banzaicloud.com/objectstore']);
    expect(store.status).toMatchObject({
      bucketName: 'whole-bucket',
      provider: 's3',
      endpoint: ceph.endpoint,
      url: 's3a://whole-bucket',
      ownership: 'Created',
      configMapName: 'whole-objectstore',
      observedGeneration: 1,
    });
    expect(store.status).not.toHaveProperty('creationStarted');
    expect(conditionOf(store, 'Synced')).toMatchObject({ status: 'True', reason: 'UpToDate' });
    expect(await tagsOf(alice, 'whole-bucket')).toEqual({
      'quartermaster-objectstore': store.metadata.uid,
      'quartermaster-cluster': 'cluster-1',
      team: 'data',
    });
    expect(await isVersioned(alice, 'whole-bucket')).toBe(true);
    expect(await lifecycleOf(alice, 'whole-bucket')).toHaveLength(1);
    const { hostname, port } = new URL(ceph.endpoint);
    expect(await cluster.connection('whole-objectstore')).toEqual({
      BUCKET_NAME: 'whole-bucket',
      BUCKET_URL: 's3a://whole-bucket',
      BUCKET_HOST: hostname,
      BUCKET_PORT: port,
      BUCKET_REGION: 'us-east-1',
      BUCKET_PROVIDER: 's3',
    });
    await until('the Event is written', async () =>
      (await cluster.events('whole')).find(({ reason }) => reason === 'Created'),
    );
  });

  it('is repaired where somebody changed by hand what spec sets, and keeps what it does not set', async () => {
    await cluster.submit('drifting', {
      ...inCeph('drifting-bucket'),
      versioning: true,
      lifecycle: [{ expireDays: 30 }],
      labels: { team: 'data' },
    });
    await untilReady('drifting', 'Created');
    const Bucket = 'drifting-bucket';
    await alice.client.send(
      new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Suspended' } }),
    );
    await alice.client.send(new DeleteBucketLifecycleCommand({ Bucket }));
    const TagSet = [{ Key: 'by-hand', Value: 'yes' }];
    await alice.client.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }));
    await until('versions are kept again', () => isVersioned(alice, Bucket));
    await until('the lifecycle is back', async () => (await lifecycleOf(alice, Bucket)).length === 1);
    const tags = await until('the label is back', async () => {
      const found = await tagsOf(alice, Bucket);
      return found['team'] === 'data' && found;
    });
    expect(tags).toMatchObject({ 'by-hand': 'yes', 'quartermaster-cluster': 'cluster-1' });
    await until('the Event says so', async () =>
      (await cluster.events('drifting')).find(({ reason }) => reason === 'Drifted'),
    );
    const store = await cluster.read('drifting');
    expect(store?.status?.ownership).toBe('Created');
    expect(conditionOf(store, 'Ready')?.status).toBe('True');
  });

  it('takes a change of its spec to the bucket', async () => {
    await cluster.submit('changing', inCeph('changing-bucket'));
    await untilReady('changing', 'Created');
    expect(await isVersioned(alice, 'changing-bucket')).toBe(false);
    await cluster.change('changing', { versioning: true, labels: { stage: 'prod' } });
    await until('versions are kept', () => isVersioned(alice, 'changing-bucket'));
    const store = await until('it is synced', async () => {
      const found = await cluster.read('changing');
      return found?.status?.observedGeneration === found?.metadata.generation && found;
    });
    expect(conditionOf(store, 'Synced')?.status).toBe('True');
    expect(await tagsOf(alice, 'changing-bucket')).toMatchObject({ stage: 'prod' });
  });

  it('says NameTaken where the bucket is another account’s, and can be deleted', async () => {
    await alice.client.send(new CreateBucketCommand({ Bucket: 'alice-own' }));
    await cluster.submit('taken', {
      ...inCeph('alice-own', { credentialsSecretRef: { name: 'bob' } }),
      adopt: 'Always',
      deletionPolicy: 'Delete',
      forceDelete: true,
    });
    const store = await untilReady('taken', 'NameTaken');
    expect(conditionOf(store, 'Ready')?.message).toMatch(/^Bucket "alice-own" belongs to another account.*\.$/);
    await cluster.remove('taken');
    await untilGone('taken');
    expect(await bucketsOf(alice)).toContain('alice-own');
  });

  it('says QuotaExceeded, and goes on when the quota allows', async () => {
    const asBob = { credentialsSecretRef: { name: 'bob' }, deletionPolicy: 'Delete' } as const;
    await cluster.submit('first-of-bob', inCeph('first-of-bob', asBob));
    await untilReady('first-of-bob', 'Created');
    await cluster.submit('second-of-bob', inCeph('second-of-bob', asBob));
    await untilReady('second-of-bob', 'QuotaExceeded');
    await cluster.remove('first-of-bob');
    await untilGone('first-of-bob');
    await untilReady('second-of-bob', 'Created');
  });

  it('puts its ConfigMap right as soon as somebody changes or deletes it', async () => {
    await cluster.submit('connected', inCeph('connected-bucket'));
    await untilReady('connected', 'Created');
    const key = { namespace: 'default', name: 'connected-objectstore' };
    await cluster.kube.mergePatch(resources.configMaps, key, { data: { BUCKET_NAME: 'elsewhere', mine: 'kept' } });
    const data = await until('it is right again', async () => {
      const found = await cluster.connection(key.name);
      return found?.['BUCKET_NAME'] === 'connected-bucket' && found;
    });
    expect(data['mine']).toBe('kept');
    await cluster.kube.remove(resources.configMaps, key);
    await until('it is back', () => cluster.connection(key.name));
  });

  it('never writes over a ConfigMap that somebody else made', async () => {
    const metadata = { name: 'theirs-objectstore', namespace: 'default' };
    const theirs = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { theirs: 'yes' } };
    await cluster.kube.create(resources.configMaps, theirs);
    await cluster.submit('theirs', inCeph('theirs-bucket'));
    await untilReady('theirs', 'ConnectionTaken');
    expect(await cluster.connection('theirs-objectstore')).toEqual({ theirs: 'yes' });
    await cluster.change('theirs', { writeConnectionTo: { configMapName: 'theirs-bucket' } });
    await untilReady('theirs', 'Created');
  });

  it('counts each call of its provider', async () => {
    expect(await controller.metrics()).toMatch(
      /quartermaster_bucket_calls_total\{provider="s3",call="create",result="ok"\} \d+/,
    );
  });
});

describe('credentials', () => {
  beforeAll(async () => {
    // Nothing but the Secret itself can then bring it back so soon.
    await controller.kill();
    controller = cluster.run({ resyncMs: 600_000 });
  });

  afterAll(async () => {
    await controller.kill();
    controller = cluster.run({ resyncMs: 2_000 });
  });

  it('that are wrong are told, and noticed when they are mended', async () => {
    await cluster.putSecret('mended', { 'access-key': alice.accessKey, 'secret-key': 'not-the-secret-key-of-alice' });
    await cluster.submit('mended', inCeph('mended-bucket', { credentialsSecretRef: { name: 'mended' } }));
    await untilReady('mended', 'CredentialsInvalid');
    await cluster.putSecret('mended', keysOf(alice));
    await untilReady('mended', 'Created');
    expect(cluster.logged()).not.toContain('not-the-secret-key-of-alice');
  });

  it('that are missing are told, and noticed when they come', async () => {
    await cluster.submit('waiting', inCeph('waiting-bucket', { credentialsSecretRef: { name: 'late' } }));
    const store = await untilReady('waiting', 'CredentialsMissing');
    expect(conditionOf(store, 'Ready')?.message).toBe(
      'Secret "late" in spec.credentialsSecretRef is not in this namespace: make it.',
    );
    await cluster.putSecret('late', { AWS_ACCESS_KEY_ID: alice.accessKey, AWS_SECRET_ACCESS_KEY: alice.secretKey });
    await untilReady('waiting', 'Created');
  });
});

describe('a bucket that was there before', () => {
  it.each([
    ['Never', 'NotOwned'],
    ['IfOwned', 'NotOwned'],
    ['Always', 'Adopted'],
  ] as const)('comes with adopt %s to %s, and is never deleted', async (adopt, reason) => {
    const name = `before-${adopt.toLowerCase()}`;
    await alice.client.send(new CreateBucketCommand({ Bucket: name }));
    await cluster.submit(name, { ...inCeph(name), adopt, deletionPolicy: 'Delete', forceDelete: true });
    await untilReady(name, reason);
    const tags = await tagsOf(alice, name);
    expect(tags['quartermaster-cluster']).toBe(reason === 'Adopted' ? 'cluster-1' : undefined);
    await cluster.remove(name);
    await untilGone(name);
    expect(await bucketsOf(alice)).toContain(name);
    expect(await tagsOf(alice, name)).toEqual({});
  });
});

describe('deletion', () => {
  const fill = async (Bucket: string): Promise<void> => {
    await alice.client.send(new PutObjectCommand({ Bucket, Key: 'events/1', Body: 'x' }));
  };

  it('with Retain leaves the bucket without our mark', async () => {
    await cluster.submit('retained', inCeph('retained-bucket', { labels: { team: 'data' } }));
    await untilReady('retained', 'Created');
    await fill('retained-bucket');
    await cluster.remove('retained');
    await untilGone('retained');
    expect(await tagsOf(alice, 'retained-bucket')).toEqual({ team: 'data' });
  });

  it('with Delete takes an empty bucket along', async () => {
    await cluster.submit('emptied', inCeph('emptied-bucket', { deletionPolicy: 'Delete' }));
    await untilReady('emptied', 'Created');
    await cluster.remove('emptied');
    await untilGone('emptied');
    expect(await bucketsOf(alice)).not.toContain('emptied-bucket');
  });

  it('with Delete keeps a bucket that holds objects until forceDelete', async () => {
    await cluster.submit('full', inCeph('full-bucket', { deletionPolicy: 'Delete', versioning: true }));
    await untilReady('full', 'Created');
    await fill('full-bucket');
    await cluster.remove('full');
    const store = await untilReady('full', 'BucketNotEmpty');
    expect(conditionOf(store, 'Ready')?.message).toContain('set spec.forceDelete');
    expect(await bucketsOf(alice)).toContain('full-bucket');
    await cluster.change('full', { forceDelete: true });
    await untilGone('full');
    expect(await bucketsOf(alice)).not.toContain('full-bucket');
  });

  it('is not held up by a Secret that went first', async () => {
    await cluster.putSecret('fleeting', keysOf(alice));
    await cluster.submit('orphaned', inCeph('orphaned-bucket', { credentialsSecretRef: { name: 'fleeting' } }));
    await untilReady('orphaned', 'Created');
    await cluster.kube.remove(resources.secrets, { namespace: 'default', name: 'fleeting' });
    await cluster.remove('orphaned');
    await untilGone('orphaned');
    expect(await bucketsOf(alice)).toContain('orphaned-bucket');
  });
});

describe('the CRD', () => {
  it('takes spec.name alone', async () => {
    await cluster.submit('plain', { name: 'plain-bucket' });
    const store = await untilReady('plain', 'ProviderUnknown');
    expect(store.spec).toEqual({ name: 'plain-bucket' });
    await cluster.remove('plain');
    await untilGone('plain');
  });

  it('refuses what cannot be', async () => {
    await expect(cluster.submit('wrong', { name: 'A' })).rejects.toMatchObject({ reason: 'InvalidInput' });
    await expect(cluster.submit('wrong', inCeph('wrong', { retention: { days: 0 } }))).rejects.toMatchObject({
      reason: 'InvalidInput',
    });
  });
});
