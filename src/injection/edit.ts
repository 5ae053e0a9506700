import { envFromKey, mountKey, tolerationKey } from '../api/inject-spec.ts';
import type { DefaultsSource, FileMount, Injection, Mode, Resolved, ResolvedMap } from '../api/injection.ts';
import type { EnvFromSource, KubeObject, Toleration } from '../api/kubernetes.ts';
import { spreadKey } from '../api/pod-fields.ts';
import { keptMemos, memoize } from './memo.ts';
import { childOf, isRecord, listAt, mapAt, type Path, readAt, setAt, type UnknownRecord, without } from './path.ts';

/** One field of a map, or one entry of a list by its key (env: name, volumeMounts: path, …). */
export interface FieldPath {
  readonly at: Path;
  readonly key: string;
}

/** One value to be set at a field path. */
export interface Edit extends FieldPath {
  readonly value: unknown;
  readonly mode: Mode;
  /** `<namespace>/<name>@<generation>` of the PlatformDefaults, or `quartermaster` for what we know ourselves. */
  readonly by: string;
  /** Only where there is more to say than who gave it. */
  readonly why?: string;
  /** It is put beside this mount alone. */
  readonly needs?: FileMount;
}

/** Gives itself the values that follow from the object alone. */
export const OURSELVES = 'quartermaster';

export const titleOf = ({ namespace, name, generation }: DefaultsSource): string =>
  `${namespace}/${name}@${generation}`;

/**
 * Every value of a map or list of an injection, as edits of the map or list at one path. Objects that match alike share an
 * injection, so that the edits are memoized; `convert` must be the same function each time.
 */
export const editsOf = <T>(
  at: Path,
  items: ResolvedMap<T>,
  convert: (value: T) => unknown = unconverted,
): readonly Edit[] => {
  if (items.size === 0) return NONE;
  const make = (): readonly Edit[] =>
    [...items].map(([key, resolved]) => editOf(at, key, resolved, convert(resolved.value)));
  return isFarContainer(at) ? make() : memoize(items, convert, at.join('/'), make);
};

/** Whoever makes a pod chooses how many containers it has: the edits of the first few are worth keeping. */
const isFarContainer = (at: Path): boolean => Number(at[2] ?? 0) >= 4;

const NONE: readonly Edit[] = [];
const unconverted = (value: unknown): unknown => value;

/** One value of an injection as an edit. */
export const editOf = (
  at: Path,
  key: string,
  { mode, source, needs }: Omit<Resolved<unknown>, 'value'>,
  value: unknown,
): Edit => ({
  at,
  key,
  value,
  mode,
  by: titleOf(source),
  ...(needs && { needs }),
});

/**
 * Sources of environment variables. Of two that give the same variable the later one wins: defaults go before the
 * user's own, what is enforced goes last.
 */
export const envFromEdits = (at: Path, sources: ResolvedMap<EnvFromSource>): readonly Edit[] => {
  const edits = editsOf(at, sources);
  if (edits.length === 0) return edits;
  // Each default is put before all others, so the first of them has to come last.
  return [
    ...edits.filter(({ mode }) => mode === 'Enforce'),
    ...edits.filter(({ mode }) => mode === 'Default').reverse(),
  ];
};

/** Lists with an order of their own, of which nothing stands elsewhere too. What is added to a role needs its mounts. */
const IN_ORDER: ReadonlySet<string> = new Set(['envFrom', 'initContainers']);

/**
 * Edits of an object that can say one thing in several places, those of the best PlatformDefaults first: of two that say the same
 * the first to be settled stands. What nobody gives comes last.
 */
export const bestFirst = (edits: readonly Edit[], injection: Ranked): readonly Edit[] => {
  const ranks = ranksIn(injection);
  if (ranks.size < 2) return edits;
  const byRank = Array.from({ length: ranks.size + 1 }, (): Edit[] => []);
  for (const edit of edits) {
    const rank = IN_ORDER.has(edit.at.at(-1) ?? '') ? undefined : ranks.get(edit.by);
    byRank[rank ?? ranks.size]?.push(edit);
  }
  return byRank.flat();
};

type Ranked = Pick<Injection, 'matched'>;

/** True where what one PlatformDefaults gives holds over what another does. */
export const outranks = (injection: Ranked, one: Pick<Resolved<unknown>, 'source'>, other: typeof one): boolean => {
  const ranks = ranksIn(injection);
  const rankOf = ({ source }: typeof one): number => ranks.get(titleOf(source)) ?? ranks.size;
  return rankOf(one) < rankOf(other);
};

const ranksIn = ({ matched }: Ranked): ReadonlyMap<string, number> =>
  memoize(matched, ranksIn, '', () => new Map(matched.map(({ by }, rank) => [by, rank])));

/** True where an edit goes to the front of its list. */
export const isPrepended = ({ at, mode }: Edit): boolean => at.at(-1) === 'envFrom' && mode === 'Default';

