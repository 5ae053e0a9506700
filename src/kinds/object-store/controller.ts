import { type KubeObject, metaTime } from '../../api/kubernetes.ts';
import type { ObjectStore } from '../../api/object-store.ts';
import { objectKeyOf } from '../../controller/apply.ts';
import type { EventRecorder } from '../../controller/events.ts';
import { type Outcome, runController } from '../../controller/loop.ts';
import { type Kube, resources } from '../../kube/api-server.ts';
import { keyOf, parseKey, type Store } from '../../kube/store.ts';
import { REFERENCES, SHARED_FROM } from '../../kube/stores.ts';
import type { Log } from '../../ops/log.ts';
import type { Metrics } from '../../ops/metrics.ts';
import { accessDueMs } from './access/keys.ts';
import { ownerOfConnection } from './connection.ts';
import { letGo, type ReferenceTools } from './in-use.ts';
import { createIntentProofs } from './intent.ts';
import type { Placement } from './placement.ts';
import {
  connectionVersionOf,
  createProviderCache,
  openProviderFor,
  type ProviderContext,
  readReferences,
  versionOf,
} from './provider.ts';
import { createProviderRateLimiter, type Reservation, type ReservationRequest } from './rate-limiter.ts';
import { type Opened, runSteps, type StepsResult } from './reconciler.ts';
import { afterReferenceCheck, type RequeueState, requeueAt, requeueStateFor, revisionOf } from './requeue.ts';
import {
  type Blocked,
  desiredBucket,
  initialState,
  isDone,
  type LabelsOf,
  type ObservedState,
  type OtherStores,
  placementOf,
  type Step,
} from './state.ts';
import { leftUser, noteOn, unmetFields } from './status.ts';
import { nextStep } from './steps.ts';

export interface ObjectStoreControllerOptions extends ReconcilerOptions {
  readonly stores: Store<ObjectStore>;
  /** ConfigMaps with our label: one that is changed or deleted is put right at once, not only at the next resync. */
  readonly connections: Store<KubeObject>;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'countReconcile' | 'setQueue' | 'countBucketCall'>;
  /** How often a bucket is compared with its ObjectStore. */
  readonly resyncMs: number;
  readonly signal: AbortSignal;
}

/** Keys worked on at once: nearly all of the time goes by waiting for providers, of which one can take up no more than a part. */
const CONCURRENCY = 16;

/** Keeps every ObjectStore's bucket as its spec says, until `signal`. */
export const runObjectStoreController = (options: ObjectStoreControllerOptions): Promise<void> => {
  const { stores, signal, log, metrics } = options;
  const reconciler = createKeyReconciler(options);
  return runController({
    name: 'object-store',
    concurrency: CONCURRENCY,
    signal,
    log,
    metrics,
    keys: () => stores.list().map(({ metadata }) => keyOf(metadata)),
    subscribe: (add) => subscribe(options, add, reconciler),
    reconcile: reconciler.reconcile,
  });
};

