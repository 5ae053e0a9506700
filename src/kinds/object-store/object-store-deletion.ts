import type { ObservedBucket } from './providers/bucket.ts';
import {
  type Blocked,
  blocked,
  hasFinalizer,
  isTransient,
  type ObservedState,
  ownershipOf,
  type Step,
} from './state.ts';

/** How long a Retain waits for a provider that does not answer; the mark then stays on the bucket. */
export const UNMARK_TIMEOUT_MS = 120_000;

const isForDeletion = ({ store: { spec, status } }: ObservedState): boolean =>
  spec.deletionPolicy === 'Delete' && ownershipOf(status) === 'Created';

/** Pure: what to do next for an ObjectStore that is going. One whose bucket was never made goes without a call. */
export const nextDeletionStep = (observed: ObservedState): Step => {
  const { store, violation, bucket } = observed;
  if (!hasFinalizer(store)) return { do: 'none' };
  if (ownershipOf(store.status) === undefined || bucket === 'absent') return { do: 'release' };
  if (violation !== undefined) return giveUp(observed, violation);
  if (bucket === 'unobserved') return { do: 'observe' };
  return isForDeletion(observed) ? deleteBucket(observed, bucket) : retainBucket(observed, bucket);
};

const deleteBucket = ({ store: { spec, status }, isPlatformIdentity }: ObservedState, bucket: ObservedBucket): Step => {
  const isUnmarked = !bucket.isOthers && bucket.isSameAccount && !isPlatformIdentity;
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
 * What becomes of a deletion that met a failure. A bucket to delete is waited for; one to retain is not blocked
 * longer than it may take to get our mark off it.
 */
export const giveUp = (observed: ObservedState, failure: Blocked, waitedMs = Number.POSITIVE_INFINITY): Step => {
  const { spec } = observed.store;
  const isTheirs = failure.reason === 'NameTaken' || failure.reason === 'NotOwned';
  if (isTheirs) return { do: 'release', kept: `Bucket ${spec.name} stays: it is not ours. ${failure.message}` };
  if (isForDeletion(observed))
    return blocked({
      ...failure,
      message: `${failure.message} To leave the bucket behind, set spec.deletionPolicy: Retain.`,
    });
  if (isTransient(failure) && waitedMs < UNMARK_TIMEOUT_MS) return blocked(failure);
  return { do: 'release', kept: `Bucket ${spec.name} stays, and our mark on it: ${failure.message}` };
};
