import type { InjectSpec } from '../api/inject-schema.ts';
import { type Entry, hasEqualPrecedence } from './entry.ts';
import { countValues } from './validation/amount.ts';
import { createBudget, expandVariables, variablesIn } from './variables.ts';

/** What one entry gives to the objects that match a certain set of entries. */
export interface PlannedLayer {
  readonly entry: Entry;
  /** The variables of PlatformDefaults are expanded; built-in ones are still to be filled in. */
  readonly inject: InjectSpec;
  /** True where a string holds `${` or `$${`. */
  readonly isTemplate: boolean;
  /** Variables that only the object can give a value, or nobody. */
  readonly unresolved: readonly string[];
  /** In characters of JSON; infinite where it is more than any object can take. */
  readonly size: number;
  /** How many values it gives. */
  readonly values: number;
}

/** What all PlatformDefaults together may give one object, in characters of JSON: etcd refuses objects not much larger. */
export const MAX_INJECT_CHARACTERS = 1024 * 1024;

/** Everything about a set of matching entries, best first, that does not depend on the object. */
export const planLayers = (matched: readonly Entry[]): readonly PlannedLayer[] => {
  const definers = definersIn(matched);
  return matched.flatMap((entry) => {
    const declared = entry.spec.inject;
    if (declared === undefined) return [];
    const text = JSON.stringify(declared);
    return text.includes('${') ? planTemplate(entry, declared, definers) : planLiteral(entry, declared, text.length);
  });
};

type Definers = ReadonlyMap<string, readonly Entry[]>;

/** The entries that define each variable, best first: looking through all for each name would take the square of their number. */
const definersIn = (matched: readonly Entry[]): Definers => {
  const named = matched.flatMap((entry) => Object.keys(entry.spec.variables ?? {}).map((name) => ({ name, entry })));
  const byName = Map.groupBy(named, ({ name }) => name);
  return new Map([...byName].map(([name, list]) => [name, list.map(({ entry }) => entry)]));
};

const planLiteral = (entry: Entry, inject: InjectSpec, size: number): PlannedLayer => ({
  entry,
  inject,
  isTemplate: false,
  unresolved: [],
  size,
  values: countValues(inject),
});

const planTemplate = (entry: Entry, declared: InjectSpec, definers: Definers): PlannedLayer => {
  const names = [...variablesIn(declared)];
  const definitions = new Map(names.map((name) => [name, definitionFor(entry, name, definers.get(name) ?? [])]));
  const budget = createBudget(MAX_INJECT_CHARACTERS);
  const inject = expandVariables(declared, (name) => budget.spend(definitions.get(name)));
  const size = budget.isSpent() ? Number.POSITIVE_INFINITY : JSON.stringify(inject).length;
  return { entry, inject, isTemplate: true, unresolved: [...variablesIn(inject)], size, values: countValues(inject) };
};

/** What a variable stands for in an entry: its own definition, unless a more specific one of `matched`, best first, has one. */
export const definitionFor = (entry: Entry, name: string, matched: readonly Entry[]): string | undefined => {
  const definer = matched.find((other) => definition(other, name) !== undefined && isVisibleTo(entry, other));
  if (definer === undefined) return undefined;
  return (hasEqualPrecedence(definer, entry) ? definition(entry, name) : undefined) ?? definition(definer, name);
};

const definition = ({ spec: { variables = {} } }: Entry, name: string): string | undefined =>
  Object.hasOwn(variables, name) ? variables[name] : undefined;

/** What the platform enforces, or makes for the whole cluster, must not be steered by a variable of a tenant's. */
const isVisibleTo = (entry: Entry, definer: Entry): boolean =>
  definer.isGlobal || !entry.isGlobal || (entry.mode === 'Default' && entry.spec.inject?.storageClass === undefined);
