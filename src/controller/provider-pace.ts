import type { BucketProviderName } from '../api/object-store.ts';

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
      return Math.max(0, at - now);
    },
    pause: (ms, now) => {
      pausedUntil = Math.max(pausedUntil, now + ms);
      next = Math.max(next, pausedUntil);
    },
  };
};

/** How fast ObjectStores may be looked after, and how fast buckets be made, at one provider or endpoint. */
export interface Lane {
  readonly passes: Pace;
  readonly creations: Pace;
}

/** Well below the vendors' limits: S3 some hundred calls a second, Google one bucket in two seconds a project, ARM 1200 writes an hour. */
const rates: Readonly<Record<BucketProviderName, { readonly passes: Rate; readonly creations: Rate }>> = {
  s3: { passes: { perSecond: 40, burst: 80 }, creations: { perSecond: 10, burst: 20 } },
  gcs: { passes: { perSecond: 5, burst: 10 }, creations: { perSecond: 0.5, burst: 2 } },
  azure: { passes: { perSecond: 2, burst: 10 }, creations: { perSecond: 0.5, burst: 5 } },
};

/** One lane for each provider and endpoint, made as they are asked for. */
export const createLanes = (): ((provider: BucketProviderName, endpoint: string | undefined) => Lane) => {
  const lanes = new Map<string, Lane>();
  return (provider, endpoint = '') => {
    const name = `${provider} ${endpoint}`;
    const lane = lanes.get(name) ?? {
      passes: createPace(rates[provider].passes),
      creations: createPace(rates[provider].creations),
    };
    lanes.set(name, lane);
    return lane;
  };
};
