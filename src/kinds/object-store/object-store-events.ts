import type { Condition } from '../../api/condition.ts';
import type { ObjectStore } from '../../api/object-store.ts';
import type { Note } from '../../controller/event-object.ts';
import { type ObservedState, ownershipOf, type Step } from './state.ts';
import { isReady } from './status.ts';

const normal = (reason: string, message: string): Note => ({ type: 'Normal', reason, message });
const warning = (reason: string, message: string): Note => ({ type: 'Warning', reason, message });

/** Pure: what is worth telling of a step that was done. Nothing twice: what status said before is not told again. */
export const noteOn = (step: Step, before: ObservedState, after: ObservedState): Note | undefined => {
  const { store } = before;
  if (step.do === 'observe') return noteOnAbsence(before, after);
  if (step.do === 'remove') return normal('BucketDeleted', `Bucket ${store.spec.name} was deleted.`);
  if (step.do === 'release') return step.kept === undefined ? undefined : warning('BucketKept', step.kept);
  if (step.do === 'block') return noteOnFailure(store, step.blocked);
  return step.do === 'finish' ? noteOnFinish(before, after.store) : undefined;
};

const noteOnAbsence = ({ store }: ObservedState, { bucket }: ObservedState): Note | undefined =>
  bucket === 'absent' && store.status?.ownership !== undefined && !store.metadata.deletionTimestamp
    ? warning('BucketGone', `Bucket ${store.spec.name} is gone from the provider; it is made anew, and empty.`)
    : undefined;

const noteOnFailure = (
  store: ObjectStore,
  { reason, message }: Pick<Condition, 'reason' | 'message'>,
): Note | undefined => {
  const reported = conditionOf(store, 'Synced');
  return reported?.reason === reason && reported.message === message ? undefined : warning(reason, message);
};

const noteOnFinish = ({ store, features }: ObservedState, after: ObjectStore): Note | undefined => {
  const name = store.spec.name;
  const url = after.status?.url ?? '';
  if (store.status?.ownership === undefined)
    return ownershipOf(store.status) === 'Created'
      ? normal('Created', `Bucket ${name} was made: ${url}`)
      : normal('Adopted', `Bucket ${name} was there and is this ObjectStore's from now on: ${url}`);
  const synced = conditionOf(after, 'Synced');
  if (synced?.status === 'False') return noteOnFailure(store, synced);
  const repaired = features.filter(({ state }) => state === 'repaired').map((feature) => `spec.${feature.name}`);
  if (repaired.length === 0) return undefined;
  const hasDrifted = isReady(store) && store.status.observedGeneration === store.metadata.generation;
  return hasDrifted
    ? warning('Drifted', `${repaired.join(', ')} had been changed at the provider; the bucket is as spec says again.`)
    : normal('Applied', `Set at the provider: ${repaired.join(', ')}.`);
};

const conditionOf = ({ status }: ObjectStore, type: string) =>
  status?.conditions?.find((condition) => condition.type === type);
