import { LEAVE_ACCESS_ANNOTATION } from '../../api/names.ts';
import { type ObjectStore, referencesOf } from '../../api/object-store.ts';
import { nextAccessStep } from './access/keys.ts';
import type { Sharing } from './access/sharing.ts';
import { connectionNameOf } from './connection.ts';
import { isStale } from './intent.ts';
import type { ObservedBucket } from './providers/bucket.ts';
import {
  type Blocked,
  type BlockedReason,
  blocked,
  hasFinalizer,
  isTransient,
  type ObservedState,
  ownershipOf,
  type Step,
} from './state.ts';
import { keysOut, userOf } from './status.ts';

/** Pure: what to do next for an ObjectStore, from all that is known of it. */
export const nextStep = (observed: ObservedState, now: Date): Step => {
  if (observed.store.metadata.deletionTimestamp) return nextDeletionStep(observed, now);
  if (observed.sharing !== undefined) return nextSharedStep(observed, observed.sharing, now);
  return (
    refuse(observed) ??
    keepFinalizer(observed) ??
    keepReferences(observed) ??
    ensureBucket(observed, now) ??
    reconcileFeatures(observed) ??
    ensureConnection(observed) ??
    ensureAccess(observed, now) ??
    letFormerGo(observed) ?? { do: 'finish' }
  );
};

/** There is no bucket to see to, only who may use it. What was given before a grant was taken back goes. */
const nextSharedStep = (observed: ObservedState, { refusal, pending }: Sharing, now: Date): Step => {
  const { store, violation } = observed;
  if (violation !== undefined) return blocked(violation);
  if (refusal !== undefined && store.status?.access !== undefined) return takeBack(observed, refusal);
  const wait = refusal ?? (store.status?.access === undefined ? pending : undefined);
  if (wait !== undefined) return blockedFor('NotGranted', wait);
  return keepFinalizer(observed) ?? ensureConnection(observed) ?? ensureAccess(observed, now) ?? { do: 'finish' };
};

const takeBack = ({ access, features }: ObservedState, refusal: string): Step => {
  if (access !== 'failed') return { do: 'revokeAccess' };
  const failure = features.find(({ name }) => name === 'access');
  if (failure?.state !== 'failed') return blockedFor('NotGranted', refusal);
  const { message } = failure.blocked;
  return blocked({ ...failure.blocked, message: `${refusal} Its keys could not be taken back: ${message}` });
};

const blockedFor = (reason: BlockedReason, message: string): Step => blocked({ reason, message });

const refuse = ({ store: { spec, status }, placement, violation }: ObservedState): Step | undefined => {
  const made = ownershipOf(status) === undefined ? undefined : status?.bucketName;
  if (made !== undefined && made !== spec.name)
    return blockedFor(
      'InvalidSpec',
      `spec.name was ${made} when the bucket was made and cannot be changed: change it back.`,
    );
  if (violation !== undefined) return blocked(violation);
  return placement.unknown === undefined ? undefined : blockedFor('ProviderUnknown', placement.unknown);
};

const keepFinalizer = ({ store }: ObservedState): Step | undefined =>
  hasFinalizer(store) ? undefined : { do: 'addFinalizer' };

/** What gets a finalizer of ours is recorded before, so that none is left on it whatever the spec says next. */
const keepReferences = ({ store, references }: ObservedState): Step | undefined => {
  const wanted = referencesOf(store);
  const { inUse = [] } = store.status ?? {};
  if (!wanted.every((reference) => inUse.includes(reference))) return { do: 'recordReferences' };
  return wanted.length > 0 && references === 'unobserved' ? { do: 'keepReferences' } : undefined;
};

/** Once all was done with what the spec names now. */
const letFormerGo = ({ store }: ObservedState): Step | undefined => {
  const wanted = referencesOf(store);
  return store.status?.inUse?.every((reference) => wanted.includes(reference)) === false
    ? { do: 'letFormerGo' }
    : undefined;
};

const ensureBucket = (observed: ObservedState, now: Date): Step | undefined => {
  if (observed.bucket === 'unobserved') return { do: 'observe' };
  if (observed.bucket === 'absent') return createBucket(observed, now);
  return refuseBucket(observed, observed.bucket) ?? markBucket(observed.bucket);
};

const createBucket = ({ store: { spec, status }, placement, creationFailure }: ObservedState, now: Date): Step => {
  if (creationFailure !== undefined) return blocked(creationFailure);
  const started = status?.creationStarted;
  if (started !== undefined && !(placement.platform !== undefined && isStale(started, now))) return { do: 'create' };
  if (status?.ownership !== undefined && status.endpoint !== placement.endpoint)
    return blockedFor(
      'LocationMismatch',
      `Bucket ${spec.name} is not at ${placement.endpoint ?? 'the cloud’s own S3'} but was at ${status.endpoint ?? 'the cloud’s own S3'}: change spec.s3.endpoint back.`,
    );
  return { do: 'recordIntent' };
};

