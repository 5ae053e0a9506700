import { fc } from '../fixtures/fast-check.ts';

const LONG = 20_000;

const nested = (depth: number, open: string, inner: string, close: string): unknown =>
  JSON.parse(open.repeat(depth) + inner + close.repeat(depth)) as unknown;

/** Values that programs stumble over. */
const awkward: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1e308,
  2 ** 53,
  '',
  ' ',
  '\u0000',
  '\ud800',
  '../../etc/passwd',
  '/'.repeat(LONG),
  `/a${'/'.repeat(LONG)}b`,
  '${'.repeat(LONG / 2),
  '$${'.repeat(LONG / 3),
  '${a}'.repeat(LONG / 4),
  '-javaagent:'.repeat(LONG / 10),
  'a='.repeat(LONG / 2),
  'spark.kubernetes.driver.volumes.'.repeat(200),
  '9'.repeat(400),
  'x'.repeat(300),
  '{"by":["a/b@1"],"put":[[0,"spec/driver/env",[{"name":"A","value":"b"}]]]}',
  '{"by":[],"put":[[0,"__proto__/x",{"y":1}]]}',
  'a/b@1 gives:\n  spec.driver.env [{"name":"A","value":"b"}]',
  'a/b@1 enforces:\n  __proto__.x {"y":1}\n  spec.constructor ["A"]',
  '  spec.driver.env [',
  '{"by":["a/b@1"],"put":[[0,"__proto__",[{"name":"A"}]],[0,"spec/constructor",["A"]]]}',
  [],
  {},
  [[]],
  [null],
  [{}],
  [{ name: null }],
  [{ name: { toString: 1 } }],
  Array.from({ length: 300 }, (_, index) => ({ name: `n${index % 7}`, mountPath: `/m${index % 5}/` })),
  nested(3_000, '[', '', ']'),
  nested(3_000, '{"a":', '1', '}'),
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}') as unknown,
];

/** The awkward ones, and others that fast-check thinks of; the same for the same seed. */
export const junkValues = (seed: number): readonly unknown[] => [
  ...awkward,
  ...fc.sample(fc.jsonValue({ maxDepth: 3, noUnicodeString: false }), { seed, numRuns: 200 }),
];

/** Keys that mean something to JavaScript, to JSON Pointer or to us. */
export const junkKeys: readonly string[] = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'length',
  '',
  'a/b',
  '~1',
  '~',
  '0',
  '-1',
  'metadata',
  'spec',
  'labels',
  'annotations',
  'quartermaster.dev/injected',
  'quartermaster.dev/inject',
  'env',
  'volumes',
  'volumeMounts',
  'containers',
  'name',
  'mountPath',
  'sparkConf',
  'storageClassName',
];
