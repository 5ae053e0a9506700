import type { Policy } from '../../../api/facts.ts';
import type { KubeObject, PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../../api/kubernetes.ts';
import {
  MANAGED_BY,
  MANAGED_BY_LABEL,
  NFS_CLASS_LABEL,
  NFS_VOLUME_FINALIZER,
  VOLUME_PROVISIONER_ANNOTATION,
} from '../../../api/names.ts';
import { isProvisioned } from '../../../kube/transforms.ts';
import { DISK_FOLDER, type Export, type ExportList, isExportable, isGid } from '../../../nfs-server/export-list.ts';
import { gibibytesOf } from '../../../storage-classes/claim.ts';
import { isBeingDeleted, isOver, isWaiting } from './deletion.ts';
import { diskSize, type ObservedServer, type Refusal, refusalOf, requestedGi } from './observed.ts';
import { nfsClassLabel, nfsDiskGi, nfsProvisioner } from './parts.ts';

/** One volume that is to hold as much as its claim asks for by now. */
export interface Growth {
  readonly volume: PersistentVolume;
  readonly claim: PersistentVolumeClaim;
  readonly quantity: string;
}

export interface RefusedClaim extends Refusal {
  readonly claim: PersistentVolumeClaim;
}

/** What is to be done about the volumes of one server of our own. */
export interface VolumePlan {
  readonly makes: readonly PersistentVolume[];
  /** Nobody's any more, of a class that says Delete: to be deleted. */
  readonly ends: readonly PersistentVolume[];
  /** Such that are being deleted: what they hold goes, and they after it. */
  readonly removes: readonly PersistentVolume[];
  /** Being deleted, and what they hold stays. */
  readonly releases: readonly PersistentVolume[];
  readonly grows: readonly Growth[];
  /** Pending claims that ask for what an empty folder is not. */
  readonly refuses: readonly RefusedClaim[];
  /** What the server is to export, before any of it. */
  readonly kept: readonly PersistentVolume[];
}

/** `address` is that of the server's Service, which every volume names. */
export const planVolumes = (observed: ObservedServer, storageClass: StorageClass, address: string): VolumePlan => {
  const ours = observed.volumes.filter((volume) => isAt(volume, address));
  const served = new Set(observed.volumes.map(({ spec }) => spec?.claimRef?.uid));
  const waiting = observed.pendingClaims.filter(
    ({ metadata }) => metadata.uid !== undefined && !served.has(metadata.uid),
  );
  const servable = waiting.filter((claim) => refusalOf(claim) === undefined);
  const makes = claimsWithRoom(servable, observed).map((claim) => volumeFor(claim, storageClass, address));
  const removes = ours.filter((volume) => isOver(volume) && isBeingDeleted(volume));
  return {
    makes,
    ends: ours.filter((volume) => isOver(volume) && !isBeingDeleted(volume)),
    removes,
    releases: observed.volumes.filter((volume) => isWaiting(volume) && !removes.includes(volume)),
    grows: growthsOf(observed, ours),
    refuses: waiting.flatMap((claim) => {
      const refusal = refusalOf(claim);
      return refusal === undefined ? [] : [{ claim, ...refusal }];
    }),
    kept: [...ours.filter((volume) => !removes.includes(volume)), ...makes],
  };
};

/** What a server is to export of volumes of its class, and which folders it is to delete. */
export const exportListOf = (
  {
    exported,
    removed,
  }: { readonly exported: readonly PersistentVolume[]; readonly removed: readonly PersistentVolume[] },
  storageClass: StorageClass,
  address: string,
  policy: Policy,
): ExportList => {
  const paths = new Set(exported.filter((volume) => isAt(volume, address)).map(({ spec }) => pathOf(spec)));
  return {
    clients: policy.nfsClients,
    exports: [...paths].toSorted().map((path) => exportOf(path, storageClass)),
    // Somebody may have taken a folder over, by a volume of his own.
    removed: removed.map(({ spec }) => pathOf(spec)).filter((path) => !paths.has(path)),
  };
};

/** True for a folder of the server there. */
const isAt = ({ spec }: PersistentVolume, address: string): boolean =>
  spec?.nfs?.server === address && isExportable(pathOf(spec));

const pathOf = (spec: PersistentVolume['spec']): string => spec?.nfs?.path ?? '';

/** Folders of nfs-provisioner keep what it gave them: root stays root unless the class says otherwise. */
const exportOf = (path: string, { parameters }: StorageClass): Export => {
  const isOwn = path.startsWith(`${DISK_FOLDER}/volumes/`);
  const isSquashed = isOwn ? parameters?.['rootSquash'] !== 'false' : parameters?.['rootSquash'] === 'true';
  const gid = gidOf(parameters);
  return { path, squash: isSquashed ? 'root' : 'none', ...(gid !== undefined && { gid }) };
};

const gidOf = (parameters: StorageClass['parameters']): string | undefined => {
  const gid = parameters?.['gid'];
  return gid !== undefined && isGid(gid) ? gid : undefined;
};

/** The claims that the disk has room for as it is; where it is to grow for all of them, all of them. */
const claimsWithRoom = (
  waiting: readonly PersistentVolumeClaim[],
  observed: ObservedServer,
): readonly PersistentVolumeClaim[] => {
  const presentGi = gibibytesOf(diskSize(observed).quantity);
  if (nfsDiskGi(requestedGi(observed)) <= presentGi) return waiting;
  let roomGi = presentGi - nfsDiskGi(requestedGi({ ...observed, pendingClaims: [] }));
  return waiting.filter(({ spec }) => {
    const sizeGi = Math.min(observed.limitsGi.claim, gibibytesOf(spec?.resources?.requests?.['storage']));
    if (sizeGi > roomGi) return false;
    roomGi -= sizeGi;
    return true;
  });
};

/** Volumes are folders of one disk: one grows as soon as the disk has what it asks for. A claim never shrinks. */
const growthsOf = (observed: ObservedServer, ours: readonly PersistentVolume[]): readonly Growth[] => {
  if (nfsDiskGi(requestedGi(observed)) > gibibytesOf(diskSize(observed).quantity)) return [];
  const byClaim = new Map(ours.filter(isProvisioned).map((volume) => [volume.spec?.claimRef?.uid, volume]));
  return observed.growingClaims.flatMap((claim) => {
    const volume = byClaim.get(claim.metadata.uid);
    const quantity = claim.spec?.resources?.requests?.['storage'];
    const isLarger = gibibytesOf(quantity) >= gibibytesOf(volume?.spec?.capacity?.['storage']);
    return volume !== undefined && quantity !== undefined && isLarger ? [{ volume, claim, quantity }] : [];
  });
};

/** The volume of a claim: a folder of its own, below that of its namespace. Its name holds the claim's uid, so that it is made once. */
export const volumeFor = (
  { metadata, spec }: PersistentVolumeClaim,
  storageClass: StorageClass,
  address: string,
): PersistentVolume => {
  const className = storageClass.metadata.name ?? '';
  const { namespace = '', name = '', uid = '' } = metadata;
  const volumeName = `pvc-${uid}`;
  const gid = gidOf(storageClass.parameters);
  const reclaimPolicy = storageClass.reclaimPolicy ?? 'Delete';
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: volumeName,
      ...(reclaimPolicy === 'Delete' && { finalizers: [NFS_VOLUME_FINALIZER] }),
      labels: { [MANAGED_BY_LABEL]: MANAGED_BY, [NFS_CLASS_LABEL]: nfsClassLabel(className) },
      annotations: {
        [VOLUME_PROVISIONER_ANNOTATION]: nfsProvisioner(className),
        // The kubelet has every container of a pod that mounts it be a member of that group.
        ...(gid !== undefined && { 'pv.beta.kubernetes.io/gid': gid }),
      },
    },
    spec: {
      accessModes: spec?.accessModes,
      capacity: { storage: spec?.resources?.requests?.['storage'] ?? '' },
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid },
      mountOptions: storageClass.mountOptions ?? [],
      nfs: { server: address, path: `${DISK_FOLDER}/volumes/${namespace}/${volumeName}` },
      persistentVolumeReclaimPolicy: reclaimPolicy,
      storageClassName: className,
      volumeMode: 'Filesystem',
    },
  } as KubeObject as PersistentVolume;
};
