import { describe, expect, it } from 'vitest';
import { isTooComplex } from '../../src/admission/body.ts';

const times = (count: number, text: string): string => text.repeat(count);
const numbered = (count: number, make: (at: number) => string): string =>
  Array.from({ length: count }, (_, at) => make(at)).join();
const dense = (text: string): boolean => isTooComplex(Buffer.from(text));
const MANY = 600_000;

describe('a body that is too dense', () => {
  it.each([
    ['lists in lists', times(MANY, '[') + times(MANY, ']')],
    ['lists that are never closed', times(MANY, '[')],
    ['maps in maps', `${times(MANY, '{"a":')}1${times(MANY, '}')}`],
    ['empty lists', `[${times(MANY, '[],')}[]]`],
    ['empty maps', `[${times(MANY, '{},')}{}]`],
    ['numbers', `[${times(MANY, '1,')}1]`],
    ['maps of a key each, all different', `[${numbered(60_000, (at) => `{"some-key-${at}":0}`)}]`],
    ['one map of different keys', `{${numbered(60_000, (at) => `"some-key-${at}" : 0`)}}`],
    ['what stands behind a text with a quote in it', `["\\"",${times(MANY, '[],')}[]]`],
  ])('is made of %s', (_what, text) => {
    expect(dense(text)).toBe(true);
  });

  it.each([
    ['brackets and commas in a text', `{"a":"${times(MANY, '[{,')}"}`],
    ['brackets in a text behind a quote in it', `{"a":"\\"${times(MANY, '[{,')}\\\\"}`],
    ['a text that does not end', `{"a":"${times(MANY, '[{,')}`],
    [
      'as many values as two large objects have',
      `{"object":{"env":[${times(35_000, `{"name":"SOME_NAME","value":"some value"},`)}{}]}}`,
    ],
    ['maps of the same few keys', `[${numbered(60_000, (at) => `{"some-key-${at % 1_000}":0}`)}]`],
    ['texts that are different', `[${numbered(60_000, (at) => `"some-text-${at}"`)}]`],
    ['lists in lists that are closed', `[${times(50_000, '[[[]]],')}"${times(MANY, 'x')}"]`],
    ['deep nesting in a small body', times(10_000, '[')],
  ])('is not made of %s', (_what, text) => {
    expect(dense(text)).toBe(false);
  });
});
