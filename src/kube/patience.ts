import { AppError, messageOf, type Reason } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { Resource } from './api-server.ts';
import { type BackoffLimits, createBackoff, usualBackoff } from './backoff.ts';
import type { WatchLog, WritableStore } from './store.ts';

/** How a reflector takes failure. */
export interface PatienceSettings {
  readonly backoff?: BackoffLimits;
  /** How often a kind that is not installed is looked for, in the long run. */
  readonly absentRetryMs?: number;
  /** Told of each watch that ended or failed, before the next begins: for metrics. */
  readonly onRestart?: (why: Interruption) => void;
}

export type Interruption = 'ended' | 'gone' | 'absent' | 'failed';

interface Subject<T extends KubeObject> extends PatienceSettings {
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
export const createPatience = <T extends KubeObject>(subject: Subject<T>) => {
  const backoff = createBackoff(subject.backoff ?? usualBackoff);
  const absence = createAbsence(subject);
  const warn = createWarner(subject);
  return (failure: unknown, livedMs: number): number => {
    const why = interruptionOf(failure);
    subject.onRestart?.(why);
    if (why === 'absent') return absence.waitMs();
    absence.end();
    const isShortLived = livedMs < SHORT_LIVED_MS;
    if (!isShortLived) backoff.reset();
    warn(failure, isShortLived);
    return why === 'ended' && !isShortLived ? 0 : backoff.next(failure);
  };
};

const interruptionOf = (failure: unknown): Interruption => {
  if (failure === undefined) return 'ended';
  if (hasReason(failure, 'NotFound')) return 'absent';
  return hasReason(failure, 'Gone') ? 'gone' : 'failed';
};

/** One line for each run of failures. */
const createWarner = <T extends KubeObject>({ log, resource }: Subject<T>) => {
  let isTold = false;
  return (failure: unknown, isShortLived: boolean): void => {
    if (!isShortLived) isTold = false;
    if (failure === undefined || isTold) return;
    isTold = true;
    log.warn({ kind: resource.kind, error: messageOf(failure) }, 'watch interrupted');
  };
};

/**
 * A list answered with 404: the kind is not installed. What the store still holds is let go only after the long interval,
 * because a starting API server answers 404 for a moment too.
 */
const createAbsence = <T extends KubeObject>(subject: Subject<T>) => {
  const { store, log, resource, absentRetryMs = ABSENT_RETRY_MS } = subject;
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
