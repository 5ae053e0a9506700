import type { InjectSpec } from '../api/inject-schema.ts';
import { type Entry, isSameStanding } from './entry.ts';
import { expandVariables, variablesIn } from './variables.ts';

/** What one entry gives to the objects that match a certain set of entries. */
export interface PlannedLayer {
  readonly entry: Entry;
  /** The variables of PlatformDefaults are expanded; built-in ones are still to be filled in. */
  readonly inject: InjectSpec;
  /** True where a string holds `${` or `$${`. */
  readonly isTemplate: boolean;
  /** Variables that only the object can give a value, or nobody. */
  readonly unfilled: readonly string[];
}

/** Everything about a set of matching entries, best first, that does not depend on the object. */
export const planLayers = (matched: readonly Entry[]): readonly PlannedLayer[] =>
  matched.flatMap((entry) => {
    const given = entry.spec.inject;
    if (given === undefined) return [];
    const isTemplate = JSON.stringify(given).includes('${');
    const inject = isTemplate ? expandVariables(given, (name) => definitionFor(entry, name, matched)) : given;
    return [{ entry, inject, isTemplate, unfilled: [...variablesIn(inject)] }];
  });

/** What a variable stands for in an entry: its own definition, unless a more specific one of `matched`, best first, has one. */
export const definitionFor = (entry: Entry, name: string, matched: readonly Entry[]): string | undefined => {
  const definer = matched.find((other) => definition(other, name) !== undefined && isHeardBy(entry, other));
  if (definer === undefined) return undefined;
  return (isSameStanding(definer, entry) ? definition(entry, name) : undefined) ?? definition(definer, name);
};

const definition = ({ spec: { variables = {} } }: Entry, name: string): string | undefined =>
  Object.hasOwn(variables, name) ? variables[name] : undefined;

/** What the platform enforces, or makes for the whole cluster, must not be steered by a variable of a tenant's. */
const isHeardBy = (entry: Entry, definer: Entry): boolean =>
  definer.isGlobal || !entry.isGlobal || (entry.mode === 'Default' && entry.spec.inject?.storageClass === undefined);
