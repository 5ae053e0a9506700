import { writeFileSync } from 'node:fs';
import jsonpatch from 'jsonpatch';
import { describe, expect, it } from 'vitest';
import { ensureNothing } from '../../src/admission/handler.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { createHandler, decide } from '../../src/kinds/index.ts';
import { type Case, caseNames, readCase, renderAfter, requestFor } from '../fixtures/golden-case.ts';
import { factsOf } from '../fixtures/golden-world.ts';

const isUpdating = process.env['UPDATE_GOLDEN'] !== undefined;
const isStrict = process.env['CI'] !== undefined;

/** Through the front door, and its patch applied by another implementation than the one that made it. */
const admit = async (golden: Case, object: KubeObject) => {
  const facts = factsOf(golden);
  const request = requestFor(golden, object);
  const handle = createHandler({ facts: () => facts, ensure: ensureNothing });
  const { patch = [], warnings = [], refusal } = await handle(request);
  const after = jsonpatch.apply_patch(object, [...patch]);
  const remarks = refusal === undefined ? warnings : [...warnings, `refused: ${refusal.message}`];
  const { companions } = decide(request, facts);
  return { patch, companions, object: after, text: renderAfter(remarks, after, companions) };
};

describe.each(caseNames())('%s: %s', (kind, name) => {
  it('comes out as after.yaml says', async () => {
    const golden = readCase(kind, name);
    const { text } = await admit(golden, golden.before);
    if (isUpdating || (golden.after === undefined && !isStrict)) writeFileSync(golden.afterPath, text);
    else expect(text).toBe(golden.after ?? 'after.yaml, which is missing: make it with UPDATE_GOLDEN=1');
  });

  it(name.startsWith('leaves-') ? 'is left as it is' : 'is changed', async () => {
    const golden = readCase(kind, name);
    const { patch, companions } = await admit(golden, golden.before);
    expect(patch.length + companions.length > 0).toBe(!name.startsWith('leaves-'));
  });

  it('is left as it is when it is admitted again', async () => {
    const golden = readCase(kind, name);
    const once = await admit(golden, golden.before);
    expect((await admit(golden, once.object)).patch).toEqual([]);
  });
});
