import { GetBucketTaggingCommand, ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CephRgw, startCephRgw } from '../../dev/ceph-rgw/ceph-rgw.ts';
import type { ObjectStore, ObjectStoreSpec } from '../../src/api/object-store.ts';
import { BucketError, type BucketProvider } from '../../src/bucket/bucket.ts';
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
let client: S3Client;
let controller: RunningController | undefined;

beforeAll(async () => {
  [ceph, cluster] = await Promise.all([startCephRgw(), startObjectStoreCluster()]);
  const { accessKey, secretKey } = await ceph.createUser('alice');
  const credentials = { accessKeyId: accessKey, secretAccessKey: secretKey };
  client = new S3Client({ endpoint: ceph.endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
  await cluster.putSecret('alice', { 'access-key': accessKey, 'secret-key': secretKey });
});

afterEach(async () => {
  await controller?.kill();
});

afterAll(async () => {
  await cluster?.stop();
  await ceph?.stop();
});

const specOf = (name: string): ObjectStoreSpec => ({
  name,
  provider: 's3',
  s3: { endpoint: ceph.endpoint },
  credentialsSecretRef: { name: 'alice' },
  labels: { team: 'data' },
});

const submitAll = (names: readonly string[]): Promise<unknown> =>
  Promise.all(names.map((name) => cluster.submit(name, specOf(name))));

const readAll = async (names: readonly string[]): Promise<readonly ObjectStore[]> => {
  const { items } = await cluster.kube.list<ObjectStore>(resources.objectStores, { namespace: 'default' });
  return items.filter(({ metadata }) => names.includes(metadata.name ?? ''));
};

const untilAllReady = (names: readonly string[], withinMs: number): Promise<unknown> =>
  until(
    `all ${names.length} are Ready`,
    async () => (await readAll(names)).every((store) => conditionOf(store, 'Ready')?.status === 'True'),
    withinMs,
  );

/** Tells of each create call before it is made. */
const counting =
  (onCreate: (name: string) => void) =>
  (provider: BucketProvider): BucketProvider => ({
    ...provider,
    create: (bucket, signal) => {
      onCreate(bucket.name);
      return provider.create(bucket, signal);
    },
  });

describe('200 ObjectStores at once', () => {
  it('become Ready with one create call each', { timeout: 180_000 }, async () => {
    const names = Array.from({ length: 200 }, (_, index) => `crowd-${index}`);
    const created: string[] = [];
    controller = cluster.run({ provider: counting((name) => created.push(name)) });
    await submitAll(names);
    await untilAllReady(names, 150_000);
    expect(created.toSorted()).toEqual(names.toSorted());
    const { Buckets = [] } = await client.send(new ListBucketsCommand({}));
    expect(Buckets.map(({ Name }) => Name)).toEqual(expect.arrayContaining(names));
    const stores = await readAll(names);
    expect(stores.filter(({ status }) => status?.ownership !== 'Created')).toEqual([]);
  });

  it('hold still for as long as the provider asks', { timeout: 180_000 }, async () => {
    const names = Array.from({ length: 60 }, (_, index) => `patient-${index}`);
    const calls: { readonly name: string; readonly at: number }[] = [];
    let asked = Number.POSITIVE_INFINITY;
    const pauseMs = 4_000;
    controller = cluster.run({
      provider: counting((name) => {
        calls.push({ name, at: Date.now() });
        if (calls.length !== 15) return;
        asked = Date.now();
        throw new BucketError('Throttled', 'Slow down.', { retryAfterMs: pauseMs });
      }),
    });
    await submitAll(names);
    await untilAllReady(names, 120_000);
    const early = calls.filter(({ at }) => at > asked && at < asked + pauseMs * 0.8);
    // Those that were under way already, of which there are at most five besides the one that was told.
    expect(early.length).toBeLessThanOrEqual(5);
    expect(calls.length).toBe(names.length + 1);
  });
});

describe('two ObjectStores for one bucket', () => {
  it('come to one that has it and one that is told so, again and again', { timeout: 120_000 }, async () => {
    controller = cluster.run();
    for (let round = 0; round < 8; round++) {
      const twins = [`twin-a-${round}`, `twin-b-${round}`];
      const bucket = `contested-${round}`;
      await Promise.all(twins.map((name) => cluster.submit(name, specOf(bucket))));
      const stores = await until('both are settled', async () => {
        const found = await readAll(twins);
        const reasons = found.map((store) => conditionOf(store, 'Ready')?.reason).toSorted();
        return reasons.join() === 'Created,NotOwned' && found;
      });
      const owner = stores.find(({ status }) => status?.ownership === 'Created');
      const { TagSet = [] } = await client.send(new GetBucketTaggingCommand({ Bucket: bucket }));
      expect(TagSet.find(({ Key }) => Key === 'quartermaster-objectstore')?.Value).toBe(owner?.metadata.uid);
    }
  });
});
