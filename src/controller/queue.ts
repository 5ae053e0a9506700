/** What a queue does with one key. The signal fires when the work is to be given up. Must not throw: see `reconcileOnce`. */
export type Work = (key: string, signal: AbortSignal) => Promise<void>;

export interface QueueOptions {
  readonly work: Work;
  /** How many keys are worked on at once. */
  readonly concurrency: number;
  /** Told of each change of `depth`. */
  readonly onDepth?: (depth: number) => void;
}

/** Keys to be worked on, with the semantics of client-go's workqueue. */
export interface Queue {
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
