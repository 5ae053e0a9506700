import jsonpatch from 'jsonpatch';
import { describe, expect, it } from 'vitest';
import { patchBetween } from '../../src/admission/patch.ts';
import { fc } from '../fixtures/fast-check.ts';

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const key = fc
  .oneof(fc.string(), fc.constantFrom('a/b', '~', '~1', 'ä', '', 'constructor', 'toString'))
  // The library that applies patches here does not set that one; it has a test of its own.
  .filter((name) => name !== '__proto__');
const value = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: 'small' },
    fc.string(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('tree'), { maxLength: 6 }),
    fc.dictionary(key, tie('tree'), { maxKeys: 6 }),
  ),
})).tree;
const document = fc.dictionary(key, value, { maxKeys: 6 });

describe('a patch', () => {
  it('applied by another implementation gives the second object', () => {
    fc.assert(
      fc.property(document, document, (before, after) => {
        expect(jsonpatch.apply_patch(json(before), [...patchBetween(before, after)])).toEqual(json(after));
      }),
    );
  });

  it('between lists that share entries gives the second list', () => {
    const entry = fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), value: fc.integer() });
    const edits = fc.array(fc.tuple(fc.nat(30), fc.constantFrom('insert', 'remove', 'change'), entry), {
      maxLength: 5,
    });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 30 }), edits, (list, changes) => {
        const after = [...list];
        for (const [at, what, item] of changes)
          after.splice(Math.min(at, after.length), what === 'insert' ? 0 : 1, ...(what === 'remove' ? [] : [item]));
        expect(jsonpatch.apply_patch({ list: json(list) }, [...patchBetween({ list }, { list: after })])).toEqual({
          list: json(after),
        });
      }),
    );
  });

  it('of an entry put before 5,000 others is one operation', () => {
    const list = Array.from({ length: 5_000 }, (_, index) => ({ name: `v${index}` }));
    expect(patchBetween({ list }, { list: [{ name: 'first' }, ...list] })).toEqual([
      { op: 'add', path: '/list/0', value: { name: 'first' } },
    ]);
  });

  it('between lists that have the very same entry many times gives the second list', () => {
    const known = [{ name: 'a' }, { name: 'b' }, 'text', 1, null];
    const list = fc.array(fc.constantFrom(...known), { maxLength: 40 });
    fc.assert(
      fc.property(list, list, (before, after) => {
        const patch = patchBetween({ list: before }, { list: after });
        expect(jsonpatch.apply_patch({ list: json(before) }, [...patch])).toEqual({ list: json(after) });
      }),
    );
  });

  it('of 20,000 entries of which the first changed, one went and one came has an operation for each', () => {
    const list = Array.from({ length: 20_000 }, (_, index) => ({ name: `v${index}`, value: 'as it was' }));
    const after = [
      { name: 'v0', value: 'new' },
      ...list.toSpliced(10_000, 1).slice(1),
      { name: 'last' },
      { name: 'end' },
    ];
    expect(patchBetween({ list }, { list: after })).toEqual([
      { op: 'replace', path: '/list/0/value', value: 'new' },
      { op: 'remove', path: '/list/10000' },
      { op: 'add', path: '/list/19999', value: { name: 'last' } },
      { op: 'add', path: '/list/20000', value: { name: 'end' } },
    ]);
  });

  it('sets a field called __proto__ like any other', () => {
    expect(patchBetween({}, JSON.parse('{"__proto__":{"a":1}}'))).toEqual([
      { op: 'add', path: '/__proto__', value: { a: 1 } },
    ]);
  });

  it('of an object with itself is empty', () => {
    fc.assert(
      fc.property(document, (same) => {
        expect(patchBetween(same, same)).toEqual([]);
      }),
    );
  });
});
