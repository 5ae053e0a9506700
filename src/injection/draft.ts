import type { KubeObject } from '../api/kubernetes.ts';
import { type Edit, type FieldPath, isListPath, isPrepended } from './edit.ts';
import { type Entries, entriesOf, entriesOfCopy, entriesWith, setEntry } from './list-entries.ts';
import { invalidate } from './memo.ts';
import { childOf, isRecord, listAt, mapAt, type Path, type UnknownRecord } from './path.ts';
import { isWritableAt } from './spot.ts';

/**
 * An object in the making. It shares with its original all that was not changed; what was changed is a copy, which later
 * changes are made to in place. So the cost follows the number of changes, not the size of the object times it.
 */
export interface Draft {
  /** As it is by now: to look at, not to keep. */
  object: KubeObject;
  readonly copies: Set<unknown>;
}

/** One map or list of a draft, whose entries have a key. Good until something is erased, or put into another collection. */
export interface Collection {
  readonly draft: Draft;
  readonly at: Path;
  /** False where something of another type stands there: the API server will say so. */
  readonly isWritable: boolean;
  /** By key, of a list. */
  entries: Entries | undefined;
  /** The map; what it is by now once something was put into it. */
  map: UnknownRecord;
  /** What is written to: a copy, from the first write on. */
  own: Container | undefined;
}

type Container = Record<string, unknown> | unknown[];

export const createDraft = (original: KubeObject): Draft => ({ object: original, copies: new Set() });

export const collectionAt = (draft: Draft, at: Path): Collection => {
  const { object } = draft;
  const isList = isListPath(at);
  return {
    draft,
    at,
    isWritable: isWritableAt(object, at, isList),
    entries: isList ? entriesOf(listAt(object, at), at) : undefined,
    map: isList ? NO_FIELDS : mapAt(object, at),
    own: undefined,
  };
};

/** All that is there by that key: one value, several where a list has the entry twice, none for absent and null. */
export const valuesOf = ({ entries, map }: Collection, key: string): readonly unknown[] => {
  if (entries !== undefined) return entries.get(key) ?? NO_VALUES;
  const value = childOf(map, key) ?? undefined;
  return value === undefined ? NO_VALUES : [value];
};

/** Where the entry is that it replaces (and of its doubles), else at the end of its list or the start. */
export const put = (collection: Collection, edit: Edit): void => {
  const own = collection.own ?? open(collection.draft, collection.at);
  if (collection.entries === undefined) {
    assign(own, edit.key, edit.value);
    collection.map = own as UnknownRecord;
  } else {
    if (collection.own === undefined) collection.entries = entriesOfCopy(own as unknown[], collection.entries);
    putEntry(own as unknown[], collection.entries, edit);
  }
  collection.own = own;
};

const putEntry = (list: unknown[], entries: Entries, edit: Edit): void => {
  const present = entries.get(edit.key);
  if (present !== undefined) replaceEntries(list, present, edit.value);
  else if (isPrepended(edit)) list.unshift(edit.value);
  else list.push(edit.value);
  entries.set(edit.key, [edit.value]);
  setEntry(list, edit.key, [edit.value]);
  invalidate(list, edit.key);
};

export const erase = (draft: Draft, { at, key }: FieldPath): void => {
  const collection = open(draft, at);
  if (Array.isArray(collection)) {
    removeEntries(collection, entriesWith(collection, at, key));
    setEntry(collection, key, NO_VALUES);
  } else {
    delete collection[key];
    invalidate(collection, key);
  }
};

const NO_VALUES: readonly unknown[] = [];
const NO_FIELDS: UnknownRecord = {};

/** The map or list at a path, as a copy that may be written to. */
const open = (draft: Draft, at: Path): Container => {
  const { object, copies } = draft;
  let node: Container = copies.has(object) ? (object as unknown as Container) : ownRoot(draft);
  at.forEach((step, index) => {
    node = ownChild(copies, node, step, index === at.length - 1 && isListPath(at));
  });
  return node;
};

const ownRoot = (draft: Draft): Container => {
  draft.object = { ...draft.object };
  draft.copies.add(draft.object);
  return draft.object as unknown as Container;
};

/** The map or list in a field of a copy, as a copy itself. */
const ownChild = (copies: Set<unknown>, parent: Container, step: string, isList: boolean): Container => {
  const child = childOf(parent, step);
  // Only maps and lists are among the copies.
  if (copies.has(child)) return child as Container;
  const copy = Array.isArray(child) || (isList && !isRecord(child)) ? [...listAt(child, [])] : { ...mapAt(child, []) };
  copies.add(copy);
  assign(parent, step, copy);
  return copy;
};

/** Puts a value where the first of these entries is, and takes out the others. */
const replaceEntries = (list: unknown[], [first, ...doubles]: readonly unknown[], value: unknown): void => {
  const at = list.indexOf(first);
  // Entries may be equal texts: this one is not to go with its doubles.
  list[at] = undefined;
  removeEntries(list, doubles);
  list[at] = value;
};

const removeEntries = (list: unknown[], entries: readonly unknown[]): void => {
  if (entries.length === 0) return;
  const gone = new Set(entries);
  let length = 0;
  for (const item of list) if (!gone.has(item)) list[length++] = item;
  list.length = length;
};

/** As JSON.parse does it: `__proto__` is a field like any other. */
const assign = (container: Container, step: string, value: unknown): void => {
  if (step !== '__proto__') (container as Record<string, unknown>)[step] = value;
  else Object.defineProperty(container, step, { value, enumerable: true, configurable: true, writable: true });
  invalidate(container, step);
};
