import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../api/kubernetes.ts';
import type { Edit } from './edit.ts';
import { remember } from './memo.ts';
import { type Path, textAt } from './path.ts';
import { valuesAt } from './spot.ts';

/** The volumes that are to be given, by name. Mounts are settled before them. */
export type WantedVolumes = ReadonlyMap<string, Edit>;

export const wantedVolumes = (edits: readonly Edit[]): WantedVolumes =>
  remember(
    edits,
    wantedVolumes,
    '',
    () => new Map(edits.filter(({ at }) => at.at(-1) === 'volumes').map((edit) => [edit.key, edit])),
  );

/**
 * Why a mount must not be given: it would mount another volume than it was meant for, or none. `volumeRefusalOf` says why
 * its volume could not be given.
 */
export const mountedVolumeRefusal = (
  object: KubeObject,
  mount: Edit,
  at: Path,
  wanted: WantedVolumes,
  volumeRefusalOf: (volume: Edit) => string | undefined,
): string | undefined => {
  const name = textAt(mount.value, ['name']) ?? '';
  const [present] = valuesAt(object, { at, key: name });
  const volume = wanted.get(name);
  if (volume === undefined) return present === undefined ? `there is no volume ${name}` : undefined;
  if (isDeepStrictEqual(present, volume.value)) return undefined;
  if (present !== undefined && volume.mode === 'Default') return `there is another volume named ${name}`;
  return volumeRefusalOf(volume);
};
