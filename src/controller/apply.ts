import { AppError, hasReason } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import type { Condition } from '../api/schema.ts';
import type { Kube, ObjectKey, Resource } from '../kube/api-server.ts';

/** An object as it is there, and whether it had to be written for that. */
export interface AppliedObject<T extends KubeObject> {
  readonly object: T;
  readonly isWritten: boolean;
}

/**
 * Has `desired` applied where `live` is absent or differs; where it does not, nothing is written. What the server or others added
 * counts as no difference. Throws AppError('Conflict') where `live` is somebody else's.
 */
export const applyIfChanged = async <T extends KubeObject>(
  kube: Pick<Kube, 'apply'>,
  resource: Resource,
  { desired, live }: { readonly desired: T; readonly live: KubeObject | undefined },
  signal: AbortSignal,
): Promise<AppliedObject<T>> => {
  if (live !== undefined && !isManaged(live)) throw notManaged(live);
  if (live !== undefined && includesDesired(live, desired)) return { object: live as T, isWritten: false };
  return { object: await kube.apply(resource, desired, { signal }), isWritten: true };
};

/** True of everything Quartermaster made. */
export const isManaged = ({ metadata }: KubeObject): boolean => metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;

/** Why an object cannot be written: its name was taken. */
export const notManaged = ({ kind, metadata: { name, namespace } }: KubeObject): AppError =>
  new AppError(
    'Conflict',
    `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name} was not made by Quartermaster for this and is left as it is; delete or rename it.`,
  );

/** True where everything that `desired` says is so in `live`. Lists are equal item by item, each in this very sense. */
export const includesDesired = (live: unknown, desired: unknown): boolean => {
  if (Array.isArray(desired)) {
    return (
      Array.isArray(live) &&
      live.length === desired.length &&
      desired.every((item, at) => includesDesired(live[at], item))
    );
  }
  if (!isRecord(desired)) return live === desired;
  return isRecord(live) && Object.entries(desired).every(([key, value]) => includesDesired(live[key], value));
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** Creates it. Already there is success, whoever made it; true where this very call did. */
export const createIfAbsent = async <T extends KubeObject>(
  kube: Pick<Kube, 'create'>,
  resource: Resource,
  object: T,
  signal: AbortSignal,
): Promise<boolean> => {
  try {
    await kube.create(resource, object, { signal });
    return true;
  } catch (error) {
    if (hasReason(error, 'AlreadyExists')) return false;
    throw error;
  }
};

/** Deletes this very object, not another that has its name by now. */
export const removeThis = (
  kube: Pick<Kube, 'remove'>,
  resource: Resource,
  object: KubeObject,
  signal: AbortSignal,
): Promise<void> => {
  const { uid } = object.metadata;
  return kube.remove(resource, objectKeyOf(object), uid === undefined ? {} : { uid }, { signal });
};

/** Deletes this very object as it was observed. False where it is another by now, or was changed: that is to be looked at anew. */
export const removeUnchanged = async (
  kube: Pick<Kube, 'remove'>,
  resource: Resource,
  object: KubeObject,
  signal: AbortSignal,
): Promise<boolean> => {
  const { uid = '', resourceVersion = '' } = object.metadata;
  try {
    await kube.remove(resource, objectKeyOf(object), { uid, resourceVersion }, { signal });
    return true;
  } catch (error) {
    if (hasReason(error, 'Conflict')) return false;
    throw error;
  }
};

export const objectKeyOf = ({ metadata: { namespace = '', name = '' } }: KubeObject): ObjectKey => ({
  namespace,
  name,
});

/** What was found about one condition, without when. */
export type ConditionUpdate = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/**
 * The conditions of a status after these findings. Those of other types and the order stay; one whose status did not
 * change keeps the time of its last transition, so that equal findings give an equal list. `now` is RFC 3339.
 */
export const setConditions = (
  previous: readonly Condition[],
  updates: readonly ConditionUpdate[],
  { now, generation }: { readonly now: string; readonly generation: number | undefined },
): readonly Condition[] => {
  const dated = (finding: ConditionUpdate): Condition => {
    const before = previous.find(({ type }) => type === finding.type);
    const lastTransitionTime = before?.status === finding.status ? before.lastTransitionTime : now;
    return { ...finding, lastTransitionTime, ...(generation !== undefined && { observedGeneration: generation }) };
  };
  const found = new Map(updates.map((finding) => [finding.type, dated(finding)]));
  const known = new Set(previous.map(({ type }) => type));
  return [
    ...previous.map((condition) => found.get(condition.type) ?? condition),
    ...[...found.values()].filter(({ type }) => !known.has(type)),
  ];
};
