import type { TargetKind } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { Edit, FieldPath } from './edit.ts';
import { type DesiredVolumes, desiredVolumes, mountedVolumeRefusal } from './mounted-volumes.ts';
import { childOf, listAt } from './path.ts';
import { isReservedEnv, isReservedLabel, isReservedPath, isReservedVolume } from './reserved.ts';
import type { Rules } from './settlement.ts';
import { POD_VOLUMES } from './volumes.ts';

/** What must not be injected into one kind of pod, beyond its reserved names. */
export interface PodRefusals {
  readonly kind: TargetKind;
  readonly ofMount: (pod: KubeObject, mount: Edit, desired: DesiredVolumes) => string | undefined;
  readonly ofEnv: (pod: KubeObject, edit: Edit) => string | undefined;
}

/** Rules of a pod that is of one or more kinds: what one of them refuses is refused. */
export const podRules =
  (kinds: readonly PodRefusals[]) =>
  (edits: readonly Edit[]): Rules => {
    const desired = desiredVolumes(edits);
    const ofVolume = ({ key }: Edit): string | undefined =>
      kinds.some(({ kind }) => isReservedVolume(kind, key)) ? 'the volume name is kept for the engine' : undefined;
    const ofMount = (pod: KubeObject, mount: Edit): string | undefined =>
      firstOf(kinds, (kind) => mountRefusal(pod, mount, kind, desired)) ??
      mountedVolumeRefusal(pod, mount, POD_VOLUMES, desired, ofVolume);
    return {
      conflictsOf: () => NONE,
      isUnused: (pod, edit) => edit.at.at(-1) === 'volumes' && !isMounted(pod, edit.key),
      refusalOf: (pod, edit) => {
        switch (edit.at.at(-1) ?? '') {
          case 'volumes':
            return ofVolume(edit);
          case 'volumeMounts':
            return ofMount(pod, edit);
          default:
            return firstOf(kinds, (kind) => fieldRefusal(pod, edit, kind));
        }
      },
    };
  };

const mountRefusal = (
  pod: KubeObject,
  mount: Edit,
  { kind, ofMount }: PodRefusals,
  desired: DesiredVolumes,
): string | undefined =>
  isReservedPath(kind, mount.key) ? 'the path is kept for the engine' : ofMount(pod, mount, desired);

const fieldRefusal = (pod: KubeObject, edit: Edit, { kind, ofEnv }: PodRefusals): string | undefined => {
  const { key } = edit;
  switch (edit.at.at(-1) ?? '') {
    case 'labels':
    case 'annotations':
      return isReservedLabel(kind, key) ? 'the key is kept for the engine or Quartermaster' : undefined;
    case 'env':
      return isReservedEnv(kind, key) ? 'the variable is kept for the engine' : ofEnv(pod, edit);
    default:
      return undefined;
  }
};

const isMounted = (pod: KubeObject, volume: string): boolean =>
  CONTAINERS.some((list) =>
    listAt(pod, list).some((container) => listAt(container, MOUNTS).some((mount) => childOf(mount, 'name') === volume)),
  );

const NONE: readonly FieldPath[] = [];

const CONTAINERS = [
  ['spec', 'containers'],
  ['spec', 'initContainers'],
];
const MOUNTS = ['volumeMounts'];

const firstOf = (
  kinds: readonly PodRefusals[],
  find: (kind: PodRefusals) => string | undefined,
): string | undefined => {
  for (const kind of kinds) {
    const found = find(kind);
    if (found !== undefined) return found;
  }
  return undefined;
};
