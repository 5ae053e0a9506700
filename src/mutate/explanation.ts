import type { Explanation } from '../api/admission.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../names.ts';
import { type Edit, isListPlace, OURSELVES, type Spot } from './edit.ts';
import type { Settlement } from './settle.ts';
import { listAt, type Path, pointerTo, stepTo } from './tree.ts';

/** Every path that a settlement changed, and why. What was taken away has its path of before. */
export const explainSettlement = (before: KubeObject, { object, put, removed }: Settlement): readonly Explanation[] => {
  const [pathAfter, pathBefore] = [locate(object), locate(before)];
  const explained: Explanation[] = [];
  for (const edit of put) {
    const path = pathAfter(edit, edit.value);
    if (path !== undefined) explained.push({ path, ...reasonFor(edit) });
  }
  for (const { value, by, ...spot } of removed) {
    const path = pathBefore(spot, value);
    if (path !== undefined) explained.push({ path, source: sourceOf(by), mode: 'Enforce', why: MADE_ROOM });
  }
  return explained;
};

const MADE_ROOM = 'taken out: what is enforced says the same in its own place';

/** One value taken out again, `why` in a few words. */
export const explainWithdrawal = (before: KubeObject, edit: Edit, why: string): readonly Explanation[] => {
  const path = locate(before)(edit, edit.value);
  return path === undefined ? [] : [{ path, source: sourceOf(edit.by), mode: 'Derived', why }];
};

/** The annotation that says what was injected. */
export const explainAnnotation = (why: string): Explanation => ({
  path: pointerTo(['metadata', 'annotations', INJECTED_ANNOTATION]),
  source: OURSELVES,
  mode: 'Derived',
  why,
});

const reasonFor = ({ by, mode, why }: Edit): Omit<Explanation, 'path'> => ({
  source: sourceOf(by),
  mode: by === OURSELVES ? 'Derived' : mode,
  why: why ?? (mode === 'Enforce' ? 'enforced, whatever the manifest says' : 'the manifest says nothing here'),
});

/** Tells where in an object a value of a spot stands; undefined where it does not. Neighbours share the way to their place. */
const locate = (object: KubeObject): ((spot: Spot, value: unknown) => string | undefined) => {
  let at: Path | undefined;
  let pointer = '';
  let list: readonly unknown[] | undefined;
  return (spot, value) => {
    if (spot.at !== at) {
      at = spot.at;
      pointer = pointerTo(at);
      list = isListPlace(at) ? listAt(object, at) : undefined;
    }
    if (list === undefined) return pointer + stepTo(spot.key);
    const index = list.indexOf(value);
    return index < 0 ? undefined : `${pointer}/${index}`;
  };
};

const sourceOf = (by: string): string => (by === OURSELVES ? by : `PlatformDefaults ${by}`);
