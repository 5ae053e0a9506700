import type { DefaultsTarget } from '../api/injection.ts';
import type { StringMap } from '../api/kubernetes.ts';

/** No name holds a `$`, so that text which opens variables and closes none is read once and not once for each. */
const REFERENCE = /\$\$\{|\$\{([^}$]*)\}/g;

const LABEL_PREFIX = 'labels.';
const NAMESPACE_LABEL_PREFIX = 'namespaceLabels.';
const NAMESPACE_ANNOTATION_PREFIX = 'namespaceAnnotations.';
const FIELDS = ['namespace', 'name', 'kind', 'user', 'groups', 'serviceAccount'] as const;
const BUILT_IN: readonly string[] = ['cloud', 'region', 'zone', 'account', ...FIELDS];
const OF_KEY = /^(labels|namespaceLabels|namespaceAnnotations)\../;

/** True for the variables that Quartermaster itself gives a value; a PlatformDefaults cannot define those. */
export const isBuiltIn = (name: string): boolean =>
  BUILT_IN.includes(name) || OF_KEY.test(name) || /^objectStore\.[^.].*\.url$/.test(name);

/** True for the variables that follow from the object, which its author writes: what is made for the whole cluster takes none. */
export const isOfObject = (name: string): boolean => isField(name) || OF_KEY.test(name) || isOfStore(name);

/** True for those that an object has, and that nothing has before there is one. */
export const isOfRequest = (name: string): boolean => (isField(name) && name !== 'namespace') || OF_KEY.test(name);

/** The key of the annotation that a variable takes from the object's namespace; undefined for other variables. */
export const namespaceAnnotationIn = (name: string): string | undefined =>
  name.startsWith(NAMESPACE_ANNOTATION_PREFIX) ? name.slice(NAMESPACE_ANNOTATION_PREFIX.length) : undefined;

/** The built-in variables, for a message. */
export const BUILT_IN_VARIABLES: readonly string[] = [
  ...BUILT_IN,
  'labels.<key>',
  'namespaceLabels.<key>',
  'namespaceAnnotations.<key>',
  'objectStore.<name>.url',
];

/** Where a variable is filled in. */
export type VariableScope = Pick<
  DefaultsTarget,
  'cloud' | 'labels' | 'namespace' | 'name' | 'variable' | 'user' | 'groups' | 'serviceAccount' | 'namespaceAnnotation'
> & {
  readonly namespaceLabels?: StringMap;
  readonly kind: string;
};

/** True for the variables that a namespace can say otherwise than the platform: it may have an ObjectStore of that name too. */
export const isOfStore = (name: string): boolean => name.startsWith('objectStore.');

/** Value of a built-in variable; undefined where it is not known or empty, and for every other name. */
export const builtInValue = (scope: VariableScope, name: string, isOfPlatform = false): string | undefined => {
  if (name === 'cloud') return scope.cloud === 'unknown' ? undefined : scope.cloud;
  if (isField(name)) return scope[name] || undefined;
  if (name.startsWith(LABEL_PREFIX)) return labelOf(scope.labels, name.slice(LABEL_PREFIX.length));
  if (name.startsWith(NAMESPACE_LABEL_PREFIX))
    return labelOf(scope.namespaceLabels ?? {}, name.slice(NAMESPACE_LABEL_PREFIX.length));
  const annotation = namespaceAnnotationIn(name);
  if (annotation !== undefined) return scope.namespaceAnnotation?.(annotation) || undefined;
  return scope.variable(name, isOfPlatform) || undefined;
};

const isField = (name: string): name is (typeof FIELDS)[number] => FIELDS.some((field) => field === name);

const labelOf = (labels: StringMap, key: string): string | undefined =>
  Object.hasOwn(labels, key) ? labels[key] || undefined : undefined;

/** The names of all variables in all strings of a value, each once. `$${` is a literal and names none. */
export const variablesIn = (value: unknown): ReadonlySet<string> =>
  new Set(referencesIn(value).map(({ name }) => name));

/** Those of them that some string names without a value to fall back to. */
export const requiredVariablesIn = (value: unknown): ReadonlySet<string> =>
  new Set(referencesIn(value).flatMap(({ name, fallback }) => (fallback === undefined ? [name] : [])));