/** Why a bucket that is there is not to be touched. */
const refuseBucket = (observed: ObservedState, bucket: ObservedBucket): Step | undefined => {
  const { spec, status } = observed.store;
  const adopt = spec.adopt ?? 'IfOwned';
  const isClaimed = ownershipOf(status) !== undefined;
  if (!bucket.isSameAccount)
    return blocked(
      unreachableBucket(observed.store, `Bucket ${spec.name} belongs to another account: choose another spec.name.`),
    );
  if (!bucket.isOurs && bucket.isOthers && (isClaimed || adopt !== 'Always'))
    return blockedFor(
      'NotOwned',
      `Bucket ${spec.name} carries the mark of another ObjectStore: choose another spec.name.`,
    );
  if (!bucket.isOurs && observed.isPlatformIdentity && isClaimed && !observed.isMadeByUs)
    return blockedFor(
      'NotOwned',
      `Bucket ${spec.name} does not carry the mark of this ObjectStore: whoever runs the platform can put it back, or choose another spec.name.`,
    );
  if (!isClaimed && (adopt === 'Never' || (adopt === 'IfOwned' && !bucket.isOurs)))
    return blockedFor('NotOwned', `Bucket ${spec.name} is there already: choose another spec.name, or see spec.adopt.`);
  return isOtherLocation(observed.placement.location, bucket.location)
    ? blockedFor(
        'LocationMismatch',
        `Bucket ${spec.name} is in ${bucket.location}, not in spec.location ${observed.placement.location}.`,
      )
    : undefined;
};

/** A bucket that was ours has not become the wrong name to choose: it is the credentials that are others now. `message`: for one that never was. */
export const unreachableBucket = ({ spec, status }: ObjectStore, message: string): Blocked =>
  status?.ownership === undefined
    ? { reason: 'NameTaken', message }
    : {
        reason: 'PermissionDenied',
        message: `Bucket ${spec.name} was this ObjectStore's and is closed to it now: see whether its credentials are still of the account that has the bucket.`,
      };

/** Google writes EU for eu, and people West Europe for westeurope. */
const normalized = (location: string): string => location.toLowerCase().replaceAll(' ', '');

const isOtherLocation = (wanted: string | undefined, found: string | undefined): boolean =>
  wanted !== undefined && found !== undefined && normalized(wanted) !== normalized(found);

const markBucket = ({ isOurs, canCarryMark }: ObservedBucket): Step | undefined =>
  isOurs || !canCarryMark ? undefined : { do: 'mark' };

const reconcileFeatures = ({ features }: ObservedState): Step | undefined => {
  const pending = features.find((feature) => feature.state === 'unchecked' || feature.state === 'differs');
  if (pending === undefined || pending.state === 'failed') return undefined;
  return { do: pending.state === 'unchecked' ? 'checkFeature' : 'applyFeature', name: pending.name };
};

const ensureConnection = ({ store, connection }: ObservedState): Step | undefined => {
  switch (connection) {
    case 'unobserved':
      return { do: 'readConnection' };
    case 'absent':
    case 'stale':
      return { do: 'writeConnection' };
    case 'foreign':
      return blockedFor(
        'ConnectionTaken',
        `ConfigMap ${connectionNameOf(store)} was made by somebody else: delete it, or give another spec.writeConnectionTo.configMapName.`,
      );
    case 'current':
      return undefined;
  }
};

/** That there may be a user is recorded before it is made, and forgotten after it is gone: none is left behind. */
const ensureAccess = ({ store: { spec, status }, access }: ObservedState, now: Date): Step | undefined => {
  if (access === 'failed') return undefined;
  if (spec.access === undefined) return status?.access && { do: 'revokeAccess' };
  if (status?.access !== undefined && status.access.serviceAccount !== spec.access.serviceAccount)
    return { do: 'revokeAccess' };
  if (access === 'unobserved') return { do: 'observeAccess' };
  const step = nextAccessStep(spec.access, access, now, status?.access?.keyId);
  return step !== undefined && status?.access === undefined ? { do: 'recordAccess' } : step;
};

/** How long a Retain waits for a provider that does not answer; the mark then stays on the bucket. */
const UNMARK_TIMEOUT_MS = 120_000;
/** How long those that share a bucket have to give their keys back before they are left, where a person said so. */
const TAKE_BACK_MS = 120_000;

