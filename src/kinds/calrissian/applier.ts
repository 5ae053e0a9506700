import { AppError } from '../../api/errors.ts';
import type { CalrissianPolicy, Facts } from '../../api/facts.ts';
import type { KubeObject, PersistentVolumeClaim } from '../../api/kubernetes.ts';
import { CALRISSIAN_DEFAULTS } from '../../api/names.ts';
import { holds, isOurs, keepObject, keyOfObject } from '../../controller/apply.ts';
import type { Note } from '../../controller/event-object.ts';
import { type Kube, type Resource, resources } from '../../kube/api-server.ts';
import { ensureCalrissianClass } from './calrissian-class.ts';
import { calrissianObjects } from './objects.ts';

export interface CalrissianTools {
  readonly kube: Kube;
  readonly facts: () => Facts;
  /** True where PlatformDefaults give the namespace a ConfigMap of that name: theirs is the one it gets. */
  readonly isProvisioned: (configMap: string) => boolean;
}

/** What a pass wrote and took away, and what a person should know. */
export interface CalrissianPass {
  readonly written: readonly string[];
  readonly removed: readonly string[];
  readonly notes: readonly Note[];
}

/** Makes a namespace ready. `made` is what earlier passes made there, claims left out. Throws AppError. */
export const equip = async (
  namespace: string,
  made: readonly KubeObject[],
  policy: CalrissianPolicy,
  tools: CalrissianTools,
  signal: AbortSignal,
): Promise<CalrissianPass> => {
  const { roleBindings, defaults, claims } = calrissianObjects(namespace, policy);
  const isProvisioned = tools.isProvisioned(CALRISSIAN_DEFAULTS);
  const desired = [...roleBindings, ...(isProvisioned ? [] : [defaults])];
  const removed = await removeAll(
    made.filter((object) => !desired.some((other) => isSame(object, other))),
    tools,
    signal,
  );
  const kept = await collect(desired, (object) => keep(object, tools, signal));
  const [, shared] = claims;
  const standing = shared && (await ensureCalrissianClass(shared, policy, tools, signal));
  const claimed = await collect(standing?.isThere ? claims : [], (claim) => claimOnce(claim, tools, signal));
  return {
    written: [...kept.written, ...claimed.written],
    removed,
    notes: [...kept.notes, ...(standing?.notes ?? []), ...claimed.notes],
  };
};

/** Takes away what `made` says. Answers its names. */
export const removeAll = async (
  made: readonly KubeObject[],
  { kube }: Pick<CalrissianTools, 'kube'>,
  signal: AbortSignal,
): Promise<readonly string[]> => {
  for (const object of made) {
    const { uid } = object.metadata;
    await kube.remove(resourceOf(object), keyOfObject(object), uid === undefined ? {} : { uid }, { signal });
  }
  return made.map(titleOf);
};

const resourceOf = ({ kind }: KubeObject): Resource =>
  kind === 'ConfigMap' ? resources.configMaps : resources.roleBindings;

const isSame = (one: KubeObject, other: KubeObject): boolean =>
  one.kind === other.kind && one.metadata.name === other.metadata.name;

export const titleOf = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.name ?? ''}`;

/** What became of one object: written, left as it was, or somebody else's. */
type Fate = 'written' | 'right' | Note;

const collect = async <T extends KubeObject>(
  objects: readonly T[],
  act: (object: T) => Promise<Fate>,
): Promise<Pick<CalrissianPass, 'written' | 'notes'>> => {
  const written: string[] = [];
  const notes: Note[] = [];
  for (const object of objects) {
    const fate = await act(object);
    if (fate === 'written') written.push(titleOf(object));
    else if (fate !== 'right') notes.push(fate);
  }
  return { written, notes };
};

const keep = async (desired: KubeObject, { kube }: CalrissianTools, signal: AbortSignal): Promise<Fate> => {
  const live = await kube.get(resourceOf(desired), keyOfObject(desired), signal);
  if (live !== undefined && !isOurs(live)) return someoneElses(live, desired);
  const { isWritten } = await keepObject(kube, resourceOf(desired), { desired, live }, signal);
  return isWritten ? 'written' : 'right';
};

/** A claim is made and never changed: nearly all of it is immutable, and what it holds is its owner's. */
const claimOnce = async (
  claim: PersistentVolumeClaim,
  { kube }: CalrissianTools,
  signal: AbortSignal,
): Promise<Fate> => {
  const live = await kube.get<PersistentVolumeClaim>(resources.persistentVolumeClaims, keyOfObject(claim), signal);
  if (live !== undefined) return isOurs(live) ? 'right' : someoneElses(live, claim);
  try {
    await kube.create(resources.persistentVolumeClaims, claim, { signal });
    return 'written';
  } catch (error) {
    if (error instanceof AppError && error.reason === 'AlreadyExists') return 'right';
    throw error;
  }
};

/** What somebody made by hand, as the guide has it, is as good as ours and not worth a warning. */
const someoneElses = (live: KubeObject, desired: KubeObject): Fate => {
  const { metadata: _, ...content } = desired;
  return holds(live, content)
    ? 'right'
    : {
        type: 'Warning',
        reason: 'NotOurs',
        message: `${titleOf(live)} was not made by Quartermaster and is left as it is: delete it to have it as Calrissian namespaces have it.`,
      };
};
