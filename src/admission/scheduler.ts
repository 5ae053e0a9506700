/** Has a job of that name done when its turn comes. */
export type InTurn = (name: string, job: () => void) => void;

/** Whose jobs are done one after the other: an address, or a namespace. */
export interface Scheduler {
  readonly inTurn: InTurn;
  /** Counts what was done of that name otherwise, in milliseconds. */
  readonly took: (name: string, ms: number) => void;
  /** Whether so much was done of that name of late that more of it should wait for its turn. */
  readonly isBusy: (name: string) => boolean;
}

/** What such jobs may take of one turn of the event loop, in milliseconds, but for the first. */
export const SLICE_MS = 10;
/** Half of a second's work is forgotten in so many milliseconds. */
const HALF_LIFE_MS = 700;
/** Of late, in milliseconds: a twentieth of all the time there is. */
const BUSY_MS = 50;
/** What takes less is not counted: nearly every review, and a second has room for thousands of them. */
const LEAST_MS = 1;
/** No job takes nearly as long where the machine is not busy. */
const LONGEST_PAUSE_MS = 100;
/** Of names that are known, past which those are forgotten that have used next to nothing. */
const MANY = 1_000;

interface Usage {
  readonly ms: number;
  readonly at: number;
  /** Nothing more of it is done before. */
  readonly pausedUntil: number;
}

/**
 * Jobs one after the other, a few within one turn of the event loop, of whoever has used least time of late first. Nothing else waits
 * for more than one of those that take long, and after such a one nothing of that name is done for as long: others get through a
 * handshake in between. `before` is what goes first, in each turn.
 */
export const createScheduler = (before: () => void, now = () => performance.now()): Scheduler => {
  const waiting = new Map<string, (() => void)[]>();
  const usages = new Map<string, Usage>();
  let isDue = false;
  let timer: NodeJS.Timeout | undefined;

  const usedMs = (name: string): number => {
    const usage = usages.get(name);
    return usage === undefined ? 0 : usage.ms * 2 ** ((usage.at - now()) / HALF_LIFE_MS);
  };
  const pausedUntil = (name: string): number => usages.get(name)?.pausedUntil ?? 0;
  const forgetOld = (): void => {
    for (const name of usages.keys()) if (usedMs(name) < LEAST_MS) usages.delete(name);
  };
  const took = (name: string, ms: number): void => {
    if (ms < LEAST_MS) return;
    if (usages.size >= MANY) forgetOld();
    const pauseMs = ms > 2 * SLICE_MS ? Math.min(ms, LONGEST_PAUSE_MS) : 0;
    usages.set(name, { ms: usedMs(name) + ms, at: now(), pausedUntil: now() + pauseMs });
  };

  const nextName = (): string | undefined => {
    let next: { readonly name: string; readonly ms: number } | undefined;
    for (const name of waiting.keys()) {
      const ms = usedMs(name);
      if (pausedUntil(name) <= now() && (next === undefined || ms < next.ms)) next = { name, ms };
    }
    return next?.name;
  };
  const doNext = (): boolean => {
    const name = nextName();
    const jobs = name === undefined ? undefined : waiting.get(name);
    if (name === undefined || jobs === undefined) return false;
    const job = jobs.shift();
    // The others of its name are behind those who have used as much.
    waiting.delete(name);
    if (jobs.length > 0) waiting.set(name, jobs);
    const startedAt = now();
    job?.();
    took(name, now() - startedAt);
    return true;
  };

  const run = (): void => {
    isDue = false;
    clearTimeout(timer);
    before();
    const until = now() + SLICE_MS;
    while (doNext() && now() < until);
    if (waiting.size === 0) return;
    const pauseMs = Math.min(...[...waiting.keys()].map(pausedUntil)) - now();
    if (pauseMs > 0) timer = setTimeout(wake, Math.ceil(pauseMs));
    else wake();
  };
  const wake = (): void => {
    if (!isDue) setImmediate(run);
    isDue = true;
  };

  return {
    inTurn: (name, job) => {
      const jobs = waiting.get(name);
      if (jobs === undefined) waiting.set(name, [job]);
      else jobs.push(job);
      wake();
    },
    took,
    isBusy: (name) => usages.size > 0 && usedMs(name) > BUSY_MS,
  };
};
