import fc from 'fast-check';
import jsonpatch from 'jsonpatch';
import { describe, expect, it } from 'vitest';
import { patchBetween } from '../../src/admission/patch.ts';

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const key = fc.oneof(fc.string(), fc.constantFrom('a/b', '~', '~1', 'ä', '', 'constructor', 'toString'));
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
    const edits = fc.array(fc.tuple(fc.nat(8), fc.constantFrom('insert', 'remove', 'change'), entry), { maxLength: 5 });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 8 }), edits, (list, changes) => {
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

  it('of an object with itself is empty', () => {
    fc.assert(
      fc.property(document, (same) => {
        expect(patchBetween(same, same)).toEqual([]);
      }),
    );
  });
});
