import { isDeepStrictEqual } from 'node:util';
import type { ObjectStore, ObjectStoreStatus } from '../../api/object-store.ts';
import { type Finding, updateConditions } from '../../controller/conditions.ts';
import { connectionNameOf } from './connection.ts';
import type { BucketConnection } from './providers/bucket.ts';
import { claimOf, type Halt, isPassing, type Seen, type SeenFeature } from './state.ts';

/**
 * Before the create call: from here on what is found under this name is ours, unless another's mark is on it. What kept
 * the bucket from being made last time goes on being told until it is made.
 */
export const intendedStatus = (seen: Seen, connection: BucketConnection, now: string): ObjectStoreStatus => {
  const { store } = seen;
  const { generation } = store.metadata;
  const isTold = store.status?.observedGeneration === generation && !isReady(store);
  const message = `Bucket ${store.spec.name} is being made.`;
  const findings = (['Ready', 'Synced'] as const).map(
    (type): Finding => ({ type, status: 'False', reason: 'Creating', message }),
  );
  return {
    ...recordOf(seen, connection),
    creationStarted: now,
    ...observed(store, now, isTold ? [] : findings),
  };
};

/** The bucket is there, ours and connected; what of the spec could not be applied is told by Synced. */
export const fulfilledStatus = (seen: Seen, connection: BucketConnection, now: string): ObjectStoreStatus => {
  const { store, features } = seen;
  const ownership = claimOf(store.status) ?? 'Adopted';
  const status: ObjectStoreStatus = {
    ...recordOf(seen, connection),
    ownership,
    configMapName: connectionNameOf(store),
    ...observed(store, now, verdictOf(connection.url, ownership, features)),
  };
  const isUnchanged =
    features.every(({ state }) => state !== 'repaired') && isDeepStrictEqual(status, withoutSyncTime(store.status));
  return isUnchanged && store.status ? store.status : { ...status, lastSyncTime: now };
};

/** Why nothing goes on. A bucket that was not made after all is not kept in the record. */
export const haltedStatus = (seen: Seen, halt: Halt, now: string): ObjectStoreStatus => {
  const { store, place } = seen;
  const { reason, message } = halt;
  const { observedGeneration: _, conditions: __, ...record } = store.status ?? {};
  const kept = claimOf(store.status) === undefined || wasNeverMade(seen, halt) ? {} : record;
  // A provider that asks for patience says nothing about the bucket.
  const types = reason === 'Throttled' && isReady(store) ? (['Synced'] as const) : (['Ready', 'Synced'] as const);
  return {
    ...kept,
    ...(place.provider !== undefined && { provider: place.provider }),
    ...observed(
      store,
      now,
      types.map((type): Finding => ({ type, status: 'False', reason, message })),
    ),
  };
};

const wasNeverMade = ({ store, bucket }: Seen, halt: Halt): boolean => {
  if (store.status?.ownership !== undefined) return false;
  return halt.reason === 'NameTaken' || halt.reason === 'NotOwned' || (bucket === 'absent' && !isPassing(halt));
};

export const isReady = ({ status }: ObjectStore): boolean =>
  status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

/** What is known of the bucket, for the next pass and for people. */
const recordOf = ({ store, place, bucket }: Seen, connection: BucketConnection): ObjectStoreStatus => {
  const found = typeof bucket === 'string' ? undefined : bucket.location;
  const location = found ?? place.location;
  return {
    bucketName: store.spec.name,
    ...(place.provider !== undefined && { provider: place.provider }),
    ...(location !== undefined && { location }),
    ...(place.endpoint !== undefined && { endpoint: place.endpoint }),
    url: connection.url,
  };
};

const observed = ({ metadata, status }: ObjectStore, now: string, findings: readonly Finding[]) => {
  const { generation } = metadata;
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    conditions: updateConditions(status?.conditions ?? [], findings, { now, generation }),
  };
};

const verdictOf = (url: string, ownership: string, features: readonly SeenFeature[]): readonly Finding[] => {
  const failed = features.filter(({ state }) => state === 'failed');
  const reason = failed[0]?.halt?.reason;
  if (reason === undefined)
    return [
      { type: 'Ready', status: 'True', reason: ownership, message: `The bucket is there: ${url}` },
      { type: 'Synced', status: 'True', reason: 'UpToDate', message: 'The bucket is as spec says.' },
    ];
  const message = failed.map(({ name, halt }) => `spec.${name} is not applied. ${halt?.message ?? ''}`).join(' ');
  return [
    { type: 'Ready', status: 'True', reason, message: `The bucket is there: ${url}, but ${message}` },
    { type: 'Synced', status: 'False', reason, message },
  ];
};

const withoutSyncTime = (status: ObjectStoreStatus | undefined) => {
  const { lastSyncTime: _, ...rest } = status ?? {};
  return rest;
};
