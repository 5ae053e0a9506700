import { isDeepStrictEqual } from 'node:util';
import type { ObjectStore, ObjectStoreStatus } from '../../api/object-store.ts';
import type { Condition } from '../../api/schema.ts';
import { type ConditionUpdate, setConditions } from '../../controller/apply.ts';
import type { Note } from '../../controller/events.ts';
import type { ObservedAccess } from './access/keys.ts';
import { accessSecretNameOf } from './access/secret.ts';
import { connectionNameOf } from './connection.ts';
import type { IntentProofs } from './intent.ts';
import type { BucketConnection } from './providers/bucket.ts';
import { type Blocked, isTransient, type ObservedState, ownershipOf, type Step, type UnmetField } from './state.ts';

/**
 * Before the create call: from here on what is found under this name is ours, unless another's mark is on it. With the platform's keys that
 * is to be proved. What kept the bucket from being made last time goes on being told until it is made.
 */
export const creatingStatus = (
  observed: ObservedState,
  connection: BucketConnection,
  { now, proofs }: { readonly now: string; readonly proofs: IntentProofs },
): ObjectStoreStatus => {
  const { store } = observed;
  const { generation } = store.metadata;
  const isTold = store.status?.observedGeneration === generation && !isReady(store);
  const message = `Bucket ${store.spec.name} is being made.`;
  const findings = (['Ready', 'Synced'] as const).map(
    (type): ConditionUpdate => ({ type, status: 'False', reason: 'Creating', message }),
  );
  const intent = { ...recordOf(observed, connection), creationStarted: now };
  const creationProof = observed.placement.platform === undefined ? undefined : proofs.of(store, intent);
  return {
    ...intent,
    ...(creationProof !== undefined && { creationProof }),
    ...recordsOf(store),
    ...conditionFields(store, now, isTold ? [] : findings),
  };
};

/** The bucket is there, ours and connected; what of the spec could not be applied is told by Synced. */
export const readyStatus = (observed: ObservedState, connection: BucketConnection, now: string): ObjectStoreStatus => {
  const { store } = observed;
  const ownership = observed.sharing === undefined ? (ownershipOf(store.status) ?? 'Adopted') : 'Shared';
  const status: ObjectStoreStatus = {
    ...recordOf(observed, connection),
    ownership,
    configMapName: connectionNameOf(store),
    ...recordsOf(store),
    ...accessRecordOf(observed),
    ...conditionFields(store, now, findingsOf(connection.url, ownership, unmetFields(observed))),
  };
  const isUnchanged =
    observed.features.every(({ state }) => state !== 'repaired') &&
    isDeepStrictEqual(status, withoutSyncTime(store.status));
  return isUnchanged && store.status ? store.status : { ...status, lastSyncTime: now };
};

/** Why nothing goes on. A bucket that was not made after all is not kept in the record. */
export const blockedStatus = (observed: ObservedState, blocked: Blocked, now: string): ObjectStoreStatus => {
  const { store, placement } = observed;
  const { reason, message } = blocked;
  const { observedGeneration: _, conditions: __, ...record } = store.status ?? {};
  const isForgotten = ownershipOf(store.status) === undefined || wasNeverMade(observed, blocked);
  const kept = isForgotten ? recordsOf(store) : record;
  // A provider that throttles says nothing about the bucket.
  const isReadyStill = reason === 'Throttled' && isReady(store) && observed.sharing?.refusal === undefined;
  const types = isReadyStill ? (['Synced'] as const) : (['Ready', 'Synced'] as const);
  return {
    ...kept,
    ...(placement.provider !== undefined && { provider: placement.provider }),
    ...conditionFields(
      store,
      now,
      types.map((type): ConditionUpdate => ({ type, status: 'False', reason, message })),
    ),
  };
};

/** What is there whatever became of the bucket: a user, and finalizers of ours on others' objects. */
const recordsOf = ({ status: { access, inUse } = {} }: ObjectStore): Pick<ObjectStoreStatus, 'access' | 'inUse'> => ({
  ...(inUse !== undefined && { inUse }),
  ...(access !== undefined && { access }),
});

