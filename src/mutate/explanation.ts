import type { Explanation } from '../api/admission.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../names.ts';
import { type Edit, OURSELVES } from './edit.ts';
import type { Removal, Settlement } from './settle.ts';
import { pathOf } from './spot.ts';
import { pointerTo } from './tree.ts';

/** Every path that a settlement changed, and why. What was taken away has its path of before. */
export const explainSettlement = (before: KubeObject, settled: Settlement): readonly Explanation[] => [
  ...settled.put.flatMap((edit) => explainPut(settled.object, edit)),
  ...settled.removed.flatMap((removal) => explainRemoval(before, removal)),
];

/** One value taken out again, `why` in a few words. */
export const explainWithdrawal = (before: KubeObject, edit: Edit, why: string): readonly Explanation[] =>
  pathsIn(before, edit).map((path) => ({ path, source: sourceOf(edit.by), mode: 'Derived', why }));

/** The annotation that says what was injected. */
export const explainAnnotation = (why: string): Explanation => ({
  path: pointerTo(['metadata', 'annotations', INJECTED_ANNOTATION]),
  source: OURSELVES,
  mode: 'Derived',
  why,
});

const explainPut = (after: KubeObject, edit: Edit): readonly Explanation[] =>
  pathsIn(after, edit).map((path) => ({
    path,
    source: sourceOf(edit.by),
    mode: edit.by === OURSELVES ? 'Derived' : edit.mode,
    why:
      edit.why ?? (edit.mode === 'Enforce' ? 'enforced, whatever the manifest says' : 'the manifest says nothing here'),
  }));

const explainRemoval = (before: KubeObject, removal: Removal): readonly Explanation[] =>
  pathsIn(before, removal).map((path) => ({
    path,
    source: sourceOf(removal.by),
    mode: 'Enforce',
    why: 'taken out: what is enforced says the same in its own place',
  }));

const pathsIn = (object: KubeObject, spot: Edit | Removal): readonly string[] => {
  const path = pathOf(object, spot, spot.value);
  return path === undefined ? [] : [pointerTo(path)];
};

const sourceOf = (by: string): string => (by === OURSELVES ? by : `PlatformDefaults ${by}`);
