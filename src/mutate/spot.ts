import type { KubeObject } from '../api/kubernetes.ts';
import { type Edit, isListPlace, isPutFirst, keyOf, type Spot } from './edit.ts';
import { childOf, isBranch, listAt, mapAt, type Path, readAt, setAt, without } from './tree.ts';

/** All that an object holds at a spot: one value, several where a list has the entry twice, none for absent and null. */
export const valuesAt = (object: KubeObject, { at, key }: Spot): readonly unknown[] => {
  if (isListPlace(at)) return listAt(object, at).filter((item) => keyOf(at, item) === key);
  const value = readAt(mapAt(object, at), [key]) ?? undefined;
  return value === undefined ? [] : [value];
};

/** The path of one value that an object holds at a spot; undefined where it does not hold it. */
export const pathOf = (object: KubeObject, { at, key }: Spot, value: unknown): Path | undefined => {
  if (!isListPlace(at)) return [...at, key];
  const index = listAt(object, at).indexOf(value);
  return index < 0 ? undefined : [...at, String(index)];
};

/** The object without what is at a spot. */
export const erase = (object: KubeObject, { at, key }: Spot): KubeObject =>
  isListPlace(at)
    ? setAt(
        object,
        at,
        listAt(object, at).filter((item) => keyOf(at, item) !== key),
      )
    : setAt(object, at, without(mapAt(object, at), key));

/** The object with an edit made: in the place of the entry it replaces (and of its doubles), else at the end of its list or the start. */
export const write = (object: KubeObject, edit: Edit): KubeObject => {
  const { at, key, value } = edit;
  if (!isListPlace(at)) return setAt(object, at, { ...mapAt(object, at), [key]: value });
  const list = listAt(object, at);
  const first = list.findIndex((item) => keyOf(at, item) === key);
  if (first < 0) return setAt(object, at, isPutFirst(edit) ? [value, ...list] : [...list, value]);
  const others = list.filter((item, index) => index <= first || keyOf(at, item) !== key);
  return setAt(object, at, others.with(first, value));
};

/** False where something of another type stands at the place, or on the way to it: the API server will say so. */
export const hasRoomFor = (object: KubeObject, at: Path, isList: boolean): boolean => {
  let node: unknown = object;
  for (const step of at) {
    if (node === undefined || node === null) return true;
    if (!isBranch(node) && !(Array.isArray(node) && Number(step) < node.length)) return false;
    node = childOf(node, step);
  }
  return node === undefined || node === null || (isList ? Array.isArray(node) : isBranch(node));
};
