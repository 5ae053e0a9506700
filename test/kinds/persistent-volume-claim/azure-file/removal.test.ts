import { describe, expect, test } from 'vitest';
import { AppError } from '../../../../src/api/errors.ts';
import type { Facts } from '../../../../src/api/facts.ts';
import type { KubeObject, PersistentVolumeClaim, StorageClass } from '../../../../src/api/kubernetes.ts';
import { offlineFacts } from '../../../../src/cli/described-cluster.ts';
import { verdictFor } from '../../../../src/clouds/index.ts';
import { indexDefaults } from '../../../../src/defaults/entries-index.ts';
import type { AzureAccounts } from '../../../../src/kinds/persistent-volume-claim/azure-file/account.ts';
import {
  type AzureFileOptions,
  runAzureFileController,
} from '../../../../src/kinds/persistent-volume-claim/azure-file/controller.ts';
import type { Kube, ObjectKey, Resource } from '../../../../src/kube/api-server.ts';
import { createStore } from '../../../../src/kube/store.ts';
import { createLog } from '../../../../src/ops/log.ts';
import { createMetrics } from '../../../../src/ops/metrics.ts';
import { policyOf, readSettings } from '../../../../src/settings/config.ts';
import { claim } from '../../../fixtures/storage.ts';

const log = createLog('silent');
const policy = policyOf(readSettings({ AZURE_FILE_ACCOUNT: 'quartermaster' }));
const CLASS: ObjectKey = { namespace: '', name: 'shared' };

/** What is done to take an account away, in order. */
const STEPS = ['class', 'account', 'record'] as const;
type Step = (typeof STEPS)[number];

const place = Object.entries({ subscription: 'sub-1', region: 'westeurope', resourceGroup: 'nodes' });
const cloud = verdictFor(
  'azure',
  Object.fromEntries(place.map(([name, value]) => [name, { value, source: 'test' }])),
  [],
);

/** A cluster at Azure whose caches are exact; `onStep` is called around each step of a removal. */
const clusterAtAzure = () => {
  const byClass = {
    storageClassName: ({ spec }: PersistentVolumeClaim) => [spec?.storageClassName ?? ''],
  };
  const storesOf = {
    storageClasses: createStore<StorageClass>(log),
    persistentVolumes: createStore<PersistentVolumeClaim>(log, byClass),
    csiDrivers: createStore<KubeObject>(log),
    namespaces: createStore<KubeObject>(log),
  };
  const claims = createStore<PersistentVolumeClaim>(log, byClass);
  const records = createStore<KubeObject>(log);
  for (const store of [claims, records, ...Object.values(storesOf)]) store.markSynced();
  const accounts = new Set<string>();
  const asked: string[] = [];
  let onStep: (step: Step, when: 'before' | 'after') => void = () => undefined;
  let version = 0;

  const storeOf = ({ kind }: Resource) =>
    (kind === 'StorageClass' ? storesOf.storageClasses : records) as ReturnType<typeof createStore<KubeObject>>;
  const put = (resource: Resource, object: KubeObject) => {
    version += 1;
    const metadata = { uid: `uid-${version}`, ...object.metadata, resourceVersion: String(version) };
    const stored = { ...object, metadata };
    storeOf(resource).put(stored);
    return Promise.resolve(stored);
  };
  const around = (step: Step, act: () => void): Promise<void> => {
    try {
      onStep(step, 'before');
      act();
      onStep(step, 'after');
      return Promise.resolve();
    } catch (error) {
      return Promise.reject(error as Error);
    }
  };
  const kube = {
    get: (resource: Resource, key: ObjectKey) => Promise.resolve(storeOf(resource).get(key)),
    list: ({ kind }: Resource) =>
      Promise.resolve({ items: kind === 'PersistentVolumeClaim' ? claims.list() : [], resourceVersion: '1' }),
    apply: put,
    create: (resource: Resource, object: KubeObject) =>
      storeOf(resource).get({ namespace: '', name: object.metadata.name ?? '' }) === undefined
        ? put(resource, object)
        : Promise.reject(new AppError('AlreadyExists', 'there')),
    remove: (resource: Resource, key: ObjectKey) =>
      around(resource.kind === 'StorageClass' ? 'class' : 'record', () => storeOf(resource).remove(key)),
  } as unknown as Kube;
  const azure: AzureAccounts = {
    ensure: ({ name }) => {
      asked.push(name);
      const had = accounts.has(name);
      accounts.add(name);
      return Promise.resolve(had ? 'there' : 'made');
    },
    remove: ({ name }) => around('account', () => accounts.delete(name)),
  };
  const offline = offlineFacts({
    cloud,
    csiDrivers: ['file.csi.azure.com'],
    defaults: indexDefaults([], policy),
    policy,
    namespaceLabels: {},
    objects: [],
  });
  const facts: Facts = {
    ...offline,
    storage: { ...offline.storage, storageClass: (name) => storesOf.storageClasses.get({ ...CLASS, name }) },
  };
  const lead = (graceSeconds: number) => {
    const ending = new AbortController();
    const options = {
      ...{ kube, claims, records, facts: () => facts, graceSeconds, log, metrics: createMetrics() },
      ...{
        clusterUid: 'cluster-1',
        clusterName: 'prod',
        resourceGroup: 'storage',
        systemNamespace: 'quartermaster-system',
      },
      stores: storesOf,
      events: { record: () => undefined },
      openAccounts: () => Promise.resolve(azure),
      deletion: 'Delete',
    } as unknown as AzureFileOptions;
    const ended = runAzureFileController(options, ending.signal);
    return {
      end: async () => {
        ending.abort(new AppError('Unavailable', 'killed by the test'));
        await ended;
      },
    };
  };
  return {
    accounts,
    asked,
    lead,
    submit: (name: string) => claims.put(claim(name, 'shared', { mode: 'ReadWriteMany' })),
    withdraw: (name: string) => claims.remove({ namespace: 'default', name }),
    accountOfClass: () => storesOf.storageClasses.get(CLASS)?.parameters?.['storageAccount'],
    isRecorded: () => records.list().length > 0,
    watchSteps: (watcher: typeof onStep) => {
      onStep = watcher;
    },
  };
};

