import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, messageOf } from '../api/errors.ts';
import { delayMs } from '../kube/backoff.ts';
import type { Log } from '../ops/log.ts';
import type { Metrics } from '../ops/metrics.ts';
import { createQueue, type Queue } from './queue.ts';

/** What one reconcile came to. Nothing to say and nothing to wait for: undefined. */
export interface Outcome {
  /** Reconcile this key again after so long, even if nothing changes. */
  readonly requeueAfterMs?: number;
  /** What was decided, as a constant sentence: one line of the log, with `fields`. Left out where nothing was done. */
  readonly decision?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** How an error is met: tried again soon and ever later, seldom in the end where somebody has to act; or not before something changes. */
export type Retry = 'backoff' | 'slow' | 'terminal';

export interface ControllerOptions {
  /** As in logs and metrics. */
  readonly name: string;
  /** Level-based: makes the world as `key` asks, whatever has happened before. Never runs twice at once for one key. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<Outcome | undefined>;
  /** Every key there is: added at the start, and again every `resyncMs`. */
  readonly keys: () => Iterable<string>;
  /** Subscribes to what changes keys; answers how to unsubscribe. Called before `keys`, so that nothing falls between. */
  readonly subscribe: (add: (key: string) => void) => () => void;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'countReconcile' | 'setQueue'>;
  readonly concurrency?: number;
  readonly resyncMs?: number;
  /** How long what is under way may go on after `signal`. */
  readonly drainMs?: number;
  readonly retryOf?: (error: unknown) => Retry;
}

const RESYNC_MS = 600_000;
const DRAIN_MS = 10_000;
const BASE_RETRY_MS = 200;
const MAX_RETRY_MS = { backoff: 30_000, slow: 300_000 };

/**
 * Reconciles keys as they change, until `signal`; resolves when what was under way has ended.
 * Aborting with an AppError (leadership lost) gives up at once what is under way; any other abort lets it finish within `drainMs`.
 */
export const runController = async (options: ControllerOptions): Promise<void> => {
  const { signal, keys, resyncMs = RESYNC_MS } = options;
  const failures = new Map<string, number>();
  const queue: Queue = createQueue({
    concurrency: options.concurrency ?? 2,
    work: (key, giveUp) => reconcileOnce(options, key, giveUp, failures, (ms) => queue.addAfter(key, ms)),
    onDepth: (depth) => options.metrics.setQueue(options.name, depth, failures.size),
  });
  const unsubscribe = options.subscribe(queue.add);
  while (!signal.aborted) {
    for (const key of keys()) queue.add(key);
    await sleep(resyncMs * (0.9 + Math.random() / 5), undefined, { signal }).catch(() => undefined);
  }
  unsubscribe();
  await queue.stop(signal.reason instanceof AppError ? 0 : (options.drainMs ?? DRAIN_MS));
  // What fails is for the next leader to count: it would fail here for ever.
  options.metrics.setQueue(options.name, 0, 0);
};

/**
 * By reason alone. A refusal by the API server stands until someone changes the object or the permission; but one that is
 * starting refuses for a moment what it will grant.
 */
export const retryOfReason = (error: unknown): Retry => {
  if (!(error instanceof AppError)) return 'backoff';
  switch (error.reason) {
    case 'InvalidInput':
    case 'InvalidSetting':
    case 'TooLarge':
      return 'terminal';
    case 'Forbidden':
      return 'slow';
    case 'AlreadyExists':
    case 'Conflict':
    case 'Gone':
    case 'Internal':
    case 'NotFound':
    case 'Timeout':
    case 'Unavailable':
      return 'backoff';
  }
};

/** One reconcile with what follows from it: a log line, a measure, the next time. Never throws. */
const reconcileOnce = async (
  { name, reconcile, log, metrics, retryOf = retryOfReason }: ControllerOptions,
  key: string,
  giveUp: AbortSignal,
  failures: Map<string, number>,
  requeueAfter: (ms: number) => void,
): Promise<void> => {
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  try {
    const { requeueAfterMs, decision, fields } = (await reconcile(key, giveUp)) ?? {};
    failures.delete(key);
    metrics.countReconcile(name, requeueAfterMs === undefined ? 'done' : 'requeued', seconds());
    if (decision !== undefined) log.info({ controller: name, key, ...fields, seconds: seconds() }, decision);
    if (requeueAfterMs !== undefined) requeueAfter(requeueAfterMs);
  } catch (error) {
    if (giveUp.aborted) return metrics.countReconcile(name, 'abandoned', seconds());
    const failed = failures.get(key) ?? 0;
    failures.set(key, failed + 1);
    metrics.countReconcile(name, 'failed', seconds());
    const retryMs = retryAfterMs(retryOf(error), failed);
    log.warn({ controller: name, key, error: messageOf(error), failures: failed + 1, retryMs }, 'reconcile failed');
    if (retryMs !== undefined) requeueAfter(retryMs);
  }
};

const retryAfterMs = (retry: Retry, failed: number): number | undefined =>
  retry === 'terminal' ? undefined : delayMs(failed, BASE_RETRY_MS, MAX_RETRY_MS[retry]);
