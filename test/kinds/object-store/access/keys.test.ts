import { describe, expect, it } from 'vitest';
import {
  accessDueMs,
  nextAccessStep,
  type ObservedAccess,
  type ObservedSecret,
} from '../../../../src/kinds/object-store/access/keys.ts';

const NOW = new Date('2026-11-20T12:00:00Z');
const hoursAgo = (hours: number): string => new Date(NOW.getTime() - hours * 3_600_000).toISOString();

const secret = (fields: Partial<ObservedSecret> = {}): ObservedSecret => ({
  keyId: 'A',
  issuedAt: hoursAgo(48),
  rotation: '',
  formerKeys: [],
  formerUntil: hoursAgo(1),
  isCurrent: true,
  ...fields,
});

/** A key of the last four hours, and what it replaced, which works for another one. */
const replaced = secret({ keyId: 'B', issuedAt: hoursAgo(4), formerKeys: ['A'], formerUntil: hoursAgo(-1) });

const observed = (keys: readonly string[], found: ObservedAccess['secret'] = secret()): ObservedAccess => ({
  user: { isGranted: true, keys },
  secret: found,
});

describe('the next step about keys', () => {
  it.each<readonly [string, ObservedAccess, ReturnType<typeof nextAccessStep>]>([
    ['makes the user first', { user: 'absent', secret: 'absent' }, { do: 'grantAccess' }],
    [
      'puts permissions right before anything else',
      { user: { isGranted: false, keys: ['A'] }, secret: secret() },
      { do: 'grantAccess' },
    ],
    ['makes the first key', observed([], 'absent'), { do: 'issueKey', formerKeys: [] }],
    ['leaves alone what is as it should be', observed(['A']), undefined],
    [
      'keeps a key open that may be in use where the Secret is gone',
      observed(['A'], 'absent'),
      { do: 'issueKey', formerKeys: ['A'] },
    ],
    [
      'makes room where there are as many as there may be',
      observed(['A', 'B'], 'absent'),
      { do: 'revokeKey', key: 'A' },
    ],
    ['takes away what came into no Secret', observed(['A', 'B']), { do: 'revokeKey', key: 'B' }],
    ['makes a new one where somebody took it away', observed([]), { do: 'issueKey', formerKeys: [] }],
    ['waits for a key to be shown that was just made', observed([], secret({ issuedAt: hoursAgo(0) })), undefined],
    ['leaves former keys open in the overlap', observed(['B', 'A'], replaced), undefined],
    [
      'takes them away after it',
      observed(['B', 'A'], secret({ keyId: 'B', formerKeys: ['A'] })),
      { do: 'revokeKey', key: 'A' },
    ],
    ['and then their note', observed(['B'], secret({ keyId: 'B', formerKeys: ['A'] })), { do: 'writeAccessSecret' }],
    [
      'writes a Secret anew that lacks something',
      observed(['A'], secret({ isCurrent: false })),
      { do: 'writeAccessSecret' },
    ],
  ])('%s', (_, state, step) => {
    expect(nextAccessStep({}, state, NOW)).toEqual(step);
  });

  it('replaces a key for another text, and for its age', () => {
    const replace = { do: 'issueKey', formerKeys: ['A'] };
    expect(nextAccessStep({ rotation: 'march' }, observed(['A']), NOW)).toEqual(replace);
    expect(nextAccessStep({ rotation: 'march' }, observed(['A'], secret({ rotation: 'march' })), NOW)).toBeUndefined();
    expect(nextAccessStep({ rotateAfterDays: 2 }, observed(['A']), NOW)).toEqual(replace);
    expect(nextAccessStep({ rotateAfterDays: 3 }, observed(['A']), NOW)).toBeUndefined();
  });

  it('does not replace a key while the one before it is still open', () => {
    const state = observed(['B', 'A'], replaced);
    expect(nextAccessStep({ rotation: 'march' }, state, NOW)).toBeUndefined();
  });

  it('ends an overlap sooner where that is to be shorter now, and then does what waited for it', () => {
    const leaked = { rotation: 'march', overlapSeconds: 0 };
    expect(nextAccessStep(leaked, observed(['B', 'A'], replaced), NOW)).toEqual({ do: 'revokeKey', key: 'A' });
    expect(accessDueMs(leaked, observed(['B', 'A'], replaced), NOW)).toBe(0);
    expect(nextAccessStep(leaked, observed(['B'], { ...replaced, formerKeys: [] }), NOW)).toEqual({
      do: 'issueKey',
      formerKeys: ['B'],
    });
    expect(accessDueMs({ overlapSeconds: 5 * 3_600 }, observed(['B', 'A'], replaced), NOW)).toBe(3_600_000);
    expect(nextAccessStep({ overlapSeconds: 172_800 }, observed(['B', 'A'], replaced), NOW)).toBeUndefined();
  });

  it('is due when the overlap ends, or the key has its age', () => {
    const overlap = observed(['B', 'A'], replaced);
    expect(accessDueMs({}, overlap, NOW)).toBe(3_600_000);
    expect(accessDueMs({ rotateAfterDays: 3 }, observed(['A']), NOW)).toBe(86_400_000);
    expect(accessDueMs({}, observed(['A']), NOW)).toBe(Number.POSITIVE_INFINITY);
  });
});
