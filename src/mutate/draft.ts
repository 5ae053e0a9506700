import type { KubeObject } from '../api/kubernetes.ts';
import { type Edit, isListPlace, isPutFirst, keysIn, type Spot } from './edit.ts';
import { forget } from './remembered.ts';
import { hasRoomFor } from './spot.ts';
import { childOf, isBranch, listAt, mapAt, type Path } from './tree.ts';

/**
 * An object in the making. It shares with its original all that was not changed; what was changed is a copy, which later
 * changes are made to in place. So the cost follows the number of changes, not the size of the object times it.
 */
export interface Draft {
  /** As it is by now: to look at, not to keep. */
  readonly object: () => KubeObject;
  /** One map or list of it. Good until something is erased, or put into another place. */
  readonly placeAt: (at: Path) => Place;
  readonly erase: (spot: Spot) => void;
}

/** A map, or a list whose entries are told apart by a key. */
export interface Place {
  readonly at: Path;
  /** False where something of another type stands there: the API server will say so. */
  readonly hasRoom: boolean;
  /** All that is there by that key: one value, several where a list has the entry twice, none for absent and null. */
  readonly valuesOf: (key: string) => readonly unknown[];
  /** In the place of the entry it replaces (and of its doubles), else at the end of its list or the start. */
  readonly put: (edit: Edit) => void;
}

type Container = Record<string, unknown> | unknown[];

export const createDraft = (original: KubeObject): Draft => {
  const root: Record<string, unknown> & { readonly object: KubeObject } = { object: original };
  const copies = new Set<unknown>([root]);
  /** The map or list in a field of a copy, as a copy itself. */
  const ownChild = (parent: Container, step: string, isList: boolean): Container => {
    const child = childOf(parent, step);
    // Only maps and lists are among the copies.
    if (copies.has(child)) return child as Container;
    const copy =
      Array.isArray(child) || (isList && !isBranch(child)) ? [...listAt(child, [])] : { ...mapAt(child, []) };
    copies.add(copy);
    assign(parent, step, copy);
    return copy;
  };
  const open = (at: Path): Container => {
    let node = ownChild(root, 'object', false);
    at.forEach((step, index) => {
      node = ownChild(node, step, index === at.length - 1 && isListPlace(at));
    });
    return node;
  };
  return {
    object: () => root.object,
    placeAt: (at) => {
      const { object } = root;
      const hasRoom = hasRoomFor(object, at, isListPlace(at));
      const { valuesOf, put } = isListPlace(at)
        ? listPlace(listAt(object, at), at, () => open(at))
        : mapPlace(mapAt(object, at), () => open(at));
      return { at, hasRoom, valuesOf, put };
    },
    erase: ({ at, key }) => {
      const place = open(at);
      if (Array.isArray(place)) replaceEntries(place, at, key, NOTHING);
      else delete place[key];
      forget(place);
    },
  };
};

type Access = Pick<Place, 'valuesOf' | 'put'>;

const NOTHING: readonly unknown[] = [];

const mapPlace = (found: Readonly<Record<string, unknown>>, open: () => Container): Access => {
  let map = found;
  let own: Container | undefined;
  return {
    valuesOf: (key) => {
      const value = childOf(map, key) ?? undefined;
      return value === undefined ? NOTHING : [value];
    },
    put: ({ key, value }) => {
      own ??= open();
      assign(own, key, value);
      map = own as Record<string, unknown>;
    },
  };
};

const listPlace = (found: readonly unknown[], at: Path, open: () => Container): Access => {
  const entries = readEntries(found, at);
  let own: Container | undefined;
  return {
    valuesOf: (key) => entries.get(key) ?? NOTHING,
    put: (edit) => {
      own ??= open();
      const list = own as unknown[];
      if (entries.has(edit.key)) replaceEntries(list, at, edit.key, [edit.value]);
      else if (isPutFirst(edit)) list.unshift(edit.value);
      else list.push(edit.value);
      entries.set(edit.key, [edit.value]);
    },
  };
};

const readEntries = (list: readonly unknown[], at: Path): Map<string, unknown[]> => {
  const entries = new Map<string, unknown[]>();
  const keyOf = keysIn(at);
  for (const item of list) {
    const key = keyOf(item);
    const alike = key === undefined ? undefined : entries.get(key);
    if (alike !== undefined) alike.push(item);
    else if (key !== undefined) entries.set(key, [item]);
  }
  return entries;
};

/** Puts `values` where the first entry with a key is, and takes out the others. */
const replaceEntries = (list: unknown[], at: Path, key: string, values: readonly unknown[]): void => {
  const keyOf = keysIn(at);
  const isIt = (item: unknown): boolean => keyOf(item) === key;
  const first = list.findIndex(isIt);
  const after = list.slice(first).filter((item) => !isIt(item));
  list.length = first;
  for (const item of [...values, ...after]) list.push(item);
};

/** As JSON.parse does it: `__proto__` is a field like any other. */
const assign = (container: Container, step: string, value: unknown): void => {
  forget(container);
  if (step !== '__proto__') (container as Record<string, unknown>)[step] = value;
  else Object.defineProperty(container, step, { value, enumerable: true, configurable: true, writable: true });
};
