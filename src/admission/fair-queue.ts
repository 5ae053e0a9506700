/** Jobs that wait, each address in turn. */
interface FairQueue {
  readonly add: (host: string, job: () => void) => void;
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