/** Nothing is left at the provider that is to go: what the ObjectStore used may. */
export const doneStatus = ({ ownership, creationStarted, creationProof, access, ...status }: ObjectStoreStatus) =>
  status;

const wasNeverMade = ({ store, bucket }: ObservedState, blocked: Blocked): boolean => {
  if (store.status?.ownership !== undefined) return false;
  return (
    blocked.reason === 'NameTaken' || blocked.reason === 'NotOwned' || (bucket === 'absent' && !isTransient(blocked))
  );
};

const isReady = ({ status }: ObjectStore): boolean =>
  status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

/** What is known of the bucket, for the next reconciliation and for people. */
const recordOf = ({ store, placement, bucket }: ObservedState, connection: BucketConnection): ObjectStoreStatus => {
  const found = typeof bucket === 'string' ? undefined : bucket.location;
  const location = found ?? placement.location;
  return {
    bucketName: store.spec.name,
    ...(placement.provider !== undefined && { provider: placement.provider }),
    ...(location !== undefined && { location }),
    ...(placement.endpoint !== undefined && { endpoint: placement.endpoint }),
    url: connection.url,
  };
};

/** What the Secret holds, for people; and that there may be a user, for ourselves. */
const accessRecordOf = ({ store, access }: ObservedState): Pick<ObjectStoreStatus, 'access'> => {
  const recorded = store.status?.access;
  if (recorded === undefined) return {};
  if (typeof access === 'string') return { access: recorded };
  if (access.secret === 'absent') return { access: { ...recorded, ...identityOf(access) } };
  const { keyId, issuedAt, formerKeys, formerUntil } = access.secret;
  return {
    access: {
      user: recorded.user,
      secretName: accessSecretNameOf(store),
      keyId,
      keyIssued: toSecond(issuedAt),
      ...(formerKeys.length > 0 && { formerKeysUntil: toSecond(formerUntil) }),
    },
  };
};

const identityOf = ({ user }: ObservedAccess): { readonly identity?: string } =>
  user === 'absent' || user.identity === undefined ? {} : { identity: user.identity };

const toSecond = (time: string): string => time.replace(/\.\d+Z$/, 'Z');

const conditionFields = ({ metadata, status }: ObjectStore, now: string, findings: readonly ConditionUpdate[]) => {
  const { generation } = metadata;
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    conditions: setConditions(status?.conditions ?? [], findings, { now, generation }),
  };
};

/** What of the spec is not as it says, though the bucket is there. */
export const unmetFields = ({ store, features, references, sharers }: ObservedState): readonly UnmetField[] => {
  const failure = references === 'unobserved' ? undefined : references.failure;
  const stillShared = { reason: 'StillShared', message: keysOut(store, sharers) } as const;
  return [
    ...features.filter((feature) => feature.state === 'failed'),
    ...(failure === undefined ? [] : [unmet('credentialsSecretRef', failure)]),
    ...(sharers.length === 0 ? [] : [unmet('grants', stillShared)]),
  ];
};

const unmet = (name: UnmetField['name'], blocked: Blocked): UnmetField => ({ name, state: 'failed', blocked });

const MOST_NAMES = 5;

/** A tenant may share with as many as they like. */
const someOf = (names: readonly string[]): string => {
  const left = names.length - MOST_NAMES;
  return `${names.slice(0, MOST_NAMES).join(', ')}${left > 0 ? ` and ${left} more` : ''}`;
};

export const keysOut = ({ spec }: ObjectStore, sharers: readonly string[]): string =>
  `Keys for bucket ${spec.name} are still out: ${someOf(sharers)}. They are taken back first.`;

const keysLeft = ({ spec }: ObjectStore, sharers: readonly string[]): string =>
  `Keys for bucket ${spec.name} stay out: ${someOf(sharers)}.`;

const findingsOf = (url: string, ownership: string, failed: readonly UnmetField[]): readonly ConditionUpdate[] => {
  const reason = failed[0]?.blocked.reason;
  if (reason === undefined)
    return [
      { type: 'Ready', status: 'True', reason: ownership, message: `The bucket is there: ${url}` },
      { type: 'Synced', status: 'True', reason: 'UpToDate', message: 'The bucket is as spec says.' },
    ];
  const message = failed.map(({ name, blocked }) => `spec.${name} is not applied. ${blocked.message}`).join(' ');
  return [
    { type: 'Ready', status: 'True', reason, message: `The bucket is there: ${url}, but ${message}` },
    { type: 'Synced', status: 'False', reason, message },
  ];
};

