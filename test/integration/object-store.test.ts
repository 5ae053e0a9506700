import {
  CreateBucketCommand,
  DeleteBucketLifecycleCommand,
  GetBucketLifecycleConfigurationCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
} from '@aws-sdk/client-s3';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verdictFor } from '../../src/clouds/index.ts';
import { indexDefaults } from '../../src/defaults/entries-index.ts';
import { createFacts } from '../../src/kinds/facts.ts';
import { decide } from '../../src/kinds/index.ts';
import { resources } from '../../src/kube/api-server.ts';
import { watchFacts } from '../../src/kube/stores.ts';
import { policyOf, readSettings } from '../../src/settings/config.ts';
import { platformDefaults } from '../fixtures/defaults.ts';
import { requestFor } from '../fixtures/golden-case.ts';
import {
  bucketsOf,
  type CephCluster,
  isVersioned,
  keysOf,
  startCephCluster,
  type Tenant,
  tagsOf,
} from '../fixtures/object-store-ceph.ts';
import { conditionOf, type RunningController, until } from '../fixtures/object-store-cluster.ts';

let cluster: CephCluster;
let controller: RunningController;
let alice: Tenant;

beforeAll(async () => {
  cluster = await startCephCluster();
  alice = await cluster.addTenant('alice');
  await cluster.addTenant('bob', { maxBuckets: 1 });
  controller = cluster.run({ resyncMs: 2_000 });
});

afterAll(() => cluster?.stop());

const lifecycleOf = async ({ client }: Tenant, Bucket: string) =>
  (await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket })).catch(() => undefined))?.Rules ?? [];

describe('an ObjectStore on Ceph', () => {
  it('becomes Ready with a bucket that carries its mark and what spec asks for', async () => {
    await cluster.submit('whole', {
      ...cluster.inCeph('whole-bucket'),
      versioning: true,
      lifecycle: [{ prefix: 'tmp/', expireDays: 7 }],
      labels: { team: 'data' },
    });
    const store = await cluster.untilReady('whole', 'Created');
    expect(store.metadata.finalizers).toEqual(['banzaicloud.com/objectstore']);
    expect(store.status).toMatchObject({
      bucketName: 'whole-bucket',
      provider: 's3',
      endpoint: cluster.ceph.endpoint,
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
    const { hostname, port } = new URL(cluster.ceph.endpoint);
    expect(await cluster.connection('whole-objectstore')).toEqual({
      BUCKET_NAME: 'whole-bucket',
      BUCKET_URL: 's3a://whole-bucket',
      BUCKET_HOST: hostname,
      BUCKET_PORT: port,
      BUCKET_REGION: 'us-east-1',
      BUCKET_PROVIDER: 's3',
      'artifact-repository': `s3:
  bucket: whole-bucket
  endpoint: ${hostname}:${port}
  region: us-east-1
  insecure: true
  useSDKCreds: true
`,
    });
    await until('the Event is written', async () =>
      (await cluster.events('whole')).find(({ reason }) => reason === 'Created'),
    );
  });

  it('is repaired where somebody changed by hand what spec sets, and keeps what it does not set', async () => {
    await cluster.submit('drifting', {
      ...cluster.inCeph('drifting-bucket'),
      versioning: true,
      lifecycle: [{ expireDays: 30 }],
      labels: { team: 'data' },
    });
    await cluster.untilReady('drifting', 'Created');
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
    await cluster.submit('changing', cluster.inCeph('changing-bucket'));
    await cluster.untilReady('changing', 'Created');
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
      ...cluster.inCeph('alice-own', { credentialsSecretRef: { name: 'bob' } }),
      adopt: 'Always',
      deletionPolicy: 'Delete',
      forceDelete: true,
    });
    const store = await cluster.untilReady('taken', 'NameTaken');
    expect(conditionOf(store, 'Ready')?.message).toMatch(/^Bucket "alice-own" belongs to another account.*\.$/);
    await cluster.remove('taken');
    await cluster.untilGone('taken');
    expect(await bucketsOf(alice)).toContain('alice-own');
  });

  it('says QuotaExceeded, and goes on when the quota allows', async () => {
    const asBob = { credentialsSecretRef: { name: 'bob' }, deletionPolicy: 'Delete' } as const;
    await cluster.submit('first-of-bob', cluster.inCeph('first-of-bob', asBob));
    await cluster.untilReady('first-of-bob', 'Created');
    await cluster.submit('second-of-bob', cluster.inCeph('second-of-bob', asBob));
    await cluster.untilReady('second-of-bob', 'QuotaExceeded');
    await cluster.remove('first-of-bob');
    await cluster.untilGone('first-of-bob');
    await cluster.untilReady('second-of-bob', 'Created');
  });

  it('puts its ConfigMap right as soon as somebody changes or deletes it', async () => {
    await cluster.submit('connected', cluster.inCeph('connected-bucket'));
    await cluster.untilReady('connected', 'Created');
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
    await cluster.submit('theirs', cluster.inCeph('theirs-bucket'));
    await cluster.untilReady('theirs', 'ConnectionTaken');
    expect(await cluster.connection('theirs-objectstore')).toEqual({ theirs: 'yes' });
    await cluster.change('theirs', { writeConnectionTo: { configMapName: 'theirs-bucket' } });
    await cluster.untilReady('theirs', 'Created');
  });

  it('counts each call of its provider', async () => {
    expect(await controller.metrics()).toMatch(
      /quartermaster_bucket_calls_total\{provider="s3",call="create",result="ok"\} \d+/,
    );
  });
});

