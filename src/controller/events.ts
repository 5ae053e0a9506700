import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, messageOf } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { type Kube, type ObjectKey, resources } from '../kube/api-server.ts';
import type { Log } from '../ops/log.ts';
import type { Metrics } from '../ops/metrics.ts';
import { type EventObject, eventOf, eventTime, type Note } from './event-object.ts';
import { createRate, type Rate } from './rate.ts';

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

interface Waiting {
  readonly event: Omit<EventObject, 'count'>;
  readonly count: number;
  readonly tries: number;
}

/** Bounds on what etcd is made to hold and this process to remember. Those per object are client-go's. */
const RATE = { burst: 100, perSecond: 5 };
const RATE_PER_OBJECT = { burst: 25, perSecond: 1 / 300 };
const MOST_WAITING = 1_000;
const MOST_OBJECTS = 4_096;
const TRIES = 5;
const RETRY_MS = 1_000;

/** A recorder that writes one Event after another, in the background. The same note on the same object is counted, not written anew. */
export const createEventRecorder = (options: EventRecorderOptions): EventRecorder => {
  const { metrics, rate: { burst, perSecond } = RATE } = options;
  const rate = createRate(burst, perSecond);
  const objects = createObjectRates();
  const waiting = new Map<string, Waiting>();
  const closing = new AbortController();
  let isClosed = false;
  let pumping: Promise<void> | undefined;

  const enqueue = ({ event, count, tries }: Waiting): void => {
    const key = event.metadata.name ?? '';
    const before = waiting.get(key);
    if (!before && waiting.size >= MOST_WAITING) {
      metrics.countEvent('dropped');
      return;
    }
    waiting.set(key, { event, count: count + (before?.count ?? 0), tries });
    start();
  };
  const start = (): void => {
    pumping ??= pump().finally(() => {
      pumping = undefined;
      if (waiting.size > 0 && !closing.signal.aborted) start();
    });
  };
  const pump = async (): Promise<void> => {
    for (const key of waiting.keys()) {
      await pause(rate.waitMs(), closing.signal);
      const next = waiting.get(key);
      if (next === undefined || closing.signal.aborted) return;
      rate.take();
      waiting.delete(key);
      if (await writeOrLog(options, next)) {
        await pause(RETRY_MS, closing.signal);
        enqueue({ ...next, tries: next.tries + 1 });
      }
    }
  };
  return {
    record: (about, note) => {
      if (isClosed || !objects(about).take()) {
        metrics.countEvent('dropped');
        return;
      }
      const at = eventTime();
      const event = { ...eventOf(about, note, options.instance), firstTimestamp: at, lastTimestamp: at };
      enqueue({ event, count: 1, tries: 0 });
    },
    close: async (graceMs) => {
      isClosed = true;
      const timer = setTimeout(() => closing.abort(), graceMs);
      while (pumping && !closing.signal.aborted) await pumping;
      clearTimeout(timer);
      for (let left = waiting.size; left > 0; left -= 1) metrics.countEvent('dropped');
    },
  };
};

/** True where it failed and should be tried again. */
const writeOrLog = async (
  { kube, log, metrics }: EventRecorderOptions,
  { event, count, tries }: Waiting,
): Promise<boolean> => {
  try {
    await write(kube, event, count);
    metrics.countEvent('written');
    return false;
  } catch (error) {
    const isPassing = error instanceof AppError && (error.reason === 'Unavailable' || error.reason === 'Timeout');
    if (isPassing && tries + 1 < TRIES) return true;
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
    if (!(error instanceof AppError && error.reason === 'AlreadyExists')) throw error;
    const key: ObjectKey = { namespace: event.metadata.namespace ?? '', name: event.metadata.name ?? '' };
    // An empty patch changes nothing and answers what is stored: reading Events takes no permission of its own then.
    const stored = await kube.mergePatch<EventObject>(resources.events, key, {});
    const { lastTimestamp, reportingInstance } = event;
    const patch = { count: (stored.count ?? 0) + count, lastTimestamp, reportingInstance };
    await kube.mergePatch(resources.events, key, patch);
  }
};

/** A rate for each object, the least recently spoken of forgotten first. */
const createObjectRates = (): ((about: KubeObject) => Rate) => {
  const rates = new Map<string, Rate>();
  return ({ metadata: { uid = '' } }) => {
    const rate = rates.get(uid) ?? createRate(RATE_PER_OBJECT.burst, RATE_PER_OBJECT.perSecond);
    rates.delete(uid);
    rates.set(uid, rate);
    const [oldest] = rates.keys();
    if (rates.size > MOST_OBJECTS && oldest !== undefined) rates.delete(oldest);
    return rate;
  };
};

const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  if (ms > 0) await sleep(ms, undefined, { signal }).catch(() => undefined);
};
