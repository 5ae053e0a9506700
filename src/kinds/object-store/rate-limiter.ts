import type { BucketProviderName } from '../../api/object-store.ts';
import { createPace, type Pace, type Rate } from './provider-pace.ts';
import type { Halt } from './state.ts';

/** The right of one pass to call its provider. */
export interface Turn {
  /** Milliseconds to come back in; 0 where the pass may begin, which it then has until `end`. */
  readonly begin: () => number;
  /** Milliseconds to come back in to make a bucket; 0 where it may be made now. */
  readonly beginCreation: () => number;
  /** Slows all others of the lane down where the provider asked for it, or did not answer. */
  readonly learn: (halt: Halt) => void;
  readonly end: () => void;
}

/** Who asks for a turn, and for what. */
export interface Asker {
  /** UID of the ObjectStore. */
  readonly holder: string;
  readonly provider: BucketProviderName | undefined;
  readonly endpoint: string | undefined;
  readonly bucket: string;
  /** What the credentials are told apart by; empty: the platform's own. */
  readonly identity: string;
}

interface Lane {
  /** Of the platform's own identity: there are few, and their pace is not for tenants to have forgotten. */
  readonly isPlatforms: boolean;
  readonly passes: Pace;
  readonly creations: Pace;
  readonly holders: Set<string>;
}

/** Well below the vendors' limits: S3 takes hundreds of calls a second, Google one bucket in two seconds, ARM 1200 writes an hour. */
const rates: Readonly<Record<BucketProviderName, { readonly passes: Rate; readonly creations: Rate }>> = {
  s3: { passes: { perSecond: 40, burst: 80 }, creations: { perSecond: 10, burst: 20 } },
  gcs: { passes: { perSecond: 5, burst: 10 }, creations: { perSecond: 0.5, burst: 2 } },
  azure: { passes: { perSecond: 2, burst: 10 }, creations: { perSecond: 0.5, burst: 5 } },
};

/** Tenants choose endpoints and Secrets, as often as they like. */
const MOST_LANES = 1_000;

/** Passes of one lane at a time, so that an endpoint that hangs does not take up every worker. */
const MOST_AT_ONCE = 6;
const BUSY_MS = 200;
/** Where a provider asks for fewer calls and does not say for how long, and where nobody answers. */
const THROTTLED_MS = 2_000;
const UNREACHABLE_MS = 10_000;

/**
 * Turns for passes, by lane: those who use one identity at one place share its pace, and none waits for another lane.
 * Two that ask for one bucket go one after the other, so that the second finds the mark of the first.
 */
export const createTurns = (): ((asker: Asker) => Turn) => {
  const lanes = new Map<string, Lane>();
  const buckets = new Map<string, string>();
  return ({ holder, provider, endpoint, bucket, identity }) => {
    if (provider === undefined) return unlimited;
    const name = JSON.stringify([provider, endpoint, identity]);
    const lane = lanes.get(name) ?? openLane(provider, identity === '');
    // Again, so that the least used one comes first.
    lanes.delete(name);
    lanes.set(name, lane);
    if (lanes.size > MOST_LANES) forgetIdle(lanes);
    const place = JSON.stringify([provider, endpoint, bucket]);
    return {
      begin: () => {
        if (buckets.has(place)) return BUSY_MS;
        const waitMs = enter(lane, holder);
        if (waitMs === 0) buckets.set(place, holder);
        return waitMs;
      },
      beginCreation: () => lane.creations.waitMs(holder, Date.now()),
      learn: (halt) => slowDown(lane, halt, endpoint !== undefined),
      end: () => {
        lane.holders.delete(holder);
        if (buckets.get(place) === holder) buckets.delete(place);
      },
    };
  };
};

const forgetIdle = (lanes: Map<string, Lane>): void => {
  for (const [name, { holders, isPlatforms }] of lanes) {
    if (holders.size > 0 || isPlatforms) continue;
    lanes.delete(name);
    return;
  }
};

const unlimited: Turn = { begin: () => 0, beginCreation: () => 0, learn: () => undefined, end: () => undefined };

const openLane = (provider: BucketProviderName, isPlatforms: boolean): Lane => ({
  isPlatforms,
  passes: createPace(rates[provider].passes),
  creations: createPace(rates[provider].creations),
  holders: new Set(),
});

const enter = ({ passes, holders }: Lane, holder: string): number => {
  if (holders.size >= MOST_AT_ONCE) return BUSY_MS;
  const waitMs = passes.waitMs(holder, Date.now());
  if (waitMs === 0) holders.add(holder);
  return waitMs;
};

/** The vendors' own addresses are everybody's: a location that one spec got wrong must not hold up the rest. */
const slowDown = ({ passes, creations }: Lane, { reason, retryAfterMs }: Halt, isOwnEndpoint: boolean): void => {
  const pause = (ms: number): void => {
    passes.pause(ms, Date.now());
    creations.pause(ms, Date.now());
  };
  if (reason === 'Throttled') pause(retryAfterMs ?? THROTTLED_MS);
  if (reason === 'EndpointUnreachable' && isOwnEndpoint) pause(UNREACHABLE_MS);
};