const isForDeletion = ({ store: { spec, status } }: ObservedState): boolean =>
  spec.deletionPolicy === 'Delete' && ownershipOf(status) === 'Created';

/** Pure: what to do next for an ObjectStore that is going. One whose bucket was never made goes without a call. */
const nextDeletionStep = (observed: ObservedState, now: Date): Step => {
  const { store, violation, bucket } = observed;
  if (!hasFinalizer(store)) return { do: 'none' };
  if (areSharersWaitedFor(observed, now))
    return blockedFor('StillShared', `${keysOut(store, observed.sharers)} ${howToLeave(store, 'them')}`);
  const hasUser = store.status?.access !== undefined;
  if (!hasUser && (ownershipOf(store.status) === undefined || bucket === 'absent')) return { do: 'release' };
  if (violation !== undefined) return giveUp(observed, violation);
  if (hasUser) return { do: 'revokeAccess' };
  if (bucket === 'absent' || observed.sharing !== undefined) return { do: 'release' };
  if (bucket === 'unobserved') return { do: 'observe' };
  return isForDeletion(observed) ? deleteBucket(observed, bucket) : retainBucket(observed, bucket);
};

const areSharersWaitedFor = ({ store, sharers }: ObservedState, now: Date): boolean =>
  sharers.length > 0 &&
  !(isAccessLeft(store) && now.getTime() - Date.parse(store.metadata.deletionTimestamp ?? '') >= TAKE_BACK_MS);

/** The UID says that it is for this object, and for none that is made of the same manifest. */
const isAccessLeft = ({ metadata: { annotations, uid } }: ObjectStore): boolean =>
  uid !== undefined && annotations?.[LEAVE_ACCESS_ANNOTATION] === uid;

const howToLeave = ({ metadata }: ObjectStore, what: 'it' | 'them'): string =>
  `To leave ${what} behind, annotate this ObjectStore with ${LEAVE_ACCESS_ANNOTATION}: ${metadata.uid}.`;

const deleteBucket = (
  { store: { spec, status }, isPlatformIdentity, isMadeByUs }: ObservedState,
  bucket: ObservedBucket,
): Step => {
  const isUnmarked = !bucket.isOthers && bucket.isSameAccount && (!isPlatformIdentity || isMadeByUs);
  const isOurs =
    (bucket.isOurs && bucket.isSameAccount) ||
    (isUnmarked && (!bucket.canCarryMark || status?.creationStarted !== undefined));
  if (isOurs) return { do: 'remove' };
  return { do: 'release', kept: `Bucket ${spec.name} stays: it no longer carries the mark of this ObjectStore.` };
};

const retainBucket = ({ store: { spec } }: ObservedState, bucket: ObservedBucket): Step => {
  if (bucket.isOurs && bucket.canCarryMark) return { do: 'unmark' };
  return spec.deletionPolicy === 'Delete'
    ? { do: 'release', kept: `Bucket ${spec.name} stays: it was there before this ObjectStore and is never deleted.` }
    : { do: 'release' };
};

/**
 * What becomes of a deletion that met a failure. A user, whose keys work, is waited for until a person leaves it; so is a bucket to
 * delete. One to retain does not block longer than it may take to get our mark off it.
 */
export const giveUp = (observed: ObservedState, failure: Blocked, waitedMs = Number.POSITIVE_INFINITY): Step => {
  const { store } = observed;
  if (store.status?.access !== undefined) return giveUpAccess(observed, failure);
  const { name } = store.spec;
  const isTheirs = failure.reason === 'NameTaken' || failure.reason === 'NotOwned';
  if (isTheirs) return { do: 'release', kept: `Bucket ${name} stays: it is not ours. ${failure.message}` };
  if (isForDeletion(observed))
    return blocked({
      ...failure,
      message: `${failure.message} To leave the bucket behind, set spec.deletionPolicy: Retain.`,
    });
  if (isTransient(failure) && waitedMs < UNMARK_TIMEOUT_MS) return blocked(failure);
  return { do: 'release', kept: `Bucket ${name} stays, and our mark on it: ${failure.message}` };
};

const giveUpAccess = ({ store, sharing }: ObservedState, failure: Blocked): Step => {
  if (isAccessLeft(store)) return { do: 'leaveAccess', failure };
  const { namespace, name } = store.spec.sharedFrom ?? {};
  const isOwnerGone = sharing !== undefined && sharing.owner === undefined;
  const why = isOwnerGone
    ? `ObjectStore ${namespace}/${name} is not there, with whose credentials keys are taken back. `
    : '';
  const what = `${userOf(store)} is still there, and goes before this ObjectStore does.`;
  return blocked({ ...failure, message: `${why}${failure.message} ${what} ${howToLeave(store, 'it')}` });
};
