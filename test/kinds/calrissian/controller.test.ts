import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/api/kubernetes.ts';
import { CALRISSIAN_LABEL } from '../../../src/api/names.ts';
import type { PlatformDefaults } from '../../../src/api/platform-defaults.ts';
import { runCalrissianController } from '../../../src/kinds/calrissian/controller.ts';
import type { Kube } from '../../../src/kube/api-server.ts';
import { createStore, type WritableStore } from '../../../src/kube/store.ts';
import { createMetrics } from '../../../src/ops/metrics.ts';
import { platformDefaults } from '../../fixtures/defaults.ts';
import { factsIn } from '../../fixtures/object-store.ts';

const log = pino({ level: 'silent' });
const facts = factsIn();
const calrissian = { serviceAccounts: [], bucket: { objectStore: 'team-b/results' }, secret: 'kube-system/s3' };

let looks = 0;
let told: string[];
let namespaces: WritableStore<KubeObject>;
let ending: AbortController;
let running: Promise<void>;
const defaults = createStore<PlatformDefaults>(log);

const namespaceMade = (uid: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'team-a', uid, labels: { [CALRISSIAN_LABEL]: 'enabled' } },
});

beforeEach(async () => {
  ending = new AbortController();
  const none = createStore<never>(log, { namespace: () => [] });
  told = [];
  namespaces = createStore<KubeObject>(log);
  namespaces.put(namespaceMade('uid-1'));
  for (const store of [none, namespaces, defaults]) store.markSynced();
  const others = { storageClasses: none, csiDrivers: none, objectStores: none, claims: none, made: [none] };
  const get = (_: unknown, { name }: { readonly name: string }) => {
    if (name === 'quartermaster-log-reader-default') looks += 1;
    return Promise.resolve(undefined);
  };
  const write = (_: unknown, object: KubeObject) => Promise.resolve(object);
  running = runCalrissianController(
    {
      kube: { get, create: write, apply: write } as unknown as Kube,
      stores: { ...others, namespaces, platformDefaults: defaults },
      inForce: { entries: () => [] },
      facts: () => ({ ...facts, policy: { ...facts.policy, calrissian } }),
      events: { record: (_, { reason }) => void told.push(reason) },
      log,
      metrics: createMetrics(),
    },
    ending.signal,
  );
  await expect.poll(() => looks).toBeGreaterThan(0);
  looks = 0;
});

afterEach(async () => {
  ending.abort();
  await running;
});

const spec = { provision: { configMaps: [{ name: 'proxy', data: {} }] } };
const theirs = (generation: number) => platformDefaults('theirs', spec, { namespace: 'team-b', generation });

describe('namespaces for Calrissian', () => {
  it('are looked at when what the platform provides is changed, and never for what tenants change, nor for a status', async () => {
    const ours = platformDefaults('ours', spec);
    defaults.put(ours);
    await expect.poll(() => looks).toBe(1);
    for (let generation = 1; generation < 100; generation += 1) defaults.put(theirs(generation));
    defaults.put({ ...ours, metadata: { ...ours.metadata, resourceVersion: '2' } });
    // All of a look but its calls is done at once.
    await setImmediate();
    expect(looks).toBe(1);
    defaults.put(platformDefaults('ours', spec, { generation: 2 }));
    await expect.poll(() => looks).toBe(2);
  });

  it('are told what they lack once, and again where one is made anew under the same name', async () => {
    await expect.poll(() => told).toEqual(['BucketAwaited']);
    namespaces.put({
      ...namespaceMade('uid-1'),
      metadata: { ...namespaceMade('uid-1').metadata, resourceVersion: '2' },
    });
    await expect.poll(() => looks).toBe(1);
    await setImmediate();
    expect(told).toHaveLength(1);
    namespaces.remove({ namespace: '', name: 'team-a' });
    namespaces.put(namespaceMade('uid-2'));
    await expect.poll(() => told).toEqual(['BucketAwaited', 'BucketAwaited']);
  });
});
