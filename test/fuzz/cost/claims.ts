import { pino } from 'pino';
import type { KubeObject, PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../../src/api/kubernetes.ts';
import { isAccountUsed } from '../../../src/kinds/persistent-volume-claim/azure-file/controller.ts';
import { nextClaimStep } from '../../../src/kinds/persistent-volume-claim/controller.ts';
import type { ObservedServer } from '../../../src/kinds/persistent-volume-claim/nfs/observed.ts';
import { planVolumes, volumeFor } from '../../../src/kinds/persistent-volume-claim/nfs/volumes.ts';
import { createStore, type Store } from '../../../src/kube/store.ts';
import type { Work } from '../../fixtures/cost.ts';
import { factsIn } from '../../fixtures/object-store.ts';
import { nameOf, type Shape } from './entries.ts';

const facts = factsIn();

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
  const store = createStore<T>(pino({ level: 'silent' }), { storageClassName: indexOf });
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
  nfs: (count, shape) => {
    const pendingClaims = pvcs(count, shape);
    const made = pendingClaims.map((claim) => volumeFor(claim, NFS_CLASS, '10.0.0.1'));
    const observed = {
      ...NOTHING_OBSERVED,
      pendingClaims,
      volumes: made.slice(count / 2),
      growingClaims: pendingClaims,
    };
    return () => void planVolumes(observed, NFS_CLASS, '10.0.0.1', facts.policy);
  },
};
const NFS_CLASS: StorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'shared-nfs' },
  provisioner: 'quartermaster.dev/shared-nfs-nfs',
};
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
