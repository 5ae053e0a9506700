import { describe, expect, it } from 'vitest';
import type { AdmissionRequest } from '../../src/api/admission.ts';
import type { DefaultsExplanation, ValueExplanation } from '../../src/defaults/explanation/explanation.ts';
import { changesBetween } from '../../src/ops/changes.ts';
import { createDecisionLog } from '../../src/ops/decisions.ts';
import { verdictsOf } from '../../src/ops/verdicts.ts';

const request: AdmissionRequest = {
  uid: 'u',
  operation: 'CREATE',
  resource: { group: '', version: 'v1', resource: 'pods' },
  object: { apiVersion: 'v1', kind: 'Pod', metadata: { generateName: 'step-' } },
  dryRun: false,
  username: '',
};
const { object } = request;
const quiet = { object, warnings: [], explain: [], companions: [], patch: [] } as const;
const changed = {
  ...quiet,
  object: { ...object, metadata: { ...object.metadata, labels: { team: 'geo' } } },
  patch: [{ op: 'add', path: '/metadata/labels', value: { team: 'geo' } }],
} as const;
const explain = () => Promise.resolve({ notes: [], defaults: [] });

describe('the decisions that are remembered', () => {
  it('are the latest, newest first, with the name a generated one will start with', () => {
    const log = createDecisionLog({ capacity: 2, now: () => new Date(0) });
    for (const kind of ['A', 'B', 'C']) log.add({ ...request, object: { ...object, kind } }, changed);
    expect(log.latest().map(({ kind, name }) => [kind, name])).toEqual([
      ['C', 'step-*'],
      ['B', 'step-*'],
    ]);
  });

  it('have what was before and after, found out when the answer is given', async () => {
    const log = createDecisionLog({ capacity: 2, now: () => new Date(0), explain });
    log.add(request, changed);
    expect(log.latest()[0]?.details).toBeUndefined();
    await expect.poll(() => log.latest()[0]?.details).toBeDefined();
    expect(log.latest()[0]?.details?.changes).toEqual([{ field: 'metadata.labels.team', after: '"geo"' }]);
  });

  it('are explained for twenty of a crowd, and one each half second', async () => {
    let milliseconds = 0;
    const log = createDecisionLog({ capacity: 100, now: () => new Date(milliseconds), explain });
    const explained = () => log.latest().filter(({ details }) => details !== undefined).length;
    for (let count = 0; count < 50; count += 1) log.add(request, changed);
    await expect.poll(explained).toBe(20);
    expect(log.latest()).toHaveLength(50);
    milliseconds = 1_000;
    for (let count = 0; count < 50; count += 1) log.add(request, changed);
    await expect.poll(explained).toBe(22);
  });

  it('are some of a crowd of changes, and all that were refused meanwhile', () => {
    let milliseconds = 0;
    const log = createDecisionLog({ capacity: 500, now: () => new Date(milliseconds) });
    const crowd = (): void => {
      for (let count = 0; count < 300; count += 1) log.add(request, changed);
    };
    crowd();
    log.add(request, { ...changed, denied: 'spec.x: no' });
    milliseconds = 200;
    crowd();
    const outcomes = log.latest().map(({ outcome }) => outcome);
    expect(outcomes.filter((outcome) => outcome === 'changed')).toHaveLength(110);
    expect(outcomes[10]).toBe('refused');
  });

  it('are explained as long as what waits for it is not too large together', async () => {
    const mebibyte = 2 ** 20;
    let milliseconds = 0;
    const log = createDecisionLog({ capacity: 100, now: () => new Date(milliseconds), explain });
    const explained = () => log.latest().map(({ details }) => details !== undefined);
    for (const size of [1, 3, 0.5, 5]) log.add({ ...request, size: size * mebibyte }, changed);
    await expect.poll(explained).toEqual([false, false, true, true]);
    milliseconds = 1_000;
    log.add({ ...request, size: 4 * mebibyte }, changed);
    await expect.poll(explained).toEqual([true, false, false, true, true]);
  });

  it('hold what came to nothing apart, so that it pushes nothing out', () => {
    const log = createDecisionLog({ capacity: 4, now: () => new Date(0), explain });
    for (let count = 0; count < 4; count += 1) log.add(request, changed);
    for (let count = 0; count < 50; count += 1) log.add(request, quiet);
    expect(log.latest().map(({ outcome }) => outcome)).toEqual([
      ...['unchanged', 'unchanged'],
      ...['changed', 'changed', 'changed', 'changed'],
    ]);
    const unexplaining = createDecisionLog({ capacity: 4, now: () => new Date(0) });
    unexplaining.add(request, quiet);
    expect(unexplaining.latest()).toEqual([]);
  });

  it('tell what could not be explained, and stay', async () => {
    const faults: unknown[] = [];
    const failing = () => Promise.reject(new Error('no explanation'));
    const log = createDecisionLog({
      capacity: 2,
      now: () => new Date(0),
      explain: failing,
      onFault: (e) => faults.push(e),
    });
    log.add(request, changed);
    await expect.poll(() => faults).toEqual([new Error('no explanation')]);
    expect(log.latest()).toHaveLength(1);
  });
});

