import type { KubeObject } from './kubernetes.ts';

/** A CEL rule, checked by API servers from 1.25 on; older ones drop it, so nothing may depend on it alone. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
}

/** A structural OpenAPI v3 schema, as apiextensions.k8s.io/v1 takes it. Never holds `default`. */
export interface JsonSchema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean';
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly format?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema;
  readonly 'x-kubernetes-preserve-unknown-fields'?: true;
  readonly 'x-kubernetes-list-type'?: 'map' | 'set' | 'atomic';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
  readonly 'x-kubernetes-validations'?: readonly Rule[];
}

declare const accepted: unique symbol;

/** A schema and, for the compiler alone, the type of what it accepts. */
export interface Schema<T> {
  readonly json: JsonSchema;
  readonly isRequired?: boolean;
  readonly [accepted]?: T;
}

/** The TypeScript type of what a schema accepts: the two are written once and cannot drift. */
export type Infer<S> = S extends Schema<infer T> ? T : never;

type Fields = Readonly<Record<string, Schema<unknown>>>;
type RequiredKeys<F extends Fields> = { [K in keyof F]: F[K] extends { isRequired: true } ? K : never }[keyof F];
type Shape<F extends Fields> = { readonly [K in RequiredKeys<F>]: Infer<F[K]> } & {
  readonly [K in Exclude<keyof F, RequiredKeys<F>>]?: Infer<F[K]>;
};
type Flat<T> = { readonly [K in keyof T]: T[K] };

type TextLimits = Pick<JsonSchema, 'pattern' | 'format' | 'minLength' | 'maxLength'> & Ruled;
type ListLimits = Pick<JsonSchema, 'minItems' | 'maxItems'> & Ruled;
type MapLimits = Pick<JsonSchema, 'minProperties' | 'maxProperties'> & Ruled;
interface Ruled {
  readonly 'x-kubernetes-validations'?: readonly Rule[];
}

export const text = (description: string, limits: TextLimits = {}): Schema<string> => ({
  json: { type: 'string', description, ...limits },
});

/** One of the strings given. */
export const choice = <const T extends string>(description: string, ...values: readonly T[]): Schema<T> => ({
  json: { type: 'string', description, enum: values },
});

export const flag = (description: string): Schema<boolean> => ({ json: { type: 'boolean', description } });

export const integer = (
  description: string,
  limits: Pick<JsonSchema, 'minimum' | 'maximum' | 'format'> = {},
): Schema<number> => ({ json: { type: 'integer', description, ...limits } });

/** A list replaced as a whole. */
export const list = <T>(description: string, items: Schema<T>, limits: ListLimits = {}): Schema<readonly T[]> => ({
  json: { type: 'array', description, items: items.json, 'x-kubernetes-list-type': 'atomic', ...limits },
});

/** A list of strings, none twice. */
export const set = <T extends string>(
  description: string,
  items: Schema<T>,
  limits: ListLimits = {},
): Schema<readonly T[]> => ({
  json: { type: 'array', description, items: items.json, 'x-kubernetes-list-type': 'set', ...limits },
});

/** A list of objects, none with the same `key` twice; `key` must be a required field of the items. */
export const listBy = <T>(
  key: keyof T & string,
  description: string,
  items: Schema<T>,
  limits: ListLimits = {},
): Schema<readonly T[]> => ({
  json: {
    type: 'array',
    description,
    items: items.json,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': [key],
    ...limits,
  },
});

/** An object of any keys, all of one type. */
export const map = <T>(
  description: string,
  values: Schema<T>,
  limits: MapLimits = {},
): Schema<Readonly<Record<string, T>>> => ({
  json: { type: 'object', description, additionalProperties: values.json, ...limits },
});

/** An object of these fields and no others; a field is optional unless wrapped in `required`. */
export const object = <F extends Fields>(
  description: string,
  fields: F,
  rules: readonly Rule[] = [],
): Schema<Flat<Shape<F>>> => ({ json: objectJson(description, fields, rules) });

