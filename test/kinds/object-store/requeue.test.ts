import { describe, expect, it } from 'vitest';
import type { ObjectMeta } from '../../../src/api/kubernetes.ts';
import type { BucketReason } from '../../../src/kinds/object-store/providers/bucket.ts';
import {
  afterReferenceCheck,
  type RequeueState,
  requeueAt,
  requeueStateFor,
  retryDelayMs,
  revisionOf,
} from '../../../src/kinds/object-store/requeue.ts';
import { objectStore } from '../../fixtures/object-store.ts';

const moment = { now: 1_000_000, resyncMs: 600_000, random: () => 0.5 };

const requeueState = (
  reasons: readonly BucketReason[],
  given: Partial<Parameters<typeof requeueStateFor>[0]> = {},
  before?: RequeueState,
): RequeueState =>
  requeueStateFor(
    {
      store: objectStore({}, { uid: 'uid-1', generation: 1 }),
      isReady: reasons.length === 0,
      blockedBy: reasons.map((reason) => ({ reason, message: '' })),
      references: 'secret@1',
      keysDueMs: Number.POSITIVE_INFINITY,
      ...given,
    },
    before,
    moment,
  );

const revision = (metadata: ObjectMeta): string =>
  revisionOf(objectStore({}, { uid: 'uid-1', generation: 1, ...metadata }));

describe('an ObjectStore that was seen to', () => {
  it('is looked at again after the resync interval where all is well, and its Secret ten times as often', () => {
    const first = requeueState([]);
    expect(first.dueAt - moment.now).toBe(600_000);
    const checks = [
      first,
      afterReferenceCheck(first, moment),
      afterReferenceCheck(afterReferenceCheck(first, moment), moment),
    ];
    expect(checks.map(({ referencesDueAt: lookAt }) => lookAt - moment.now)).toEqual([60_000, 60_000, 60_000]);
  });

  it('has its Secret looked at in seconds where it stands still, less often from look to look', () => {
    let at = requeueState(['CredentialsMissing']);
    const pauses = [requeueAt(at) - moment.now];
    for (let check = 0; check < 4; check++) {
      at = afterReferenceCheck(at, moment);
      pauses.push(at.referencesDueAt - moment.now);
    }
    expect(pauses).toEqual([2_000, 4_000, 8_000, 16_000, 30_000]);
    expect(at.dueAt - moment.now).toBe(300_000);
  });

  it('has nothing looked at where it refers to nothing', () => {
    expect(requeueAt(requeueState(['QuotaExceeded'], { references: undefined })) - moment.now).toBe(300_000);
    expect(requeueAt(requeueState([], { references: undefined })) - moment.now).toBe(600_000);
  });

  it('waits longer each time for the same reason, and starts anew for another or for another spec', () => {
    const pauseAfter = (before: RequeueState | undefined, reason: BucketReason, generation = 1): RequeueState =>
      requeueState([reason], { store: objectStore({}, { uid: 'uid-1', generation }) }, before);
    const first = pauseAfter(undefined, 'EndpointUnreachable');
    const second = pauseAfter(first, 'EndpointUnreachable');
    expect([first, second].map(({ dueAt: until }) => until - moment.now)).toEqual([1_000, 2_000]);
    expect(pauseAfter(second, 'ProviderError').attempts).toBe(0);
    expect(pauseAfter(second, 'EndpointUnreachable', 2).attempts).toBe(0);
  });

  it('is compared as ever where only a part of its spec is not supported', () => {
    expect(requeueState(['UnsupportedFeature'], { isReady: true }).dueAt - moment.now).toBe(600_000);
  });

  it('is asked for something else by a new spec, a deletion or another object of its name, and by nothing else', () => {
    const before = revision({});
    expect(revision({ resourceVersion: '7', labels: { a: 'b' }, finalizers: ['x'] })).toBe(before);
    expect(revision({ generation: 2 })).not.toBe(before);
    expect(revision({ deletionTimestamp: '2026-11-20T00:00:00Z' })).not.toBe(before);
    expect(revision({ uid: 'uid-2' })).not.toBe(before);
  });
});

describe('how long to rest', () => {
  const delayAfter = (
    reason: BucketReason | 'ProviderUnknown',
    attempts = 0,
    retryAfterMs?: number,
    resyncMs = 600_000,
  ): number => retryDelayMs({ reason, message: '', retryAfterMs }, { attempts, resyncMs, random: () => 0.5 });

  it('is ten minutes where hardly anything but another spec can help, however seldom buckets are compared', () => {
    expect(delayAfter('InvalidName')).toBe(600_000);
    expect(delayAfter('UnsupportedFeature', 0, undefined, 86_400_000)).toBe(600_000);
    expect(delayAfter('UnsupportedFeature', 0, undefined, 1_000)).toBe(1_000);
  });

  it('is long where somebody has to act, growing where it may pass, and as asked where the provider asks', () => {
    expect(delayAfter('NameTaken')).toBe(300_000);
    expect(delayAfter('QuotaExceeded', 9)).toBe(300_000);
    expect(delayAfter('ProviderUnknown')).toBe(15_000);
    expect([0, 1, 2, 30].map((attempts) => delayAfter('EndpointUnreachable', attempts))).toEqual([
      1_000, 2_000, 4_000, 300_000,
    ]);
    expect(delayAfter('Throttled', 0, 90_000)).toBe(90_000);
  });

  it('is spread by a fifth to each side', () => {
    const ends = [0, 1].map((random) =>
      retryDelayMs(undefined, { attempts: 0, resyncMs: 1_000, random: () => random }),
    );
    expect(ends).toEqual([800, 1_200]);
  });
});
