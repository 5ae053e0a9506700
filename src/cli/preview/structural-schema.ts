import { run } from '@bufbuild/cel';
import { messageOf } from '../../api/errors.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { isRecord, type UnknownRecord } from '../../injection/path.ts';

/** A structural OpenAPI v3 schema of a CustomResourceDefinition, as far as an API server acts on it. */
interface Structural {
  readonly type?: string;
  readonly nullable?: boolean;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly properties?: Readonly<Record<string, Structural>>;
  readonly additionalProperties?: Structural | boolean;
  readonly items?: Structural;
  readonly required?: readonly string[];
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  readonly 'x-kubernetes-int-or-string'?: boolean;
  readonly 'x-kubernetes-list-type'?: string;
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly { readonly rule: string; readonly message?: string }[];
}

/** A CustomResourceDefinition's own say about an object of its kind. */
export interface ServedSchema {
  /** What the API server makes of an object as it reads it: without fields that there are not, with defaults. The very object where that is nothing. */
  readonly read: (object: KubeObject) => { readonly object: KubeObject; readonly unknown: readonly string[] };
  /** What it refuses after admission, the field first. `old` on an UPDATE. */
  readonly violations: (object: KubeObject, old: KubeObject | undefined) => readonly string[];
}

/** The schema of a version that a CustomResourceDefinition serves; undefined where it has none. */
export const servedSchema = (definition: KubeObject, version: string): ServedSchema | undefined => {
  const { versions = [] } = (definition as { readonly spec?: { readonly versions?: readonly Version[] } }).spec ?? {};
  const schema = versions.find(({ name }) => name === version)?.schema?.openAPIV3Schema;
  if (schema === undefined) return undefined;
  return {
    read: (object) => {
      const unknown: string[] = [];
      const { apiVersion, kind, metadata, ...fields } = object as unknown as UnknownRecord;
      const read = prune({ ...schema, properties: without(schema.properties) }, fields, '', unknown) as UnknownRecord;
      return { object: { apiVersion, kind, metadata, ...read } as unknown as KubeObject, unknown };
    },
    violations: (object, old) => check(schema, object, old, ''),
  };
};

interface Version {
  readonly name: string;
  readonly schema?: { readonly openAPIV3Schema?: Structural };
}

/** These three are the API server's own. */
const without = (properties: Structural['properties'] = {}): NonNullable<Structural['properties']> =>
  Object.fromEntries(Object.entries(properties).filter(([name]) => !['apiVersion', 'kind', 'metadata'].includes(name)));

const schemaOfField = ({ properties = {}, additionalProperties }: Structural, name: string): Structural | undefined => {
  if (Object.hasOwn(properties, name)) return properties[name];
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
};

const prune = (schema: Structural, value: unknown, path: string, unknown: string[]): unknown => {
  if (Array.isArray(value))
    return (value as readonly unknown[]).map((item, at) =>
      schema.items ? prune(schema.items, item, `${path}[${at}]`, unknown) : item,
    );
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).flatMap((entry) => pruneField(schema, entry, path, unknown));
  const given = new Set(kept.map(([name]) => name));
  const filled = Object.entries(schema.properties ?? {})
    .filter(([name, field]) => field.default !== undefined && !given.has(name))
    .map(([name, field]) => [name, prune(field, field.default, join(path, name), unknown)] as const);
  return Object.fromEntries([...kept, ...filled]);
};

const pruneField = (
  schema: Structural,
  [name, item]: readonly [string, unknown],
  path: string,
  unknown: string[],
): readonly (readonly [string, unknown])[] => {
  const field = schemaOfField(schema, name);
  if (field !== undefined) {
    const isDropped = item === null && field.nullable !== true;
    return isDropped ? [] : [[name, prune(field, item, join(path, name), unknown)]];
  }
  if (schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true)
    return [[name, item]];
  unknown.push(join(path, name));
  return [];
};

const check = (schema: Structural, value: unknown, old: unknown, path: string): readonly string[] => {
  if (value === null && schema.nullable === true) return [];
  const wrong = typeViolation(schema, value);
  if (wrong !== undefined) return [`${path}: ${wrong}`];
  const own = valueViolations(schema, value).map((violation) => `${path}: ${violation}`);
  const inside = Array.isArray(value)
    ? listViolations(schema, value, old, path)
    : isRecord(value)
      ? fieldViolations(schema, value, old, path)
      : [];
  const found = [...own, ...inside];
  // The rules of a value are read only once it has the shape they were written for.
  return found.length > 0 ? found : ruleViolations(schema, value, old, path);
};

const typeViolation = (schema: Structural, value: unknown): string | undefined => {
  if (schema['x-kubernetes-int-or-string'])
    return Number.isInteger(value) || typeof value === 'string' ? undefined : 'must be a whole number or a string';
  const type = schema.type === undefined || !Object.hasOwn(TYPES, schema.type) ? undefined : TYPES[schema.type];
  return type === undefined || type.accepts(value) ? undefined : type.title;
};

