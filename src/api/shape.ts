import type { JsonSchema, Schema } from './schema.ts';

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

type Test = (schema: JsonSchema, value: unknown) => boolean;

const conforms: Test = (schema, value) => schema.type === undefined || tests[schema.type](schema, value);

const hasFields: Test = ({ required = [], properties = {}, additionalProperties }, value) =>
  isMapping(value) &&
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
  if (!isMapping(value)) return value;
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
