import type { KubeObject } from '../api/kubernetes.ts';
import { isListPlace, keysIn, type Spot } from './edit.ts';
import { entriesWith } from './list-entries.ts';
import { childOf, isBranch, listAt, mapAt, type Path, readAt, setAt, without } from './path.ts';

/** All that an object holds at a spot: one value, several where a list has the entry twice, none for absent and null. */
export const valuesAt = (object: KubeObject, { at, key }: Spot): readonly unknown[] => {
  if (isListPlace(at)) return entriesWith(listAt(object, at), at, key);
  const value = readAt(mapAt(object, at), [key]) ?? undefined;
  return value === undefined ? [] : [value];
};

/** The object without what is at a spot. */
export const erase = (object: KubeObject, { at, key }: Spot): KubeObject =>
  isListPlace(at)
    ? setAt(
        object,
        at,
        listAt(object, at).filter((item) => keysIn(at)(item) !== key),
      )
    : setAt(object, at, without(mapAt(object, at), key));

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
