import { isDeepStrictEqual } from 'node:util';
import type { Policy, Tier } from '../../../api/facts.ts';
import type { StorageClassInjection } from '../../../api/injection.ts';
import type { PersistentVolumeClaim, StorageClass } from '../../../api/kubernetes.ts';
import { NFS_CLASS_LABEL, NFS_ISOLATION_ANNOTATION } from '../../../api/names.ts';
import { readName } from '../../../storage-classes/class-name.ts';
import type { ClusterFacts, UnmetRequirement } from '../../../storage-classes/class-options.ts';
import { type Draft, finishDraft, override } from '../../../storage-classes/draft.ts';
import { cautionOf, sizeWarningsFor, typeOfClass } from '../../../storage-classes/volume-type.ts';
import { chooseStorageClass } from '../class.ts';
import { nfsClassLabel, nfsProvisioner, nfsServerName, softwareOfNew } from './parts.ts';

/** The driver for NFS exports that are there already. */
const NFS_DRIVER = 'nfs.csi.k8s.io';
/** What servers take; any other parameter makes nfs-provisioner refuse every claim. */
const PARAMETERS = ['gid', 'rootSquash'];

/**
 * The NFS version to mount with. One is always named: from 6.6 on Linux corrupts data over the 4.2 it would agree on with
 * Ganesha 4, and from 6.19 on it fails over 4.1 (nfs-ganesha#1188, #1385).
 */
export const nfsVersion = (kernelVersions: readonly string[]): '4.0' | '4.1' =>
  kernelVersions.some(isTooNewForMinorVersion1) ? '4.0' : '4.1';

const isTooNewForMinorVersion1 = (kernelVersion: string): boolean => {
  const [major = 0, minor = 0] = kernelVersion.split(/[^0-9]/).map(Number);
  return major > 6 || (major === 6 && minor >= 19);
};

const NAMES_VERSION = /^(nfs)?vers=/;

/** The options with that version in place of another of ours; one that somebody chose otherwise stays. */
export const withNfsVersion = (options: readonly string[], version: '4.0' | '4.1'): readonly string[] => {
  const at = options.findIndex((option) => NAMES_VERSION.test(option));
  if (at < 0) return [`nfsvers=${version}`, ...options];
  return options[at] === 'nfsvers=4.0' || options[at] === 'nfsvers=4.1'
    ? options.with(at, `nfsvers=${version}`)
    : options;
};

/** The server of an existing export, where it is configured and its driver installed. */
export const existingExport = ({
  policy,
  storage,
}: ClusterFacts): Pick<Policy, 'nfsServer' | 'nfsShare'> | undefined =>
  policy.nfsServer !== undefined && storage.hasCsiDriver(NFS_DRIVER) ? policy : undefined;

/** What a class served by an NFS server of its own, or by the existing export, is to be. */
export const nfsDraft = (className: string, { why, remedy }: UnmetRequirement, cluster: ClusterFacts): Draft => {
  const existing = existingExport(cluster);
  const isByName = className.includes('nfs');
  const server = existing === undefined ? 'an NFS server of its own' : `the NFS export of ${existing.nfsServer ?? ''}`;
  return {
    shape: existing === undefined ? ownShape(className, cluster) : exportShape(existing),
    used: new Map(),
    madeFor: existing === undefined ? `NFS server ${nfsServerName(className)}` : server,
    source: 'NFS',
    why,
    warnings: isByName
      ? []
      : [`StorageClass ${className} is served by ${server}, because ${why}; otherwise, ${remedy}.`],
    abilities: {
      takesFsType: false,
      bindsImmediately: true,
      canExpand: existing !== undefined || isOwnSoftware(cluster),
      isShared: true,
    },
  };
};

const isOwnSoftware = ({ policy }: ClusterFacts): boolean => softwareOfNew(policy) === 'quartermaster';

const ownShape = (className: string, cluster: ClusterFacts): Draft['shape'] => ({
  provisioner: nfsProvisioner(className),
  reclaimPolicy: 'Retain',
  volumeBindingMode: 'Immediate',
  allowVolumeExpansion: isOwnSoftware(cluster),
  mountOptions: withNfsVersion(['hard'], nfsVersion(cluster.storage.kernelVersions())),
});

/**
 * Of each volume its own: claims may be made again by a name that was there. One folder deep, since 4.10 of the driver deletes all that is
 * beside it in the first (csi-driver-nfs#855); without the claim's name, which may be as long as a file system takes (255 bytes).
 */
const SUB_DIR = '${pvc.metadata.namespace}-${pv.metadata.name}';

const exportShape = ({ nfsServer = '', nfsShare }: Pick<Policy, 'nfsServer' | 'nfsShare'>): Draft['shape'] => ({
  provisioner: NFS_DRIVER,
  parameters: { server: nfsServer, share: nfsShare, subDir: SUB_DIR },
  reclaimPolicy: 'Retain',
  volumeBindingMode: 'Immediate',
  allowVolumeExpansion: true,
  mountOptions: ['nfsvers=4.1', 'hard'],
});

/** The class of an NFS server of its own, marked as that. What the platform says of classes is taken as far as the server can do it. */
export const ownNfsClass = (draft: Draft, className: string, injected: StorageClassInjection = {}): StorageClass => {
  const version = draft.shape.mountOptions?.includes('nfsvers=4.0') ? '4.0' : '4.1';
  const shape = override(draft.shape, servable(injected));
  const made = finishDraft({ ...draft, shape }, { className }, undefined);
  return {
    ...made,
    metadata: {
      ...made.metadata,
      labels: { ...made.metadata.labels, [NFS_CLASS_LABEL]: nfsClassLabel(className) },
      annotations: { ...made.metadata.annotations, [NFS_ISOLATION_ANNOTATION]: ISOLATION },
    },
    mountOptions: withNfsVersion(made.mountOptions ?? [], version),
  };
};

