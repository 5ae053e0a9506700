import { AppError, hasReason } from '../../api/errors.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { IN_USE_FINALIZER } from '../../api/names.ts';
import { type ObjectStore, referencesOf } from '../../api/object-store.ts';
import { objectKeyOf } from '../../controller/apply.ts';
import { type Kube, type ObjectKey, type Resource, resources } from '../../kube/api-server.ts';
import { BucketError } from './providers/bucket.ts';
import { type Blocked, hasFinalizer, isDone, type ObservedReferences, toBlocked } from './state.ts';

/** What the finalizers of Secrets and ConfigMaps are written with. */
export interface ReferenceTools {
  readonly kube: Pick<Kube, 'get' | 'mergePatch'>;
  /** ObjectStores of a namespace that name this, as the cache has them. */
  readonly usersOf: (namespace: string, reference: string) => readonly ObjectStore[];
  /** RFC 3339. */
  readonly now: () => string;
  readonly signal: AbortSignal;
}

/** Whoever deletes a Secret and the ObjectStores that use it deletes one after the other. */
const GRACE_MS = 30_000;

/**
 * Puts our finalizer on what the ObjectStore reaches its bucket with: a namespace that goes would else take the credentials before
 * the user and the bucket that only those can take away. One that was deleted by itself is let go a while later, to be made anew.
 */
export const keepReferences = async (store: ObjectStore, tools: ReferenceTools): Promise<ObservedReferences> => {
  let [dueMs, failure]: [number, Blocked | undefined] = [Number.POSITIVE_INFINITY, undefined];
  for (const reference of referencesOf(store)) {
    try {
      dueMs = Math.min(dueMs, await keep(reference, store, tools));
    } catch (error) {
      if (!(error instanceof BucketError)) throw error;
      failure = toBlocked(error);
    }
  }
  return { dueMs, failure };
};

/** Milliseconds until it is to be looked at again. */
const keep = async (reference: string, store: ObjectStore, tools: ReferenceTools): Promise<number> => {
  const found = await find(reference, store, tools);
  const deleted = found?.metadata.deletionTimestamp;
  if (found === undefined || (deleted && !isInUse(found))) return Number.POSITIVE_INFINITY;
  if (!deleted) {
    if (!isInUse(found)) await setFinalizer(reference, store, tools, true);
    return Number.POSITIVE_INFINITY;
  }
  const waitMs = Date.parse(deleted) + GRACE_MS - Date.parse(tools.now());
  if (waitMs > 0) return waitMs;
  if (await isNeededForDeletion(reference, store, tools)) return GRACE_MS;
  await takeOff(reference, store, tools);
  return Number.POSITIVE_INFINITY;
};

const isNeededForDeletion = async (
  reference: string,
  { metadata: { namespace = '' } }: ObjectStore,
  { kube, usersOf, signal }: ReferenceTools,
): Promise<boolean> => {
  const isUsed = usersOf(namespace, reference).some(
    (other) => other.metadata.deletionTimestamp && needs(other, reference),
  );
  if (isUsed) return true;
  const found = await kube.get(resources.namespaces, { namespace: '', name: namespace }, signal);
  return Boolean(found?.metadata.deletionTimestamp);
};

/**
 * Takes our finalizer off what this ObjectStore used, unless another needs it. That it needs nothing itself any more is written before:
 * of two that go at once one finds the other done.
 */
export const letGo = async (
  references: readonly string[],
  store: ObjectStore,
  tools: ReferenceTools,
): Promise<void> => {
  for (const reference of references)
    if (!(await isNeeded(reference, store, tools))) await takeOff(reference, store, tools);
};

const isNeeded = async (
  reference: string,
  { metadata: { namespace = '', uid } }: ObjectStore,
  { kube, usersOf, signal }: ReferenceTools,
): Promise<boolean> => {
  for (const other of usersOf(namespace, reference)) {
    if (other.metadata.uid === uid || isDone(other)) continue;
    const live = await kube.get<ObjectStore>(resources.objectStores, objectKeyOf(other), signal);
    if (live !== undefined && live.metadata.uid !== uid && needs(live, reference)) return true;
  }
  return false;
};

const needs = (store: ObjectStore, reference: string): boolean =>
  hasFinalizer(store) && referencesOf(store).includes(reference) && !isDone(store);

const takeOff = (reference: string, store: ObjectStore, tools: ReferenceTools): Promise<void> =>
  setFinalizer(reference, store, tools, false);

const isInUse = ({ metadata }: KubeObject): boolean => metadata.finalizers?.includes(IN_USE_FINALIZER) ?? false;

const addressOf = (reference: string, { metadata }: ObjectStore): readonly [Resource, ObjectKey] => {
  const [kind = '', name = ''] = reference.split('/');
  const resource = kind === resources.secrets.kind ? resources.secrets : resources.configMaps;
  return [resource, { namespace: metadata.namespace ?? '', name }];
};

const find = async (
  reference: string,
  store: ObjectStore,
  { kube, signal }: ReferenceTools,
): Promise<KubeObject | undefined> => {
  const [resource, key] = addressOf(reference, store);
  return allowed(reference, kube.get<KubeObject>(resource, key, signal));
};

const MOST_TRIES = 5;

/** Many ObjectStores use one Secret, and others write it too. */
const setFinalizer = async (
  reference: string,
  store: ObjectStore,
  tools: ReferenceTools,
  isKept: boolean,
): Promise<void> => {
  for (let tries = 0; tries < MOST_TRIES; tries++) if (await trySetFinalizer(reference, store, tools, isKept)) return;
  throw new AppError('Conflict', `${reference} is changed by others again and again.`);
};

/** False where somebody else wrote it in between. What is gone already needs no finalizer. */
const trySetFinalizer = async (
  reference: string,
  store: ObjectStore,
  tools: ReferenceTools,
  isKept: boolean,
): Promise<boolean> => {
  const found = await find(reference, store, tools);
  if (found === undefined || isInUse(found) === isKept || (isKept && found.metadata.deletionTimestamp)) return true;
  const { resourceVersion, finalizers } = found.metadata;
  const others = (finalizers ?? []).filter((finalizer) => finalizer !== IN_USE_FINALIZER);
  const metadata = { resourceVersion, finalizers: isKept ? [...others, IN_USE_FINALIZER] : others };
  const [resource, key] = addressOf(reference, store);
  try {
    await allowed(reference, tools.kube.mergePatch(resource, key, { metadata }, { signal: tools.signal }));
    return true;
  } catch (error) {
    if (!hasReason(error, 'Conflict', 'NotFound')) throw error;
    return false;
  }
};

const allowed = async <T>(reference: string, work: Promise<T>): Promise<T> => {
  try {
    return await work;
  } catch (error) {
    if (!hasReason(error, 'Forbidden')) throw error;
    throw new BucketError(
      'PermissionDenied',
      `Quartermaster may not read ${reference}, or not change its finalizers, by which it stays as long as it is needed: apply the roles and policies of this version.`,
      { cause: error },
    );
  }
};
