import { envFromKey, mountKey, tolerationKey } from '../api/identity.ts';
import type { DefaultsSource, Mode, Resolved, ResolvedMap } from '../api/injection.ts';
import type { EnvFromSource, Toleration } from '../api/kubernetes.ts';
import { memoize } from './memo.ts';
import { isRecord, type Path, type UnknownRecord } from './path.ts';

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
): readonly Edit[] =>
  items.size === 0
    ? NONE
    : memoize(items, convert, at.join('/'), () =>
        [...items].map(([key, resolved]) => editOf(at, key, resolved, convert(resolved.value))),
      );

const NONE: readonly Edit[] = [];
const unconverted = (value: unknown): unknown => value;

/** One value of an injection as an edit. */
export const editOf = (
  at: Path,
  key: string,
  { mode, source }: Omit<Resolved<unknown>, 'value'>,
  value: unknown,
): Edit => ({
  at,
  key,
  value,
  mode,
  by: titleOf(source),
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
  volumeMounts: byPath('mountPath'),
  configMaps: byPath('path'),
  secrets: byPath('path'),
  // Entries that are not what they should be get an identity nothing else has, which is all that is asked here.
  envFrom: keyedBy((item) => envFromKey(item as EnvFromSource)),
  tolerations: keyedBy((item) => tolerationKey(item as Toleration)),
  imagePullSecrets: (item) => asText(isRecord(item) ? item['name'] : item),
};