/** An object whose fields named here are checked and whose others are kept as they are: a part of core/v1. */
export const open = <T>(description: string, fields: Fields = {}): Schema<T> => ({
  json: { ...objectJson(description, fields, []), 'x-kubernetes-preserve-unknown-fields': true },
});

/** Marks a field of `object` or `open` as required. */
export const required = <T>(schema: Schema<T>): Schema<T> & { readonly isRequired: true } => ({
  ...schema,
  isRequired: true,
});

const objectJson = (description: string, fields: Fields, rules: readonly Rule[]): JsonSchema => {
  const entries = Object.entries(fields);
  const needed = entries.filter(([, field]) => field.isRequired === true).map(([name]) => name);
  return {
    type: 'object',
    description,
    ...(entries.length > 0 && { properties: Object.fromEntries(entries.map(([name, field]) => [name, field.json])) }),
    ...(needed.length > 0 && { required: needed }),
    ...(rules.length > 0 && { 'x-kubernetes-validations': rules }),
  };
};

/** A column of `kubectl get`. `jsonPath` as kubectl takes it (`.spec.mode`). */
interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean' | 'date';
  readonly jsonPath: string;
  readonly description?: string;
  /** Above 0: shown by `-o wide` only. */
  readonly priority?: number;
}

/** A namespaced kind of ours, with one version and a status subresource. */
export interface CustomResource {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly description: string;
  readonly spec: Schema<unknown>;
  readonly status: Schema<unknown>;
  /** CEL rules over the whole object, for those that compare spec with status or read metadata.name. */
  readonly rules?: readonly Rule[];
  readonly columns: readonly PrinterColumn[];
}

const head = {
  apiVersion: { type: 'string', description: 'Version of the schema this object is written in.' },
  kind: { type: 'string', description: 'Kind of this object.' },
  metadata: { type: 'object' },
} as const satisfies Readonly<Record<string, JsonSchema>>;

const wholeSchema = ({ description, spec, status, rules = [] }: CustomResource): JsonSchema => ({
  type: 'object',
  description,
  required: ['spec'],
  properties: { ...head, spec: spec.json, status: status.json },
  ...(rules.length > 0 && { 'x-kubernetes-validations': rules }),
});

export interface CustomResourceDefinition extends KubeObject {
  readonly spec: {
    readonly group: string;
    readonly scope: 'Namespaced';
    readonly names: Readonly<Record<string, unknown>>;
    readonly versions: readonly Readonly<Record<string, unknown>>[];
  };
}

/** The apiextensions.k8s.io/v1 object to install. Accepted by API servers from 1.20 on. */
export const customResourceDefinition = (resource: CustomResource): CustomResourceDefinition => {
  const { group, version, kind, plural, singular, shortNames, columns } = resource;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      // The API server drops an empty list: said, it would be a difference for ever.
      names: { kind, listKind: `${kind}List`, plural, singular, ...(shortNames.length > 0 && { shortNames }) },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          additionalPrinterColumns: columns,
          subresources: { status: {} },
          schema: { openAPIV3Schema: wholeSchema(resource) },
        },
      ],
    },
  };
};

const condition = object('One thing observed about this object, as metav1.Condition.', {
  type: required(text('What is observed, in CamelCase.', { maxLength: 316 })),
  status: required(choice('Whether it holds.', 'True', 'False', 'Unknown')),
  reason: required(text('Why, as one CamelCase word for programs.', { maxLength: 1024 })),
  message: required(text('Why, as a sentence for people.', { maxLength: 32_768 })),
  observedGeneration: integer('metadata.generation this was observed at.', { minimum: 0, format: 'int64' }),
  lastTransitionTime: required(text('When the status last changed.', { format: 'date-time' })),
});

export type Condition = Infer<typeof condition>;

/** The schema of `status.conditions`, for every kind of ours. */
export const conditions = listBy('type', 'What was last observed, one entry for each type.', condition);
