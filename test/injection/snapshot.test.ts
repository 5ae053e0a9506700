import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../../src/api/names.ts';
import type { PlatformDefaultsSpec } from '../../src/api/platform-defaults.ts';
import type { Edit } from '../../src/injection/edit.ts';
import { decodeSnapshot, encodeSnapshot, namedIn, recordedIn } from '../../src/injection/snapshot.ts';
import { SPARK_PATHS } from '../../src/kinds/spark-application/mutator.ts';
import { admit } from '../fixtures/admitting.ts';
import { platformDefaults } from '../fixtures/defaults.ts';
import { fc } from '../fixtures/fast-check.ts';

const KIB = 1024;

const app = (spec: object = {}, annotations: Record<string, string> = {}) => ({
  apiVersion: 'sparkoperator.k8s.io/v1beta2',
  kind: 'SparkApplication',
  metadata: { name: 'spark-pi', namespace: 'team-a', annotations },
  spec: { driver: {}, executor: {}, ...spec },
});

const defaultsGiving = (inject: PlatformDefaultsSpec['inject'], mode: 'Default' | 'Enforce' = 'Default') => [
  platformDefaults('it', { mode, ...(inject && { inject }) }),
];

/** A snapshot of one line. */
const giving = (line: string, verb = 'gives'): string => `a/b@1 ${verb}:\n  ${line}`;

const snapshotOf = ({ metadata }: KubeObject): string => metadata.annotations?.[INJECTED_ANNOTATION] ?? '';

const edits: readonly Edit[] = [
  { at: ['spec', 'sparkConf'], key: '__proto__', value: 'x', mode: 'Enforce', by: 'a/b@1' },
  { at: ['spec', 'monitoring', 'prometheus'], key: 'port', value: 8090, mode: 'Default', by: 'a/b@1' },
  { at: ['spec', 'driver', 'env'], key: 'A', value: { name: 'A', value: 'ä/~\n' }, mode: 'Default', by: 'a/c@2' },
  { at: ['spec', 'driver', 'env'], key: 'B', value: { name: 'B' }, mode: 'Default', by: 'a/c@2' },
  { at: ['spec', 'imagePullSecrets'], key: 'registry', value: 'registry', mode: 'Default', by: 'a/b@1' },
];

describe('a snapshot', () => {
  it('reads back as what was written, in the same order', () => {
    expect(decodeSnapshot(encodeSnapshot(edits, 'values') ?? '', SPARK_PATHS)).toEqual(edits);
  });

  it('reads back whatever text is in it', () => {
    const odd = fc.constantFrom('\u2028', '\u2029', '\u0085', '\n', '\r', '"', '\\', ' ', 'gives:');
    const text = fc
      .array(fc.oneof(odd, fc.string({ unit: 'binary' })), { minLength: 1 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, text, (key, value) => {
        fc.pre(key !== '');
        const written: readonly Edit[] = [
          { at: ['spec', 'sparkConf'], key, value, mode: 'Default', by: 'a/b@1' },
          { at: ['spec', 'driver', 'env'], key, value: { name: key, value }, mode: 'Enforce', by: 'a/b@1' },
        ];
        expect(decodeSnapshot(encodeSnapshot(written, 'values') ?? '', SPARK_PATHS)).toEqual(written);
        const names = namedIn(encodeSnapshot(written, 'names'));
        expect(written.map(names)).toEqual([true, true]);
      }),
      { numRuns: 500 },
    );
  });

  it('can be read by people', () => {
    expect(encodeSnapshot(edits, 'values')?.split('\n')).toEqual([
      'a/b@1 enforces:',
      '  spec.sparkConf {"__proto__":"x"}',
      'a/b@1 gives:',
      '  spec.monitoring.prometheus {"port":8090}',
      'a/c@2 gives:',
      '  spec.driver.env [{"name":"A","value":"ä/~\\n"},{"name":"B"}]',
      'a/b@1 gives:',
      '  spec.imagePullSecrets ["registry"]',
    ]);
  });

  it('that an earlier version wrote reads back too', () => {
    const [conf, , env] = edits;
    const text = JSON.stringify({
      by: ['a/b@1', 'a/c@2'],
      put: [
        [0, 'spec/sparkConf', Object.fromEntries([[conf?.key, conf?.value]]), 'Enforce'],
        [1, 'spec/driver/env', [env?.value]],
      ],
    });
    expect(decodeSnapshot(text, SPARK_PATHS)).toEqual([conf, env]);
    expect(recordedIn(text)).toEqual([conf, env]);
  });

  it.each([
    ['no JSON', '{'],
    ['no sources', '{"put":[]}'],
    ['a source that is not there', '{"by":[],"put":[[0,"spec/sparkConf",{"a":"b"}]]}'],
    ['an entry that is none', '{"by":["a/b@1"],"put":[7]}'],
    ['a path that is none', '{"by":["a/b@1"],"put":[[0,7,{"a":"b"}]]}'],
  ])('that an earlier version cannot have written, with %s, cannot be read', (_, text) => {
    expect(decodeSnapshot(text, SPARK_PATHS)).toBeUndefined();
    expect(recordedIn(text)).toBeUndefined();
  });

  it('of nothing is none', () => {
    expect(encodeSnapshot([], 'values')).toBeUndefined();
  });

  it.each([
    ['empty', ''],
    ['no lines of ours', '[]'],
    ['of nobody', '  spec.sparkConf {"a":"b"}'],
    ['no JSON', giving('spec.sparkConf {')],
    ['without a path', giving('{"a":"b"}')],
    ['a place nothing is put in', giving('spec.driver.sidecars [{"name":"a"}]')],
    ['a place outside the spec', giving('metadata.labels {"a":"b"}')],
    ['a map where a list belongs', giving('spec.driver.env {"name":"A"}')],
    ['an entry without its name', giving('spec.driver.env [{"value":"x"}]')],
    ['an object where a text belongs', giving('spec.sparkConf {"a":{"b":"c"}}')],
    ['names alone', giving('spec.sparkConf ["a"]')],
  ])('that is %s cannot be read', (_, text) => {
    expect(decodeSnapshot(text, SPARK_PATHS)).toBeUndefined();
  });
});

