import { setTimeout as sleep } from 'node:timers/promises';
import type { KubeObject } from '../api/kubernetes.ts';
import type { Kube, Resource } from './api-server.ts';
import { createRetryPolicy, hasReason, type RetryPolicyOptions } from './patience.ts';
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
 * as synced and empty, and is picked up when it appears.
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

/** Too old a position, a kind that went away, or an event too large to read: going on from there would fail again. */
const mustRelist = (failure: unknown): boolean => hasReason(failure, 'Gone', 'NotFound', 'TooLarge');

const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
};
