import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/api/errors.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { MANAGED_BY, MANAGED_BY_LABEL, NFS_CLASS_LABEL } from '../../src/api/names.ts';
import { runCalrissianController } from '../../src/kinds/calrissian/controller.ts';
import { runAzureFileController } from '../../src/kinds/persistent-volume-claim/azure-file/controller.ts';
import { runNfsController } from '../../src/kinds/persistent-volume-claim/nfs/controller.ts';
import { createStore } from '../../src/kube/store.ts';
import { createLog } from '../../src/ops/log.ts';
import { createMetrics } from '../../src/ops/metrics.ts';
import { factsIn } from '../fixtures/object-store.ts';

const log = createLog('silent');
const facts = factsIn();
const indexes = Object.fromEntries(['storageClassName', 'growing', 'namespace'].map((name) => [name, () => []]));
const store = (objects: readonly KubeObject[] = []) => {
  const made = createStore<never>(log, indexes);
  for (const object of objects) made.put(object as never);
  made.markSynced();
  return made;
};
const forbidden = createStore<never>(log, indexes);

/** An API server that is away. */
const away = () => Promise.reject(new AppError('Unavailable', 'GET failed: connect ECONNREFUSED.'));
const options = {
  kube: { get: away, read: away, list: away, create: away, apply: away, remove: away },
  claims: store(),
  facts: () => facts,
  events: { record: () => undefined },
  graceSeconds: 60,
  log,
};
const stores = Object.fromEntries(
  ['storageClasses', 'persistentVolumes', 'nodes', 'csiDrivers', 'namespaces', 'objectStores', 'platformDefaults'].map(
    (name) => [name, store()],
  ),
);

describe('a controller of which something may not be listed', () => {
  it.each<readonly [string, (signal: AbortSignal) => Promise<void>]>([
    [
      'NFS servers',
      (signal) =>
        runNfsController({ ...options, stores, servers: [forbidden], metrics: createMetrics() } as never, signal),
    ],
    [
      'storage accounts',
      (signal) =>
        runAzureFileController({ ...options, stores, records: forbidden, metrics: createMetrics() } as never, signal),
    ],
    [
      'Calrissian namespaces',
      (signal) =>
        runCalrissianController(
          { ...options, stores: { ...stores, claims: store(), made: [forbidden] }, metrics: createMetrics() } as never,
          signal,
        ),
    ],
  ])('ends with its leadership: %s', async (_, run) => {
    const leading = new AbortController();
    const ended = run(leading.signal);
    leading.abort();
    await expect(ended).resolves.toBeUndefined();
  });
});

it('an NFS server that cannot be read, the API server being away, is a reconcile that failed and no more', async () => {
  const nfsClass: KubeObject = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'team', labels: { [MANAGED_BY_LABEL]: MANAGED_BY, [NFS_CLASS_LABEL]: 'team' } },
  };
  const results: string[] = [];
  const metrics = { ...createMetrics(), countReconcile: (_: string, result: string) => void results.push(result) };
  const withClass = { ...stores, storageClasses: store([nfsClass]) };
  const ending = new AbortController();
  const ended = runNfsController({ ...options, stores: withClass, servers: [], metrics } as never, ending.signal);
  await expect.poll(() => results).toContain('failed');
  ending.abort();
  await ended;
});
