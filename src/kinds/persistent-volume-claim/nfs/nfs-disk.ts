import type { PersistentVolumeClaim, StorageClass } from '../../../api/kubernetes.ts';
import type { ClusterFacts } from '../../../storage-classes/draft.ts';
import { hintedTier } from '../../../storage-classes/tier.ts';
import { chooseStorageClass } from '../class.ts';

const NAMES = {
  standard: 'quartermaster-disk',
  fast: 'quartermaster-disk-fast',
  slow: 'quartermaster-disk-slow',
} as const;

/** True for names that a claim of a tenant must not have made for what it asks itself. */
export const isNfsDiskClass = (className: string): boolean => Object.values<string>(NAMES).includes(className);

/** The class of the disk behind an NFS server. */
export type NfsDiskClass =
  /** `missing` is the class to make, undefined where it is there. */
  | { readonly kind: 'class'; readonly name: string; readonly missing: StorageClass | undefined }
  /** `why` is a whole sentence. */
  | { readonly kind: 'cannot'; readonly why: string };

/**
 * The class of disks of the tier that an NFS class's name hints at, by the rules every ReadWriteOnce claim goes by; all NFS servers of
 * a tier share it. It is always named: without one the disk would stay pending on a cluster that has no default class.
 */
export const nfsDiskClass = (className: string, sizeGi: number, cluster: ClusterFacts): NfsDiskClass => {
  const name = NAMES[hintedTier(className)];
  const choice = chooseStorageClass(claimFor(name, sizeGi), withoutClassPolicy(cluster));
  switch (choice.kind) {
    case 'none':
      return { kind: 'class', name, missing: undefined };
    case 'make':
      return { kind: 'class', name, missing: choice.storageClass };
    case 'nfs':
    case 'cannot':
      return { kind: 'cannot', why: choice.why };
  }
};

const claimFor = (storageClassName: string, sizeGi: number): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: storageClassName },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName,
    resources: { requests: { storage: `${sizeGi}Gi` } },
  },
});

/** The name is ours, whatever tenants may choose; and a volume of the class does not mean that somebody bound it by hand. */
const withoutClassPolicy = (cluster: ClusterFacts): ClusterFacts => ({
  ...cluster,
  policy: { ...cluster.policy, storageClassPattern: /^/ },
  storage: { ...cluster.storage, hasVolumeOfClass: () => false },
});
