import { isIP } from 'node:net';
import type { NfsLimits, Policy } from '../../../api/facts.ts';
import type { KubeObject, PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../../api/kubernetes.ts';
import {
  NFS_CLASS_ANNOTATION,
  NFS_CLASS_LABEL,
  NFS_MEMORY_ANNOTATION,
  NFS_SERVER_ANNOTATION,
} from '../../../api/names.ts';
import { choice, type Infer, list, map, object, text } from '../../../api/schema.ts';
import { decodeAs } from '../../../api/schema-validation.ts';
import { isManaged } from '../../../controller/apply.ts';
import { accessModesOf, gibibytesOf, populatorOf, sourceOf } from '../../../storage-classes/claim.ts';
import { type NfsPartName, type NfsSoftware, nfsDiskGi, softwareOfNew } from './parts.ts';

export interface Service extends KubeObject {
  readonly spec?: { readonly clusterIP?: string };
}

/** All that is known of one class served over NFS. */
export interface ObservedServer {
  readonly className: string;
  readonly storageClass: StorageClass | undefined;
  readonly parts: Readonly<Partial<Record<NfsPartName, KubeObject>>>;
  /** The class of the server's disk. */
  readonly diskClass: StorageClass | undefined;
  /** Claims that wait for a volume of the class. */
  readonly pendingClaims: readonly PersistentVolumeClaim[];
  /** Claims with a volume of the class that ask for another size. */
  readonly growingClaims: readonly PersistentVolumeClaim[];
  /** Every volume of the class, whether a claim still uses it or not. */
  readonly volumes: readonly PersistentVolume[];
  readonly limitsGi: NfsLimits;
}

/** True for the class of an NFS server of ours. */
export const isNfsClass = (storageClass: StorageClass): boolean =>
  isManaged(storageClass) && storageClass.metadata.labels?.[NFS_CLASS_LABEL] !== undefined;

/** True for a part of this class's server; two classes may be named so that their servers would be named alike. */
export const isPartOf = (part: KubeObject, className: string): boolean =>
  isManaged(part) && part.metadata.annotations?.[NFS_CLASS_ANNOTATION] === className;

/** True where a server is ours to keep: its class says so, or was deleted and its disk carries the record. */
export const isServed = ({ storageClass, className, parts }: ObservedServer): boolean =>
  storageClass === undefined ? parts.disk !== undefined && isPartOf(parts.disk, className) : isNfsClass(storageClass);

export const diskOf = ({ parts }: ObservedServer): PersistentVolumeClaim | undefined => parts.disk;

/**
 * What runs this server. One whose disk an earlier version made stays with nfs-provisioner until a person says otherwise; there is no
 * way back, since our folders are none that nfs-provisioner exports.
 */
export const softwareOf = (observed: ObservedServer, policy: Policy): NfsSoftware => {
  const disk = diskOf(observed);
  if (disk === undefined) return softwareOfNew(policy);
  const asked = disk.metadata.annotations?.[NFS_SERVER_ANNOTATION] ?? recordOf(observed).software;
  return asked === 'quartermaster' ? 'quartermaster' : 'provisioner';
};

export const recordOf = ({ parts }: ObservedServer): NfsServerRecord =>
  readServerRecord(parts.disk?.metadata.annotations?.[NFS_MEMORY_ANNOTATION]);

/** Why a claim gets no folder of us. */
export interface Refusal {
  /** A whole sentence that says what to do. */
  readonly why: string;
  /** True where somebody else is to make its volume. */
  readonly isLeftToPopulator: boolean;
}

/** Kubernetes would not bind the claim to a folder, or it would lack what is asked for. Undefined where it gets one. */
export const refusalOf = (claim: PersistentVolumeClaim): Refusal | undefined => {
  const populator = populatorOf(claim);
  if (populator !== undefined) return { why: leftTo(populator), isLeftToPopulator: true };
  const why = whyNone(claim);
  return why === undefined ? undefined : { why, isLeftToPopulator: false };
};

const whyNone = (claim: PersistentVolumeClaim): string | undefined => {
  const { volumeMode, volumeAttributesClassName } = claim.spec ?? {};
  if (volumeMode === 'Block')
    return 'An NFS server serves no Block volumes: make the claim again without spec.volumeMode, or with another class.';
  if (volumeAttributesClassName)
    return 'Volumes of NFS servers take no VolumeAttributesClass: make the claim again without spec.volumeAttributesClassName, or with another class.';
  if (accessModesOf(claim).includes('ReadWriteOncePod'))
    return 'An NFS server keeps no volume to one pod: make the claim again without ReadWriteOncePod in spec.accessModes, or with another class.';
  return sourceOf(claim) && WITHOUT_SOURCE;
};

const WITHOUT_SOURCE =
  'An NFS server makes empty volumes: leave out spec.dataSource and spec.dataSourceRef, and copy what is to be in it.';

const leftTo = (populator: string): string =>
  `The volume is left to the volume populator of ${populator}, which spec.dataSourceRef asks for: it makes a claim of its own, fills that and hands its volume over. Make the claim again without spec.dataSourceRef for an empty volume.`;

/**
 * What all volumes of the class need: those that are there, and those waited for. A claim about to be bound counts once, by its volume.
 * No claim, no namespace and no server counts for more than its limit: who asks for more shares what is there.
 */
export const requestedGi = (observed: ObservedServer): number => {
  const { limitsGi } = observed;
  const ofNamespaces = [...sizesByNamespace(observed).values()].map((sizes) =>
    Math.min(limitsGi.namespace, sum(sizes.map((size) => Math.min(limitsGi.claim, size)))),
  );
  return Math.min(limitsGi.server, sum(ofNamespaces));
};

/** A sentence where a limit keeps the disk from being as large as all that is asked for. */
export const limitReached = (observed: ObservedServer): string | undefined => {
  const { className, limitsGi } = observed;
  const asked = sum([...sizesByNamespace(observed).values()].map(sum));
  if (asked <= requestedGi(observed)) return undefined;
  return `The volumes of StorageClass ${className} ask for more than its NFS server's disk is made for: ${limitsGi.claim}Gi a claim (NFS_CLAIM_LIMIT_GI), ${limitsGi.namespace}Gi a namespace (NFS_NAMESPACE_LIMIT_GI), ${limitsGi.server}Gi in all (NFS_SERVER_LIMIT_GI). They share what is there.`;
};

/** Volumes count for the namespace whose claim they are or were for; claims that get none do not. */
const sizesByNamespace = ({
  volumes,
  pendingClaims,
  growingClaims,
}: ObservedServer): ReadonlyMap<string, readonly number[]> => {
  const served = new Set(volumes.map(({ spec }) => spec?.claimRef?.uid));
  const unserved = pendingClaims.filter(
    (claim) => refusalOf(claim) === undefined && (claim.metadata.uid === undefined || !served.has(claim.metadata.uid)),
  );
  const growing = new Map(growingClaims.map(({ metadata, spec }) => [metadata.uid, requestOf(spec)]));
  const sizes = [
    ...volumes.map(({ spec }) => ({
      namespace: spec?.claimRef?.namespace ?? '',
      size: Math.max(gibibytesOf(spec?.capacity?.['storage']), growing.get(spec?.claimRef?.uid) ?? 0),
    })),
    ...unserved.map(({ metadata, spec }) => ({
      namespace: metadata.namespace ?? '',
      size: requestOf(spec),
    })),
  ];
  const byNamespace = Map.groupBy(sizes, ({ namespace }) => namespace);
  return new Map([...byNamespace].map(([namespace, list]) => [namespace, list.map(({ size }) => size)]));
};

const requestOf = (spec: PersistentVolumeClaim['spec']): number => gibibytesOf(spec?.resources?.requests?.['storage']);

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** The address every volume of the class names: recorded, or read off a volume. */
export const pinnedAddress = (observed: ObservedServer): string | undefined =>
  recordOf(observed).clusterIP ??
  observed.volumes.map(({ spec }) => spec?.nfs?.server).find((server) => server !== undefined && isIP(server) !== 0);

/** How the disk that is there compares with what is asked of it. */
export type DiskSize =
  /** Large enough, or not yet there. */
  | { readonly kind: 'fits'; readonly quantity: string }
  | { readonly kind: 'grows'; readonly quantity: string }
  /** A disk can grow once it is bound, which is told by its watch. */
  | { readonly kind: 'grows-later'; readonly quantity: string }
  /** `why` is a whole sentence. */
  | { readonly kind: 'too-small'; readonly quantity: string; readonly why: string };

export const diskSize = (observed: ObservedServer): DiskSize => {
  const neededGi = nfsDiskGi(requestedGi(observed));
  const quantity = `${neededGi}Gi`;
  const disk = diskOf(observed);
  const present = disk?.spec?.resources?.requests?.['storage'];
  if (disk === undefined || present === undefined) return { kind: 'fits', quantity };
  if (gibibytesOf(present) >= neededGi) return { kind: 'fits', quantity: present };
  if (disk.status?.phase !== 'Bound') return { kind: 'grows-later', quantity: present };
  if (observed.diskClass?.allowVolumeExpansion) return { kind: 'grows', quantity };
  const { namespace, name } = disk.metadata;
  const why = `The volumes of StorageClass ${observed.className} ask for ${neededGi}Gi in all, and the disk of its NFS server, PersistentVolumeClaim ${namespace}/${name}, has ${present} and cannot grow: its StorageClass ${disk.spec?.storageClassName} does not allow expansion. Ask for less, or use another class.`;
  return { kind: 'too-small', quantity: present, why };
};

const serverRecord = object('What an NFS server must have again when somebody deletes it.', {
  clusterIP: text('Address of its Service: it is in every volume that was ever given out.'),
  software: choice('What runs it.', 'quartermaster', 'provisioner'),
  storageClass: object('What its class says beside what follows from its name.', {
    reclaimPolicy: choice('What becomes of a volume no claim uses.', 'Delete', 'Retain'),
    mountOptions: list('Options of mount(8).', text('One option.')),
    parameters: map('Parameters of the provisioner.', text('Its value.')),
  }),
});

/** What is kept in an annotation of the server's disk, the one part that nobody deletes lightly. */
type NfsServerRecord = Infer<typeof serverRecord>;

/** One line of JSON, the same for the same server. */
export const writeServerRecord = (
  clusterIP: string | undefined,
  storageClass: StorageClass,
  software: NfsSoftware,
): string => {
  const { reclaimPolicy, mountOptions, parameters } = storageClass;
  // Of nfs-provisioner nothing is said, as before there was anything else: nothing is written to its disks.
  return JSON.stringify({
    clusterIP,
    ...(software === 'quartermaster' && { software }),
    storageClass: { reclaimPolicy, mountOptions, parameters },
  });
};

/** Nothing where the annotation holds nothing that could be used. */
const readServerRecord = (annotation: string | undefined): NfsServerRecord => {
  const { clusterIP, ...others } = decodeAs(serverRecord, parse(annotation ?? '{}')) ?? {};
  return { ...others, ...(clusterIP !== undefined && isIP(clusterIP) !== 0 && { clusterIP }) };
};

const parse = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
};
