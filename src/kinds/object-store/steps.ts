import type { ObjectStore } from '../../api/object-store.ts';
import { connectionNameOf } from './connection.ts';
import { nextDeletionStep } from './object-store-deletion.ts';
import type { ObservedBucket } from './providers/bucket.ts';
import { claimOf, type Halt, type HaltReason, halt as haltWith, hasFinalizer, type Seen, type Step } from './state.ts';

/** Pure: what to do next for an ObjectStore, from all that is known of it. */
export const nextStep = (seen: Seen): Step => {
  if (seen.store.metadata.deletionTimestamp) return nextDeletionStep(seen);
  return refuse(seen) ?? holdOn(seen) ?? haveBucket(seen) ?? keepFeatures(seen) ?? connect(seen) ?? { do: 'finish' };
};

const halt = (reason: HaltReason, message: string): Step => haltWith({ reason, message });

const refuse = ({ store: { spec, status }, place, refusal }: Seen): Step | undefined => {
  const made = claimOf(status) === undefined ? undefined : status?.bucketName;
  if (made !== undefined && made !== spec.name)
    return halt('InvalidSpec', `spec.name was ${made} when the bucket was made and cannot be changed: change it back.`);
  if (refusal !== undefined) return haltWith(refusal);
  return place.unknown === undefined ? undefined : halt('ProviderUnknown', place.unknown);
};

const holdOn = ({ store }: Seen): Step | undefined => (hasFinalizer(store) ? undefined : { do: 'addFinalizer' });

const haveBucket = (seen: Seen): Step | undefined => {
  if (seen.bucket === 'unseen') return { do: 'observe' };
  if (seen.bucket === 'absent') return makeBucket(seen);
  return refuseBucket(seen, seen.bucket) ?? markBucket(seen.bucket);
};

const makeBucket = ({ store: { spec, status }, place, creationFailure }: Seen): Step => {
  if (creationFailure !== undefined) return haltWith(creationFailure);
  if (status?.creationStarted !== undefined) return { do: 'create' };
  if (status?.ownership !== undefined && status.endpoint !== place.endpoint)
    return halt(
      'LocationMismatch',
      `Bucket ${spec.name} is not at ${place.endpoint ?? 'the cloud’s own S3'} but was at ${status.endpoint ?? 'the cloud’s own S3'}: change spec.s3.endpoint back.`,
    );
  return { do: 'recordIntent' };
};

/** Why a bucket that is there is not to be touched. */
const refuseBucket = (seen: Seen, bucket: ObservedBucket): Step | undefined => {
  const { spec, status } = seen.store;
  const adopt = spec.adopt ?? 'IfOwned';
  const isClaimed = claimOf(status) !== undefined;
  if (!bucket.isSameAccount)
    return haltWith(takenFrom(seen.store, `Bucket ${spec.name} belongs to another account: choose another spec.name.`));
  if (!bucket.isOurs && bucket.isOthers && (isClaimed || adopt !== 'Always'))
    return halt('NotOwned', `Bucket ${spec.name} carries the mark of another ObjectStore: choose another spec.name.`);
  if (!bucket.isOurs && seen.isIdentityLent && isClaimed)
    return halt(
      'NotOwned',
      `Bucket ${spec.name} does not carry the mark of this ObjectStore: whoever runs the platform can put it back, or choose another spec.name.`,
    );
  if (!isClaimed && (adopt === 'Never' || (adopt === 'IfOwned' && !bucket.isOurs)))
    return halt('NotOwned', `Bucket ${spec.name} is there already: choose another spec.name, or see spec.adopt.`);
  return isElsewhere(seen.place.location, bucket.location)
    ? halt(
        'LocationMismatch',
        `Bucket ${spec.name} is in ${bucket.location}, not in spec.location ${seen.place.location}.`,
      )
    : undefined;
};

/** A bucket that was ours has not become the wrong name to choose: it is the credentials that are others now. `message`: for one that never was. */
export const takenFrom = ({ spec, status }: ObjectStore, message: string): Halt =>
  status?.ownership === undefined
    ? { reason: 'NameTaken', message }
    : {
        reason: 'PermissionDenied',
        message: `Bucket ${spec.name} was this ObjectStore's and is closed to it now: see whether its credentials are still of the account that has the bucket.`,
      };

/** Google writes EU for eu, and people West Europe for westeurope. */
const plain = (location: string): string => location.toLowerCase().replaceAll(' ', '');

const isElsewhere = (wanted: string | undefined, found: string | undefined): boolean =>
  wanted !== undefined && found !== undefined && plain(wanted) !== plain(found);

const markBucket = ({ isOurs, canCarryMark }: ObservedBucket): Step | undefined =>
  isOurs || !canCarryMark ? undefined : { do: 'mark' };

const keepFeatures = ({ features }: Seen): Step | undefined => {
  const open = features.find(({ state }) => state === 'unchecked' || state === 'differs');
  return open && { do: open.state === 'unchecked' ? 'checkFeature' : 'applyFeature', name: open.name };
};

const connect = ({ store, connection }: Seen): Step | undefined => {
  switch (connection) {
    case 'unseen':
      return { do: 'readConnection' };
    case 'absent':
    case 'stale':
      return { do: 'writeConnection' };
    case 'foreign':
      return halt(
        'ConnectionTaken',
        `ConfigMap ${connectionNameOf(store)} was made by somebody else: delete it, or give another spec.writeConnectionTo.configMapName.`,
      );
    case 'current':
      return undefined;
  }
};