it.each(['__proto__', 'spec/constructor', 'spec/driver/toString'])(
  'a snapshot that names %s names nothing of ours',
  (place) => {
    const isNamed = namedIn(giving(`${place.replaceAll('/', '.')} [{"name":"A"}]`));
    expect(isNamed({ at: place.split('/'), key: 'A' })).toBe(false);
  },
);

describe('the room a snapshot takes', () => {
  const many = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`spark.key${at}`, 'x'.repeat(KIB)]));

  it('is at most 64 KiB, and what does not fit is not injected either', () => {
    const { object, warnings } = admit(app(), defaultsGiving({ sparkConf: many }));
    const { spec } = object as ReturnType<typeof app> & { readonly spec: { readonly sparkConf: object } };
    expect(Buffer.byteLength(snapshotOf(object))).toBeLessThanOrEqual(64 * KIB);
    expect(Object.keys(spec.sparkConf).length).toBeGreaterThan(50);
    expect(Object.keys(spec.sparkConf)).toEqual(Object.keys(readSparkConf(snapshotOf(object))));
    expect(warnings).toEqual([expect.stringMatching(/^Not injected: \d+ of .* no room/)]);
  });

  it('is what the annotations of its user leave', () => {
    const full = app({}, { note: 'x'.repeat(256 * KIB - 400) });
    const { object, warnings } = admit(
      full,
      defaultsGiving({ sparkConf: { 'spark.long': 'y'.repeat(320), 'spark.short': 'y' } }),
    );
    expect(readSparkConf(snapshotOf(object))).toEqual({ 'spark.short': 'y' });
    expect(warnings[0]).toContain('1 of the values');
  });

  it('is not denied to what is enforced, or annotations would be a way around it', () => {
    const full = app({}, { note: 'x'.repeat(256 * KIB) });
    const { object } = admit(full, defaultsGiving({ sparkConf: { 'spark.audit': 'on' } }, 'Enforce'));
    expect(object).toHaveProperty(['spec', 'sparkConf', 'spark.audit'], 'on');
    expect(readSparkConf(snapshotOf(object))).toEqual({ 'spark.audit': 'on' });
  });
});

describe('a forged snapshot that was stored while no webhook answered', () => {
  const forged = (place: string, what: unknown) => ({
    [INJECTED_ANNOTATION]: giving(`${place.replaceAll('/', '.')} ${JSON.stringify(what)}`, 'enforces'),
  });
  const change = (annotations: Record<string, string>) =>
    admit(app({ suspend: true }, annotations), [], app({}, annotations));

  it('puts nothing where the platform would put nothing', () => {
    const { object, warnings } = change(forged('spec/driver/sidecars', [{ name: 'miner' }]));
    expect(object).toHaveProperty('spec', { driver: {}, executor: {}, suspend: true });
    expect(warnings).toEqual([expect.stringContaining('cannot be read')]);
  });

  it('is held to the same rules as what the platform gives', () => {
    const { object, warnings } = change(forged('spec/sparkConf', { 'spark.master': 'k8s://elsewhere' }));
    expect(object).toHaveProperty('spec', { driver: {}, executor: {}, suspend: true });
    expect(warnings).toEqual([expect.stringContaining('spark-operator refuses')]);
  });

  it('gains its user what the user could have written there', () => {
    const { object } = change(forged('spec/sparkConf', { 'spark.mine': 'yes' }));
    expect(object).toHaveProperty('spec', {
      driver: {},
      executor: {},
      suspend: true,
      sparkConf: { 'spark.mine': 'yes' },
    });
  });
});

const readSparkConf = (snapshot: string): Readonly<Record<string, unknown>> =>
  Object.fromEntries((decodeSnapshot(snapshot, SPARK_PATHS) ?? []).map(({ key, value }) => [key, value]));
