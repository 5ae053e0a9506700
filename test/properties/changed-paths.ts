import { isDeepStrictEqual } from 'node:util';

/** A JSON Pointer to every value that differs: a field of a map, a whole entry of a list. What went has its path of before. */
export const changedPaths = (before: unknown, after: unknown, path = ''): readonly string[] => {
  if (isDeepStrictEqual(before, after)) return [];
  if (Array.isArray(after) && !/\/dnsConfig\//.test(path))
    return changedIn(Array.isArray(before) ? before : [], after, path);
  // Fields that are given as a whole.
  if (!isMap(after) || /\/(affinity|dnsConfig|securityContext)\/[^/]+$/.test(path)) return [path];
  const old = isMap(before) ? before : {};
  return [...new Set([...Object.keys(old), ...Object.keys(after)])].flatMap((key) => {
    const at = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    return Object.hasOwn(after, key) ? changedPaths(own(old, key), own(after, key), at) : [at];
  });
};

type Items = readonly unknown[];

const changedIn = (before: Items, after: Items, path: string): readonly string[] => {
  if (path.endsWith('/initContainers')) return changedByName(before, after, path);
  return path.endsWith('/containers')
    ? after.flatMap((entry, index) => changedPaths(before[index], entry, `${path}/${index}`))
    : changedEntries(before, after, path);
};

/** Containers are added whole, and in an order of their own. */
const changedByName = (before: Items, after: Items, path: string): readonly string[] =>
  after.flatMap((entry, index) => {
    const old = before.find((one) => nameOf(one) === nameOf(entry));
    return old === undefined ? [`${path}/${index}`] : changedPaths(old, entry, `${path}/${index}`);
  });

/** Entries that are new or different, by their index after; entries that went and were not replaced, by their index before. */
const changedEntries = (before: Items, after: Items, path: string): readonly string[] => {
  const added = unmatched(after, before);
  const gone = unmatched(before, after);
  const names = added.map((index) => nameOf(after[index]));
  const removed = gone.filter((index) => {
    const replaced = names.indexOf(nameOf(before[index]));
    if (replaced >= 0) names.splice(replaced, 1);
    return replaced < 0;
  });
  return [...added, ...removed].map((index) => `${path}/${index}`);
};

const unmatched = (items: Items, others: Items): readonly number[] => {
  const left = [...others];
  return items.flatMap((item, index) => {
    const match = left.findIndex((other) => isDeepStrictEqual(item, other));
    if (match >= 0) left.splice(match, 1);
    return match >= 0 ? [] : [index];
  });
};

/** What an entry is told apart by. */
const nameOf = (item: unknown): unknown => {
  if (!isMap(item)) return item;
  const { mountPath, path, name, key, configMapRef, secretRef, prefix } = item;
  const place = mountPath ?? path;
  if (typeof place === 'string') return place.replace(/(?<=.)\/+$/, '');
  return name ?? key ?? JSON.stringify([prefix, nameOf(configMapRef), nameOf(secretRef)]);
};

const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const own = (map: Readonly<Record<string, unknown>>, key: string): unknown =>
  Object.hasOwn(map, key) ? map[key] : undefined;
