import { hasReason } from '../../../api/errors.ts';
import type { PersistentVolume } from '../../../api/kubernetes.ts';
import { NFS_VOLUME_FINALIZER } from '../../../api/names.ts';
import { objectKeyOf, removeUnchanged } from '../../../controller/apply.ts';
import { type Kube, resources } from '../../../kube/api-server.ts';
import { isProvisioned } from '../../../kube/transforms.ts';

/** True where nobody uses a volume any more and what it holds is to go with it. */
export const isOver = (volume: PersistentVolume): boolean =>
  isProvisioned(volume) &&
  volume.status?.phase === 'Released' &&
  volume.spec?.persistentVolumeReclaimPolicy === 'Delete';

export const isBeingDeleted = ({ metadata }: PersistentVolume): boolean => metadata.deletionTimestamp !== undefined;

/** True for a volume that waits for us to be gone, used by nobody: to be let go, whatever becomes of what it holds. */
export const isWaiting = (volume: PersistentVolume): boolean =>
  isBeingDeleted(volume) && hasFinalizer(volume) && volume.status?.phase !== 'Bound';

const finalizersOf = ({ metadata }: PersistentVolume): readonly string[] => metadata.finalizers ?? [];

const hasFinalizer = (volume: PersistentVolume): boolean => finalizersOf(volume).includes(NFS_VOLUME_FINALIZER);

/** How a volume ends with what it holds. Each does something to the very volume that was observed: false where it was changed since. */
export interface VolumeDeletion {
  /** Has it deleted; it stays until what it holds is gone. One of an earlier version is made to. */
  readonly end: (volume: PersistentVolume, signal: AbortSignal) => Promise<boolean>;
  /** Asks whether one that is being deleted is as it was observed: a cache may not know yet that it is to be kept. */
  readonly confirm: (volume: PersistentVolume, signal: AbortSignal) => Promise<boolean>;
  readonly letGo: (volume: PersistentVolume, signal: AbortSignal) => Promise<boolean>;
}

export const volumeDeletion = (kube: Pick<Kube, 'mergePatch' | 'remove'>): VolumeDeletion => {
  const remove = (volume: PersistentVolume, signal: AbortSignal): Promise<boolean> =>
    removeUnchanged(kube, resources.persistentVolumes, volume, signal);
  const putFinalizers = async (
    volume: PersistentVolume,
    finalizers: readonly string[],
    signal: AbortSignal,
  ): Promise<PersistentVolume | undefined> => {
    const { resourceVersion } = volume.metadata;
    const patch = { metadata: { resourceVersion, finalizers } };
    try {
      return await kube.mergePatch(resources.persistentVolumes, objectKeyOf(volume), patch, { signal });
    } catch (error) {
      if (hasReason(error, 'Conflict', 'NotFound')) return undefined;
      throw error;
    }
  };
  return {
    end: async (volume, signal) => {
      const marked = hasFinalizer(volume)
        ? volume
        : await putFinalizers(volume, [...finalizersOf(volume), NFS_VOLUME_FINALIZER], signal);
      return marked !== undefined && (await remove(marked, signal));
    },
    // To delete it once more changes nothing, and is refused for another resourceVersion.
    confirm: remove,
    letGo: async (volume, signal) => {
      const others = finalizersOf(volume).filter((finalizer) => finalizer !== NFS_VOLUME_FINALIZER);
      return hasFinalizer(volume) && (await putFinalizers(volume, others, signal)) !== undefined;
    },
  };
};
