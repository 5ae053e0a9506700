import { createPatch, type Operation, type Pointer } from 'rfc6902';
import type { PatchOperation } from '../api/admission.ts';
import { stepTo } from '../mutate/tree.ts';

/**
 * JSON Patch (RFC 6902) from one object to another. What the two share by identity is not looked into, so the
 * cost follows the size of the change, not of the object.
 */
export const patchBetween = (before: unknown, after: unknown): readonly PatchOperation[] => {
  const operations: PatchOperation[] = [];
  diff(before, after, '', operations);
  return operations;
};

const diff = (before: unknown, after: unknown, path: string, into: PatchOperation[]): void => {
  if (before === after) return;
  if (Array.isArray(before) && Array.isArray(after)) diffLists(before, after, path, into);
  else if (isMap(before) && isMap(after)) diffMaps(before, after, path, into);
  else into.push({ op: 'replace', path, value: after });
};

type Fields = Readonly<Record<string, unknown>>;

const isMap = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fields that went, fields that came, then those that changed. */
const diffMaps = (before: Fields, after: Fields, path: string, into: PatchOperation[]): void => {
  for (const key of Object.keys(before)) {
    if (before[key] !== after[key] && has(before, key) && !has(after, key))
      into.push({ op: 'remove', path: path + stepTo(key) });
  }
  const changed: string[] = [];
  for (const key of Object.keys(after)) {
    if (before[key] === after[key] || !has(after, key)) continue;
    if (has(before, key)) changed.push(key);
    else into.push({ op: 'add', path: path + stepTo(key), value: after[key] });
  }
  for (const key of changed) diff(before[key], after[key], path + stepTo(key), into);
};

/** JSON knows no undefined. */
const has = (map: Fields, key: string): boolean => map[key] !== undefined && Object.hasOwn(map, key);

/**
 * Entries inserted in one place, taken from one place, or changed where they stand: nearly all that a mutation
 * does to a list. The search for the shortest edit is quadratic; it gets what is left over.
 */
const diffLists = (
  before: readonly unknown[],
  after: readonly unknown[],
  path: string,
  into: PatchOperation[],
): void => {
  const start = sharedStart(before, after);
  const end = sharedEnd(before, after, start);
  const removed = before.length - start - end;
  const added = after.slice(start, after.length - end);
  const at = (index: number): string => `${path}/${start + index}`;
  if (removed === 0) for (const [index, value] of added.entries()) into.push({ op: 'add', path: at(index), value });
  else if (added.length === 0) for (let left = removed; left > 0; left -= 1) into.push({ op: 'remove', path: at(0) });
  else if (added.length === removed)
    for (const [index, value] of added.entries()) diff(before[start + index], value, at(index), into);
  else diffUnlike(before, after, path, into);
};

const diffUnlike = (
  before: readonly unknown[],
  after: readonly unknown[],
  path: string,
  into: PatchOperation[],
): void => {
  for (const operation of createPatch(before, after, diffShared)) {
    if (operation.op !== 'add' && operation.op !== 'replace' && operation.op !== 'remove')
      throw new TypeError(`rfc6902 made a ${operation.op} operation, which no diff of two objects has`);
    into.push({ ...operation, path: path + operation.path });
  }
};

/** For the library: what is shared, and maps, are ours to compare. */
const diffShared = (before: unknown, after: unknown, pointer: Pointer): Operation[] | undefined => {
  if (before === after) return [];
  if (!isMap(before) || !isMap(after)) return undefined;
  const operations: PatchOperation[] = [];
  diffMaps(before, after, pointer.toString(), operations);
  return operations;
};

const sharedStart = (before: readonly unknown[], after: readonly unknown[]): number => {
  const most = Math.min(before.length, after.length);
  let length = 0;
  while (length < most && before[length] === after[length]) length += 1;
  return length;
};

const sharedEnd = (before: readonly unknown[], after: readonly unknown[], start: number): number => {
  const most = Math.min(before.length, after.length) - start;
  let length = 0;
  while (length < most && before[before.length - 1 - length] === after[after.length - 1 - length]) length += 1;
  return length;
};
