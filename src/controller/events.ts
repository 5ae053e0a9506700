import { hash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasReason, messageOf } from '../api/errors.ts';
import { type KubeObject, metaTime } from '../api/kubernetes.ts';
import { plainText } from '../api/plain-text.ts';
import { type Kube, resources } from '../kube/api-server.ts';
import { keyOf } from '../kube/store.ts';
import type { Log } from '../ops/log.ts';
import type { Metrics } from '../ops/metrics.ts';
import { objectKeyOf } from './apply.ts';

export interface EventRecorder {
  /** Has a Kubernetes Event written about the object, some time soon. Returns at once and never throws. */
  readonly record: (about: KubeObject, note: Note) => void;
  /** Writes what still waits, for at most `graceMs`; nothing is recorded afterwards. */
  readonly close: (graceMs: number) => Promise<void>;
}

export interface EventRecorderOptions {
  readonly kube: Pick<Kube, 'create' | 'mergePatch'>;
  /** Who says it: the name of the pod. */
  readonly instance: string;
  readonly log: Log;
  readonly metrics: Pick<Metrics, 'countEvent'>;
  /** Writes at once and per second in the long run, of all Events together. */
  readonly rate?: { readonly burst: number; readonly perSecond: number };
}

interface PendingEvent {
  readonly event: Omit<EventObject, 'count'>;
  readonly count: number;
  readonly attempts: number;
}

/** Bounds on what etcd is made to hold and this process to remember. Those per object are client-go's. */
const RATE_LIMIT = { burst: 100, perSecond: 5 };
const RATE_LIMIT_PER_OBJECT = { burst: 25, perSecond: 1 / 300 };
const MAX_PENDING = 1_000;
const MAX_OBJECTS = 4_096;
const MAX_ATTEMPTS = 5;
const RETRY_MS = 1_000;

/** A recorder that writes one Event after another, in the background. The same note on the same object is counted, not written anew. */
export const createEventRecorder = (options: EventRecorderOptions): EventRecorder => {
  const { metrics, rate: { burst, perSecond } = RATE_LIMIT } = options;
  const rate = createRateLimiter(burst, perSecond);
  const limiterOf = createObjectRateLimiters();
  const pending = new Map<string, PendingEvent>();
  const closing = new AbortController();
  let isClosed = false;
  let pumping: Promise<void> | undefined;

  const enqueue = ({ event, count, attempts }: PendingEvent): void => {
    const key = keyOf(event.metadata);
    const before = pending.get(key);
    if (!before && pending.size >= MAX_PENDING) {
      metrics.countEvent('dropped');
      return;
    }
    pending.set(key, { event, count: count + (before?.count ?? 0), attempts });
    start();
  };
  const start = (): void => {
    pumping ??= pump().finally(() => {
      pumping = undefined;
      if (pending.size > 0 && !closing.signal.aborted) start();
    });
  };
  const pump = async (): Promise<void> => {
    for (const key of pending.keys()) {
      await pause(rate.waitMs(), closing.signal);
      const next = pending.get(key);
      if (next === undefined || closing.signal.aborted) return;
      rate.take();
      pending.delete(key);
      if (await writeOrLog(options, next)) {
        await pause(RETRY_MS, closing.signal);
        enqueue({ ...next, attempts: next.attempts + 1 });
      }
    }
  };
  return {
    record: (about, note) => {
      if (isClosed || !limiterOf(about).take()) {
        metrics.countEvent('dropped');
        return;
      }
      const at = metaTime(new Date());
      const event = { ...eventOf(about, note, options.instance), firstTimestamp: at, lastTimestamp: at };
      enqueue({ event, count: 1, attempts: 0 });
    },
    close: async (graceMs) => {
      isClosed = true;
      const timer = setTimeout(() => closing.abort(), graceMs);
      while (pumping && !closing.signal.aborted) await pumping;
      clearTimeout(timer);
      for (let left = pending.size; left > 0; left -= 1) metrics.countEvent('dropped');
    },
  };
};

/** True where it failed and should be tried again. */
const writeOrLog = async (
  { kube, log, metrics }: EventRecorderOptions,
  { event, count, attempts }: PendingEvent,
): Promise<boolean> => {
  try {
    await write(kube, event, count);
    metrics.countEvent('written');
    return false;
  } catch (error) {
    const isTransient = hasReason(error, 'Unavailable', 'Timeout');
    if (isTransient && attempts + 1 < MAX_ATTEMPTS) return true;
    metrics.countEvent('failed');
    log.warn({ event: event.metadata.name, reason: event.reason, error: messageOf(error) }, 'event not written');
    return false;
  }
};

