import { isRecord, textAt, type UnknownRecord } from './path.ts';

/**
 * The entries of an `env` list in an order in which what refers to another with `$(NAME)` finds it: the kubelet expands a reference
 * to what stands before it, or comes of envFrom, and leaves any other as it is written (third_party/forked/golang/expansion in
 * Kubernetes). Only those of `movable` are moved, each before the first that refers to it; all others keep their order.
 */
export const inOrderOfReferences = (env: readonly unknown[], movable: ReadonlySet<unknown>): readonly unknown[] => {
  const movableByName = new Map(
    env.flatMap((entry) => (movable.has(entry) && isRecord(entry) ? [[nameOf(entry), entry] as const] : [])),
  );
  const ordered: unknown[] = [];
  const placed = new Set<unknown>();
  const place = (entry: unknown): void => {
    if (movable.has(entry)) {
      if (placed.has(entry)) return;
      placed.add(entry);
    }
    for (const name of referencesIn(textAt(entry, VALUE) ?? '')) {
      const base = movableByName.get(name);
      if (base !== undefined && base !== entry) place(base);
    }
    ordered.push(entry);
  };
  for (const entry of env) if (!movable.has(entry)) place(entry);
  for (const entry of env) if (movable.has(entry)) place(entry);
  return ordered;
};

/**
 * An `env` list in which these names stand before a variable with the API server's address of somebody's own: the kubelet knows that
 * address itself, and fills in the other only after it. The very list where they do.
 */
export const beforeOwnAddress = (env: readonly unknown[], names: ReadonlySet<unknown>): readonly unknown[] => {
  const own = env.findIndex((entry) => isRecord(entry) && nameOf(entry) === ADDRESS);
  const isLate = (entry: unknown, at: number): boolean => at > own && isRecord(entry) && names.has(nameOf(entry));
  const late = own < 0 ? [] : env.filter(isLate);
  if (late.length === 0) return env;
  const moved = new Set(late);
  return [...env.slice(0, own), ...late, ...env.slice(own).filter((entry) => !moved.has(entry))];
};

/** True for a value that the kubelet fills the API server's address into. */
export const namesAddress = (value: string): boolean =>
  value.includes(ADDRESS) && referencesIn(value).includes(ADDRESS);

export const ADDRESS = 'KUBERNETES_SERVICE_HOST';

const VALUE = ['value'];
const nameOf = (entry: UnknownRecord): unknown => entry['name'];

/** The names in `$(NAME)`; `$$(NAME)` is none, and neither is one that is never closed. */
export const referencesIn = (value: string): readonly string[] => {
  const names: string[] = [];
  const last = value.lastIndexOf(')');
  let at = value.indexOf('$');
  while (at >= 0 && at < last) {
    const isReference = value[at + 1] === '(';
    const end = isReference ? value.indexOf(')', at) : at + (value[at + 1] === '$' ? 1 : 0);
    if (isReference) names.push(value.slice(at + 2, end));
    at = value.indexOf('$', end + 1);
  }
  return names;
};