/** Text that is the same for two field paths exactly where they are equal. */
export const fieldId = ({ at, key }: FieldPath): string => `${at.join('/')} ${key}`;

export const isListPath = (at: Path): boolean => identities[at.at(-1) ?? ''] !== undefined;

/** The key of an entry of a list; undefined where it has none. */
export const keyOf = (at: Path, item: unknown): string | undefined => keysIn(at)(item);

/** The same for each entry of one list. */
export const keysIn = (at: Path): Identity => identities[at.at(-1) ?? ''] ?? noKey;

type Identity = (item: unknown) => string | undefined;

const noKey: Identity = () => undefined;

const keyedBy =
  (identify: (item: UnknownRecord) => unknown): Identity =>
  (item) =>
    isRecord(item) ? asText(identify(item)) : undefined;

const asText = (key: unknown): string | undefined => (typeof key === 'string' ? key : undefined);

const byName = keyedBy(({ name }) => name);
const byPath =
  (field: string): Identity =>
  (item) =>
    isRecord(item) && typeof item[field] === 'string' ? mountKey(item[field]) : undefined;

const identities: Readonly<Record<string, Identity | undefined>> = {
  // A forged snapshot may name paths that every object inherits.
  __proto__: null as never,
  env: byName,
  volumes: byName,
  initContainers: byName,
  volumeMounts: byPath('mountPath'),
  configMaps: byPath('path'),
  secrets: byPath('path'),
  // Entries that are not what they should be get an identity nothing else has, which is all that is asked here.
  envFrom: keyedBy((item) => envFromKey(item as EnvFromSource)),
  tolerations: keyedBy((item) => tolerationKey(item as Toleration)),
  hostAliases: keyedBy(({ ip }) => ip),
  topologySpreadConstraints: keyedBy(spreadKey),
  imagePullSecrets: (item) => asText(isRecord(item) ? item['name'] : item),
};

/** All that an object holds at a field path: one value, several where a list has the entry twice, none for absent and null. */
export const valuesAt = (object: KubeObject, { at, key }: FieldPath): readonly unknown[] => {
  if (isListPath(at)) return entriesWith(listAt(object, at), at, key);
  const value = readAt(mapAt(object, at), [key]) ?? undefined;
  return value === undefined ? [] : [value];
};

/** True where `valuesAt` would find anything. */
export const holdsAt = (object: KubeObject, { at, key }: FieldPath): boolean => {
  if (!isListPath(at)) return (childOf(mapAt(object, at), key) ?? undefined) !== undefined;
  const list = listAt(object, at);
  return list.length > 0 && entriesWith(list, at, key).length > 0;
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

/** The same of several keys of one map or list; the very same object where no such map or list is there. */
export const eraseAll = (object: KubeObject, at: Path, keys: ReadonlySet<string>): KubeObject => {
  const there = readAt(object, at);
  if (isListPath(at)) {
    if (!Array.isArray(there)) return object;
    const isErased = (key: string | undefined): boolean => key !== undefined && keys.has(key);
    const keyOfItem = keysIn(at);
    return setAt(
      object,
      at,
      there.filter((item) => !isErased(keyOfItem(item))),
    );
  }
  if (!isRecord(there)) return object;
  return setAt(object, at, Object.fromEntries(Object.entries(there).filter(([key]) => !keys.has(key))));
};

/** The step to the first entry of a list, which is made where there is none. */
export const FIRST = '0';

/** False where something of another type stands at the path, or on the way to it: the API server will say so. */
export const isWritableAt = (object: KubeObject, at: Path, isList: boolean): boolean => {
  let node: unknown = object;
  for (const step of at) {
    if (node === undefined || node === null) return true;
    if (!isRecord(node) && !(Array.isArray(node) && (Number(step) < node.length || step === FIRST))) return false;
    node = childOf(node, step);
  }
  return node === undefined || node === null || (isList ? Array.isArray(node) : isRecord(node));
};

/** The entries of a list by key: several where it has an entry twice. */
export type Entries = Map<string, readonly unknown[]>;

/** Reading a list of such a length takes no longer than looking it up in the cache. */
const SHORT_LIST = 64;

const entriesByList = (): Map<object, Entries> => keptMemos(entriesByList);

/** Of a long list they are read once: whoever writes to it must say so with `setEntry`. */
export const entriesOf = (list: readonly unknown[], at: Path): Entries => {
  if (list.length <= SHORT_LIST) return readEntries(list, at);
  const entries = entriesByList().get(list) ?? readEntries(list, at);
  entriesByList().set(list, entries);
  return entries;
};

/** The entries of a copy of a list, which may be written to, from those of the list. */
export const entriesOfCopy = (copy: readonly unknown[], entries: Entries): Entries => {
  if (copy.length <= SHORT_LIST) return entries;
  const own = entriesByList().get(copy) ?? new Map(entries);
  entriesByList().set(copy, own);
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
  const entries = entriesByList().get(list);
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
