import { setTimeout as sleep } from 'node:timers/promises';
import { hasReason, messageOf } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { Kube, Resource } from './api-server.ts';
import { type BackoffLimits, createBackoff, defaultBackoff } from './failure.ts';
import { keyOf, type WatchLog, type WritableStore } from './store.ts';

export interface ReflectorOptions<T extends KubeObject> extends RetryPolicyOptions {
  readonly kube: Kube;
  readonly resource: Resource;
  readonly store: WritableStore<T>;
  readonly signal: AbortSignal;
  readonly log: WatchLog;
  /** What is kept of each object; see transforms.ts. Namespace, name, uid and resourceVersion must stay. */
  readonly transform?: (object: T) => T;
  /** Narrows what is watched. */
  readonly query?: { readonly namespace?: string; readonly labelSelector?: string; readonly fieldSelector?: string };
}

const PAGE_SIZE = 500;

/**
 * Keeps `store` equal to what the API server holds: lists in pages, then watches, for ever; resolves only after `signal`.
 *
 * A watch that ended or broke goes on from the last resourceVersion: nothing is missed, nothing read twice. 410 Gone lists again, and
 * what vanished meanwhile is told as DELETED. Failures are retried with backoff. A kind that is not installed counts
 * as synced and empty, and is picked up when it appears; so does one that can be done without, while it may not be read.
 */
export const reflect = async <T extends KubeObject>(options: ReflectorOptions<T>): Promise<void> => {
  const { signal } = options;
  const retryDelayMs = createRetryPolicy(options);
  let resumeFrom: string | undefined;
  const follow = async (): Promise<void> => {
    resumeFrom ??= await list(options);
    await watch(options, resumeFrom, (resourceVersion) => {
      resumeFrom = resourceVersion;
    });
  };
  while (!signal.aborted) {
    const startedAt = performance.now();
    const failure = await follow().catch((error: unknown) => error ?? new Error('nothing was thrown'));
    if (mustRelist(failure)) resumeFrom = undefined;
    if (!signal.aborted) await pause(retryDelayMs(failure, performance.now() - startedAt), signal);
  }
};

const list = async <T extends KubeObject>(options: ReflectorOptions<T>): Promise<string> => {
  const { kube, resource, store, query, signal, transform = (object: T): T => object } = options;
  const kept = new Set<string>();
  const takePage = async (continueToken?: string) => {
    const token = continueToken === undefined ? {} : { continueToken };
    const page = await kube.list<T>(resource, { ...query, ...token, limit: PAGE_SIZE }, signal);
    for (const object of page.items) {
      kept.add(keyOf(object.metadata));
      store.put(transform(object));
    }
    return page;
  };
  const first = await takePage();
  for (let page = first; page.continueToken !== undefined; ) page = await takePage(page.continueToken);
  store.keepOnly(kept);
  store.markForbidden(false);
  store.markSynced();
  return first.resourceVersion;
};

const watch = async <T extends KubeObject>(
  { kube, resource, store, query, signal, transform = (object: T): T => object }: ReflectorOptions<T>,
  resourceVersion: string,
  moveTo: (resourceVersion: string) => void,
): Promise<void> => {
  for await (const event of kube.watch<T>(resource, { ...query, resourceVersion }, signal)) {
    if (event.type === 'BOOKMARK') {
      moveTo(event.resourceVersion);
      continue;
    }
    const { namespace = '', name = '', resourceVersion: at = '' } = event.object.metadata;
    if (event.type === 'DELETED') store.remove({ namespace, name });
    else store.put(transform(event.object));
    moveTo(at);
  }
};

/** Too old a position, a kind that went away, or an event too large to read: going on from there would fail again. Who may read again reads anew. */
const mustRelist = (failure: unknown): boolean => hasReason(failure, 'Gone', 'NotFound', 'TooLarge', 'Forbidden');

const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
};

/** The retry policy of a reflector. */
interface RetryPolicyOptions {
  readonly backoff?: BackoffLimits;
  /** How often a kind that is not installed is looked for, in the long run. */
  readonly absentRetryMs?: number;
  /** Nobody waits for a kind that may not be read: who decides without it decides as well, or asks `isForbidden`. */
  readonly isOptional?: boolean;
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

/** How many milliseconds to wait before following again, after `failure` (undefined: the watch ended) and a life of `livedMs`. */
const createRetryPolicy = <T extends KubeObject>(options: RetriedWatch<T>) => {
  const backoff = createBackoff(options.backoff ?? defaultBackoff);
  const absentKind = createAbsentKindPolicy(options);
  const warn = createWarner(options);
  return (failure: unknown, livedMs: number): number => {
    const restartReason = restartReasonOf(failure);
    options.onRestart?.(restartReason);
    if (restartReason === 'absent') return absentKind.waitMs();
    absentKind.end();
    if (hasReason(failure, 'Forbidden')) goWithout(options);
    const isShortLived = livedMs < SHORT_LIVED_MS;
    if (!isShortLived) backoff.reset();
    warn(failure, isShortLived);
    return restartReason === 'ended' && !isShortLived ? 0 : backoff.next(failure);
  };
};

/** After an upgrade whose ClusterRole was not applied, a kind that the new version reads is none that it may read. */
const goWithout = <T extends KubeObject>({ store, isOptional = false }: RetriedWatch<T>): void => {
  store.markForbidden(true);
  if (isOptional) store.markSynced();
};

const restartReasonOf = (failure: unknown): RestartReason => {
  if (failure === undefined) return 'ended';
  if (hasReason(failure, 'NotFound')) return 'absent';
  return hasReason(failure, 'Gone') ? 'gone' : 'failed';
};

const FORBIDDEN = 'may not be listed and watched: apply the roles of this version';

/** One line for each run of failures. */
const createWarner = <T extends KubeObject>({ log, resource }: RetriedWatch<T>) => {
  let isWarned = false;
  return (failure: unknown, isShortLived: boolean): void => {
    if (!isShortLived) isWarned = false;
    if (failure === undefined || isWarned) return;
    isWarned = true;
    const message = hasReason(failure, 'Forbidden') ? FORBIDDEN : 'watch interrupted';
    log.warn({ kind: resource.kind, error: messageOf(failure) }, message);
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
