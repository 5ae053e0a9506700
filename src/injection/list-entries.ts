import { keysIn } from './edit.ts';
import type { Path } from './path.ts';

/** The entries of a list by key: several where it has an entry twice. */
export type Entries = Map<string, readonly unknown[]>;

/** Reading a list of such a length takes no longer than looking it up in the cache. */
const SHORT_LIST = 64;

const cache = new WeakMap<readonly unknown[], Entries>();

/** Of a long list they are read once: whoever writes to it must say so with `setEntry`. */
export const entriesOf = (list: readonly unknown[], at: Path): Entries => {
  if (list.length <= SHORT_LIST) return readEntries(list, at);
  const entries = cache.get(list) ?? readEntries(list, at);
  cache.set(list, entries);
  return entries;
};

/** The entries of a copy of a list, which may be written to, from those of the list. */
export const entriesOfCopy = (copy: readonly unknown[], entries: Entries): Entries => {
  if (copy.length <= SHORT_LIST) return entries;
  const own = cache.get(copy) ?? new Map(entries);
  cache.set(copy, own);
  return own;
};

/** The entries of a list that have a key. */
export const entriesWith = (list: readonly unknown[], at: Path, key: string): readonly unknown[] => {
  if (list.length > SHORT_LIST) return entriesOf(list, at).get(key) ?? [];
  const keyOfItem = keysIn(at);
  return list.filter((item) => keyOfItem(item) === key);
};

/** To be called for an entry that was put into a list; with no values where all with that key are gone. */
export const setEntry = (list: readonly unknown[], key: string, values: readonly unknown[]): void => {
  const entries = cache.get(list);
  if (values.length > 0) entries?.set(key, values);
  else entries?.delete(key);
};

const readEntries = (list: readonly unknown[], at: Path): Entries => {
  const entries = new Map<string, unknown[]>();
  const keyOfItem = keysIn(at);
  for (const item of list) {
    const key = keyOfItem(item);
    const alike = key === undefined ? undefined : entries.get(key);
    if (alike !== undefined) alike.push(item);
    else if (key !== undefined) entries.set(key, [item]);
  }
  return entries;
};
