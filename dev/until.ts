import { setTimeout as sleep } from 'node:timers/promises';

const EVERY_MS = 50;

/** Tries again until it does not throw. Throws what it threw last once `withinMs` have passed. */
export const until = async <T>(withinMs: number, attempt: () => Promise<T>): Promise<T> => {
  for (const deadline = performance.now() + withinMs; ; await sleep(EVERY_MS)) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
};
