import type { Random } from './random.ts';

/** One way to break bytes. */
type Breakage = (bytes: Buffer, at: number, random: Random) => Buffer;

/** What parsers of JSON, YAML, HTTP and PEM look out for. */
const TOKENS: readonly Buffer[] = [
  '{',
  '}',
  '[',
  ']',
  '"',
  ',',
  ':',
  '\\',
  '\\u0000',
  '\\ud800',
  'null',
  '1e999',
  '-',
  '"__proto__":',
  '"constructor":{"prototype":',
  '\r\n',
  '\n',
  ' ',
  '\t',
  '\0',
  '&a *a',
  '!!binary',
  '---\n',
  '<<: ',
  '-----BEGIN CERTIFICATE-----',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  '[['.repeat(500),
  '{"a":'.repeat(500),
]
  .map((text) => Buffer.from(text))
  .concat([Buffer.from([0xff, 0xfe]), Buffer.from([0xc0, 0x80]), Buffer.from([0xed, 0xa0, 0x80])]);

/** A copy of bytes that is broken in a few places. */
export const mutateBytes = (bytes: Buffer, random: Random): Buffer => {
  let broken = Buffer.from(bytes);
  for (let times = 1 + random.below(6); times > 0; times -= 1) {
    broken = Buffer.from(random.pick(BREAKAGES)(broken, random.below(broken.length + 1), random));
  }
  return broken;
};

const insert: Breakage = (bytes, at, random) =>
  Buffer.concat([bytes.subarray(0, at), random.pick(TOKENS), bytes.subarray(at)]);

const flip: Breakage = (bytes, at, random) => {
  if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
  return bytes;
};

const drop: Breakage = (bytes, at, random) =>
  Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(20))]);

const cutOff: Breakage = (bytes, at) => bytes.subarray(0, at);

const repeat: Breakage = (bytes, at, random) => {
  const part = bytes.subarray(at, at + 1 + random.below(40));
  return Buffer.concat([
    bytes.subarray(0, at),
    ...Array.from({ length: 1 + random.below(5) }, () => part),
    bytes.subarray(at),
  ]);
};

const BREAKAGES: readonly Breakage[] = [insert, insert, flip, drop, cutOff, repeat];