const subscribe = (
  { stores, connections }: ObjectStoreControllerOptions,
  add: (key: string) => void,
  { wake: forget, lose }: Pick<ReturnType<typeof createKeyReconciler>, 'wake' | 'lose'>,
): (() => void) => {
  const stops = [
    stores.onChange((type, store) => {
      const { metadata, spec } = store;
      if (type === 'DELETED') lose(store);
      add(keyOf(metadata));
      // Whether they may use its bucket depends on it; at the start all are looked at in any case.
      const sharers = type === 'ADDED' ? [] : stores.byIndex(SHARED_FROM, keyOf(metadata));
      const others = spec.sharedFrom === undefined ? sharers.map((each) => each.metadata) : [spec.sharedFrom];
      for (const other of others) {
        forget(keyOf(other));
        add(keyOf(other));
      }
    }),
    connections.onChange((type, connection) => {
      const owner = ownerOfConnection(connection);
      if (owner === undefined || type === 'ADDED') return;
      forget(keyOf(owner));
      add(keyOf(owner));
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
};

const createKeyReconciler = (options: ObjectStoreControllerOptions) => {
  const { kube, stores, resyncMs } = options;
  const requeueStates = new Map<string, RequeueState>();
  const lost = new Map<string, ObjectStore>();
  const reconcileStore = createReconciler(options);

  /** Milliseconds until it is due; undefined where there is something to do. */
  const remainingWait = async (key: string, store: ObjectStore, signal: AbortSignal): Promise<number | undefined> => {
    const state = requeueStates.get(key);
    const now = Date.now();
    if (state === undefined || state.askedRevision !== revisionOf(store) || state.dueAt <= now) return undefined;
    if (state.referencesDueAt > now) return requeueAt(state) - now;
    const { cloud, policy, namespaceLabels } = options;
    const source = sourceOf(store, stores);
    const from = {
      placement: placementOf(source, cloud(), policy, namespaceLabels),
      systemNamespace: policy.systemNamespace,
    };
    if (versionOf(await readReferences(kube, { store, source }, from, signal)) !== state.references) return undefined;
    const next = afterReferenceCheck(state, { now, resyncMs, random: Math.random });
    requeueStates.set(key, next);
    return requeueAt(next) - now;
  };

  const recordReport = (key: string, report: ReconcileReport): Outcome => {
    if (report.kind === 'limited') return { requeueAfterMs: report.waitMs };
    if (report.kind === 'gone') return { decision: 'object store let go' };
    const now = Date.now();
    const state = requeueStateFor(report, requeueStates.get(key), { resyncMs, now, random: Math.random });
    requeueStates.set(key, state);
    return { ...requeue(requeueAt(state) - now), ...decisionOf(report) };
  };

  return {
    wake: (key: string) => void requeueStates.delete(key),
    /** Told of one that is gone: where its finalizer was taken off by force, what it used still has ours. */
    lose: (store: ObjectStore): void => {
      if (store.status?.inUse !== undefined && !isDone(store)) lost.set(keyOf(store.metadata), store);
    },
    reconcile: async (key: string, signal: AbortSignal): Promise<Outcome | undefined> => {
      const gone = lost.get(key);
      if (gone?.status?.inUse !== undefined) await letGo(gone.status.inUse, gone, referenceToolsOf(options, signal));
      if (gone === lost.get(key)) lost.delete(key);
      const store = stores.get(parseKey(key));
      if (store === undefined) {
        requeueStates.delete(key);
        return undefined;
      }
      const remainingMs = await remainingWait(key, store, signal);
      return remainingMs === undefined ? recordReport(key, await reconcileStore(store, signal)) : requeue(remainingMs);
    },
  };
};

const referenceToolsOf = ({ kube, stores }: ReconcilerOptions, signal: AbortSignal): ReferenceTools => ({
  kube,
  usersOf: (namespace, reference) => stores.byIndex(REFERENCES, `${namespace}/${reference}`),
  now: () => metaTime(new Date()),
  signal,
});

const requeue = (ms: number): Outcome => (Number.isFinite(ms) ? { requeueAfterMs: Math.max(0, ms) } : {});

const decisionOf = ({
  blockedBy: [blocked],
  isReady,
  isChanged,
  store,
}: Extract<ReconcileReport, { readonly kind: 'requeue' }>): Outcome => {
  if (!isChanged) return {};
  const { bucketName, provider } = store.status ?? {};
  return isReady
    ? { decision: 'object store ready', fields: { bucket: bucketName, provider, lacks: blocked?.message } }
    : { decision: 'object store waits', fields: { reason: blocked?.reason, why: blocked?.message } };
};

/** What reconciling one ObjectStore came to. */
type ReconcileReport =
  | {
      readonly kind: 'requeue';
      readonly store: ObjectStore;
      /** The bucket is there, ours and connected. */
      readonly isReady: boolean;
      /** All that blocks it, or could not be applied of the spec. */
      readonly blockedBy: readonly Blocked[];
      /** Versions of what it refers to; undefined where it refers to nothing, or was not read. */
      readonly references: string | undefined;
      /** Milliseconds until keys of workloads are to be replaced or taken away, or a Secret let go; infinite where none are. */
      readonly keysDueMs: number;
      /** Whether the ObjectStore was written to. */
      readonly isChanged: boolean;
    }
  | { readonly kind: 'limited'; readonly waitMs: number }
  | { readonly kind: 'gone' };

interface ReconcilerOptions extends Omit<ProviderContext, 'onCall'> {
  readonly kube: Kube;
  readonly stores: Store<ObjectStore>;
  readonly events: Pick<EventRecorder, 'record'>;
  readonly log: Pick<Log, 'warn'>;
  readonly metrics: Pick<Metrics, 'countBucketCall'>;
  readonly namespaceLabels: LabelsOf;
  /** The key that all replicas serve with; undefined as long as there is none. */
  readonly servingKey: () => string | undefined;
}

/** Reconciles ObjectStores known from a cache, which share opened providers and the rate limiter of those. */
const createReconciler = (options: ReconcilerOptions) => {
  const { kube, stores, cloud, policy, clusterUid, events, log, metrics, namespaceLabels } = options;
  const others: OtherStores = { get: stores.get, sharing: (metadata) => stores.byIndex(SHARED_FROM, keyOf(metadata)) };
  const cached = createProviderCache();
  const reserve = createProviderRateLimiter();
  const proofs = createIntentProofs(options.servingKey);
  const hasRival = ({ metadata: { uid }, spec: { name } }: ObjectStore): boolean =>
    stores.list().some((other) => other.metadata.uid !== uid && other.spec.name === name);
  const context: ProviderContext = {
    ...options,
    onCall: ({ provider, operation, outcome, durationMs }) =>
      metrics.countBucketCall(provider, operation, outcome, durationMs / 1000),
  };

  const reconcileStore = async (
    store: ObjectStore,
    reservation: Reservation,
    signal: AbortSignal,
  ): Promise<ReconcileReport> => {
    const observed = initialState(store, cloud(), policy, others, namespaceLabels);
    const { placement } = observed;
    const source = observed.sharing?.owner ?? store;
    let version: string | undefined;
    const open = async (): Promise<Opened> => {
      const from = { placement, systemNamespace: policy.systemNamespace };
      const references = await readReferences(kube, { store, source }, from, signal);
      version = versionOf(references);
      const provider = await cached(identityOf(source, placement, connectionVersionOf(references)), () =>
        openProviderFor(source, placement, references, context),
      );
      return { provider, bucket: desiredBucket(source, placement, clusterUid) };
    };
    const result = await runSteps(observed, {
      context: { ...referenceToolsOf(options, signal), kube, open: once(open), proofs, hasRival },
      waitMs: (step) => (step.do === 'create' ? reservation.acquireCreation() : 0),
      onStep: (step, before, after) => {
        recordEvent(events, step, before, after);
        // No Event is taken in a namespace that is going.
        if (step.do === 'leaveAccess')
          log.warn({ key: keyOf(store.metadata), why: leftUser(before.store, step.failure) }, 'keys were left behind');
      },
    });
    if (result.kind === 'blocked') reservation.backOff(result.blocked);
    return reportOf(
      result,
      store,
      refersToAnything(source, placement) || store.spec.access !== undefined ? version : undefined,
    );
  };

  return async (known: ObjectStore, signal: AbortSignal): Promise<ReconcileReport> => {
    const observed = initialState(known, cloud(), policy, others, namespaceLabels);
    const reservation = reserve(reservationRequestFor(known, observed.placement));
    const waitMs = needsNoProvider(observed) ? 0 : reservation.acquire();
    if (waitMs > 0) return { kind: 'limited', waitMs };
    try {
      // The cache may be older than our own last write, and with it the intent that says a bucket is ours.
      const store = await kube.get<ObjectStore>(resources.objectStores, objectKeyOf(known), signal);
      return store === undefined
        ? { kind: 'limited', waitMs: NOT_FOUND_RETRY_MS }
        : await reconcileStore(store, reservation, signal);
    } finally {
      reservation.release();
    }
  };
};

/** Either it was deleted, which the watch is about to tell, or the API server is starting and knows no custom resources yet. */
const NOT_FOUND_RETRY_MS = 1_000;

const once = <T>(work: () => Promise<T>): (() => Promise<T>) => {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
};

const refersToAnything = ({ spec }: ObjectStore, { platform }: Placement): boolean =>
  platform !== undefined || spec.credentialsSecretRef !== undefined || spec.s3?.caBundleRef !== undefined;

/** Two ObjectStores for which this is equal are served by the same client. */
const identityOf = ({ metadata, spec }: ObjectStore, placement: Placement, references: string): string =>
  JSON.stringify([metadata.namespace, placement, spec.s3, spec.azure, spec.gcp, spec.credentialsSecretRef, references]);

/** What needs no call to a provider does not wait for the rate limiter: a bucket that was never made is no reason to stay. */
const needsNoProvider = (observed: ObservedState): boolean =>
  ['block', 'release', 'none'].includes(nextStep(observed, new Date()).do);

const reservationRequestFor = (
  { metadata, spec }: ObjectStore,
  { provider, endpoint }: Placement,
): ReservationRequest => {
  const secret = spec.credentialsSecretRef?.name;
  const identity = secret === undefined ? '' : `${metadata.namespace}/${secret}`;
  return { holder: metadata.uid ?? '', provider, endpoint, bucket: spec.name, identity };
};

const recordEvent = (
  events: ReconcilerOptions['events'],
  step: Step,
  before: ObservedState,
  after: ObservedState,
): void => {
  const note = noteOn(step, before, after);
  if (note !== undefined) events.record(after.store, note);
};

const reportOf = (result: StepsResult, before: ObjectStore, references: string | undefined): ReconcileReport => {
  if (result.kind === 'limited' || result.kind === 'gone') return result;
  const { store, references: kept } = result.observed;
  const blockedBy =
    result.kind === 'blocked' ? [result.blocked] : unmetFields(result.observed).map((field) => field.blocked);
  const isChanged = store.metadata.resourceVersion !== before.metadata.resourceVersion;
  const keysDueMs = Math.min(keysDueIn(result.observed), kept === 'unobserved' ? Number.POSITIVE_INFINITY : kept.dueMs);
  return { kind: 'requeue', store, isReady: result.kind === 'ready', blockedBy, references, keysDueMs, isChanged };
};

/** The ObjectStore that has the bucket: another one where it is shared. */
const sourceOf = (store: ObjectStore, stores: Store<ObjectStore>): ObjectStore =>
  (store.spec.sharedFrom && stores.get(store.spec.sharedFrom)) ?? store;

const keysDueIn = ({ store, access }: ObservedState): number =>
  store.spec.access === undefined || typeof access === 'string'
    ? Number.POSITIVE_INFINITY
    : accessDueMs(store.spec.access, access, new Date());
