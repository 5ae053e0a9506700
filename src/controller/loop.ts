import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, messageOf } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { delayMs } from '../kube/failure.ts';
import type { Log } from '../ops/log.ts';
import type { Metrics } from '../ops/metrics.ts';

/** What one reconcile came to. Nothing to say and nothing to wait for: undefined. */
export interface Outcome {
  /** Reconcile this key again after so long, even if nothing changes. */
  readonly requeueAfterMs?: number;
  /** What was decided, as a constant sentence: one line of the log, with `fields`. Left out where nothing was done. */
  readonly decision?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** How an error is met: tried again soon and ever later, seldom in the end where somebody has to act; or at a change and each resync alone. */
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
    // What failed counts as failing until it is reconciled once more, also where its object went and nothing names it.
    for (const key of failures.keys()) queue.add(key);
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

/** What a queue does with one key. The signal fires when the work is to be given up. Must not throw: see `reconcileOnce`. */
type Work = (key: string, signal: AbortSignal) => Promise<void>;

export interface QueueOptions {
  readonly work: Work;
  /** How many keys are worked on at once. */
  readonly concurrency: number;
  /** Told of each change of `depth`. */
  readonly onDepth?: (depth: number) => void;
}

/** Keys to be worked on, with the semantics of client-go's workqueue. */
interface Queue {
  /** A key that waits already is not added twice; one being worked on runs again afterwards, never at the same time. */
  readonly add: (key: string) => void;
  /** Adds it after `ms`. A key waits for one moment only: the earliest asked for; `add` in between takes its place. */
  readonly addAfter: (key: string, ms: number) => void;
  /** Keys waiting to be worked on now: neither delayed nor being worked on. */
  readonly depth: () => number;
  /** Takes nothing new, lets what is under way finish for at most `graceMs`, then fires its signal. Resolves when all has ended. */
  readonly stop: (graceMs: number) => Promise<void>;
}

interface Delay {
  readonly at: number;
  readonly timer: NodeJS.Timeout;
}

/** A queue that works from the first key on. In memory only: whoever starts it adds all keys there are. */
export const createQueue = ({ work, concurrency, onDepth }: QueueOptions): Queue => {
  const waiting = new Set<string>();
  /** Keys being worked on, each with whether it has been added again meanwhile. */
  const busy = new Map<string, { isDirty: boolean }>();
  const running = new Set<Promise<void>>();
  const delays = createDelays((key) => add(key));
  const giveUp = new AbortController();
  let isStopped = false;

  const add = (key: string): void => {
    if (isStopped) return;
    delays.cancel(key);
    const current = busy.get(key);
    if (current) current.isDirty = true;
    else waiting.add(key);
    advance();
  };
  const advance = (): void => {
    while (!isStopped && busy.size < concurrency) {
      const [key] = waiting;
      if (key === undefined) break;
      waiting.delete(key);
      delays.cancel(key);
      start(key);
    }
    onDepth?.(waiting.size);
  };
  const start = (key: string): void => {
    const state = { isDirty: false };
    busy.set(key, state);
    const done = work(key, giveUp.signal).finally(() => {
      busy.delete(key);
      running.delete(done);
      if (state.isDirty && !isStopped) waiting.add(key);
      advance();
    });
    running.add(done);
  };
  return {
    add,
    addAfter: (key, ms) => {
      if (!isStopped && !waiting.has(key)) delays.set(key, ms);
    },
    depth: () => waiting.size,
    stop: async (graceMs) => {
      isStopped = true;
      waiting.clear();
      delays.clear();
      onDepth?.(0);
      const timer = setTimeout(() => giveUp.abort(), graceMs);
      await Promise.allSettled(running);
      clearTimeout(timer);
    },
  };
};

/** What setTimeout takes at most. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1;

const createDelays = (add: (key: string) => void) => {
  const delays = new Map<string, Delay>();
  const cancel = (key: string): void => {
    clearTimeout(delays.get(key)?.timer);
    delays.delete(key);
  };
  return {
    cancel,
    set: (key: string, ms: number): void => {
      const at = performance.now() + ms;
      if ((delays.get(key)?.at ?? Number.POSITIVE_INFINITY) <= at) return;
      cancel(key);
      delays.set(key, { at, timer: setTimeout(add, Math.min(ms, MAX_TIMEOUT_MS), key) });
    },
    clear: (): void => {
      for (const key of [...delays.keys()]) cancel(key);
    },
  };
};

/** Keys that are blocked: they could not be given what they ask for. With the reason their owners were told, and of which object by that name. */
export interface BlockedKeys {
  /** Notes that `object`, by its key, is blocked for `reason`; true where that is not what this very object was told last. */
  readonly add: (key: string, object: KubeObject, reason: string) => boolean;
  readonly forget: (key: string) => void;
  readonly has: (key: string) => boolean;
  /** Something changed that may unblock a key: soon hands every blocked key to who listens, once for many calls (debounced). */
  readonly recheck: () => void;
  /** Answers how to stop listening. */
  readonly onRecheck: (listener: (key: string) => void) => () => void;
}

/** Long enough to gather what changes together, such as the drivers of an install. */
const DEBOUNCE_MS = 250;

export const createBlockedKeys = (): BlockedKeys => {
  const reasons = new Map<string, string>();
  const listeners = new Set<(key: string) => void>();
  let isDue = false;
  const recheckAll = (): void => {
    isDue = false;
    for (const key of reasons.keys()) for (const listener of listeners) listener(key);
  };
  return {
    add: (key, { metadata }, reason) => {
      const told = `${metadata.uid} ${reason}`;
      const isChanged = reasons.get(key) !== told;
      reasons.set(key, told);
      return isChanged;
    },
    forget: (key) => void reasons.delete(key),
    has: (key) => reasons.has(key),
    recheck: () => {
      if (!isDue) setTimeout(recheckAll, DEBOUNCE_MS);
      isDue = true;
    },
    onRecheck: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
};
