import { pino } from 'pino';
import type { KubeObject, PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../../src/api/kubernetes.ts';
import { isAccountUsed } from '../../../src/kinds/persistent-volume-claim/azure-file/idle-account.ts';
import { nextClaimStep } from '../../../src/kinds/persistent-volume-claim/controller.ts';
import {
  diskSize,
  limitReached,
  type ObservedServer,
  pinnedAddress,
} from '../../../src/kinds/persistent-volume-claim/nfs/observed.ts';
import { exportListOf, planVolumes, volumeFor } from '../../../src/kinds/persistent-volume-claim/nfs/volumes.ts';
import { createUnusedClassSweep } from '../../../src/kinds/persistent-volume-claim/unused-classes.ts';
import { createStore, type Store } from '../../../src/kube/store.ts';
import type { Work } from '../../fixtures/cost.ts';
import { factsIn } from '../../fixtures/object-store.ts';
import { nameOf, type Shape } from './entries.ts';

const facts = factsIn();
const silent = pino({ level: 'silent' });

export const claimOf = (name: string, storageClassName: string): KubeObject & { readonly spec: object } => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'team-a' },
  spec: { storageClassName, accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
});

const pvcs = (count: number, shape: Shape): readonly PersistentVolumeClaim[] =>
  Array.from({ length: count }, (_, at) => {
    const { metadata, ...claim } = claimOf(`n${at}`, nameOf(shape, at));
    return { ...claim, metadata: { ...metadata, uid: `u${at}` } };
  });
const storeOf = <T extends KubeObject>(list: readonly T[], indexOf: (object: T) => readonly string[]): Store<T> => {
  const store = createStore<T>(silent, { storageClassName: indexOf });
  for (const object of list) store.put(object);
  return store;
};

/** What the controllers make of the claims of one namespace, all of them waiting. */
export const MANY_CLAIMS: Readonly<Record<string, (count: number, shape: Shape) => Work>> = {
  account: (count, shape) => {
    const claims = storeOf(pvcs(count, shape), ({ spec }) => [spec?.storageClassName ?? ''].flat());
    const stores = {
      storageClasses: storeOf<StorageClass>([], () => []),
      persistentVolumes: storeOf<PersistentVolume>([], () => []),
    };
    return () => void isAccountUsed({ account: 'a' }, { claims, stores, facts: () => facts });
  },
  steps: (count, shape) => {
    const list = pvcs(count, shape);
    return () => list.forEach((claim) => void nextClaimStep(claim, facts));
  },
  /** Beside as many classes as there may be, which a name may be a misspelling of. */
  unknown: (count, shape) => {
    const classNames = Array.from({ length: facts.policy.storageClassLimit }, (_, at) => `longhorn-${at}`);
    const crowded = { ...facts, storage: { ...facts.storage, classNames: () => classNames } };
    const list = pvcs(count / 20, shape);
    return () => list.forEach((claim) => void nextClaimStep(claim, crowded));
  },
  /** Each class is looked at, and each of those removed that nobody uses. */
  unused: (count, shape) => {
    const claims = storeOf(pvcs(count, shape), () => []);
    const persistentVolumes = storeOf<PersistentVolume>([], () => []);
    const classes = Array.from({ length: facts.policy.storageClassLimit }, (_, at) => classNamed(`unused-${at}`));
    const storageClasses = createStore<StorageClass>(silent, { owned: () => ['true'] });
    for (const one of classes) storageClasses.put(one);
    const stores = { storageClasses, persistentVolumes };
    const kube = { remove: () => Promise.resolve() };
    const options = { kube, claims, stores, hasNfsServer: () => false, unusedMs: 0, now: () => 0, log: silent };
    return () => createUnusedClassSweep(options)(AbortSignal.timeout(60_000));
  },
  /** One server's disk, as large as all of them ask for. */
  disk: (count, shape) => {
    const pendingClaims = pvcs(count, shape).map((claim, at) => ({
      ...claim,
      metadata: { ...claim.metadata, namespace: `team-${nameOf(shape, at)}` },
    }));
    const volumes = pendingClaims.slice(count / 2).map((claim) => volumeFor(claim, NFS_CLASS, '10.0.0.1'));
    const observed = { ...NOTHING_OBSERVED, pendingClaims, volumes };
    return () => void [diskSize(observed), limitReached(observed), pinnedAddress(observed)];
  },
  nfs: (count, shape) => {
    const pendingClaims = pvcs(count, shape);
    const made = pendingClaims.map((claim) => volumeFor(claim, NFS_CLASS, '10.0.0.1'));
    const observed = {
      ...NOTHING_OBSERVED,
      pendingClaims,
      volumes: made.slice(count / 2),
      growingClaims: pendingClaims,
    };
    return () => {
      const { kept: exported, removes: removed } = planVolumes(observed, NFS_CLASS, '10.0.0.1');
      exportListOf({ exported, removed }, NFS_CLASS, '10.0.0.1', facts.policy);
    };
  },
};
const classNamed = (name: string): StorageClass => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name, uid: `uid-of-${name}` },
  provisioner: `quartermaster.dev/${name}-nfs`,
});
const NFS_CLASS = classNamed('shared-nfs');
const NOTHING_OBSERVED: ObservedServer = {
  className: 'shared-nfs',
  storageClass: NFS_CLASS,
  parts: {},
  diskClass: undefined,
  pendingClaims: [],
  growingClaims: [],
  volumes: [],
  limitsGi: facts.policy.nfsLimitsGi,
};
