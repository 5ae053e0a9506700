import type { CalrissianPolicy, Fact, Facts } from '../../api/facts.ts';
import type { KubeObject, PersistentVolumeClaim, StorageClass } from '../../api/kubernetes.ts';
import { CALRISSIAN_CLASS, CALRISSIAN_DEFAULTS } from '../../api/names.ts';
import {
  applyIfChanged,
  createIfAbsent,
  includesDesired,
  isManaged,
  objectKeyOf,
  removeThis,
} from '../../controller/apply.ts';
import type { Note } from '../../controller/events.ts';
import { type Kube, type Resource, resources } from '../../kube/api-server.ts';
import {
  bucketParameters,
  calrissianBucket,
  calrissianClass,
  mountOf,
  S3_DRIVER,
} from '../../storage-classes/calrissian.ts';
import { calrissianObjects } from './objects.ts';

export interface CalrissianTools {
  readonly kube: Kube;
  readonly facts: () => Facts;
  /** True where PlatformDefaults give the namespace a ConfigMap of that name: theirs is the one it gets. */
  readonly isProvisioned: (configMap: string) => boolean;
}

/** What a reconcile wrote and removed, and what a person should know. */
export interface ApplyResult {
  readonly written: readonly string[];
  readonly removed: readonly string[];
  readonly notes: readonly Note[];
}

/** Makes a namespace ready. `made` is what earlier reconciles made there, claims left out. Throws AppError. */
export const applyObjects = async (
  namespace: string,
  made: readonly KubeObject[],
  policy: CalrissianPolicy,
  tools: CalrissianTools,
  signal: AbortSignal,
): Promise<ApplyResult> => {
  const { roleBindings, defaults, claims } = calrissianObjects(namespace, policy);
  const isProvisioned = tools.isProvisioned(CALRISSIAN_DEFAULTS);
  const desired = [...roleBindings, ...(isProvisioned ? [] : [defaults])];
  const removed = await removeAll(
    made.filter((object) => !desired.some((other) => isSame(object, other))),
    tools,
    signal,
  );
  const kept = await collect(desired, (object) => applyOne(object, tools, signal));
  const [, shared] = claims;
  const classState = shared && (await ensureCalrissianClass(shared, policy, tools, signal));
  const claimed = await collect(classState?.exists ? claims : [], (claim) => claimOnce(claim, tools, signal));
  return {
    written: [...kept.written, ...claimed.written],
    removed,
    notes: [...kept.notes, ...(classState?.notes ?? []), ...claimed.notes],
  };
};

/** Takes away what `made` says. Answers its names. */
export const removeAll = async (
  made: readonly KubeObject[],
  { kube }: Pick<CalrissianTools, 'kube'>,
  signal: AbortSignal,
): Promise<readonly string[]> => {
  for (const object of made) await removeThis(kube, resourceOf(object), object, signal);
  return made.map(titleOf);
};

const resourceOf = ({ kind }: KubeObject): Resource =>
  kind === 'ConfigMap' ? resources.configMaps : resources.roleBindings;

const isSame = (one: KubeObject, other: KubeObject): boolean =>
  one.kind === other.kind && one.metadata.name === other.metadata.name;

