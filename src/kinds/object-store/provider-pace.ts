/** How fast one provider, or one endpoint, is called by all ObjectStores together. */
export interface Pace {
  /**
   * Milliseconds until `holder` may go; 0 means now, and the turn is used up. Whoever asks again keeps its place. Times are
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

const MOST_HELD = 1_000;
/** Whoever does not come for so long is not coming: its ObjectStore was deleted. */
const MISSED_MS = 60_000;

const forgetMissed = (turns: Map<string, number>, now: number): void => {
  for (const [holder, at] of turns) if (at < now - MISSED_MS) turns.delete(holder);
};

/** Turns are given out in the order they are asked for, `perSecond` of them a second. */
export const createPace = ({ perSecond, burst }: Rate): Pace => {
  const intervalMs = 1000 / perSecond;
  const turns = new Map<string, number>();
  let next = Number.NEGATIVE_INFINITY;
  let pausedUntil = Number.NEGATIVE_INFINITY;

  const schedule = (now: number): number => {
    const at = Math.max(next, now - (burst - 1) * intervalMs);
    next = at + intervalMs;
    return at;
  };
  return {
    waitMs: (holder, now) => {
      const held = turns.get(holder);
      const at = held === undefined || held < pausedUntil ? schedule(now) : held;
      if (at <= now) turns.delete(holder);
      else turns.set(holder, at);
      if (turns.size > MOST_HELD) forgetMissed(turns, now);
      return Math.max(0, at - now);
    },
    pause: (ms, now) => {
      pausedUntil = Math.max(pausedUntil, now + ms);
      next = Math.max(next, pausedUntil);
    },
  };
};
