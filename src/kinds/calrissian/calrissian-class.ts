import { AppError } from '../../api/errors.ts';
import type { CalrissianPolicy, Fact, Facts } from '../../api/facts.ts';
import type { PersistentVolumeClaim, StorageClass } from '../../api/kubernetes.ts';
import { CALRISSIAN_CLASS } from '../../api/names.ts';
import { includesDesired, isManaged } from '../../controller/apply.ts';
import type { Note } from '../../controller/event-object.ts';
import { type Kube, resources } from '../../kube/api-server.ts';
import {
  bucketParameters,
  calrissianBucket,
  calrissianClass,
  mountOf,
  S3_DRIVER,
} from '../../storage-classes/calrissian.ts';

/** What was observed of the class: claims may name it or not yet, and what a person should know. */
export interface ClassState {
  readonly exists: boolean;
  readonly notes: readonly Note[];
}

/** Makes the class that every Calrissian namespace shares, for the bucket of the settings. One that we made for another bucket is made again. */
export const ensureCalrissianClass = async (
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
  if (live === undefined) await create(kube, desired, signal);
  if (live === undefined || includesDesired(bucketParameters(live), bucketParameters(desired)))
    return { exists: true, notes };
  if (!isManaged(live)) return { exists: true, notes: [...notes, foreignClass(live, bucket)] };
  const { uid } = live.metadata;
  await kube.remove(resources.storageClasses, key, uid === undefined ? {} : { uid }, { signal });
  await create(kube, desired, signal);
  return { exists: true, notes };
};

/** What the class is good for nothing without, where that is not there. */
export const calrissianWarnings = ({ storage }: Facts): readonly Note[] =>
  storage.hasCsiDriver(S3_DRIVER) ? [] : [driverMissing];

const create = async (kube: Pick<Kube, 'create'>, storageClass: StorageClass, signal: AbortSignal): Promise<void> => {
  try {
    await kube.create(resources.storageClasses, storageClass, { signal });
  } catch (error) {
    if (!(error instanceof AppError && error.reason === 'AlreadyExists')) throw error;
  }
};

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
