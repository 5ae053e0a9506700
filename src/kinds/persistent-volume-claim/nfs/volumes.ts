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
import { diskHasGi } from './disk-growth.ts';
import { type ObservedServer, type Refusal, refusalOf, requestedGi } from './observed.ts';
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
  /** Claims that get what they ask for when the disk has it. */
  readonly waits: readonly PersistentVolumeClaim[];
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
  const withRoom = new Set(claimsWithRoom(servable, observed));
  const makes = [...withRoom].map((claim) => volumeFor(claim, storageClass, address));
  const growths = growthsOf(observed, ours);
  const canGrow = hasRoomForAll(observed);
  const removes = new Set(ours.filter((volume) => isOver(volume) && isBeingDeleted(volume)));
  return {
    makes,
    ends: ours.filter((volume) => isOver(volume) && !isBeingDeleted(volume)),
    removes: [...removes],
    releases: observed.volumes.filter((volume) => isWaiting(volume) && !removes.has(volume)),
    grows: canGrow ? growths : [],
    waits: [...servable.filter((claim) => !withRoom.has(claim)), ...(canGrow ? [] : growths.map(({ claim }) => claim))],
    refuses: waiting.flatMap((claim) => {
      const refusal = refusalOf(claim);
      return refusal === undefined ? [] : [{ claim, ...refusal }];
    }),
    kept: [...ours.filter((volume) => !removes.has(volume)), ...makes],
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

/** True where the disk has what all volumes and claims of the class ask for. */
const hasRoomForAll = (observed: ObservedServer): boolean => nfsDiskGi(requestedGi(observed)) <= diskHasGi(observed);

/** The claims that the disk has room for as it is. Where it is to grow, the others wait until it has. */
const claimsWithRoom = (
  waiting: readonly PersistentVolumeClaim[],
  observed: ObservedServer,
): readonly PersistentVolumeClaim[] => {
  if (hasRoomForAll(observed)) return waiting;
  let roomGi = diskHasGi(observed) - nfsDiskGi(requestedGi({ ...observed, pendingClaims: [], growingClaims: [] }));
  return waiting.filter(({ spec }) => {
    const sizeGi = Math.min(observed.limitsGi.claim, gibibytesOf(spec?.resources?.requests?.['storage']));
    if (sizeGi > roomGi) return false;
    roomGi -= sizeGi;
    return true;
  });
};

/** What is to grow once the disk has what it asks for: volumes are folders of it. A claim never shrinks. */
const growthsOf = (observed: ObservedServer, ours: readonly PersistentVolume[]): readonly Growth[] => {
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
