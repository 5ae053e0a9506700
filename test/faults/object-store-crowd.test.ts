import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectStore, ObjectStoreSpec } from '../../src/api/object-store.ts';
import { BucketError, type BucketProvider } from '../../src/kinds/object-store/providers/bucket.ts';
import { resources } from '../../src/kube/api-server.ts';
import { bucketsOf, type CephCluster, startCephCluster, type Tenant, tagsOf } from '../fixtures/object-store-ceph.ts';
import { conditionOf, type RunningController, until } from '../fixtures/object-store-cluster.ts';

let cluster: CephCluster;
let alice: Tenant;
let controller: RunningController | undefined;

beforeAll(async () => {
  cluster = await startCephCluster();
  alice = await cluster.addTenant('alice');
});

afterEach(async () => {
  await controller?.kill();
});

afterAll(() => cluster?.stop());

const specOf = (name: string): ObjectStoreSpec => cluster.inCeph(name, { labels: { team: 'data' } });

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
  it('become Ready with one create call each', { timeout: 600_000 }, async () => {
    const names = Array.from({ length: 200 }, (_, index) => `crowd-${index}`);
    const created: string[] = [];
    controller = cluster.run({ provider: counting((name) => created.push(name)) });
    await submitAll(names);
    await untilAllReady(names, 540_000);
    expect(created.toSorted()).toEqual(names.toSorted());
    expect(await bucketsOf(alice)).toEqual(expect.arrayContaining(names));
    const stores = await readAll(names);
    expect(stores.filter(({ status }) => status?.ownership !== 'Created')).toEqual([]);
  });

  it('hold still for as long as the provider asks', { timeout: 600_000 }, async () => {
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
    await untilAllReady(names, 540_000);
    const early = calls.filter(({ at }) => at > asked && at < asked + pauseMs * 0.8);
    // Those that were under way already, of which there are at most five besides the one that was told.
    expect(early.length).toBeLessThanOrEqual(5);
    expect(calls.length).toBe(names.length + 1);
  });
});

describe('two ObjectStores for one bucket', () => {
  it('come to one that has it and one that is told so, again and again', { timeout: 600_000 }, async () => {
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
      expect((await tagsOf(alice, bucket))['quartermaster-objectstore']).toBe(owner?.metadata.uid);
    }
  });
});