const SOON = { timeout: 5_000, interval: 5 };

describe('an account that is taken away', () => {
  const moments = STEPS.flatMap((step) => (['before', 'after'] as const).map((when) => ({ step, when })));

  test.each(moments)(
    'by a leader that is killed $when its $step goes: no class names one that is gone',
    async (moment) => {
      const cluster = clusterAtAzure();
      cluster.submit('first');
      const first = cluster.lead(600);
      await expect.poll(cluster.accountOfClass, SOON).toBeDefined();
      await first.end();
      cluster.withdraw('first');

      const { promise: isReached, resolve: reached } = Promise.withResolvers<void>();
      cluster.watchSteps((step, when) => {
        if (step !== moment.step || when !== moment.when) return;
        reached();
        throw new AppError('Unavailable', 'killed by the test');
      });
      const second = cluster.lead(0);
      await isReached;
      await second.end();

      cluster.watchSteps(() => undefined);
      cluster.submit('second');
      const third = cluster.lead(600);
      await expect.poll(() => cluster.accounts.has(cluster.accountOfClass() ?? ''), SOON).toBe(true);
      expect(cluster.isRecorded()).toBe(true);
      await third.end();
    },
  );

  test('stays where a claim names its class by the time that the class is gone', async () => {
    const cluster = clusterAtAzure();
    cluster.submit('first');
    const first = cluster.lead(600);
    await expect.poll(cluster.accountOfClass, SOON).toBeDefined();
    await first.end();
    cluster.withdraw('first');
    const steps: string[] = [];
    cluster.watchSteps((step, when) => {
      steps.push(step);
      if (step === 'class' && when === 'before') cluster.submit('late');
    });
    const second = cluster.lead(0);
    await expect.poll(() => steps.length, SOON).toBeGreaterThan(0);
    await expect.poll(() => cluster.accounts.has(cluster.accountOfClass() ?? ''), SOON).toBe(true);
    await second.end();
    expect(new Set(steps)).toEqual(new Set(['class']));
  });

  test('by somebody else is made again while claims wait, and is asked for seldom', async () => {
    const cluster = clusterAtAzure();
    cluster.submit('first');
    const first = cluster.lead(600);
    await expect.poll(cluster.accountOfClass, SOON).toBeDefined();
    await first.end();
    cluster.accounts.clear();
    cluster.asked.length = 0;
    const second = cluster.lead(600);
    await expect.poll(() => cluster.accounts.size, SOON).toBe(1);
    for (const name of ['second', 'third']) cluster.submit(name);
    await second.end();
    expect(cluster.asked).toEqual([cluster.accountOfClass()]);
  });
});
