import type { KubeObject } from '../api/kubernetes.ts';
import { type FieldPath, isListPath, keysIn } from './edit.ts';
import { entriesWith } from './list-entries.ts';
import { childOf, isRecord, listAt, mapAt, type Path, readAt, setAt, without } from './path.ts';

/** All that an object holds at a field path: one value, several where a list has the entry twice, none for absent and null. */
export const valuesAt = (object: KubeObject, { at, key }: FieldPath): readonly unknown[] => {
  if (isListPath(at)) return entriesWith(listAt(object, at), at, key);
  const value = readAt(mapAt(object, at), [key]) ?? undefined;
  return value === undefined ? [] : [value];
};

/** The object without what is at a field path. */
export const erase = (object: KubeObject, { at, key }: FieldPath): KubeObject =>
  isListPath(at)
    ? setAt(
        object,
        at,
        listAt(object, at).filter((item) => keysIn(at)(item) !== key),
      )
    : setAt(object, at, without(mapAt(object, at), key));

/** False where something of another type stands at the path, or on the way to it: the API server will say so. */
export const isWritableAt = (object: KubeObject, at: Path, isList: boolean): boolean => {
  let node: unknown = object;
  for (const step of at) {
    if (node === undefined || node === null) return true;
    if (!isRecord(node) && !(Array.isArray(node) && Number(step) < node.length)) return false;
    node = childOf(node, step);
  }
  return node === undefined || node === null || (isList ? Array.isArray(node) : isRecord(node));
};