const titleOf = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.name ?? ''}`;

/** What became of one object: written, left unchanged, or somebody else's. */
type ApplyOutcome = 'written' | 'unchanged' | Note;

const collect = async <T extends KubeObject>(
  objects: readonly T[],
  apply: (object: T) => Promise<ApplyOutcome>,
): Promise<Pick<ApplyResult, 'written' | 'notes'>> => {
  const written: string[] = [];
  const notes: Note[] = [];
  for (const object of objects) {
    const outcome = await apply(object);
    if (outcome === 'written') written.push(titleOf(object));
    else if (outcome !== 'unchanged') notes.push(outcome);
  }
  return { written, notes };
};

const applyOne = async (desired: KubeObject, { kube }: CalrissianTools, signal: AbortSignal): Promise<ApplyOutcome> => {
  const live = await kube.get(resourceOf(desired), objectKeyOf(desired), signal);
  if (live !== undefined && !isManaged(live)) return foreignObject(live, desired);
  const { isWritten } = await applyIfChanged(kube, resourceOf(desired), { desired, live }, signal);
  return isWritten ? 'written' : 'unchanged';
};

/** A claim is made and never changed: nearly all of it is immutable, and what it holds is its owner's. */
const claimOnce = async (
  claim: PersistentVolumeClaim,
  { kube }: CalrissianTools,
  signal: AbortSignal,
): Promise<ApplyOutcome> => {
  const live = await kube.get<PersistentVolumeClaim>(resources.persistentVolumeClaims, objectKeyOf(claim), signal);
  if (live !== undefined) return isManaged(live) ? 'unchanged' : foreignObject(live, claim);
  const isMade = await createIfAbsent(kube, resources.persistentVolumeClaims, claim, signal);
  return isMade ? 'written' : 'unchanged';
};

/** What somebody made by hand, as the guide has it, is as good as ours and not worth a warning. */
const foreignObject = (live: KubeObject, desired: KubeObject): ApplyOutcome => {
  const { metadata: _, ...content } = desired;
  return includesDesired(live, content)
    ? 'unchanged'
    : {
        type: 'Warning',
        reason: 'NotOurs',
        message: `${titleOf(live)} was not made by Quartermaster and is left as it is: delete it to have it as Calrissian namespaces have it.`,
      };
};

/** What was observed of the class: claims may name it or not yet, and what a person should know. */
interface ClassState {
  readonly exists: boolean;
  readonly notes: readonly Note[];
}

/** Makes the class that every Calrissian namespace shares, for the bucket of the settings. One that we made for another bucket is made again. */
const ensureCalrissianClass = async (
  claim: PersistentVolumeClaim,
  policy: CalrissianPolicy,
  { kube, facts }: { readonly kube: Pick<Kube, 'get' | 'create' | 'remove'>; readonly facts: () => Facts },
  signal: AbortSignal,
): Promise<ClassState> => {
  const bucket = calrissianBucket(policy, facts());
  if (typeof bucket === 'string') return { exists: false, notes: [warning('BucketAwaited', bucket)] };
  const desired = calrissianClass(claim, facts().cloud, mountOf(bucket, policy));
  if (desired === undefined) return { exists: false, notes: [] };
  const notes = calrissianWarnings(facts());
  const key = { namespace: '', name: CALRISSIAN_CLASS };
  const live = await kube.get<StorageClass>(resources.storageClasses, key, signal);
  if (live === undefined) await createIfAbsent(kube, resources.storageClasses, desired, signal);
  if (live === undefined || includesDesired(bucketParameters(live), bucketParameters(desired)))
    return { exists: true, notes };
  if (!isManaged(live)) return { exists: true, notes: [...notes, foreignClass(live, bucket)] };
  await removeThis(kube, resources.storageClasses, live, signal);
  await createIfAbsent(kube, resources.storageClasses, desired, signal);
  return { exists: true, notes };
};

/** What the class is good for nothing without, where that is not there. */
export const calrissianWarnings = ({ storage }: Facts): readonly Note[] =>
  storage.hasCsiDriver(S3_DRIVER) ? [] : [driverMissing];

const warning = (reason: string, message: string): Note => ({ type: 'Warning', reason, message });

const driverMissing = warning(
  'DriverMissing',
  `The volumes of Calrissian stay pending until the CSI driver ${S3_DRIVER} is installed.`,
);

const foreignClass = ({ parameters }: StorageClass, bucket: Fact): Note =>
  warning(
    'NotOurs',
    `StorageClass ${CALRISSIAN_CLASS} was not made by Quartermaster and is left as it is: its bucket is ${parameters?.['bucket'] ?? 'one for each volume'}, not ${bucket.value} (${bucket.source}), or its Secret another.`,
  );
