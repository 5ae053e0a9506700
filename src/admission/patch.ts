import { createPatch, type Operation, type Pointer } from 'rfc6902';
import type { PatchOperation } from '../api/admission.ts';
import { stepTo } from '../mutate/tree.ts';

/**
 * JSON Patch (RFC 6902) from one object to another. What the two share by identity is not looked into, so the
 * cost follows the size of the change, not of the object.
 */
export const patchBetween = (before: unknown, after: unknown): readonly PatchOperation[] =>
  createPatch(before, after, diffShared).map(narrow);

const diffShared = (before: unknown, after: unknown, pointer: Pointer): Operation[] | undefined => {
  if (before === after) return [];
  if (Array.isArray(before) && Array.isArray(after)) return diffLists(before, after, pointer);
  return isMap(before) && isMap(after) ? diffMaps(before, after, pointer) : undefined;
};

type Fields = Readonly<Record<string, unknown>>;

const isMap = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fields that went, fields that came, then those that changed. The library would make a pointer for every field there is. */
const diffMaps = (before: Fields, after: Fields, pointer: Pointer): Operation[] => {
  const map = pointer.toString();
  const at = (key: string): string => map + stepTo(key);
  const gone = Object.keys(before).filter((key) => has(before, key) && !has(after, key));
  const other = Object.keys(after).filter((key) => before[key] !== after[key] && has(after, key));
  const [changed, added] = [other.filter((key) => has(before, key)), other.filter((key) => !has(before, key))];
  return [
    ...gone.map((key): Operation => ({ op: 'remove', path: at(key) })),
    ...added.map((key): Operation => ({ op: 'add', path: at(key), value: after[key] })),
    ...changed.flatMap((key) => prefixed(at(key), createPatch(before[key], after[key], diffShared))),
  ];
};

/** JSON knows no undefined. */
const has = (map: Fields, key: string): boolean => Object.hasOwn(map, key) && map[key] !== undefined;

/**
 * Entries inserted in one place, taken from one place, or changed where they stand: nearly all that a mutation
 * does to a list. The library's own search for the shortest edit is quadratic; it gets what is left over.
 */
const diffLists = (
  before: readonly unknown[],
  after: readonly unknown[],
  pointer: Pointer,
): Operation[] | undefined => {
  const start = sharedStart(before, after);
  const end = sharedEnd(before, after, start);
  const removed = before.length - start - end;
  const added = after.slice(start, after.length - end);
  if (removed > 0 && added.length > 0 && removed !== added.length) return undefined;
  const list = pointer.toString();
  const at = (index: number): string => `${list}/${start + index}`;
  if (removed === 0) return added.map((value, index) => ({ op: 'add', path: at(index), value }));
  if (added.length === 0) return Array.from({ length: removed }, () => ({ op: 'remove', path: at(0) }));
  return added.flatMap((value, index) => prefixed(at(index), createPatch(before[start + index], value, diffShared)));
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

/** Operations that nobody else has yet, with a path put before theirs. */
const prefixed = (prefix: string, operations: Operation[]): Operation[] => {
  for (const operation of operations) operation.path = prefix + operation.path;
  return operations;
};

const narrow = (operation: Operation): PatchOperation => {
  if (operation.op === 'add' || operation.op === 'replace' || operation.op === 'remove') return operation;
  throw new TypeError(`rfc6902 made a ${operation.op} operation, which no diff of two objects has`);
};
