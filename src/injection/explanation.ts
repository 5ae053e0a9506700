import type { Explanation } from '../api/admission.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../api/names.ts';
import { type Edit, type FieldPath, isListPath, OURSELVES } from './edit.ts';
import { memoize } from './memo.ts';
import { listAt, pointerTo } from './path.ts';
import type { Settlement } from './settlement.ts';

/** Every path that a settlement changed, and why. What was taken away has its path of before. */
export const explainSettlement = (before: KubeObject, { object, put, removed }: Settlement): readonly Explanation[] => [
  ...put.flatMap((edit) => explanationsOf(object, edit, reasonOf(edit))),
  ...removed.flatMap((removal) =>
    explanationsOf(before, removal, {
      pointer: pointerTo(pointerPathOf(removal)),
      source: sourceOf(removal.by),
      mode: 'Enforce',
      why: 'taken out: what is enforced says the same in its own place',
    }),
  ),
];

/** One value taken out again, `why` in a few words. */
export const explainWithdrawal = (before: KubeObject, edit: Edit, why: string): readonly Explanation[] =>
  explanationsOf(before, edit, { ...reasonOf(edit), mode: 'Derived', why });

/** The annotation that says what was injected. */
export const explainAnnotation = (why: string): Explanation => ({
  path: pointerTo(['metadata', 'annotations', INJECTED_ANNOTATION]),
  source: OURSELVES,
  mode: 'Derived',
  why,
});

interface Reason extends Omit<Explanation, 'path'> {
  /** To the field of a map; to the list of an entry. */
  readonly pointer: string;
}

/** Nothing where the object does not hold the value. */
const explanationsOf = (
  object: KubeObject,
  { at, value }: Pick<Edit, 'at' | 'value'>,
  { pointer, source, mode, why }: Reason,
): readonly Explanation[] => {
  if (!isListPath(at)) return [{ path: pointer, source, mode, why }];
  const index = listAt(object, at).indexOf(value);
  return index < 0 ? [] : [{ path: `${pointer}/${index}`, source, mode, why }];
};

const reasonOf = (edit: Edit): Reason => memoize(edit, reasonFor, '', () => reasonFor(edit));

const reasonFor = (edit: Edit): Reason => {
  const { by, mode, why } = edit;
  return {
    pointer: pointerTo(pointerPathOf(edit)),
    source: sourceOf(by),
    mode: by === OURSELVES ? 'Derived' : mode,
    why: why ?? (mode === 'Enforce' ? 'enforced, whatever the manifest says' : 'the manifest says nothing here'),
  };
};

const pointerPathOf = ({ at, key }: FieldPath) => (isListPath(at) ? at : [...at, key]);

const sourceOf = (by: string): string => (by === OURSELVES ? by : `PlatformDefaults ${by}`);
