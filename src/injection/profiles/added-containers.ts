import type { Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, editsOf, entriesWith, valuesAt } from '../edit.ts';
import { isSameProgram } from '../fields/filled-in.ts';
import { memoize } from '../memo.ts';
import { childOf, isRecord, listAt, type Path, textAt } from '../path.ts';
import { isOfWindows } from '../pod-fields.ts';
import { type Rules, type Settlement, settle } from '../settlement.ts';
import { type DesiredVolumes, mountedVolumeRefusal, optional, POD_VOLUMES } from '../volumes.ts';

/** Init containers and native sidecars stand in one list of a pod. */
const INIT_CONTAINERS: Path = ['spec', 'initContainers'];
const CONTAINERS: Path = ['spec', 'containers'];

/** The containers that an injection adds to a pod, and the volumes of the injection that these mount. */
export const addedContainerEdits = (injection: Injection): readonly Edit[] =>
  injection.addedContainers.size === 0
    ? NOTHING
    : memoize(injection, addedContainerEdits, '', () => [
        ...editsOf(INIT_CONTAINERS, injection.addedContainers),
        ...editsOf(POD_VOLUMES, mountedBy(injection), optional),
      ]);

const NOTHING: readonly Edit[] = [];

const mountedBy = ({ addedContainers, volumes }: Injection): Injection['volumes'] => {
  const mounts = [...addedContainers.values()].flatMap(({ value }) => value.volumeMounts ?? []);
  const names = new Set(mounts.map(({ name }) => name));
  return new Map([...volumes].filter(([name]) => names.has(name)));
};

/** Which containers are added, decided once, and all edits by that. */
export interface AddedContainers {
  readonly edits: readonly Edit[];
  /** Why each must not be added; undefined where it is. */
  readonly refusals: Refusals;
}

export type Refusals = ReadonlyMap<Edit, string | undefined>;

/**
 * All edits of a pod that containers are added to, which are given things by where they stand. `editsFor` makes them for the pod
 * with those that may be added. What one of them mounts may be given to another container: then it is asked once more, with that.
 */
export const withAddedContainers = (
  pod: KubeObject,
  added: readonly Edit[],
  rulesFor: (edits: readonly Edit[]) => Rules,
  editsFor: (pod: KubeObject) => readonly Edit[],
): AddedContainers => {
  if (added.length === 0) return { edits: editsFor(pod), refusals: NO_REFUSALS };
  const alone = settle(pod, added, rulesFor(added), isNobodys);
  const edits = editsFor(alone.object);
  if (alone.refused.length === 0) return { edits, refusals: refusalsOf(added, alone) };
  const beside = settle(pod, added, rulesFor(edits), isNobodys);
  return { edits: editsFor(beside.object), refusals: refusalsOf(added, beside) };
};

const isNobodys = (): boolean => false;
const NO_REFUSALS: Refusals = new Map();

const refusalsOf = (added: readonly Edit[], { refused }: Settlement): Refusals => {
  const reasons = new Map(refused.map(({ edit, why }) => [edit, why]));
  return new Map(added.filter(isContainer).map((edit) => [edit, reasons.get(edit)]));
};

const isContainer = ({ at }: Edit): boolean => at.at(-1) === 'initContainers';

/** With what is decided of added containers: one more or one fewer would give all after it what is for another. */
export const withRefusals =
  (rulesFor: (edits: readonly Edit[]) => Rules, refusals: Refusals) =>
  (edits: readonly Edit[]): Rules => {
    const rules = rulesFor(edits);
    return {
      ...rules,
      refusalOf: (pod, edit) => (refusals.has(edit) ? refusals.get(edit) : rules.refusalOf(pod, edit)),
    };
  };

/** Why a container must not be added: the API server would refuse the pod, the container could not start, or it is not ours. */
export const addedContainerRefusal = (
  pod: KubeObject,
  edit: Edit,
  desired: DesiredVolumes,
  volumeRefusalOf: (volume: Edit) => string | undefined,
): string | undefined => {
  if (isOfWindows(pod)) return 'it is a pod of Windows';
  if (isTaken(pod, edit) || hasContainer(listAt(pod, CONTAINERS), edit.key)) return TAKEN;
  return listAt(edit.value, ['volumeMounts'])
    .map((mount) => mountedVolumeRefusal(pod, { ...edit, value: mount }, POD_VOLUMES, desired, volumeRefusalOf))
    .find((why) => why !== undefined);
};

/** Looked up as in a list of init containers: there can be as many added as there are, and more. */
export const hasContainer = (containers: readonly unknown[], name: string): boolean =>
  entriesWith(containers, INIT_CONTAINERS, name).length > 0;

export const TAKEN = 'there is a container of that name, and containers are added, never changed';

/** True where the list has another container of that name. */
export const isTaken = (object: KubeObject, edit: Edit): boolean => {
  const [present] = valuesAt(object, edit);
  return present !== undefined && !isSameProgram(present, edit.value);
};

/** What the API server gives containers after the first admission, and webhooks are asked once more. */
const FILLED_IN = ['terminationMessagePath', 'terminationMessagePolicy', 'imagePullPolicy', 'resources'];
const TOKEN_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';

/** An added container that is enforced with that, and with nothing else that came to it: ServiceAccount admission mounts the token once. */
export const completedContainer = (pod: KubeObject, { at, value }: Edit, present: unknown): unknown => {
  if (at.at(-1) !== 'initContainers' || !isRecord(value) || !isRecord(present)) return undefined;
  const filled = FILLED_IN.filter((field) => Object.hasOwn(present, field) && !Object.hasOwn(value, field));
  const mounts = listAt(value, MOUNTS);
  const isMounted = mounts.some((mount) => textAt(mount, MOUNT_PATH) === TOKEN_PATH);
  const token = isMounted ? [] : listAt(present, MOUNTS).filter((mount) => isOfToken(pod, mount));
  return {
    ...value,
    ...Object.fromEntries(filled.map((field) => [field, present[field]])),
    ...(token.length > 0 && { volumeMounts: [...mounts, ...token] }),
  };
};

const MOUNTS = ['volumeMounts'];
const MOUNT_PATH = ['mountPath'];

const isOfToken = (pod: KubeObject, mount: unknown): boolean => {
  if (textAt(mount, MOUNT_PATH) !== TOKEN_PATH) return false;
  const [volume] = valuesAt(pod, { at: POD_VOLUMES, key: textAt(mount, ['name']) ?? '' });
  return listAt(volume, ['projected', 'sources']).some(
    (source) => childOf(source, 'serviceAccountToken') !== undefined,
  );
};
