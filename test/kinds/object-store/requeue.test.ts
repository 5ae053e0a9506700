import { describe, expect, it } from 'vitest';
import type { ObjectMeta } from '../../../src/api/kubernetes.ts';
import { restAfter } from '../../../src/kinds/object-store/object-store-retry.ts';
import type { BucketReason } from '../../../src/kinds/object-store/providers/bucket.ts';
import { askedBy, lookAgain, type Rest, restFor, wakeAt } from '../../../src/kinds/object-store/requeue.ts';
import { objectStore } from '../../fixtures/object-store.ts';

const moment = { now: 1_000_000, resyncMs: 600_000, random: () => 0.5 };

const rest = (
  reasons: readonly BucketReason[],
  given: Partial<Parameters<typeof restFor>[0]> = {},
  before?: Rest,
): Rest =>
  restFor(
    {
      store: objectStore({}, { uid: 'uid-1', generation: 1 }),
      isFulfilled: reasons.length === 0,
      halts: reasons.map((reason) => ({ reason, message: '' })),
      references: 'secret@1',
      ...given,
    },
    before,
    moment,
  );

const asked = (metadata: ObjectMeta): string => askedBy(objectStore({}, { uid: 'uid-1', generation: 1, ...metadata }));

describe('an ObjectStore that was seen to', () => {
  it('is looked at again after the resync interval where all is well, and its Secret ten times as often', () => {
    const first = rest([]);
    expect(first.until - moment.now).toBe(600_000);
    const looks = [first, lookAgain(first, moment), lookAgain(lookAgain(first, moment), moment)];
    expect(looks.map(({ lookAt }) => lookAt - moment.now)).toEqual([60_000, 60_000, 60_000]);
  });

  it('has its Secret looked at in seconds where it stands still, less often from look to look', () => {
    let at = rest(['CredentialsMissing']);
    const pauses = [wakeAt(at) - moment.now];
    for (let look = 0; look < 4; look++) {
      at = lookAgain(at, moment);
      pauses.push(at.lookAt - moment.now);
    }
    expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 30_000]);
    expect(at.until - moment.now).toBe(300_000);
  });

  it('has nothing looked at where it refers to nothing', () => {
    expect(wakeAt(rest(['QuotaExceeded'], { references: undefined })) - moment.now).toBe(300_000);
    expect(wakeAt(rest([], { references: undefined })) - moment.now).toBe(600_000);
  });

  it('waits longer each time for the same reason, and starts anew for another or for another spec', () => {
    const pauseAfter = (before: Rest | undefined, reason: BucketReason, generation = 1): Rest =>
      rest([reason], { store: objectStore({}, { uid: 'uid-1', generation }) }, before);
    const first = pauseAfter(undefined, 'EndpointUnreachable');
    const second = pauseAfter(first, 'EndpointUnreachable');
    expect([first, second].map(({ until }) => until - moment.now)).toEqual([1_000, 2_000]);
    expect(pauseAfter(second, 'ProviderError').strikes).toBe(0);
    expect(pauseAfter(second, 'EndpointUnreachable', 2).strikes).toBe(0);
  });

  it('is compared as ever where only a part of its spec is not supported', () => {
    expect(rest(['UnsupportedFeature'], { isFulfilled: true }).until - moment.now).toBe(600_000);
  });

  it('is asked for something else by a new spec, a deletion or another object of its name, and by nothing else', () => {
    const before = asked({});
    expect(asked({ resourceVersion: '7', labels: { a: 'b' }, finalizers: ['x'] })).toBe(before);
    expect(asked({ generation: 2 })).not.toBe(before);
    expect(asked({ deletionTimestamp: '2026-11-20T00:00:00Z' })).not.toBe(before);
    expect(asked({ uid: 'uid-2' })).not.toBe(before);
  });
});

describe('how long to rest', () => {
  const waitAfter = (reason: BucketReason | 'ProviderUnknown', strikes = 0, retryAfterMs?: number): number =>
    restAfter({ reason, message: '', retryAfterMs }, { strikes, resyncMs: 600_000, random: () => 0.5 });

  it('is until the spec changes where nothing else can help', () => {
    expect(waitAfter('InvalidName')).toBe(Number.POSITIVE_INFINITY);
    expect(waitAfter('UnsupportedFeature')).toBe(Number.POSITIVE_INFINITY);
  });

  it('is long where somebody has to act, growing where it may pass, and as asked where the provider asks', () => {
    expect(waitAfter('NameTaken')).toBe(300_000);
    expect(waitAfter('QuotaExceeded', 9)).toBe(300_000);
    expect(waitAfter('ProviderUnknown')).toBe(15_000);
    expect([0, 1, 2, 30].map((strikes) => waitAfter('EndpointUnreachable', strikes))).toEqual([
      1_000, 2_000, 4_000, 300_000,
    ]);
    expect(waitAfter('Throttled', 0, 90_000)).toBe(90_000);
  });

  it('is spread by a fifth to each side', () => {
    const ends = [0, 1].map((random) => restAfter(undefined, { strikes: 0, resyncMs: 1_000, random: () => random }));
    expect(ends).toEqual([800, 1_200]);
  });
});
