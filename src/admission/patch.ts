import { createPatch, type Operation, type Pointer } from 'rfc6902';
import type { PatchOperation } from '../api/admission.ts';

/**
 * JSON Patch (RFC 6902) from one object to another. What the two share by identity is not looked into, so the
 * cost follows the size of the change, not of the object.
 */
export const patchBetween = (before: unknown, after: unknown): readonly PatchOperation[] =>
  createPatch(before, after, diffShared).map(narrow);

const diffShared = (before: unknown, after: unknown, pointer: Pointer): Operation[] | undefined => {
  if (before === after) return [];
  if (Array.isArray(before) && Array.isArray(after)) return diffLists(before, after, pointer);
  return undefined;
};

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
  const at = (index: number): Pointer => pointer.add(String(index));
  if (removed === 0) return added.map((value, index) => ({ op: 'add', path: at(start + index).toString(), value }));
  if (added.length === 0) return Array.from({ length: removed }, () => ({ op: 'remove', path: at(start).toString() }));
  if (removed !== added.length) return undefined;
  return added.flatMap((value, index) =>
    under(at(start + index), createPatch(before[start + index], value, diffShared)),
  );
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

const under = (pointer: Pointer, operations: readonly Operation[]): Operation[] => {
  const prefix = pointer.toString();
  return operations.map((operation) => ({ ...operation, path: prefix + operation.path }));
};

const narrow = (operation: Operation): PatchOperation => {
  if (operation.op === 'remove') return { op: 'remove', path: operation.path };
  if (operation.op === 'add' || operation.op === 'replace') {
    return { op: operation.op, path: operation.path, value: operation.value as unknown };
  }
  throw new TypeError(`rfc6902 made a ${operation.op} operation, which no diff of two objects has`);
};
