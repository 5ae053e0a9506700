import { describe, expect, it } from 'vitest';
import { plainSentences, plainText } from '../../src/api/plain-text.ts';

const ESCAPES = 'red\u001b[31m\r\nadmin: all is well\u202e\u2028\u009b';

describe('text that somebody else wrote', () => {
  it('keeps letters of any script, and loses what steers a terminal', () => {
    expect(plainText('naïve ☕ 日本 \u{1f600}', 100)).toBe('naïve ☕ 日本 \u{1f600}');
    expect(plainText(ESCAPES, 100)).toBe('red\ufffd[31m\ufffd\ufffdadmin: all is well\ufffd\ufffd\ufffd');
  });

  it('is cut where it is too long, and empty where it is no text', () => {
    expect(plainText('x'.repeat(1_000_000), 5)).toBe('xxxx…');
    expect(plainText({ toString: 1 }, 5)).toBe('');
  });

  it('is told in fifty sentences at most', () => {
    const sentences = plainSentences(Array.from({ length: 10_000 }, () => 'x'.repeat(5_000)));
    expect(sentences).toHaveLength(51);
    expect(sentences.at(-1)).toBe('9950 more were left out.');
    expect(Math.max(...sentences.map(({ length }) => length))).toBeLessThanOrEqual(1_000);
  });
});