describe('before and after', () => {
  const env = (...entries: readonly (readonly [string, string])[]) => ({
    containers: [{ name: 'main', env: entries.map(([name, value]) => ({ name, value })) }],
  });

  it('tell an entry that was put before the others as one change', () => {
    expect(changesBetween({ spec: env(['A', '1']) }, { spec: env(['PROXY', 'p'], ['A', '2']) })).toEqual([
      { field: 'spec.containers[main].env[PROXY]', after: '{"name":"PROXY","value":"p"}' },
      { field: 'spec.containers[main].env[A].value', before: '"1"', after: '"2"' },
    ]);
  });

  it.each([
    ['a field that is gone', { a: { b: 1 } }, { a: {} }, [{ field: 'a.b', before: '1' }]],
    ['an empty map that is new', {}, { a: {} }, [{ field: 'a', after: '{}' }]],
    ['a map for a list', { a: [1] }, { a: { b: 1 } }, [{ field: 'a', before: '[1]', after: '{"b":1}' }]],
    ['an entry without a name', { a: [] }, { a: [{ k: { v: 1 } }] }, [{ field: 'a[]', after: '{"k":{"v":1}}' }]],
    [
      'two entries of one name',
      { a: [{ name: 'x' }] },
      { a: [{ name: 'x' }, { name: 'x' }] },
      [{ field: 'a[x]', after: '{"name":"x"}' }],
    ],
    ['null', { a: null }, { a: 1 }, [{ field: 'a', before: 'null', after: '1' }]],
    ['keys of every object', {}, { constructor: 1 }, [{ field: 'constructor', after: '1' }]],
    ['nothing', { a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, []],
  ])('tell %s', (_, before, after, changes) => {
    expect(changesBetween(before, after)).toEqual(changes);
  });

  it('are short and plain, whatever an object holds', () => {
    const [change] = changesBetween({}, { ['k'.repeat(5_000)]: `\u001b[2J${'v'.repeat(5_000)}` });
    expect(change?.field).toHaveLength(500);
    expect(change?.after).toHaveLength(500);
    expect(JSON.stringify(change)).not.toContain('\u001b');
    const many = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`k${index}`, 1]));
    expect(changesBetween({}, many)).toHaveLength(200);
    const long = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`k${index}`, 'v'.repeat(5_000)]));
    expect(JSON.stringify(changesBetween({}, long)).length).toBeLessThan(40_000);
    const value = {
      verdict: 'applied',
      field: 'f',
      value: 'v'.repeat(5_000),
      over: 'o'.repeat(5_000),
      why: 'w',
    } as const;
    const defaults = Array.from({ length: 100 }, (_, index) => ({
      ...({ source: `q/d${index}@1`, mode: 'Default', verdict: 'applied', why: 'w'.repeat(5_000) } as const),
      values: Array.from({ length: 100 }, () => value),
    }));
    expect(JSON.stringify(verdictsOf(defaults, ['q'])).length).toBeLessThan(90_000);
  });
});

describe('what became of defaults', () => {
  const value = (verdict: ValueExplanation['verdict'], at: number): ValueExplanation => ({
    ...{ verdict, field: `${verdict} ${at}`, value: 'v', why: 'w' },
  });
  const defaults = (name: string, values: readonly ValueExplanation[]): DefaultsExplanation => ({
    ...{ source: `q/${name}@1`, mode: 'Default', verdict: 'applied', why: 'w', values },
  });
  const many = (verdict: ValueExplanation['verdict'], length: number) =>
    Array.from({ length }, (_, at) => value(verdict, at));

  it('is told with what was refused and kept back first, and how many more there are', () => {
    const values = [...many('applied', 60), ...many('kept back', 2), ...many('refused', 1)];
    const [told] = verdictsOf([defaults('d', values)], ['q']).defaults;
    expect(told?.values.slice(0, 4).map(({ field }) => field)).toEqual([
      'refused 0',
      'kept back 0',
      'kept back 1',
      'applied 0',
    ]);
    expect(told?.values).toHaveLength(50);
    expect(told?.valuesLeftOut).toBe(13);
  });

  it('counts what is left out because it is too much text, and nothing where all is there', () => {
    const long = many('applied', 40).map((one) => ({ ...one, value: 'v'.repeat(2_000), why: 'w'.repeat(2_000) }));
    const [first, second] = verdictsOf([defaults('a', long), defaults('b', many('refused', 3))], ['q']).defaults;
    expect((first?.values.length ?? 0) + (first?.valuesLeftOut ?? 0)).toBe(40);
    expect(first?.valuesLeftOut).toBeGreaterThan(0);
    expect(second).toMatchObject({ values: [], valuesLeftOut: 3 });
    expect(verdictsOf([defaults('b', many('refused', 3))], ['q'])).toMatchObject({
      defaultsLeftOut: 0,
      defaults: [{ valuesLeftOut: 0 }],
    });
  });

  it('counts the defaults that are left out, of those that hold there alone', () => {
    const all = Array.from({ length: 60 }, (_, at) => defaults(`d${at}`, []));
    const told = verdictsOf([...all, { ...defaults('d', []), source: 'other/d@1' }], ['q']);
    expect(told.defaults).toHaveLength(50);
    expect(told.defaultsLeftOut).toBe(10);
  });
});
