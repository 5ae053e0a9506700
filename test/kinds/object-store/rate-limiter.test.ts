import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  createProviderRateLimiter,
  createRateLimiter,
  type ReservationRequest,
} from '../../../src/kinds/object-store/rate-limiter.ts';

describe('a pace', () => {
  const holders = (count: number) => Array.from({ length: count }, (_, index) => `store-${index}`);

  it('lets a burst go at once and the others one by one, in the order they asked', () => {
    const limiter = createRateLimiter({ perSecond: 2, burst: 3 });
    expect(holders(6).map((holder) => limiter.waitMs(holder, 0))).toEqual([0, 0, 0, 500, 1_000, 1_500]);
  });

  it('keeps the place of whoever asks again, and takes the turn once', () => {
    const limiter = createRateLimiter({ perSecond: 1, burst: 1 });
    expect(limiter.waitMs('a', 0)).toBe(0);
    expect(limiter.waitMs('b', 0)).toBe(1_000);
    expect(limiter.waitMs('b', 400)).toBe(600);
    expect(limiter.waitMs('c', 400)).toBe(1_600);
    expect(limiter.waitMs('b', 1_000)).toBe(0);
    expect(limiter.waitMs('b', 1_000)).toBe(2_000);
  });

  it('lets nobody go while it pauses, whoever had a turn before, and nobody all at once after that', () => {
    const limiter = createRateLimiter({ perSecond: 1, burst: 3 });
    for (const holder of holders(4)) limiter.waitMs(holder, 0);
    limiter.pause(10_000, 0);
    expect(['store-3', 'x', 'y'].map((holder) => limiter.waitMs(holder, 1_000))).toEqual([9_000, 10_000, 11_000]);
  });

  it('never lets more go in a minute than it says', () => {
    const limiter = createRateLimiter({ perSecond: 0.5, burst: 2 });
    let gone = 0;
    for (let now = 0; now < 60_000; now += 100) {
      for (const holder of holders(200)) if (limiter.waitMs(`${holder}`, now) === 0) gone += 1;
    }
    expect(gone).toBeLessThanOrEqual(32);
    expect(gone).toBeGreaterThan(28);
  });
});

describe('turns', () => {
  const request = (holder: string, given: Partial<ReservationRequest> = {}): ReservationRequest => ({
    holder,
    provider: 's3',
    endpoint: 'https://s3.example.org',
    bucket: `bucket-of-${holder}`,
    identity: 'team-a/keys',
    ...given,
  });
  const onAws = { endpoint: undefined, identity: '' };
  const unreachable = { reason: 'EndpointUnreachable', message: '' } as const;

  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('are had by six of a lane at a time, so that one that hangs leaves workers to the others', () => {
    const reserve = createProviderRateLimiter();
    const reservations = Array.from({ length: 7 }, (_, index) => reserve(request(`store-${index}`)));
    expect(reservations.map((reservation) => reservation.acquire())).toEqual([0, 0, 0, 0, 0, 0, 200]);
    expect(reserve(request('other', { identity: 'team-b/keys' })).acquire()).toBe(0);
    reservations[0]?.release();
    expect(reservations[6]?.acquire()).toBe(0);
  });

  it('are had by one of a bucket at a time, whoever asks for it', () => {
    const reserve = createProviderRateLimiter();
    const first = reserve(request('a', { bucket: 'shared' }));
    const second = reserve(request('b', { bucket: 'shared', identity: 'team-b/keys' }));
    expect([first.acquire(), second.acquire()]).toEqual([0, 200]);
    second.release();
    expect(second.acquire()).toBe(200);
    first.release();
    expect(second.acquire()).toBe(0);
    expect(reserve(request('c', { bucket: 'shared', endpoint: 'https://elsewhere.example.org' })).acquire()).toBe(0);
  });

  it('wait where the provider asked for fewer calls, in that lane alone', () => {
    const reserve = createProviderRateLimiter();
    reserve(request('a', onAws)).backOff({ reason: 'Throttled', message: '', retryAfterMs: 30_000 });
    expect(reserve(request('b', onAws)).acquire()).toBe(30_000);
    expect(reserve(request('b')).acquire()).toBe(0);
  });

  it('wait for an endpoint that does not answer, but not for the whole of AWS', () => {
    const reserve = createProviderRateLimiter();
    reserve(request('a')).backOff(unreachable);
    expect(reserve(request('b')).acquire()).toBe(10_000);
    reserve(request('a', onAws)).backOff(unreachable);
    expect(reserve(request('b', onAws)).acquire()).toBe(0);
  });

  it('are remembered of a thousand lanes, and always of the platform’s', () => {
    const reserve = createProviderRateLimiter();
    reserve(request('a')).backOff(unreachable);
    reserve(request('a', onAws)).backOff({ reason: 'Throttled', message: '', retryAfterMs: 30_000 });
    const others = Array.from({ length: 2_000 }, (_, at) => ({ endpoint: `https://s3-${at}.example.org` }));
    for (const other of others) reserve(request('a', other));
    expect(reserve(request('b')).acquire()).toBe(0);
    expect(reserve(request('b', onAws)).acquire()).toBe(30_000);
  });

  it('make buckets more slowly than they look at them', () => {
    const reservation = createProviderRateLimiter()(request('a', { provider: 'gcs', endpoint: undefined }));
    expect([reservation.acquireCreation(), reservation.acquireCreation(), reservation.acquireCreation()]).toEqual([
      0, 0, 2_000,
    ]);
  });
});
