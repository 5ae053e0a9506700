import type { BucketProviderName } from '../../api/object-store.ts';
import type { Blocked } from './state.ts';

/** The right of one reconciliation to call its provider, once the rate limiter admits it. */
export interface Reservation {
  /** Milliseconds to come back in; 0 where the reconciliation may begin, which then holds it until `release`. */
  readonly acquire: () => number;
  /** Milliseconds to come back in to make a bucket; 0 where it may be made now. */
  readonly acquireCreation: () => number;
  /** Slows all others of the limiter down where the provider asked for it, or did not answer. */
  readonly backOff: (blocked: Blocked) => void;
  readonly release: () => void;
}

/** Who is to be admitted, and for what. */
export interface ReservationRequest {
  /** UID of the ObjectStore. */
  readonly holder: string;
  readonly provider: BucketProviderName | undefined;
  readonly endpoint: string | undefined;
  readonly bucket: string;
  /** What the credentials are told apart by; empty: the platform's own. */
  readonly identity: string;
}

interface ProviderLimiter {
  /** Of the platform's own identity: there are few, and their limiters are not for tenants to have evicted. */
  readonly isPlatforms: boolean;
  readonly reconciles: RateLimiter;
  readonly creations: RateLimiter;
  readonly holders: Set<string>;
}

/** Well below the vendors' limits: S3 takes hundreds of calls a second, Google one bucket in two seconds, ARM 1200 writes an hour. */
const rates: Readonly<Record<BucketProviderName, { readonly reconciles: Rate; readonly creations: Rate }>> = {
  s3: { reconciles: { perSecond: 40, burst: 80 }, creations: { perSecond: 10, burst: 20 } },
  gcs: { reconciles: { perSecond: 5, burst: 10 }, creations: { perSecond: 0.5, burst: 2 } },
  azure: { reconciles: { perSecond: 2, burst: 10 }, creations: { perSecond: 0.5, burst: 5 } },
};

/** Tenants choose endpoints and Secrets, as often as they like. */
const MAX_LIMITERS = 1_000;

/** Concurrent reconciliations of one limiter, so that an endpoint that hangs does not take up every worker. */
const MAX_CONCURRENT = 6;
const BUSY_MS = 200;
/** Where a provider asks for fewer calls and does not say for how long, and where nobody answers. */
const THROTTLED_MS = 2_000;
const UNREACHABLE_MS = 10_000;

/**
 * A rate limiter for each provider, endpoint and identity: those who use the same share it, and none waits for another.
 * Two that ask for one bucket go one after the other, so that the second finds the mark of the first.
 */
export const createProviderRateLimiter = (): ((request: ReservationRequest) => Reservation) => {
  const limiters = new Map<string, ProviderLimiter>();
  const buckets = new Map<string, string>();
  return ({ holder, provider, endpoint, bucket, identity }) => {
    if (provider === undefined) return unlimited;
    const name = JSON.stringify([provider, endpoint, identity]);
    const limiter = limiters.get(name) ?? createProviderLimiter(provider, identity === '');
    // Again, so that the least used one comes first.
    limiters.delete(name);
    limiters.set(name, limiter);
    if (limiters.size > MAX_LIMITERS) forgetIdle(limiters);
    const bucketKey = JSON.stringify([provider, endpoint, bucket]);
    return {
      acquire: () => {
        if (buckets.has(bucketKey)) return BUSY_MS;
        const waitMs = tryAcquire(limiter, holder);
        if (waitMs === 0) buckets.set(bucketKey, holder);
        return waitMs;
      },
      acquireCreation: () => limiter.creations.waitMs(holder, Date.now()),
      backOff: (blocked) => slowDown(limiter, blocked, endpoint !== undefined),
      release: () => {
        limiter.holders.delete(holder);
        if (buckets.get(bucketKey) === holder) buckets.delete(bucketKey);
      },
    };
  };
};

const forgetIdle = (limiters: Map<string, ProviderLimiter>): void => {
  for (const [name, { holders, isPlatforms }] of limiters) {
    if (holders.size > 0 || isPlatforms) continue;
    limiters.delete(name);
    return;
  }
};

const unlimited: Reservation = {
  acquire: () => 0,
  acquireCreation: () => 0,
  backOff: () => undefined,
  release: () => undefined,
};

const createProviderLimiter = (provider: BucketProviderName, isPlatforms: boolean): ProviderLimiter => ({
  isPlatforms,
  reconciles: createRateLimiter(rates[provider].reconciles),
  creations: createRateLimiter(rates[provider].creations),
  holders: new Set(),
});

const tryAcquire = ({ reconciles, holders }: ProviderLimiter, holder: string): number => {
  if (holders.size >= MAX_CONCURRENT) return BUSY_MS;
  const waitMs = reconciles.waitMs(holder, Date.now());
  if (waitMs === 0) holders.add(holder);
  return waitMs;
};

/** The vendors' own addresses are everybody's: a location that one spec got wrong must not block the others. */
const slowDown = (
  { reconciles, creations }: ProviderLimiter,
  { reason, retryAfterMs }: Blocked,
  isOwnEndpoint: boolean,
): void => {
  const pause = (ms: number): void => {
    reconciles.pause(ms, Date.now());
    creations.pause(ms, Date.now());
  };
  if (reason === 'Throttled') pause(retryAfterMs ?? THROTTLED_MS);
  if (reason === 'EndpointUnreachable' && isOwnEndpoint) pause(UNREACHABLE_MS);
};

/** A limiter of the calls to one provider, or one endpoint, by all ObjectStores together; it schedules a slot for each holder. */
interface RateLimiter {
  /**
   * Milliseconds until `holder` may go; 0 means now, and the slot is used up. Whoever asks again keeps its slot. Times are
   * milliseconds of one clock.
   */
  readonly waitMs: (holder: string, now: number) => number;
  /** Nobody goes for so long: the provider asked for it. Afterwards they go one by one. */
  readonly pause: (ms: number, now: number) => void;
}

interface Rate {
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
