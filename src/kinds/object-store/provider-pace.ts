/** A limiter of the calls to one provider, or one endpoint, by all ObjectStores together; it schedules a slot for each holder. */
export interface RateLimiter {
  /**
   * Milliseconds until `holder` may go; 0 means now, and the slot is used up. Whoever asks again keeps its slot. Times are
   * milliseconds of one clock.
   */
  readonly waitMs: (holder: string, now: number) => number;
  /** Nobody goes for so long: the provider asked for it. Afterwards they go one by one. */
  readonly pause: (ms: number, now: number) => void;
}

export interface Rate {
  readonly perSecond: number;
  /** How many may go at once after a quiet time. */
  readonly burst: number;
}

const MAX_SLOTS = 1_000;
/** Whoever does not come for so long is not coming: its ObjectStore was deleted. */
const EXPIRED_MS = 60_000;

const dropExpired = (slots: Map<string, number>, now: number): void => {
  for (const [holder, at] of slots) if (at < now - EXPIRED_MS) slots.delete(holder);
};

/** Slots are given out in the order they are asked for, `perSecond` of them a second. */
export const createRateLimiter = ({ perSecond, burst }: Rate): RateLimiter => {
  const intervalMs = 1000 / perSecond;
  const slots = new Map<string, number>();
  let next = Number.NEGATIVE_INFINITY;
  let pausedUntil = Number.NEGATIVE_INFINITY;

  const schedule = (now: number): number => {
    const at = Math.max(next, now - (burst - 1) * intervalMs);
    next = at + intervalMs;
    return at;
  };
  return {
    waitMs: (holder, now) => {
      const slot = slots.get(holder);
      const at = slot === undefined || slot < pausedUntil ? schedule(now) : slot;
      if (at <= now) slots.delete(holder);
      else slots.set(holder, at);
      if (slots.size > MAX_SLOTS) dropExpired(slots, now);
      return Math.max(0, at - now);
    },
    pause: (ms, now) => {
      pausedUntil = Math.max(pausedUntil, now + ms);
      next = Math.max(next, pausedUntil);
    },
  };
};
