import { describe, expect, it } from 'vitest';
import type { ObjectStoreStatus } from '../../../src/api/object-store.ts';
import {
  initialState,
  type ObservedFeature,
  type ObservedState,
  type Step,
} from '../../../src/kinds/object-store/state.ts';
import { noteOn } from '../../../src/kinds/object-store/status.ts';
import { factsIn, objectStore } from '../../fixtures/object-store.ts';

const { cloud, policy } = factsIn();
const url = 's3a://spark-history';

const observed = (status?: ObjectStoreStatus, more: Partial<ObservedState> = {}): ObservedState => ({
  ...initialState(objectStore({}, { uid: 'uid-1', generation: 2 }, status), cloud, policy),
  ...more,
});
const conditions = (ready: 'True' | 'False', synced: 'True' | 'False', reason: string, message: string) =>
  (['Ready', 'Synced'] as const).map((type) => ({
    type,
    status: type === 'Ready' ? ready : synced,
    reason,
    message,
    lastTransitionTime: '2026-11-20T12:00:00Z',
  }));
const made = (observedGeneration = 2): ObjectStoreStatus => ({
  ownership: 'Created',
  url,
  observedGeneration,
  conditions: conditions('True', 'True', 'Created', 'The bucket is there.'),
});
const repaired: readonly ObservedFeature[] = [
  { name: 'versioning', state: 'repaired' },
  { name: 'labels', state: 'repaired' },
];
const blocked = { reason: 'QuotaExceeded', message: 'A quota is used up.' } as const;

describe('an Event', () => {
  const cases: readonly (readonly [string, Step, ObservedState, ObservedState, string | undefined])[] = [
    [
      'tells of a bucket that was made',
      { do: 'finish' },
      observed({ creationStarted: '2026-11-20T12:00:00Z' }),
      observed(made()),
      `Normal Created: Bucket spark-history was made: ${url}`,
    ],
    [
      'tells of a bucket that was taken over',
      { do: 'finish' },
      observed(),
      observed({ ...made(), ownership: 'Adopted' }),
      `Normal Adopted: Bucket spark-history was there and is this ObjectStore's from now on: ${url}`,
    ],
    [
      'tells what had been changed by hand',
      { do: 'finish' },
      observed(made(), { features: repaired }),
      observed(made()),
      'Warning Drifted: spec.versioning, spec.labels had been changed at the provider; the bucket is as spec says again.',
    ],
    [
      'tells what a change of the spec came to',
      { do: 'finish' },
      observed(made(1), { features: repaired }),
      observed(made()),
      'Normal Applied: Set at the provider: spec.versioning, spec.labels.',
    ],
    ['says nothing where nothing was done', { do: 'finish' }, observed(made()), observed(made()), undefined],
    [
      'tells of trouble',
      { do: 'block', blocked },
      observed(),
      observed(),
      'Warning QuotaExceeded: A quota is used up.',
    ],
    [
      'does not tell of the same trouble twice',
      { do: 'block', blocked },
      observed({ conditions: conditions('False', 'False', blocked.reason, blocked.message) }),
      observed(),
      undefined,
    ],
    [
      'tells of a bucket that somebody took away',
      { do: 'observe' },
      observed(made()),
      observed(made(), { bucket: 'absent' }),
      'Warning BucketGone: Bucket spark-history is gone from the provider; it is made anew, and empty.',
    ],
    [
      'says nothing of a bucket that is not made yet',
      { do: 'observe' },
      observed(),
      observed(undefined, { bucket: 'absent' }),
      undefined,
    ],
    [
      'tells of a deletion',
      { do: 'remove' },
      observed(made()),
      observed(made()),
      'Normal BucketDeleted: Bucket spark-history was deleted.',
    ],
    [
      'tells why a bucket stays',
      { do: 'release', kept: 'Bucket spark-history stays.' },
      observed(),
      observed(),
      'Warning BucketKept: Bucket spark-history stays.',
    ],
    ['says nothing of a bucket that is retained as asked', { do: 'release' }, observed(), observed(), undefined],
  ];
  it.each(cases)('%s', (_, step, before, after, expected) => {
    const note = noteOn(step, before, after);
    expect(note && `${note.type} ${note.reason}: ${note.message}`).toBe(expected);
  });
});
