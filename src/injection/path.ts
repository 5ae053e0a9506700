/** Where a field is, from the root of the object: field names, and indices of lists. */
export type Path = readonly string[];
export type UnknownRecord = Readonly<Record<string, unknown>>;

export const isRecord = (value: unknown): value is UnknownRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** An own field or a list entry; undefined for anything else, `constructor` and the like included. */
export const childOf = (node: unknown, step: string): unknown => {
  if (typeof node !== 'object' || node === null) return undefined;
  if (Array.isArray(node)) return node[Number(step)] as unknown;
  return Object.hasOwn(node, step) ? (node as UnknownRecord)[step] : undefined;
};

/** What is at a path; undefined where nothing is, or where something else than an object stands in the way. */
export const readAt = (node: unknown, path: Path): unknown => {
  let found = node;
  for (const step of path) {
    if (found === undefined) return undefined;
    found = childOf(found, step);
  }
  return found;
};

const NO_ENTRIES: readonly unknown[] = [];
const NO_FIELDS: UnknownRecord = {};

/** The entries of a list at a path; none where there is no list. */
export const listAt = (node: unknown, path: Path): readonly unknown[] => {
  const list = readAt(node, path);
  return Array.isArray(list) ? list : NO_ENTRIES;
};

/** The map at a path; empty where there is none. */
export const mapAt = (node: unknown, path: Path): UnknownRecord => {
  const map = readAt(node, path);
  return isRecord(map) ? map : NO_FIELDS;
};

/** A text at a path; undefined where there is none. */
export const textAt = (node: unknown, path: Path): string | undefined => {
  const text = readAt(node, path);
  return typeof text === 'string' ? text : undefined;
};

/** A copy with `value` at a path, sharing all the rest. What is missing on the way is made; a list on the way must have the entry. */
export const setAt = <T>(node: T, path: Path, value: unknown): T => put(node, path, 0, value) as T;

/** A copy without one field, or the very same where it is not there. */
export const without = (map: UnknownRecord, key: string): UnknownRecord =>
  Object.hasOwn(map, key) ? Object.fromEntries(Object.entries(map).filter(([name]) => name !== key)) : map;

/** A JSON Pointer (RFC 6901). */
export const pointerTo = (path: Path): string => {
  let pointer = '';
  for (const step of path) pointer += stepTo(step);
  return pointer;
};

/** What one step adds to a JSON Pointer. */
export const stepTo = (step: string): string => `/${escaped(escaped(step, '~', '~0'), '/', '~1')}`;

const escaped = (text: string, what: string, by: string): string =>
  text.includes(what) ? text.replaceAll(what, by) : text;

const put = (node: unknown, path: Path, depth: number, value: unknown): unknown => {
  const step = path[depth];
  if (step === undefined) return value;
  const child = put(childOf(node, step), path, depth + 1, value);
  if (Array.isArray(node)) return node.with(Number(step), child);
  return { ...(isRecord(node) ? node : {}), [step]: child };
};
