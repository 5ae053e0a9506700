import { isConnectionFailure } from './failure.ts';

export interface BackoffLimits {
  readonly firstMs: number;
  readonly mostMs: number;
  /** Nobody answers at all: asking costs nobody anything, and the server's return should be noticed soon. */
  readonly mostWhileDownMs: number;
}

export const defaultBackoff: BackoffLimits = { firstMs: 100, mostMs: 30_000, mostWhileDownMs: 1_000 };

/** Doubles from try to try, with a jitter of up to half. */
export const delayMs = (failures: number, firstMs: number, mostMs: number, random = Math.random): number =>
  Math.min(firstMs * 2 ** Math.min(failures, 30), mostMs) * (0.5 + random() / 2);

/** Waiting times after failures in a row; time without an answer does not count towards those after refusals. */
export const createBackoff = (limits: BackoffLimits) => {
  let down = 0;
  let refused = 0;
  return {
    reset: (): void => {
      down = 0;
      refused = 0;
    },
    next: (error: unknown): number => {
      if (isConnectionFailure(error)) return delayMs(down++, limits.firstMs, limits.mostWhileDownMs);
      down = 0;
      return delayMs(refused++, limits.firstMs, limits.mostMs);
    },
  };
};
