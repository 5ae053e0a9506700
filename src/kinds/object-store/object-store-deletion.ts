import type { ObservedBucket } from './providers/bucket.ts';
import { claimOf, type Halt, halt, hasFinalizer, isPassing, type Seen, type Step } from './state.ts';

/** How long a Retain waits for a provider that does not answer; the mark then stays on the bucket. */
export const UNMARK_PATIENCE_MS = 120_000;

const isForDeletion = ({ store: { spec, status } }: Seen): boolean =>
  spec.deletionPolicy === 'Delete' && claimOf(status) === 'Created';

/** Pure: what to do next for an ObjectStore that is going. One whose bucket was never made goes without a call. */
export const nextDeletionStep = (seen: Seen): Step => {
  const { store, refusal, bucket } = seen;
  if (!hasFinalizer(store)) return { do: 'rest' };
  if (claimOf(store.status) === undefined || bucket === 'absent') return { do: 'letGo' };
  if (refusal !== undefined) return giveUp(seen, refusal);
  if (bucket === 'unseen') return { do: 'observe' };
  return isForDeletion(seen) ? deleteBucket(seen, bucket) : retainBucket(seen, bucket);
};

const deleteBucket = ({ store: { spec, status }, isIdentityLent }: Seen, bucket: ObservedBucket): Step => {
  const isUnmarked = !bucket.isOthers && bucket.isSameAccount && !isIdentityLent;
  const isOurs =
    (bucket.isOurs && bucket.isSameAccount) ||
    (isUnmarked && (!bucket.canCarryMark || status?.creationStarted !== undefined));
  if (isOurs) return { do: 'remove' };
  return { do: 'letGo', kept: `Bucket ${spec.name} stays: it no longer carries the mark of this ObjectStore.` };
};

const retainBucket = ({ store: { spec } }: Seen, bucket: ObservedBucket): Step => {
  if (bucket.isOurs && bucket.canCarryMark) return { do: 'unmark' };
  return spec.deletionPolicy === 'Delete'
    ? { do: 'letGo', kept: `Bucket ${spec.name} stays: it was there before this ObjectStore and is never deleted.` }
    : { do: 'letGo' };
};

/**
 * What becomes of a deletion that met a failure. A bucket to delete is waited for; one to retain is not held on to
 * longer than it may take to get our mark off it.
 */
export const giveUp = (seen: Seen, failure: Halt, waitedMs = Number.POSITIVE_INFINITY): Step => {
  const { spec } = seen.store;
  const isTheirs = failure.reason === 'NameTaken' || failure.reason === 'NotOwned';
  if (isTheirs) return { do: 'letGo', kept: `Bucket ${spec.name} stays: it is not ours. ${failure.message}` };
  if (isForDeletion(seen))
    return halt({
      ...failure,
      message: `${failure.message} To leave the bucket behind, set spec.deletionPolicy: Retain.`,
    });
  if (isPassing(failure) && waitedMs < UNMARK_PATIENCE_MS) return halt(failure);
  return { do: 'letGo', kept: `Bucket ${spec.name} stays, and our mark on it: ${failure.message}` };
};
