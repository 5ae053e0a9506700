import type { KubeObject } from '../../../api/kubernetes.ts';
import type { UnknownRecord } from '../../../injection/path.ts';
import type { FieldError } from '../field-error.ts';
import type { ReadObject } from '../object-meta.ts';
import { schemaErrors } from './check.ts';
import { embeddedErrors } from './embedded.ts';
import { readByStructure } from './read.ts';
import { listErrors, ruleErrors } from './rules.ts';
import { scaleErrors } from './scale.ts';
import type { Structural } from './structural.ts';

/** A CustomResourceDefinition's own say about an object of its kind. */
export interface ServedSchema {
  /** What the API server makes of an object as it reads it: without fields that there are not, with defaults. The very object where that is nothing. */
  readonly read: (object: KubeObject) => ReadObject;
  /** What is stored of what comes out of admission: a status that is a resource of its own stays as it is in `old`. The very object where it is none. */
  readonly stored: (object: KubeObject, old: KubeObject | undefined) => KubeObject;
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
  const { schema: { openAPIV3Schema: schema } = {}, subresources = {} } =
    versions.find(({ name }) => name === version) ?? {};
  if (schema === undefined) return undefined;
  const { status, scale } = subresources;
  return {
    read: (object) => {
      const { apiVersion, kind, metadata, ...fields } = object as unknown as UnknownRecord;
      const { value, ...found } = readByStructure({ ...schema, properties: without(schema.properties) }, fields);
      return { object: { apiVersion, kind, metadata, ...(value as object) } as unknown as KubeObject, ...found };
    },
    stored: (object, old) => (status === undefined ? object : withStatusOf(object, old)),
    errors: (object, old, found) => {
      const wrong = [
        ...(scale === undefined ? [] : scaleErrors(object, scale.specReplicasPath)),
        ...schemaErrors(schema, object, old),
        ...embeddedErrors(schema, object),
        ...newlyRepeated(schema, object, old),
      ];
      return [...wrong, ...ruleErrors(schema, object, old, [...found, ...wrong])];
    },
  };
};

const withStatusOf = (object: KubeObject, old: KubeObject | undefined): KubeObject => {
  const { status: _, ...told } = object as KubeObject & { readonly status?: unknown };
  const { status } = (old ?? {}) as { readonly status?: unknown };
  return status === undefined ? told : ({ ...told, status } as KubeObject);
};

/** What was stored with something twice in a list may be stored so again. */
const newlyRepeated = (schema: Structural, object: KubeObject, old: KubeObject | undefined): readonly FieldError[] =>
  old !== undefined && listErrors(schema, old).length > 0 ? [] : listErrors(schema, object);

interface Version {
  readonly name: string;
  readonly schema?: { readonly openAPIV3Schema?: Structural };
  readonly subresources?: { readonly status?: object; readonly scale?: { readonly specReplicasPath: string } };
}

/** These three are the API server's own. */
const without = (properties: Structural['properties'] = {}): NonNullable<Structural['properties']> =>
  Object.fromEntries(Object.entries(properties).filter(([name]) => !['apiVersion', 'kind', 'metadata'].includes(name)));
