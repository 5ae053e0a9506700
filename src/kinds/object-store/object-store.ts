import type { KubeObject } from '../../api/kubernetes.ts';
import type { ObjectStore } from '../../api/object-store.ts';
import { type Outcome, runController } from '../../controller/loop.ts';
import { keyOf, parseKey, type Store } from '../../kube/store.ts';
import type { Log } from '../../ops/log.ts';
import type { Metrics } from '../../ops/metrics.ts';
import { ownerOfConnection } from './connection.ts';
import { createPasses, type PassesOptions, type PassReport } from './controller.ts';
import { readReferences, versionOf } from './provider.ts';
import { askedBy, lookAgain, type Rest, restFor, wakeAt } from './requeue.ts';

export interface ObjectStoreControllerOptions extends PassesOptions {
  readonly stores: Store<ObjectStore>;
  /** ConfigMaps with our label: one that is changed or deleted is put right at once, not only when its turn comes. */
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
  const reconciler = createReconciler(options);
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
  wake: (key: string) => void,
): (() => void) => {
  const stops = [
    stores.onChange((_, { metadata }) => add(keyOf(metadata))),
    connections.onChange((type, connection) => {
      const owner = ownerOfConnection(connection);
      if (owner === undefined || type === 'ADDED') return;
      wake(keyOf(owner));
      add(keyOf(owner));
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
};

const createReconciler = (options: ObjectStoreControllerOptions) => {
  const { kube, stores, resyncMs } = options;
  const rests = new Map<string, Rest>();
  const passOver = createPasses(options);

  /** Milliseconds to rest on; undefined where there is something to do. */
  const resting = async (key: string, store: ObjectStore, signal: AbortSignal): Promise<number | undefined> => {
    const rest = rests.get(key);
    const now = Date.now();
    if (rest === undefined || rest.for !== askedBy(store) || rest.until <= now) return undefined;
    if (rest.lookAt > now) return wakeAt(rest) - now;
    if (versionOf(await readReferences(kube, store, signal)) !== rest.references) return undefined;
    const next = lookAgain(rest, { now, resyncMs, random: Math.random });
    rests.set(key, next);
    return wakeAt(next) - now;
  };

  const settle = (key: string, report: PassReport): Outcome => {
    if (report.kind === 'paced') return { requeueAfterMs: report.waitMs };
    if (report.kind === 'gone') return { decision: 'object store let go' };
    const now = Date.now();
    const rest = restFor(report, rests.get(key), { resyncMs, now, random: Math.random });
    rests.set(key, rest);
    return { ...requeue(wakeAt(rest) - now), ...decisionOf(report) };
  };

  return {
    wake: (key: string) => void rests.delete(key),
    reconcile: async (key: string, signal: AbortSignal): Promise<Outcome | undefined> => {
      const store = stores.get(parseKey(key));
      if (store === undefined) {
        rests.delete(key);
        return undefined;
      }
      const restMs = await resting(key, store, signal);
      return restMs === undefined ? settle(key, await passOver(store, signal)) : requeue(restMs);
    },
  };
};

const requeue = (ms: number): Outcome => (Number.isFinite(ms) ? { requeueAfterMs: Math.max(0, ms) } : {});

const decisionOf = ({
  halts: [halt],
  isFulfilled,
  isChanged,
  store,
}: Extract<PassReport, { readonly kind: 'rest' }>): Outcome => {
  if (!isChanged) return {};
  const { bucketName, provider } = store.status ?? {};
  return isFulfilled
    ? { decision: 'object store ready', fields: { bucket: bucketName, provider, lacks: halt?.message } }
    : { decision: 'object store waits', fields: { reason: halt?.reason, why: halt?.message } };
};