const TYPES: Readonly<Record<string, { readonly title: string; readonly accepts: (value: unknown) => boolean }>> = {
  object: { title: 'must be an object', accepts: isRecord },
  array: { title: 'must be a list', accepts: Array.isArray },
  string: { title: 'must be a string; quote it', accepts: (value) => typeof value === 'string' },
  integer: { title: 'must be a whole number', accepts: Number.isInteger },
  number: { title: 'must be a number', accepts: (value) => typeof value === 'number' },
  boolean: { title: 'must be true or false', accepts: (value) => typeof value === 'boolean' },
};

const valueViolations = (schema: Structural, value: unknown): readonly string[] => [
  ...(schema.enum && !schema.enum.includes(value)
    ? [`${JSON.stringify(value)} is not one of ${schema.enum.join(', ')}`]
    : []),
  ...(typeof value === 'string' ? textViolations(schema, value) : []),
  ...(typeof value === 'number' ? numberViolations(schema, value) : []),
];

const textViolations = ({ minLength = 0, maxLength, pattern }: Structural, value: string): readonly string[] => {
  const length = [...value].length;
  return [
    ...(length < minLength ? [`must have at least ${minLength} characters`] : []),
    ...(maxLength !== undefined && length > maxLength ? [`must have at most ${maxLength} characters`] : []),
    ...(pattern !== undefined && !new RegExp(pattern).test(value) ? [`must match ${pattern}`] : []),
  ];
};

const numberViolations = ({ minimum, maximum }: Structural, value: number): readonly string[] => [
  ...(minimum !== undefined && value < minimum ? [`must be at least ${minimum}`] : []),
  ...(maximum !== undefined && value > maximum ? [`must be at most ${maximum}`] : []),
];

const listViolations = (
  schema: Structural,
  list: readonly unknown[],
  old: unknown,
  path: string,
): readonly string[] => {
  if (list.length < (schema.minItems ?? 0)) return [`${path}: must have at least ${schema.minItems} items`];
  if (list.length > (schema.maxItems ?? Number.POSITIVE_INFINITY))
    return [`${path}: must have at most ${schema.maxItems} items`];
  const keys = schema['x-kubernetes-list-map-keys'];
  const identities = list.map((item) => JSON.stringify(keys && isRecord(item) ? keys.map((key) => item[key]) : item));
  const isUnique = schema['x-kubernetes-list-type'] === 'map' || schema['x-kubernetes-list-type'] === 'set';
  const twice = isUnique ? identities.findIndex((identity, at) => identities.indexOf(identity) < at) : -1;
  if (twice >= 0) return [`${path}[${twice}]: is there more than once`];
  const { items } = schema;
  return items === undefined
    ? []
    : list.flatMap((item, at) => check(items, item, counterpart(old, item, keys), `${path}[${at}]`));
};

/** The entry of the old list that the API server compares one with: that of the same keys; none in other lists. */
const counterpart = (old: unknown, item: unknown, keys: readonly string[] | undefined): unknown =>
  keys && Array.isArray(old) && isRecord(item)
    ? (old as readonly unknown[]).find((other) => isRecord(other) && keys.every((key) => other[key] === item[key]))
    : undefined;

const fieldViolations = (schema: Structural, value: UnknownRecord, old: unknown, path: string): readonly string[] => {
  const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(value, name));
  const count = Object.keys(value).length;
  return [
    ...missing.map((name) => `${join(path, name)}: is required`),
    ...(count < (schema.minProperties ?? 0) ? [`${path}: must have at least ${schema.minProperties} fields`] : []),
    ...(count > (schema.maxProperties ?? Number.POSITIVE_INFINITY)
      ? [`${path}: must have at most ${schema.maxProperties} fields`]
      : []),
    ...Object.entries(value).flatMap(([name, item]) => {
      const field = schemaOfField(schema, name);
      return field === undefined ? [] : check(field, item, isRecord(old) ? old[name] : undefined, join(path, name));
    }),
  ];
};

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

/** Rules that speak of the old value hold where there is one, and there alone. */
const ruleViolations = (schema: Structural, value: unknown, old: unknown, path: string): readonly string[] =>
  (schema['x-kubernetes-validations'] ?? [])
    .filter(({ rule }) => old !== undefined || !rule.includes('oldSelf'))
    .flatMap(({ rule, message = `does not meet ${rule}` }) => {
      try {
        const holds = run(rule, { self: value, ...(old !== undefined && { oldSelf: old }) } as never) === true;
        return holds ? [] : [`${path}: ${message}`];
      } catch (error) {
        return [`${path}: ${message} (${messageOf(error)})`];
      }
    });