/** What variables stand for, of which PlatformDefaults define some by built-in ones. Each is worked out once. */
export interface Lookup {
  readonly valueOf: (name: string) => string | undefined;
  /** The built-in ones that it is made of: itself alone where nobody defines it. */
  readonly partsOf: (name: string) => Iterable<string>;
  /** The first of them that it has no value for want of. */
  readonly lackedBy: (name: string) => string | undefined;
}

interface Sources {
  readonly definitionOf: (name: string) => string | undefined;
  readonly builtIn: (name: string) => string | undefined;
  /** The text that is put into a definition, as far as there is room for it. */
  readonly spend?: (text: string) => string;
}

export const createLookup = ({ definitionOf, builtIn, spend = (text) => text }: Sources): Lookup => {
  const values = new Map<string, string | undefined>();
  const lackedBy = (name: string): string | undefined => {
    const definition = definitionOf(name);
    const required = definition === undefined ? [name] : [...requiredVariablesIn(definition)];
    return required.find((part) => builtIn(part) === undefined);
  };
  const work = (name: string): string | undefined => {
    const definition = definitionOf(name);
    if (definition === undefined) return builtIn(name);
    if (lackedBy(name) !== undefined) return undefined;
    return fillVariables(definition, (part, fallback) => spend(builtIn(part) ?? fallback ?? ''));
  };
  return {
    valueOf: (name) => {
      if (!values.has(name)) values.set(name, work(name));
      return values.get(name);
    },
    partsOf: (name) => {
      const definition = definitionOf(name);
      return definition === undefined ? [name] : variablesIn(definition);
    },
    lackedBy,
  };
};

/** Why a value is left out that names a variable which is not known. */
export const unknownVariable = (name: string): string =>
  `\${${name}} is not known for this object${name === 'name' ? NAMED_LATER : ''}`;

const NAMED_LATER = ', which has generateName alone: the API server names it once webhooks were asked';

/** A copy of a value with the variables that have a definition replaced by it; all else, `$${` too, stays as it is: to be measured. */
export const expandVariables = <T>(value: T, definitionOf: (name: string) => string | undefined): T =>
  rewrite(value, (text, reference) => (reference === undefined ? text : (definitionOf(reference.name) ?? text))) as T;

/**
 * A copy of a value with every variable filled in and `$${` turned into `${`. Map keys are left as they are, and what is filled in is
 * not read again: a `$` that it ends in escapes nothing. `fillIn` is told what stands for a variable that is not known (`${name:-this}`).
 */
export const fillVariables = <T>(value: T, fillIn: (name: string, fallback: string | undefined) => string): T =>
  rewrite(value, (_, reference) => (reference === undefined ? '${' : fillIn(reference.name, reference.fallback))) as T;

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
  const bad = text.replaceAll('$${', ' ').match(/\$\{(?![A-Za-z][A-Za-z0-9_./-]*(?::-[^}$]*)?\})[^}]*\}?/);
  return bad?.[0];
};

interface Reference {
  readonly name: string;
  /** After `:-`. */
  readonly fallback: string | undefined;
}

const referenceOf = (text: string): Reference => {
  const at = text.indexOf(':-');
  return at < 0 ? { name: text, fallback: undefined } : { name: text.slice(0, at), fallback: text.slice(at + 2) };
};

const referencesIn = (value: unknown): readonly Reference[] => {
  if (typeof value === 'string') return value.includes('${') ? referencesInText(value) : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(referencesIn);
};

const referencesInText = (text: string): readonly Reference[] =>
  [...text.matchAll(REFERENCE)].flatMap(([, name]) => (name === undefined ? [] : [referenceOf(name)]));

type OnReference = (text: string, reference: Reference | undefined) => string;

const rewrite = (value: unknown, onReference: OnReference): unknown => {
  if (typeof value === 'string') return value.includes('${') ? rewriteText(value, onReference) : value;
  if (Array.isArray(value)) return value.map((item) => rewrite(item, onReference));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rewrite(item, onReference)]));
};

const rewriteText = (text: string, onReference: OnReference): string =>
  text.replace(REFERENCE, (found, name: string | undefined) =>
    onReference(found, name === undefined ? undefined : referenceOf(name)),
  );
