import type { KubeObject } from '../../api/kubernetes.ts';
import type { ObjectStore } from '../../api/object-store.ts';
import { type Outcome, runController } from '../../controller/loop.ts';
import { keyOf, parseKey, type Store } from '../../kube/store.ts';
import type { Log } from '../../ops/log.ts';
import type { Metrics } from '../../ops/metrics.ts';
import { ownerOfConnection } from './connection.ts';
import { createReconciler, type ReconcileReport, type ReconcilerOptions } from './controller.ts';
import { readReferences, versionOf } from './provider.ts';
import { afterReferenceCheck, type RequeueState, requeueAt, requeueStateFor, revisionOf } from './requeue.ts';

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
  const { stores, signal, log, metrics, resyncMs } = options;
  const reconciler = createKeyReconciler(options);
  return runController({
    name: 'object-store',
    concurrency: CONCURRENCY,
    resyncMs,
    signal,
    log,
    metrics,
    keys: () => stores.list().map(({ metadata }) => keyOf(metadata)),
    subscribe: (add) => subscribe(options, add, reconciler.wake),
    reconcile: reconciler.reconcile,
  });
};

const subscribe = (
  { stores, connections }: ObjectStoreControllerOptions,
  add: (key: string) => void,
  forget: (key: string) => void,
): (() => void) => {
  const stops = [
    stores.onChange((_, { metadata }) => add(keyOf(metadata))),
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
  const reconcileStore = createReconciler(options);

  /** Milliseconds until it is due; undefined where there is something to do. */
  const remainingWait = async (key: string, store: ObjectStore, signal: AbortSignal): Promise<number | undefined> => {
    const state = requeueStates.get(key);
    const now = Date.now();
    if (state === undefined || state.askedRevision !== revisionOf(store) || state.dueAt <= now) return undefined;
    if (state.referencesDueAt > now) return requeueAt(state) - now;
    if (versionOf(await readReferences(kube, store, signal)) !== state.references) return undefined;
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
    reconcile: async (key: string, signal: AbortSignal): Promise<Outcome | undefined> => {
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
