import type { Entry } from './entry.ts';

/** What PlatformDefaults give each other, counted entry by entry: definitions of variables, and the JMX exporter. */
export interface SharedParts {
  readonly add: (entry: Entry) => void;
  readonly remove: (entry: Entry) => void;
  /** True where a variable has a definition that the entry would be given: a global one, or one of its namespace; any, where it is global itself. */
  readonly defines: (name: string, entry: Entry) => boolean;
  readonly hasJmxExporter: () => boolean;
}

/** No namespace can be called so. */
const GLOBAL = '*';
const ANYWHERE = '**';

export const createSharedParts = (): SharedParts => {
  const definitions = new Map<string, number>();
  let exporters = 0;
  const countDefinition = (key: string, step: 1 | -1): void => {
    const left = (definitions.get(key) ?? 0) + step;
    if (left === 0) definitions.delete(key);
    else definitions.set(key, left);
  };
  const count = (entry: Entry, step: 1 | -1): void => {
    if (entry.spec.inject?.prometheus?.jmxExporterJar !== undefined) exporters += step;
    for (const name of variablesOf(entry))
      for (const scope of [entry.isGlobal ? GLOBAL : entry.source.namespace, ANYWHERE])
        countDefinition(keyOf(entry.isAudit, scope, name), step);
  };
  return {
    add: (entry) => count(entry, 1),
    remove: (entry) => count(entry, -1),
    defines: (name, entry) => {
      const scopes = entry.isGlobal ? [ANYWHERE] : [GLOBAL, entry.source.namespace];
      // What is audited gives nothing to what is not.
      const modes = entry.isAudit ? [false, true] : [false];
      return scopes.some((scope) => modes.some((isAudit) => definitions.has(keyOf(isAudit, scope, name))));
    },
    hasJmxExporter: () => exporters > 0,
  };
};

const variablesOf = ({ spec }: Entry): readonly string[] => Object.keys(spec.variables ?? {});

const keyOf = (isAudit: boolean, scope: string, name: string): string => `${isAudit} ${scope} ${name}`;
