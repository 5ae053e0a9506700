import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../api/kubernetes.ts';
import type { Edit } from './edit.ts';
import { memoize } from './memo.ts';
import { type Path, textAt } from './path.ts';
import { valuesAt } from './spot.ts';

/** The volumes that are to be injected, by name. Mounts are settled before them. */
export type DesiredVolumes = ReadonlyMap<string, Edit>;

export const desiredVolumes = (edits: readonly Edit[]): DesiredVolumes =>
  memoize(
    edits,
    desiredVolumes,
    '',
    () => new Map(edits.filter(({ at }) => at.at(-1) === 'volumes').map((edit) => [edit.key, edit])),
  );

/**
 * Why a mount must not be injected: it would mount another volume than it was meant for, or none. `volumeRefusalOf` says why
 * its volume could not be injected.
 */
export const mountedVolumeRefusal = (
  object: KubeObject,
  mount: Edit,
  at: Path,
  desired: DesiredVolumes,
  volumeRefusalOf: (volume: Edit) => string | undefined,
): string | undefined => {
  const name = textAt(mount.value, ['name']) ?? '';
  const [present] = valuesAt(object, { at, key: name });
  const volume = desired.get(name);
  if (volume === undefined) return present === undefined ? `there is no volume ${name}` : undefined;
  if (isDeepStrictEqual(present, volume.value)) return undefined;
  if (present !== undefined && volume.mode === 'Default') return `there is another volume named ${name}`;
  return volumeRefusalOf(volume);
};
