import type { DefaultsTarget } from '../api/injection.ts';

/** No name holds a `$`, so that text which opens variables and closes none is read once and not once for each. */
const REFERENCE = /\$\$\{|\$\{([^}$]*)\}/g;

const LABEL_PREFIX = 'labels.';
const BUILT_IN = ['cloud', 'region', 'zone', 'account', 'namespace', 'name', 'kind'];

/** True for the variables that Quartermaster itself gives a value; a PlatformDefaults cannot define those. */
export const isBuiltIn = (name: string): boolean =>
  BUILT_IN.includes(name) || /^labels\../.test(name) || /^objectStore\.[^.].*\.url$/.test(name);

/** True for the variables that follow from the object, which its author writes: what is made for the whole cluster takes none. */
export const isOfObject = (name: string): boolean =>
  ['namespace', 'name', 'kind'].includes(name) || name.startsWith(LABEL_PREFIX) || name.startsWith('objectStore.');

/** The built-in variables, for a message. */
export const BUILT_IN_VARIABLES: readonly string[] = [...BUILT_IN, 'labels.<key>', 'objectStore.<name>.url'];

/** Where a variable is filled in. */
export type VariableScope = Pick<DefaultsTarget, 'cloud' | 'labels' | 'namespace' | 'name' | 'variable'> & {
  readonly kind: string;
};

/** Value of a built-in variable; undefined where it is not known or empty, and for every other name. */
export const builtInValue = (scope: VariableScope, name: string): string | undefined => {
  const { cloud, labels } = scope;
  if (name === 'cloud') return cloud === 'unknown' ? undefined : cloud;
  if (name === 'namespace' || name === 'name' || name === 'kind') return scope[name] || undefined;
  const label = name.startsWith(LABEL_PREFIX) ? name.slice(LABEL_PREFIX.length) : undefined;
  if (label !== undefined) return Object.hasOwn(labels, label) ? labels[label] || undefined : undefined;
  return scope.variable(name) || undefined;
};

/** The names of all variables in all strings of a value, each once. `$${` is a literal and names none. */
export const variablesIn = (value: unknown): ReadonlySet<string> => new Set(namesIn(value));

/** A copy of a value with the variables that have a definition replaced by it; all else, `$${` too, stays as it is. */
export const expandVariables = <T>(value: T, definitionOf: (name: string) => string | undefined): T =>
  rewrite(value, (reference, name) => (name === undefined ? reference : (definitionOf(name) ?? reference))) as T;

/** A copy of a value with every variable filled in and `$${` turned into `${`. Map keys are left as they are. */
export const fillVariables = <T>(value: T, fillIn: (name: string) => string): T =>
  rewrite(value, (_, name) => (name === undefined ? '${' : fillIn(name))) as T;

/** How much text variables may come to: a short one named very often makes a very long text. */
export interface Budget {
  /** The same text, or an empty one where it is more than is left. */
  readonly spend: <T extends string | undefined>(text: T) => T | '';
  /** True once any text was more than was left. */
  readonly isSpent: () => boolean;
}

export const createBudget = (characters: number): Budget => {
  let left = characters;
  return {
    spend: (text) => {
      left -= text?.length ?? 0;
      return left < 0 ? '' : text;
    },
    isSpent: () => left < 0,
  };
};

/** The first part of a text that opens a variable and is none: `${` never closed, or a name with a space in it. */
export const malformedVariable = (text: string): string | undefined => {
  const bad = text.replaceAll('$${', ' ').match(/\$\{(?![A-Za-z][A-Za-z0-9_./-]*\})[^}]*\}?/);
  return bad?.[0];
};

const namesIn = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return value.includes('${') ? namesInText(value) : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(namesIn);
};

const namesInText = (text: string): readonly string[] =>
  [...text.matchAll(REFERENCE)].map(([, name]) => name).filter((name) => name !== undefined);

type OnReference = (reference: string, name: string | undefined) => string;

const rewrite = (value: unknown, onReference: OnReference): unknown => {
  if (typeof value === 'string') return value.includes('${') ? value.replace(REFERENCE, onReference) : value;
  if (Array.isArray(value)) return value.map((item) => rewrite(item, onReference));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rewrite(item, onReference)]));
};
