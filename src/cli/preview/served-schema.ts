import type { KubeObject } from '../../api/kubernetes.ts';
import { isRecord, type UnknownRecord } from '../../injection/path.ts';
import type { FieldError } from './field-error.ts';
import { schemaErrors } from './schema-check.ts';
import { listErrors, ruleErrors } from './schema-rules.ts';
import { type Structural, schemaOfField } from './structural-schema.ts';

/** A CustomResourceDefinition's own say about an object of its kind. */
export interface ServedSchema {
  /** What the API server makes of an object as it reads it: without fields that there are not, with defaults. The very object where that is nothing. */
  readonly read: (object: KubeObject) => { readonly object: KubeObject; readonly unknown: readonly string[] };
  /** What it refuses after admission, besides what is wrong with the metadata (`found`). `old` on an UPDATE. */
  readonly errors: (
    object: KubeObject,
    old: KubeObject | undefined,
    found: readonly FieldError[],
  ) => readonly FieldError[];
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
    errors: (object, old, found) => {
      const wrong = [...schemaErrors(schema, object, old), ...newlyRepeated(schema, object, old)];
      return [...wrong, ...ruleErrors(schema, object, old, [...found, ...wrong])];
    },
  };
};

/** What was stored with something twice in a list may be stored so again. */
const newlyRepeated = (schema: Structural, object: KubeObject, old: KubeObject | undefined): readonly FieldError[] =>
  old !== undefined && listErrors(schema, old).length > 0 ? [] : listErrors(schema, object);

interface Version {
  readonly name: string;
  readonly schema?: { readonly openAPIV3Schema?: Structural };
}

/** These three are the API server's own. */
const without = (properties: Structural['properties'] = {}): NonNullable<Structural['properties']> =>
  Object.fromEntries(Object.entries(properties).filter(([name]) => !['apiVersion', 'kind', 'metadata'].includes(name)));

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

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);
