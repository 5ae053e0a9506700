import { objectStoreCrd } from '../../src/api/object-store.ts';
import { platformDefaultsCrd } from '../../src/api/platform-defaults.ts';
import type { CustomResourceDefinition, JsonSchema } from '../../src/api/schema.ts';
import { policyTests } from '../../src/cli/policy-test/schema.ts';

const DRAFT = 'http://json-schema.org/draft-07/schema#';

/** The JSON Schemas that editors check manifests and policy tests by: name of the file, and its text. */
export const jsonSchemas = (): Readonly<Record<string, string>> => ({
  'platformdefaults.json': textOf(schemaOf(platformDefaultsCrd)),
  'objectstore.json': textOf(schemaOf(objectStoreCrd)),
  'policy-tests.json': textOf({
    $schema: DRAFT,
    title: 'Policy tests of Quartermaster',
    ...(converted(policyTests.json) as object),
  }),
});

const textOf = (schema: object): string => `${JSON.stringify(schema, null, 2)}\n`;

interface Version {
  readonly name: string;
  readonly schema: { readonly openAPIV3Schema: JsonSchema };
}

/** Of one kind: apiVersion and kind are what they must be, and metadata is Kubernetes' own. */
const schemaOf = ({ spec }: CustomResourceDefinition): object => {
  const [version] = spec.versions as unknown as readonly Version[];
  if (version === undefined) throw new Error(`${spec.group} serves no version.`);
  const { properties, ...whole } = converted(version.schema.openAPIV3Schema) as {
    readonly properties: Readonly<Record<string, unknown>>;
  };
  const kind = String(spec.names['kind']);
  return {
    $schema: DRAFT,
    title: `${kind} of ${spec.group}/${version.name}`,
    ...whole,
    required: ['apiVersion', 'kind', 'metadata', 'spec'],
    properties: {
      ...properties,
      apiVersion: { const: `${spec.group}/${version.name}` },
      kind: { const: kind },
      metadata: { type: 'object', required: ['name'] },
      // What is observed is nobody's to write.
      status: { type: 'object' },
    },
  };
};

const OPENAPI_FORMATS = new Set(['int32', 'int64']);

/** Draft 7 of a structural schema: fields that are not named are refused, lists by name hold none twice. */
const converted = (schema: JsonSchema): unknown => {
  const { properties, additionalProperties, items, format, ...others } = schema;
  const isOpen =
    schema['x-kubernetes-preserve-unknown-fields'] === true || (properties === undefined && schema.type === 'object');
  const plain = Object.entries(others).filter(([key]) => !key.startsWith('x-kubernetes-'));
  return {
    ...Object.fromEntries(plain),
    ...(format !== undefined && !OPENAPI_FORMATS.has(format) && { format }),
    ...(schema['x-kubernetes-list-type'] === 'set' && { uniqueItems: true }),
    ...(items && { items: converted(items) }),
    ...(properties && { properties: mapped(properties) }),
    ...(additionalProperties && { additionalProperties: converted(additionalProperties) }),
    ...(properties && !additionalProperties && !isOpen && { additionalProperties: false }),
  };
};

const mapped = (properties: Readonly<Record<string, JsonSchema>>): object =>
  Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, converted(schema)]));