const write = async (
  kube: EventRecorderOptions['kube'],
  event: Omit<EventObject, 'count'>,
  count: number,
): Promise<void> => {
  try {
    await kube.create<EventObject>(resources.events, { ...event, count });
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error;
    const key = objectKeyOf(event);
    // An empty patch changes nothing and answers what is stored: reading Events takes no permission of its own then.
    const stored = await kube.mergePatch<EventObject>(resources.events, key, {});
    const { lastTimestamp, reportingInstance } = event;
    const patch = { count: (stored.count ?? 0) + count, lastTimestamp, reportingInstance };
    await kube.mergePatch(resources.events, key, patch);
  }
};

/** A rate for each object, the least recently spoken of forgotten first. */
const createObjectRateLimiters = (): ((about: KubeObject) => RateLimiter) => {
  const limiters = new Map<string, RateLimiter>();
  return ({ metadata }) => {
    const uid = metadata.uid ?? `${metadata.namespace}/${metadata.name}`;
    const rate = limiters.get(uid) ?? createRateLimiter(RATE_LIMIT_PER_OBJECT.burst, RATE_LIMIT_PER_OBJECT.perSecond);
    limiters.delete(uid);
    limiters.set(uid, rate);
    const [oldest] = limiters.keys();
    if (limiters.size > MAX_OBJECTS && oldest !== undefined) limiters.delete(oldest);
    return rate;
  };
};

const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
};

/** Something to tell the owner of an object, in `kubectl describe`. */
export interface Note {
  readonly type: 'Normal' | 'Warning';
  /** One word in CamelCase, the same for the same thing. */
  readonly reason: string;
  /** One sentence; only the first 1024 characters are kept. */
  readonly message: string;
}

/** core/v1 Event. */
export interface EventObject extends KubeObject {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly count?: number;
  readonly firstTimestamp?: string;
  readonly lastTimestamp?: string;
  readonly involvedObject: Readonly<Record<string, string | undefined>>;
  readonly source: { readonly component: string };
  readonly reportingComponent: string;
  readonly reportingInstance: string;
}

/** Who says it: `reportingComponent` of each of our Events. */
export const EVENT_COMPONENT = 'quartermaster';
const MAX_MESSAGE_LENGTH = 1024;
const MAX_OBJECT_NAME_LENGTH = 230;

/**
 * The Event that says `note` about an object. The same note has the same name, whichever replica says it and whenever, so that
 * it is counted up instead of written again. Events about cluster-scoped objects go to the namespace default.
 */
const eventOf = (about: KubeObject, note: Note, instance: string): Omit<EventObject, 'count'> => {
  const { namespace, name = '', uid, resourceVersion } = about.metadata;
  const { apiVersion, kind } = about;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: {
      name: `${name.slice(0, MAX_OBJECT_NAME_LENGTH)}.${fingerprint(about, note)}`,
      namespace: namespace || 'default',
    },
    involvedObject: { apiVersion, kind, namespace, name, uid, resourceVersion },
    type: note.type,
    reason: note.reason,
    message: plainText(note.message, MAX_MESSAGE_LENGTH),
    source: { component: EVENT_COMPONENT },
    reportingComponent: EVENT_COMPONENT,
    reportingInstance: instance,
  };
};

const fingerprint = ({ kind, metadata: { uid } }: KubeObject, { type, reason, message }: Note): string =>
  hash('sha256', JSON.stringify([kind, uid, type, reason, message])).slice(0, 16);

/** A token bucket: `burst` at once, `perSecond` in the long run. */
interface RateLimiter {
  /** Takes a token where there is one. */
  readonly take: () => boolean;
  /** Until there is a token, in milliseconds; 0: now. */
  readonly waitMs: () => number;
}

const createRateLimiter = (burst: number, perSecond: number): RateLimiter => {
  let tokens = burst;
  let at = performance.now();
  const refill = (): void => {
    const now = performance.now();
    tokens = Math.min(burst, tokens + ((now - at) / 1000) * perSecond);
    at = now;
  };
  return {
    take: () => {
      refill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    waitMs: () => {
      refill();
      return tokens >= 1 ? 0 : ((1 - tokens) / perSecond) * 1000;
    },
  };
};
