import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject, ObjectMeta, StringMap } from '../../../src/api/kubernetes.ts';
import type { ObjectStore, ObjectStoreSpec } from '../../../src/api/object-store.ts';
import { runObjectStoreController } from '../../../src/kinds/object-store/controller.ts';
import { BucketError } from '../../../src/kinds/object-store/providers/bucket.ts';
import { type Kube, resources } from '../../../src/kube/api-server.ts';
import { createStore } from '../../../src/kube/store.ts';
import { OBJECT_STORE_INDEXES } from '../../../src/kube/stores.ts';
import { createMetrics } from '../../../src/ops/metrics.ts';
import { createBucketWorld, fakeProvider } from '../../fixtures/bucket-world.ts';
import { factsIn, objectStore } from '../../fixtures/object-store.ts';
import { createObjectStoreKube } from '../../fixtures/object-store-kube.ts';

const log = pino({ level: 'silent' });
const GPU = {
  name: 'ceph-gpu',
  endpoint: 'https://ceph.example.org',
  secretName: 'ceph-keys',
  forcePathStyle: true,
  namespaceLabels: { tier: 'gpu' },
};

let ending: AbortController;
let running: Promise<void> | undefined;
beforeEach(() => {
  ending = new AbortController();
});
afterEach(async () => {
  ending.abort();
  await running;
});

/** The controller over one ObjectStore, whose watch brings what is written at once. Looks at it five times a second. */
const run = (spec: Partial<ObjectStoreSpec>) => {
  const world = createBucketWorld();
  const cluster = createObjectStoreKube(resources.objectStores);
  const stores = createStore<ObjectStore>(log, OBJECT_STORE_INDEXES);
  const stored = (): ObjectStore | undefined => cluster.store();
  const ready = () => stored()?.status?.conditions?.find(({ type }) => type === 'Ready');
  const statuses: (string | undefined)[] = [];
  const tell = (): void => {
    const store = stored();
    const status = ready()?.status;
    if (statuses.at(-1) !== status) statuses.push(status);
    if (store !== undefined) stores.put(store);
    else for (const { metadata } of stores.list()) stores.remove({ namespace: 'team-a', name: metadata.name ?? '' });
  };
  cluster.interfere = (_, moment) => {
    if (moment === 'end') tell();
  };
  let namespaceLabels: StringMap = {};
  cluster.put(resources.objectStores, objectStore(spec, { uid: 'uid-1', generation: 1 }));
  tell();
  const { cloud, policy } = factsIn({ policy: { s3Services: [GPU] } });
  running = runObjectStoreController({
    kube: cluster.kube as Kube,
    stores,
    connections: createStore<KubeObject>(log),
    log,
    metrics: createMetrics(),
    events: { record: () => undefined },
    signal: ending.signal,
    openProvider: () => Promise.resolve(fakeProvider(world, 'within create')),
    cloud: () => cloud,
    policy,
    namespaceLabels: () => namespaceLabels,
    servingKey: () => 'serving key',
    clusterUid: 'cluster-1',
    clusterName: '',
    azureResourceGroup: '',
    azureManagementEndpoint: '',
    awsOidcProvider: '',
    awsEksCluster: '',
    azureOidcIssuer: '',
    resyncMs: 200,
  });
  return {
    world,
    stored,
    ready,
    /** What Ready said, one after the other. */
    statuses,
    label: (labels: StringMap) => {
      namespaceLabels = labels;
    },
    remove: () => {
      const store = stored();
      const metadata: ObjectMeta = { ...store?.metadata, deletionTimestamp: new Date().toISOString() };
      if (store !== undefined) cluster.put(resources.objectStores, { ...store, metadata });
      tell();
    },
  };
};

/** As a load balancer answers 405 or 501 for once. */
const failOnce =
  (call: string, world: ReturnType<typeof createBucketWorld>) =>
  (made: string): void => {
    if (made !== call) return;
    world.interfere = () => undefined;
    throw new BucketError('UnsupportedFeature', 'HeadBucket was answered 501.');
  };

describe('an ObjectStore that nobody changes', () => {
  it('is Ready again after one answer that its provider does not know the call', async () => {
    const { world, ready, statuses } = run({ provider: 's3', location: 'eu-west-1' });
    await expect.poll(() => ready()?.status).toBe('True');
    world.interfere = failOnce('observe', world);
    await expect.poll(() => statuses.slice(-3)).toEqual(['True', 'False', 'True']);
  });

  it('goes with its bucket though one such answer met its deletion', async () => {
    const { world, ready, remove, stored } = run({ provider: 's3', location: 'eu-west-1', deletionPolicy: 'Delete' });
    await expect.poll(() => ready()?.status).toBe('True');
    world.interfere = failOnce('observe', world);
    remove();
    await expect.poll(() => [stored(), world.buckets.size]).toEqual([undefined, 0]);
  });

  it('gets the service that its namespace is labelled for after it was stored', async () => {
    const { ready, label } = run({ s3: { service: GPU.name } });
    await expect.poll(() => ready()?.reason).toBe('InvalidSpec');
    label({ tier: 'gpu' });
    await expect.poll(() => ready()?.reason).not.toBe('InvalidSpec');
  });
});
