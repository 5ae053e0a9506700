import { createPatch, type Operation, type Pointer } from 'rfc6902';
import type { PatchOperation } from '../api/admission.ts';
import { stepTo } from '../injection/path.ts';

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
 * Entries inserted in one place, taken from one place, or changed where they stand: nearly all that a mutation does to a
 * list. The library's search for the shortest edit is quadratic: it gets what is left over of short lists.
 */
const diffLists = (
  before: readonly unknown[],
  after: readonly unknown[],
  path: string,
  into: PatchOperation[],
): void => {
  const start = sharedStart(before, after);
  const end = sharedEnd(before, after, start);
  const left = before.slice(start, before.length - end);
  const right = after.slice(start, after.length - end);
  const isPlain = left.length === 0 || right.length === 0 || left.length === right.length;
  if (isPlain) diffRange(left, right, { path, start }, into);
  else if (before.length * after.length <= MAX_PAIRS) diffUnlike(before, after, path, into);
  else diffBetweenShared(left, right, { path, start }, into);
};

const MAX_PAIRS = 100;

/** Part of a list, and where it begins in the second of both. */
interface ListRange {
  readonly path: string;
  readonly start: number;
}

const diffRange = (
  before: readonly unknown[],
  after: readonly unknown[],
  { path, start }: ListRange,
  into: PatchOperation[],
): void => {
  const at = (index: number): string => `${path}/${start + index}`;
  const common = Math.min(before.length, after.length);
  for (let index = 0; index < common; index += 1) diff(before[index], after[index], at(index), into);
  for (let index = common; index < after.length; index += 1)
    into.push({ op: 'add', path: at(index), value: after[index] });
  for (let left = before.length - common; left > 0; left -= 1) into.push({ op: 'remove', path: at(common) });
};

const diffBetweenShared = (
  before: readonly unknown[],
  after: readonly unknown[],
  { path, start }: ListRange,
  into: PatchOperation[],
): void => {
  let [from, to] = [0, 0];
  for (const [index, other] of [...sharedEntries(before, after), [before.length, after.length] as const]) {
    diffRange(before.slice(from, index), after.slice(to, other), { path, start: start + to }, into);
    [from, to] = [index + 1, other + 1];
  }
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

/** Pairs of indices, both ascending, at which two lists hold the very same entry. */
const sharedEntries = (
  before: readonly unknown[],
  after: readonly unknown[],
): readonly (readonly [number, number])[] => {
  const places = new Map<unknown, number[]>();
  for (let index = before.length - 1; index >= 0; index -= 1) {
    const found = places.get(before[index]);
    if (found === undefined) places.set(before[index], [index]);
    else found.push(index);
  }
  const pairs: (readonly [number, number])[] = [];
  let from = 0;
  for (const [other, entry] of after.entries()) {
    const found = places.get(entry);
    while (found !== undefined && (found.at(-1) ?? from) < from) found.pop();
    const index = found?.pop();
    if (index !== undefined) {
      pairs.push([index, other]);
      from = index + 1;
    }
  }
  return pairs;
};
