import type { KubeObject } from './kubernetes.ts';
import type { JsonSchema, Rule, Schema } from './schema.ts';

/** A column of `kubectl get`. `jsonPath` as kubectl takes it (`.spec.mode`). */
export interface PrinterColumn {
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
      names: { kind, listKind: `${kind}List`, plural, singular, shortNames },
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
