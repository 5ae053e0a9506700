import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createPace } from '../../../src/kinds/object-store/provider-pace.ts';
import { type Asker, createTurns } from '../../../src/kinds/object-store/rate-limiter.ts';

describe('a pace', () => {
  const holders = (count: number) => Array.from({ length: count }, (_, index) => `store-${index}`);

  it('lets a burst go at once and the others one by one, in the order they asked', () => {
    const pace = createPace({ perSecond: 2, burst: 3 });
    expect(holders(6).map((holder) => pace.waitMs(holder, 0))).toEqual([0, 0, 0, 500, 1_000, 1_500]);
  });

  it('keeps the place of whoever asks again, and takes the turn once', () => {
    const pace = createPace({ perSecond: 1, burst: 1 });
    expect(pace.waitMs('a', 0)).toBe(0);
    expect(pace.waitMs('b', 0)).toBe(1_000);
    expect(pace.waitMs('b', 400)).toBe(600);
    expect(pace.waitMs('c', 400)).toBe(1_600);
    expect(pace.waitMs('b', 1_000)).toBe(0);
    expect(pace.waitMs('b', 1_000)).toBe(2_000);
  });

  it('lets nobody go while it pauses, whoever had a turn before, and nobody all at once after that', () => {
    const pace = createPace({ perSecond: 1, burst: 3 });
    for (const holder of holders(4)) pace.waitMs(holder, 0);
    pace.pause(10_000, 0);
    expect(['store-3', 'x', 'y'].map((holder) => pace.waitMs(holder, 1_000))).toEqual([9_000, 10_000, 11_000]);
  });

  it('never lets more go in a minute than it says', () => {
    const pace = createPace({ perSecond: 0.5, burst: 2 });
    let gone = 0;
    for (let now = 0; now < 60_000; now += 100) {
      for (const holder of holders(200)) if (pace.waitMs(`${holder}`, now) === 0) gone += 1;
    }
    expect(gone).toBeLessThanOrEqual(32);
    expect(gone).toBeGreaterThan(28);
  });
});

describe('turns', () => {
  const asker = (holder: string, given: Partial<Asker> = {}): Asker => ({
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
    const takeTurn = createTurns();
    const turns = Array.from({ length: 7 }, (_, index) => takeTurn(asker(`store-${index}`)));
    expect(turns.map((turn) => turn.begin())).toEqual([0, 0, 0, 0, 0, 0, 200]);
    expect(takeTurn(asker('other', { identity: 'team-b/keys' })).begin()).toBe(0);
    turns[0]?.end();
    expect(turns[6]?.begin()).toBe(0);
  });

  it('are had by one of a bucket at a time, whoever asks for it', () => {
    const takeTurn = createTurns();
    const first = takeTurn(asker('a', { bucket: 'shared' }));
    const second = takeTurn(asker('b', { bucket: 'shared', identity: 'team-b/keys' }));
    expect([first.begin(), second.begin()]).toEqual([0, 200]);
    second.end();
    expect(second.begin()).toBe(200);
    first.end();
    expect(second.begin()).toBe(0);
    expect(takeTurn(asker('c', { bucket: 'shared', endpoint: 'https://elsewhere.example.org' })).begin()).toBe(0);
  });

  it('wait where the provider asked for fewer calls, in that lane alone', () => {
    const takeTurn = createTurns();
    takeTurn(asker('a', onAws)).learn({ reason: 'Throttled', message: '', retryAfterMs: 30_000 });
    expect(takeTurn(asker('b', onAws)).begin()).toBe(30_000);
    expect(takeTurn(asker('b')).begin()).toBe(0);
  });

  it('wait for an endpoint that does not answer, but not for the whole of AWS', () => {
    const takeTurn = createTurns();
    takeTurn(asker('a')).learn(unreachable);
    expect(takeTurn(asker('b')).begin()).toBe(10_000);
    takeTurn(asker('a', onAws)).learn(unreachable);
    expect(takeTurn(asker('b', onAws)).begin()).toBe(0);
  });

  it('are remembered of a thousand lanes, and always of the platform’s', () => {
    const takeTurn = createTurns();
    takeTurn(asker('a')).learn(unreachable);
    takeTurn(asker('a', onAws)).learn({ reason: 'Throttled', message: '', retryAfterMs: 30_000 });
    const others = Array.from({ length: 2_000 }, (_, at) => ({ endpoint: `https://s3-${at}.example.org` }));
    for (const other of others) takeTurn(asker('a', other));
    expect(takeTurn(asker('b')).begin()).toBe(0);
    expect(takeTurn(asker('b', onAws)).begin()).toBe(30_000);
  });

  it('make buckets more slowly than they look at them', () => {
    const turn = createTurns()(asker('a', { provider: 'gcs', endpoint: undefined }));
    expect([turn.beginCreation(), turn.beginCreation(), turn.beginCreation()]).toEqual([0, 0, 2_000]);
  });
});
