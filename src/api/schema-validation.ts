import { didYouMean } from './plain-text.ts';
import type { JsonSchema, Schema } from './schema.ts';

/**
 * What an API server would find wrong with a value, one sentence each, `path` and the field within it first. For what
 * no API server has seen (files) and what an old one lets through. CEL rules are not checked; null counts as absent.
 */
export const schemaViolations = (schema: JsonSchema, value: unknown, path: string): readonly string[] => {
  if (value === null || value === undefined || schema.type === undefined) return [];
  return checks[schema.type](schema, value, path);
};

type Check = (schema: JsonSchema, value: unknown, path: string) => readonly string[];

type Fields = Readonly<Record<string, unknown>>;

const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Nothing of Kubernetes nests so deep; what does would overflow the stack of whoever walks it. */
const MAX_DEPTH = 50;

const isDeeperThan = (levels: number, value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (levels === 0 || Object.values(value).some((item) => isDeeperThan(levels - 1, item)));

const objectViolations = (schema: JsonSchema, value: Fields, path: string): readonly string[] => {
  const missing = (schema.required ?? [])
    .filter((name) => !Object.hasOwn(value, name) || value[name] === null)
    .map((name) => `${path}.${name}: is required`);
  const inside = Object.entries(value).flatMap(([name, item]) => {
    if (name === '__proto__') return [`${path}.${name}: is a key that not every reader keeps; rename it`];
    const field = fieldSchema(schema, name);
    if (field !== undefined) return schemaViolations(field, item, `${path}.${name}`);
    if (schema['x-kubernetes-preserve-unknown-fields'] !== true)
      return [`${path}.${name}: there is no such field${didYouMean(name, Object.keys(schema.properties ?? {}))}`];
    return isDeeperThan(MAX_DEPTH, item) ? [`${path}.${name}: is nested deeper than ${MAX_DEPTH} levels`] : [];
  });
  return [...missing, ...inside];
};

const fieldSchema = ({ properties = {}, additionalProperties }: JsonSchema, name: string): JsonSchema | undefined =>
  Object.hasOwn(properties, name) ? properties[name] : additionalProperties;

const arrayViolations = (schema: JsonSchema, value: readonly unknown[], path: string): readonly string[] => {
  const { items = {}, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
  if (value.length < minItems) return [`${path}: must have at least ${minItems} items`];
  if (value.length > maxItems) return [`${path}: must have at most ${maxItems} items`];
  const inside = value.flatMap((item, at) =>
    item === null || item === undefined
      ? [`${path}[${at}]: must not be null`]
      : schemaViolations(items, item, `${path}[${at}]`),
  );
  return inside.length > 0 ? inside : duplicateViolations(schema, value, path);
};

const duplicateViolations = (schema: JsonSchema, value: readonly unknown[], path: string): readonly string[] => {
  if (schema['x-kubernetes-list-type'] === 'atomic' || schema['x-kubernetes-list-type'] === undefined) return [];
  const [key = ''] = schema['x-kubernetes-list-map-keys'] ?? [];
  const identities = value.map((item) => (isRecord(item) ? item[key] : item));
  const repeated = identities.filter((identity, at) => identities.indexOf(identity) < at);
  return [...new Set(repeated)].map((identity) => `${path}: ${JSON.stringify(identity)} is there more than once`);
};

const stringViolations = (schema: JsonSchema, value: string, path: string): readonly string[] => {
  const { enum: choices, pattern, minLength = 0, maxLength = Number.POSITIVE_INFINITY } = schema;
  if (choices && !choices.includes(value))
    return [`${path}: "${value}" is not one of ${choices.join(', ')}${didYouMean(value, choices)}`];
  if (value.length < minLength)
    return [`${path}: ${minLength === 1 ? 'must not be empty' : `must be at least ${minLength} characters long`}`];
  if (value.length > maxLength) return [`${path}: must be at most ${maxLength} characters long`];
  return pattern === undefined || new RegExp(pattern).test(value) ? [] : [`${path}: "${value}" must match ${pattern}`];
};

const numberViolations = ({ minimum, maximum }: JsonSchema, value: number, path: string): readonly string[] => {
  if (minimum !== undefined && value < minimum) return [`${path}: must be at least ${minimum}`];
  return maximum !== undefined && value > maximum ? [`${path}: must be at most ${maximum}`] : [];
};

const checks: Readonly<Record<NonNullable<JsonSchema['type']>, Check>> = {
  object: (schema, value, path) =>
    isRecord(value) ? objectViolations(schema, value, path) : [`${path}: must be an object`],
  array: (schema, value, path) =>
    Array.isArray(value) ? arrayViolations(schema, value, path) : [`${path}: must be a list`],
  string: (schema, value, path) =>
    typeof value === 'string' ? stringViolations(schema, value, path) : [`${path}: must be a string; quote it`],
  integer: (schema, value, path) =>
    typeof value === 'number' && Number.isInteger(value)
      ? numberViolations(schema, value, path)
      : [`${path}: must be a whole number`],
  boolean: (_, value, path) => (typeof value === 'boolean' ? [] : [`${path}: must be true or false`]),
};

type Test = (schema: JsonSchema, value: unknown) => boolean;

const conforms: Test = (schema, value) => schema.type === undefined || tests[schema.type](schema, value);

const hasFields: Test = ({ required = [], properties = {}, additionalProperties }, value) =>
  isRecord(value) &&
  required.every((name) => Object.hasOwn(value, name)) &&
  Object.entries(value).every(([name, field]) => {
    const schema = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    return schema === undefined || conforms(schema, field);
  });

const tests: Readonly<Record<NonNullable<JsonSchema['type']>, Test>> = {
  object: hasFields,
  array: ({ items = {} }, value) => Array.isArray(value) && value.every((item) => conforms(items, item)),
  string: (schema, value) => typeof value === 'string' && (schema.enum?.includes(value) ?? true),
  integer: (_, value) => Number.isInteger(value),
  boolean: (_, value) => typeof value === 'boolean',
};

/** The value without anything that is null, at any depth: absent and null mean the same to us. */
const withoutNulls = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.filter((item) => item !== null).map(withoutNulls);
  if (!isRecord(value)) return value;
  const given = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(given.map(([name, field]) => [name, withoutNulls(field)]));
};

/**
 * What an object from outside holds, if its types are the schema's; undefined otherwise, and the API server will say why.
 * Bounds and patterns are not looked at.
 */
export const decodeAs = <T>(schema: Schema<T>, value: unknown): T | undefined => {
  const given = withoutNulls(value);
  return conforms(schema.json, given) ? (given as T) : undefined;
};
