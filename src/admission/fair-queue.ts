/** Has a job of that address done when its turn comes. */
export type InTurn = (host: string, job: () => void) => void;

/** Jobs that wait, each address in turn. */
interface FairQueue {
  readonly add: InTurn;
  readonly takeNext: () => (() => void) | undefined;
  readonly isEmpty: () => boolean;
}

export const createFairQueue = (): FairQueue => {
  const waiting = new Map<string, (() => void)[]>();
  return {
    add: (host, job) => {
      const jobs = waiting.get(host);
      if (jobs === undefined) waiting.set(host, [job]);
      else jobs.push(job);
    },
    takeNext: () => {
      for (const [host, jobs] of waiting) {
        const job = jobs.shift();
        waiting.delete(host);
        if (jobs.length > 0) waiting.set(host, jobs);
        return job;
      }
      return undefined;
    },
    isEmpty: () => waiting.size === 0,
  };
};

/** What such jobs may take of one turn of the event loop, in milliseconds, but for the first. */
export const SLICE_MS = 10;

/**
 * Jobs one after the other, each address in turn, a few within one turn of the event loop: nothing else waits for more than one of
 * those that take long. `before` is what goes first, in each turn.
 */
export const createRoundRobin = (before: () => void): InTurn => {
  const queue = createFairQueue();
  let isDue = false;
  const run = (): void => {
    before();
    const untilMs = performance.now() + SLICE_MS;
    do queue.takeNext()?.();
    while (!queue.isEmpty() && performance.now() < untilMs);
    isDue = !queue.isEmpty();
    if (isDue) setImmediate(run);
  };
  return (host, job) => {
    if (!isDue) setImmediate(run);
    isDue = true;
    queue.add(host, job);
  };
};
