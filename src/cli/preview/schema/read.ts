import { isRecord, type UnknownRecord } from '../../../injection/path.ts';
import { readEmbedded } from './embedded.ts';
import { type Structural, schemaOfField } from './structural.ts';

/**
 * What the API server makes of a custom resource as it reads it, in its order (apiextensions-apiserver's pruning and
 * defaulting): fields that there are not go, then nulls where none may be, then metadata of objects within are read and
 * defaults come.
 */
export const readByStructure = (schema: Structural, value: unknown): ReadByStructure => {
  const found: { unknown: string[]; unreadable: string[] } = { unknown: [], unreadable: [] };
  const kept = withoutNulls(schema, pruned(schema, value, '', found.unknown));
  return { value: withDefaults(schema, readEmbedded(schema, kept, '', found)), ...found };
};

export interface ReadByStructure {
  readonly value: unknown;
  /** The paths of the fields that went. */
  readonly unknown: readonly string[];
  /** Why it cannot be read at all. */
  readonly unreadable: readonly string[];
}

/** `schema` is undefined where nothing is said of a value: of objects in it no field stays. */
const pruned = (schema: Structural | undefined, value: unknown, path: string, unknown: string[]): unknown => {
  if (Array.isArray(value))
    return value.map((item, at) => pruned(schemaOfItem(schema), item, `${path}[${at}]`, unknown));
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).filter(([name]) => {
    const isKept = schema !== undefined && isKnown(schema, name);
    if (!isKept) unknown.push(join(path, name));
    return isKept;
  });
  return Object.fromEntries(
    kept.map(([name, item]) => [
      name,
      isFree(schema, name) ? item : pruned(schemaOfField(schema ?? {}, name), item, join(path, name), unknown),
    ]),
  );
};

/** What is kept in a list of anything is so in each of its entries. */
const schemaOfItem = (schema: Structural | undefined): Structural | undefined => {
  if (schema?.['x-kubernetes-preserve-unknown-fields'] !== true) return schema?.items;
  return { ...schema.items, 'x-kubernetes-preserve-unknown-fields': true };
};

const isKnown = (schema: Structural, name: string): boolean =>
  schema['x-kubernetes-preserve-unknown-fields'] === true ||
  isOfEmbedded(schema, name) ||
  schema.additionalProperties !== undefined ||
  Object.hasOwn(schema.properties ?? {}, name);

/** True for what is kept as it is, whatever it holds. */
const isFree = (schema: Structural | undefined, name: string): boolean =>
  schema !== undefined &&
  (isOfEmbedded(schema, name) ||
    (schema['x-kubernetes-preserve-unknown-fields'] === true &&
      schema.additionalProperties === undefined &&
      !Object.hasOwn(schema.properties ?? {}, name)));

const OF_EVERY_OBJECT: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

const isOfEmbedded = (schema: Structural, name: string): boolean =>
  schema['x-kubernetes-embedded-resource'] === true && OF_EVERY_OBJECT.has(name);

const withoutNulls = (schema: Structural | undefined, value: unknown): unknown => {
  if (Array.isArray(value)) return value.map((item) => withoutNulls(schema?.items, item));
  if (!isRecord(value)) return value;
  const kept = Object.entries(value).flatMap(([name, item]) => {
    const field = schemaOfField(schema ?? {}, name);
    return isForbiddenNull(field, item) && field?.default === undefined ? [] : [[name, withoutNulls(field, item)]];
  });
  return Object.fromEntries(kept) as UnknownRecord;
};

const isForbiddenNull = (schema: Structural | undefined, value: unknown): boolean =>
  value === null && schema !== undefined && schema.nullable !== true;

const withDefaults = (schema: Structural | undefined, value: unknown): unknown => {
  if (schema === undefined) return value;
  if (Array.isArray(value)) return value.map((item) => filled(schema.items, item));
  if (!isRecord(value)) return value;
  const given = Object.entries(value).map(([name, item]) => [name, filled(schemaOfField(schema, name), item)]);
  const added = Object.entries(schema.properties ?? {})
    .filter(([name, field]) => field.default !== undefined && !Object.hasOwn(value, name))
    .map(([name, field]) => [name, withDefaults(field, field.default)]);
  return Object.fromEntries([...given, ...added]) as UnknownRecord;
};

const filled = (schema: Structural | undefined, value: unknown): unknown =>
  withDefaults(schema, isForbiddenNull(schema, value) ? (schema?.default ?? null) : value);

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);