describe('the event log of a SparkApplication', () => {
  const ending = new AbortController();
  afterAll(() => ending.abort());

  it('goes to the bucket once that is Ready, and nowhere before', async () => {
    const watching = { kube: cluster.kube, log: pino({ enabled: false }), signal: ending.signal };
    const stores = watchFacts(watching);
    const list = [platformDefaults('logs', { inject: { eventLog: { objectStore: 'logged' } } })];
    const policy = policyOf(readSettings({}));
    const facts = createFacts({
      stores,
      policy,
      defaults: () => indexDefaults(list, policy),
      verdict: () => verdictFor('local', {}, []),
    });
    const admitted = () => decide(requestFor({ circumstances: {}, oldObject: undefined }, app), facts());
    const app = {
      apiVersion: 'sparkoperator.k8s.io/v1beta2',
      kind: 'SparkApplication',
      metadata: { name: 'pi', namespace: 'default' },
      spec: { sparkConf: {}, hadoopConf: {}, driver: {}, executor: {} },
    };
    await cluster.submit('logged', cluster.inCeph('logged-bucket', { credentialsSecretRef: { name: 'later' } }));
    await cluster.untilReady('logged', 'CredentialsMissing');
    expect(admitted().warnings.join()).toContain('no ObjectStore logged is Ready');
    expect(admitted().patch).toEqual([]);
    await cluster.putSecret('later', keysOf(alice));
    await cluster.untilReady('logged', 'Created');
    const patch = await until('it is injected', () => Promise.resolve(admitted().patch.length > 0 && admitted().patch));
    expect(patch).toContainEqual({
      op: 'add',
      path: '/spec/sparkConf/spark.eventLog.dir',
      value: 's3a://logged-bucket//',
    });
    expect(patch).toContainEqual({
      op: 'add',
      path: '/spec/hadoopConf/fs.s3a.bucket.logged-bucket.endpoint',
      value: cluster.ceph.endpoint,
    });
  });
});

describe('the CRD', () => {
  it('takes spec.name alone', async () => {
    await cluster.submit('plain', { name: 'plain-bucket' });
    const store = await cluster.untilReady('plain', 'ProviderUnknown');
    expect(store.spec).toEqual({ name: 'plain-bucket' });
    await cluster.remove('plain');
    await cluster.untilGone('plain');
  });

  it('refuses what cannot be', async () => {
    await expect(cluster.submit('wrong', { name: 'A' })).rejects.toMatchObject({ reason: 'InvalidInput' });
    await expect(cluster.submit('wrong', cluster.inCeph('wrong', { retention: { days: 0 } }))).rejects.toMatchObject({
      reason: 'InvalidInput',
    });
  });
});