const withoutSyncTime = (status: ObjectStoreStatus | undefined) => {
  const { lastSyncTime: _, ...others } = status ?? {};
  return others;
};

const normal = (reason: string, message: string): Note => ({ type: 'Normal', reason, message });
const warning = (reason: string, message: string): Note => ({ type: 'Warning', reason, message });

/** Pure: what is worth telling of a step that was done. Nothing twice: what status said before is not told again. */
export const noteOn = (step: Step, before: ObservedState, after: ObservedState): Note | undefined => {
  const { store } = before;
  if (step.do === 'observe') return noteOnAbsence(before, after);
  if (step.do === 'remove') return normal('BucketDeleted', `Bucket ${store.spec.name} was deleted.`);
  if (step.do === 'release') return noteOnRelease(step, before);
  if (step.do === 'leaveAccess') return warning('AccessLeft', leftUser(store, step.failure));
  if (step.do === 'block') return noteOnFailure(store, step.blocked);
  return step.do === 'finish' ? noteOnFinish(before, after.store) : undefined;
};

/** What a person has to look after now. */
export const leftUser = (store: ObjectStore, { message }: Pick<Blocked, 'message'>): string =>
  `${userOf(store)} stays at the provider: ${message}`;

/** Who has access, for a sentence. */
export const userOf = ({ status }: ObjectStore): string => {
  const { user, serviceAccount } = status?.access ?? {};
  return `User ${user} ${serviceAccount === undefined ? 'with its keys' : `of service account ${serviceAccount}`}`;
};

const noteOnRelease = (
  { kept }: Extract<Step, { readonly do: 'release' }>,
  { store, sharers }: ObservedState,
): Note | undefined => {
  if (sharers.length > 0) return warning('AccessLeft', [keysLeft(store, sharers), kept ?? ''].join(' ').trim());
  return kept === undefined ? undefined : warning('BucketKept', kept);
};

const noteOnAbsence = ({ store }: ObservedState, { bucket }: ObservedState): Note | undefined =>
  bucket === 'absent' && store.status?.ownership !== undefined && !store.metadata.deletionTimestamp
    ? warning('BucketGone', `Bucket ${store.spec.name} is gone from the provider; it is made anew, and empty.`)
    : undefined;

const noteOnFailure = (
  store: ObjectStore,
  { reason, message }: Pick<Condition, 'reason' | 'message'>,
): Note | undefined => {
  const reported = syncedOf(store);
  return reported?.reason === reason && reported.message === message ? undefined : warning(reason, message);
};

const noteOnFinish = ({ store, features }: ObservedState, after: ObjectStore): Note | undefined => {
  const name = store.spec.name;
  const url = after.status?.url ?? '';
  if (store.spec.sharedFrom !== undefined && store.status?.ownership === undefined)
    return normal('Shared', `Bucket ${name} may be used: ${url}`);
  if (store.status?.ownership === undefined)
    return ownershipOf(store.status) === 'Created'
      ? normal('Created', `Bucket ${name} was made: ${url}`)
      : normal('Adopted', `Bucket ${name} was there and is this ObjectStore's from now on: ${url}`);
  const synced = syncedOf(after);
  if (synced?.status === 'False') return noteOnFailure(store, synced);
  const repaired = features.filter(({ state }) => state === 'repaired').map((feature) => `spec.${feature.name}`);
  if (repaired.length === 0) return undefined;
  const hasDrifted = isReady(store) && store.status.observedGeneration === store.metadata.generation;
  return hasDrifted
    ? warning('Drifted', `${repaired.join(', ')} had been changed at the provider; the bucket is as spec says again.`)
    : normal('Applied', `Set at the provider: ${repaired.join(', ')}.`);
};

const syncedOf = ({ status }: ObjectStore) => status?.conditions?.find(({ type }) => type === 'Synced');
