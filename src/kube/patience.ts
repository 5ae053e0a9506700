import { AppError, messageOf, type Reason } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { Resource } from './api-server.ts';
import { type BackoffLimits, createBackoff, defaultBackoff } from './backoff.ts';
import type { WatchLog, WritableStore } from './store.ts';

/** The retry policy of a reflector. */
export interface RetryPolicyOptions {
  readonly backoff?: BackoffLimits;
  /** How often a kind that is not installed is looked for, in the long run. */
  readonly absentRetryMs?: number;
  /** Told of each watch that ended or failed, before the next begins: for metrics. */
  readonly onRestart?: (restartReason: RestartReason) => void;
}

export type RestartReason = 'ended' | 'gone' | 'absent' | 'failed';

interface RetriedWatch<T extends KubeObject> extends RetryPolicyOptions {
  readonly resource: Resource;
  readonly store: WritableStore<T>;
  readonly log: WatchLog;
}

const ABSENT_RETRY_MS = 10_000;
const ABSENT_FIRST_MS = 1_000;
/** A watch that did not live so long counts as failed, so that a server that ends them all is not hammered. */
const SHORT_LIVED_MS = 1_000;

export const hasReason = (failure: unknown, ...reasons: readonly Reason[]): boolean =>
  failure instanceof AppError && reasons.includes(failure.reason);

/** How many milliseconds to wait before following again, after `failure` (undefined: the watch ended) and a life of `livedMs`. */
export const createRetryPolicy = <T extends KubeObject>(options: RetriedWatch<T>) => {
  const backoff = createBackoff(options.backoff ?? defaultBackoff);
  const absentKind = createAbsentKindPolicy(options);
  const warn = createWarner(options);
  return (failure: unknown, livedMs: number): number => {
    const restartReason = restartReasonOf(failure);
    options.onRestart?.(restartReason);
    if (restartReason === 'absent') return absentKind.waitMs();
    absentKind.end();
    const isShortLived = livedMs < SHORT_LIVED_MS;
    if (!isShortLived) backoff.reset();
    warn(failure, isShortLived);
    return restartReason === 'ended' && !isShortLived ? 0 : backoff.next(failure);
  };
};

const restartReasonOf = (failure: unknown): RestartReason => {
  if (failure === undefined) return 'ended';
  if (hasReason(failure, 'NotFound')) return 'absent';
  return hasReason(failure, 'Gone') ? 'gone' : 'failed';
};

/** One line for each run of failures. */
const createWarner = <T extends KubeObject>({ log, resource }: RetriedWatch<T>) => {
  let isWarned = false;
  return (failure: unknown, isShortLived: boolean): void => {
    if (!isShortLived) isWarned = false;
    if (failure === undefined || isWarned) return;
    isWarned = true;
    log.warn({ kind: resource.kind, error: messageOf(failure) }, 'watch interrupted');
  };
};

/**
 * A list answered with 404: the kind is not installed. What the store still has is dropped only after the long interval,
 * because a starting API server answers 404 for a moment too.
 */
const createAbsentKindPolicy = <T extends KubeObject>(options: RetriedWatch<T>) => {
  const { store, log, resource, absentRetryMs = ABSENT_RETRY_MS } = options;
  let since: number | undefined;
  let wait = ABSENT_FIRST_MS;
  return {
    end: (): void => {
      since = undefined;
      wait = ABSENT_FIRST_MS;
    },
    waitMs: (): number => {
      if (since === undefined) log.info({ kind: resource.kind }, 'kind is not installed');
      since ??= performance.now();
      if (store.size() === 0 || performance.now() - since >= absentRetryMs) {
        store.keepOnly(new Set());
        store.markSynced();
      }
      const now = Math.min(wait, absentRetryMs);
      wait *= 2;
      return now;
    },
  };
};
