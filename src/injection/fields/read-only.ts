import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, entriesWith, valuesAt } from '../edit.ts';
import { listAt, mapAt, type Path, readAt, textAt } from '../path.ts';
import { type DesiredVolumes, mountBelow, mountIndex, mountsAbove, POD_VOLUMES } from '../volumes.ts';

/** A list of what is mounted into one container, and what of it is mounted read-only. */
export interface MountList {
  readonly at: Path;
  readonly isReadOnly: (mount: unknown) => boolean;
}

/** No mount point can be made in what is mounted read-only: the container would not start. */
export const readOnlyOverlap = (pod: KubeObject, mount: Edit, desired: DesiredVolumes): string | undefined => {
  const isReadOnly = isReadOnlyIn(pod, [POD_VOLUMES], desired);
  return overlapIn(pod, [{ at: mount.at, isReadOnly }], mount.key, () => isReadOnly(mount.value));
};

/** The same of all lists by which something is mounted into a container. `isReadOnly`: what is to be mounted at `key`. */
export const overlapIn = (
  object: KubeObject,
  lists: readonly MountList[],
  key: string,
  isReadOnly: () => boolean,
): string | undefined => {
  for (const { at, isReadOnly: isOtherReadOnly } of lists) {
    const present = listAt(object, at);
    const index = mountIndex(present);
    const below = mountBelow(index, key);
    if (below !== undefined && isReadOnly()) return `it would be read-only over the mount at ${below}`;
    const above = mountsAbove(index, key).find(
      // The API server takes one mount for each path.
      (path) => path !== key && isOtherReadOnly(entriesWith(present, at, path)[0]),
    );
    if (above !== undefined) return `it would lie in the read-only mount at ${above}`;
  }
  return undefined;
};

/** Tells of mounts whether they are read-only, by themselves or by their volumes, which are in these lists or are to be. */
export const isReadOnlyIn =
  (object: KubeObject, volumes: readonly Path[], desired: DesiredVolumes) =>
  (mount: unknown): boolean => {
    if (readAt(mount, ['readOnly']) === true) return true;
    const key = textAt(mount, ['name']) ?? '';
    const [present] = volumes.flatMap((at) => valuesAt(object, { at, key }));
    return isReadOnlyVolume(present ?? desired.get(key)?.value);
  };

/** Of a claim, a share or a CSI volume its user says so, in the volume itself. */
const isReadOnlyVolume = (volume: unknown): boolean =>
  Object.entries(mapAt(volume, [])).some(
    ([kind, source]) => READ_ONLY_VOLUMES.includes(kind) || readAt(source, ['readOnly']) === true,
  );

const READ_ONLY_VOLUMES = ['configMap', 'secret', 'downwardAPI', 'projected', 'image'];
