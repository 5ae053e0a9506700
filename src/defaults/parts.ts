import type { Entry } from './entry.ts';

/** What PlatformDefaults give each other, counted entry by entry: definitions of variables, templates, and the JMX exporter. */
export interface SharedParts {
  readonly add: (entry: Entry) => void;
  readonly remove: (entry: Entry) => void;
  /** True where a variable has a definition that the entry would be given: a global one, or one of its namespace; any, where it is global itself. */
  readonly defines: (name: string, entry: Entry) => boolean;
  readonly hasJmxExporter: () => boolean;
  /** True where any has a template of that name. */
  readonly hasTemplate: (name: string) => boolean;
}

/** No namespace can be called so. */
const GLOBAL = '*';
const ANYWHERE = '**';

export const createSharedParts = (): SharedParts => {
  const definitions = new Map<string, number>();
  const templates = new Map<string, number>();
  let exporters = 0;
  const count = (entry: Entry, step: 1 | -1): void => {
    if (entry.spec.inject?.prometheus?.jmxExporterJar !== undefined) exporters += step;
    for (const name of definitionsOf(entry)) countIn(definitions, name, step);
    for (const { name } of entry.spec.templates ?? []) countIn(templates, name, step);
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
    hasTemplate: (name) => templates.has(name),
  };
};

const countIn = (counts: Map<string, number>, key: string, step: 1 | -1): void => {
  const left = (counts.get(key) ?? 0) + step;
  if (left === 0) counts.delete(key);
  else counts.set(key, left);
};

/** Each variable in its own scope, and in that of all. */
const definitionsOf = ({ spec, isGlobal, isAudit, source }: Entry): readonly string[] =>
  Object.keys(spec.variables ?? {}).flatMap((name) =>
    [isGlobal ? GLOBAL : source.namespace, ANYWHERE].map((scope) => keyOf(isAudit, scope, name)),
  );

const keyOf = (isAudit: boolean, scope: string, name: string): string => `${isAudit} ${scope} ${name}`;
