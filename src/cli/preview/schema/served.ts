import type { KubeObject } from '../../../api/kubernetes.ts';
import type { UnknownRecord } from '../../../injection/path.ts';
import type { FieldError } from '../field-error.ts';
import type { ReadObject } from '../object-meta.ts';
import { schemaErrors } from './check.ts';
import { embeddedErrors } from './embedded.ts';
import { readByStructure } from './read.ts';
import { listErrors, ruleErrors } from './rules.ts';
import type { Structural } from './structural.ts';

/** A CustomResourceDefinition's own say about an object of its kind. */
export interface ServedSchema {
  /** What the API server makes of an object as it reads it: without fields that there are not, with defaults. The very object where that is nothing. */
  readonly read: (object: KubeObject) => ReadObject;
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
      const { apiVersion, kind, metadata, ...fields } = object as unknown as UnknownRecord;
      const { value, ...found } = readByStructure({ ...schema, properties: without(schema.properties) }, fields);
      return { object: { apiVersion, kind, metadata, ...(value as object) } as unknown as KubeObject, ...found };
    },
    errors: (object, old, found) => {
      const wrong = [
        ...schemaErrors(schema, object, old),
        ...embeddedErrors(schema, object),
        ...newlyRepeated(schema, object, old),
      ];
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
