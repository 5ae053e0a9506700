import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { AppError } from '../../../../src/api/errors.ts';
import type {
  KubeObject,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from '../../../../src/api/kubernetes.ts';
import { offlineFacts } from '../../../../src/cli/described-cluster.ts';
import { cloudNamed, verdictFor } from '../../../../src/clouds/index.ts';
import { indexDefaults } from '../../../../src/defaults/entries-index.ts';
import {
  type NfsControllerOptions,
  runNfsController,
} from '../../../../src/kinds/persistent-volume-claim/nfs/controller.ts';
import { nfsResources } from '../../../../src/kinds/persistent-volume-claim/nfs/server.ts';
import { type ObjectKey, type Resource, resources } from '../../../../src/kube/api-server.ts';
import { createStore, keyOf, type WritableStore } from '../../../../src/kube/store.ts';
import type { Node } from '../../../../src/kube/stores.ts';
import { createLog } from '../../../../src/ops/log.ts';
import { policyOf, readSettings } from '../../../../src/settings/config.ts';
import { nfsClaim, nfsClass } from '../../../fixtures/nfs-volumes.ts';

const policy = policyOf(readSettings({}));
const facts = offlineFacts({
  cloud: verdictFor('aws', {}, []),
  csiDrivers: cloudNamed('aws')?.usualDrivers ?? [],
  defaults: indexDefaults([], policy),
  policy,
  namespaceLabels: {},
  objects: [],
});
const log = createLog('silent');
const soon = { timeout: 1_500, interval: 5 };
const classNameOf = ({ spec }: PersistentVolume | PersistentVolumeClaim) => [spec?.storageClassName ?? ''];

const syncedStore = <T extends KubeObject>(indexes = {}): WritableStore<T> => {
  const store = createStore<T>(log, indexes);
  store.markSynced();
  return store;
};

/** An API server in memory, and the watches of one replica on it. It can be killed at a delete, as soon as that is done. */
const cluster = () => {
  const objects = new Map<string, KubeObject>();
  const idOf = ({ kind }: Resource, key: ObjectKey | KubeObject['metadata']): string => `${kind} ${keyOf(key)}`;
  const claims = syncedStore<PersistentVolumeClaim>({ storageClassName: classNameOf, growing: () => [] });
  const storageClasses = syncedStore<StorageClass>();
  const servers = Object.entries(nfsResources).map(([, resource]) => [resource, syncedStore()] as const);
  const storeOf = ({ kind }: Resource): WritableStore<KubeObject> | undefined =>
    kind === 'StorageClass'
      ? (storageClasses as unknown as WritableStore<KubeObject>)
      : servers.find(([resource]) => resource.kind === kind)?.[1];
  let version = 0;
  let deletesLeft = Number.POSITIVE_INFINITY;
  const save = (resource: Resource, object: KubeObject): KubeObject => {
    version += 1;
    const id = idOf(resource, object.metadata);
    const metadata = { uid: id, ...object.metadata, resourceVersion: `${version}` };
    const { spec } = object as { readonly spec?: object };
    const address = resource.kind === 'Service' && { spec: { ...spec, clusterIP: '10.96.0.7' } };
    const saved = { ...objects.get(id), ...object, ...address, metadata };
    objects.set(id, saved);
    storeOf(resource)?.put(saved);
    return saved;
  };
  const remove = (resource: Resource, key: ObjectKey): void => {
    objects.delete(idOf(resource, key));
    storeOf(resource)?.remove(key);
    deletesLeft -= 1;
  };
  const whileAlive =
    <A extends readonly never[], R>(call: (...args: A) => R) =>
    (...args: A): Promise<R> =>
      deletesLeft <= 0 ? Promise.reject(new AppError('Unavailable', 'killed')) : nextTurn().then(() => call(...args));
  const kube = {
    get: whileAlive((resource: Resource, key: ObjectKey) => objects.get(idOf(resource, key))),
    list: whileAlive(() => ({ items: [], resourceVersion: '1', continueToken: undefined })),
    read: whileAlive(() => ({ major: '1', minor: '34' })),
    apply: whileAlive(save),
    create: whileAlive(save),
    mergePatch: whileAlive((resource: Resource, key: ObjectKey, patch: object) =>
      save(resource, { ...(objects.get(idOf(resource, key)) as KubeObject), ...patch }),
    ),
    remove: whileAlive(remove),
  } as unknown as NfsControllerOptions['kube'];
  const volumes = syncedStore<PersistentVolume>({ storageClassName: classNameOf });
  const stores = { storageClasses, persistentVolumes: volumes, nodes: syncedStore<Node>(), csiDrivers: syncedStore() };
  /** One leader, until what it is to come to has come. */
  const lead = async (until: () => void): Promise<void> => {
    const ending = new AbortController();
    const running = runNfsController(
      {
        kube,
        claims,
        stores,
        servers: servers.map(([, store]) => store),
        facts: () => facts,
        events: { record: () => undefined },
        graceSeconds: 0,
        log,
        metrics: { countReconcile: () => undefined, setQueue: () => undefined },
      },
      ending.signal,
    );
    await vi.waitFor(until, soon);
    ending.abort(new AppError('Conflict', 'it leads no more'));
    await running;
  };
  return {
    claims,
    save,
    remove,
    lead,
    dieAfter: (deletes: number): void => {
      deletesLeft = deletes;
    },
    isDead: () => deletesLeft <= 0,
    left: () => [...objects.keys()].map((id) => id.split(' ')[0] ?? '').toSorted(),
  };
};

const EVERYTHING = [
  'Deployment',
  'NetworkPolicy',
  'PersistentVolumeClaim',
  'PodDisruptionBudget',
  'Secret',
  'Service',
  'ServiceAccount',
];

const classOf = (reclaimPolicy: 'Delete' | 'Retain'): StorageClass => ({
  ...nfsClass(reclaimPolicy),
  metadata: {
    name: 'shared-nfs',
    labels: { 'app.kubernetes.io/managed-by': 'quartermaster', 'quartermaster.dev/nfs-class': 'shared-nfs' },
  },
});

const cases = (['Delete', 'Retain'] as const).flatMap((reclaimPolicy) =>
  [true, false].flatMap((hasClass) =>
    Array.from({ length: 9 }, (_, at) => ({ reclaimPolicy, hasClass, deletes: at + 1 })),
  ),
);

describe('an NFS server that nobody needs any more', () => {
  it.each(cases)(
    'is gone in the end though who removes it is killed: %j',
    async ({ reclaimPolicy, hasClass, deletes }) => {
      const { claims, save, remove, lead, left, dieAfter, isDead } = cluster();
      save(resources.storageClasses, classOf(reclaimPolicy));
      claims.put(nfsClaim('one'));
      await lead(() => expect(left()).toEqual([...EVERYTHING, 'StorageClass', 'StorageClass']));
      claims.remove({ namespace: 'team-a', name: 'one' });
      if (!hasClass) remove(resources.storageClasses, { namespace: '', name: 'shared-nfs' });
      const rest = reclaimPolicy === 'Retain' ? ['PersistentVolumeClaim', 'StorageClass'] : ['StorageClass'];
      dieAfter(deletes);
      await lead(() => expect(isDead() || left().length === rest.length).toBe(true));
      dieAfter(Number.POSITIVE_INFINITY);
      await lead(() => expect(left()).toEqual(rest));
    },
  );
});