const ISOLATION =
  'NFS without Kerberos believes what a client says of its user: whoever reaches the server reads and writes every volume of this class. Only NetworkPolicies and NFS_CLIENTS keep pods away from it.';

const servable = ({ parameters = {}, reclaimPolicy, mountOptions }: StorageClassInjection): StorageClassInjection => {
  const taken = Object.entries(parameters).filter(([name]) => PARAMETERS.includes(name));
  return {
    ...(taken.length > 0 && { parameters: Object.fromEntries(taken) }),
    ...(reclaimPolicy && { reclaimPolicy }),
    ...(mountOptions && { mountOptions }),
  };
};

const NAMES = {
  standard: 'quartermaster-disk',
  fast: 'quartermaster-disk-fast',
  slow: 'quartermaster-disk-slow',
} as const;

/** A server's disk is of the standard tier where its class asks for no more than any SSD. */
const DISK_TIERS: Readonly<Record<Tier, keyof typeof NAMES>> = {
  standard: 'standard',
  basic: 'standard',
  ssd: 'standard',
  fast: 'fast',
  slow: 'slow',
  cold: 'slow',
};

/** True for names that a claim of a tenant must not have made for what it asks itself. */
export const isNfsDiskClass = (className: string): boolean => Object.values<string>(NAMES).includes(className);

/** The class of the disk behind an NFS server. */
export type NfsDiskClass =
  | {
      readonly kind: 'class';
      readonly name: string;
      /** The class to make, undefined where it is there. */
      readonly missing: StorageClass | undefined;
      /** Whole sentences. */
      readonly warnings: readonly string[];
    }
  /** `why` is a whole sentence. */
  | { readonly kind: 'cannot'; readonly why: string };

/**
 * The class of disks of the tier that an NFS class's name hints at, by the rules every ReadWriteOnce claim goes by; all NFS servers of
 * a tier share it, and so it is that of the standard tier where the tier's type is not made in this size. It is always named: without one
 * the disk would stay pending on a cluster that has no default class.
 */
export const nfsDiskClass = (className: string, sizeGi: number, cluster: ClusterFacts): NfsDiskClass => {
  const asked = diskClassNamed(NAMES[DISK_TIERS[readName(className).tier]], sizeGi, cluster);
  if (asked.kind === 'cannot') return asked;
  const standard = asked.isMade ? undefined : diskClassNamed(NAMES.standard, sizeGi, cluster);
  const chosen = standard === undefined || standard.kind === 'cannot' ? asked : standard;
  // What the tier lacks is told too; of the standard tier the same is said once.
  const told = new Set([...asked.warnings, ...chosen.warnings]);
  const about = `The NFS server of StorageClass ${className} has a disk of StorageClass ${chosen.name}`;
  return {
    kind: 'class',
    name: chosen.name,
    missing: chosen.missing,
    warnings: [...told].map((warning) => `${about}: ${warning}`),
  };
};

type NamedDiskClass = Extract<NfsDiskClass, { kind: 'class' }> & {
  /** False where its disks are not made in the size, or are no others than those of the standard tier. */
  readonly isMade: boolean;
};

const diskClassNamed = (
  name: string,
  sizeGi: number,
  cluster: ClusterFacts,
): NamedDiskClass | Extract<NfsDiskClass, { kind: 'cannot' }> => {
  const choice = chooseStorageClass(claimFor(name, sizeGi), withoutClassPolicy(cluster));
  switch (choice.kind) {
    case 'none':
      return { kind: 'class', name, missing: undefined, ...existingDiskClass(name, sizeGi, cluster, choice.warnings) };
    case 'make': {
      const { storageClass, warnings } = choice;
      const isMade = name === NAMES.standard || !isStandard(storageClass, sizeGi, cluster);
      return { kind: 'class', name, missing: storageClass, warnings, isMade };
    }
    case 'nfs':
    case 'cannot':
      return { kind: 'cannot', why: choice.why };
  }
};

/** What each volume bills was told when the class was made, to the author of another one. */
const existingDiskClass = (
  name: string,
  sizeGi: number,
  { cloud, storage }: ClusterFacts,
  warnings: readonly string[],
): Pick<NamedDiskClass, 'warnings' | 'isMade'> => {
  const existing = storage.storageClass(name);
  const claim = { className: name, requestedGi: sizeGi };
  const unmade = existing === undefined ? [] : sizeWarningsFor(existing, claim, cloud.classOptions);
  if (unmade.length > 0 && name !== NAMES.standard) return { warnings: [], isMade: false };
  const type = existing && typeOfClass(existing, cloud.classOptions);
  return { warnings: [...(type ? cautionOf(type, existing.parameters) : []), ...warnings], isMade: true };
};

const isStandard = ({ provisioner, parameters }: StorageClass, sizeGi: number, cluster: ClusterFacts): boolean => {
  const unmade = { ...cluster, storage: { ...cluster.storage, storageClass: () => undefined } };
  const choice = chooseStorageClass(claimFor(NAMES.standard, sizeGi), withoutClassPolicy(unmade));
  return (
    choice.kind === 'make' &&
    isDeepStrictEqual([choice.storageClass.provisioner, choice.storageClass.parameters], [provisioner, parameters])
  );
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
