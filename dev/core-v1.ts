import type { CoreV1 } from '../src/defaults/validation/core-v1.ts';

/** What of an API server's /openapi/v3/api/v1 is read. */
export interface OpenApi {
  readonly info: { readonly version: string };
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** The types of what `spec.inject` and `spec.templates` hold of core/v1. */
const ROOTS = [
  'Affinity',
  'Container',
  'EnvVar',
  'PodSecurityContext',
  'SecurityContext',
  'TopologySpreadConstraint',
  'Volume',
];

const CORE = 'io.k8s.api.core.v1.';
/** What is written as one value. */
const SCALARS: Readonly<Record<string, string>> = { Quantity: 'quantity', IntOrString: 'intOrString', Time: 'string' };

/** Where the API server takes more than its schema says, or less. */
const CORRECTIONS: Readonly<Record<string, string>> = {
  // Absent is empty, or 0, in Go, which it takes.
  'HTTPHeader.value': 'string',
  'ISCSIVolumeSource.lun': 'int32',
  'PreferredSchedulingTerm.preference': 'NodeSelectorTerm',
  'Sysctl.value': 'string',
  // A type of meta/v1, whose values the schema does not say.
  'LabelSelectorRequirement.operator': 'DoesNotExist|Exists|In|NotIn!',
};
/** Of the template of a claim these alone. */
const OF_METADATA = ['annotations', 'labels'];

/** The table in src/defaults/validation/core-v1.json, in the notation that core-v1.ts there reads. */
export const coreV1 = ({ info, components: { schemas } }: OpenApi): CoreV1 => {
  const types = new Map<string, Readonly<Record<string, string>>>();
  const add = (id: string): void => {
    const name = nameOf(id);
    if (types.has(name) || Object.hasOwn(SCALARS, name)) return;
    const schema = schemas[id];
    if (schema?.properties === undefined) throw new Error(`${id} has no fields: say in dev/core-v1.ts what it is`);
    const fields = Object.entries(schema.properties).filter(
      ([field]) => name !== 'ObjectMeta' || OF_METADATA.includes(field),
    );
    types.set(name, Object.fromEntries(fields.map(([field, one]) => [field, notation(name, field, one, schema)])));
    for (const [, one] of fields) for (const reference of referencesIn(one)) add(reference);
  };
  for (const root of ROOTS) add(`${CORE}${root}`);
  return { kubernetes: info.version, types: Object.fromEntries([...types].toSorted()) };
};

/** As it stands in the file. */
export const coreV1Text = (openApi: OpenApi): string => `${JSON.stringify(coreV1(openApi), undefined, 2)}\n`;

const notation = (type: string, field: string, schema: Schema, { required = [] }: Schema): string =>
  CORRECTIONS[`${type}.${field}`] ?? `${typeOf(schema)}${required.includes(field) ? '!' : ''}`;

const typeOf = (schema: Schema): string => {
  const { type, format, items, additionalProperties, enum: values } = schema;
  const [reference] = referencesIn({ ...schema, items: {}, additionalProperties: {} });
  if (reference !== undefined) return SCALARS[nameOf(reference)] ?? nameOf(reference);
  if (type === 'array') return `[]${typeOf(items ?? {})}`;
  if (type === 'object') return `{}${typeOf(additionalProperties ?? {})}`;
  if (values !== undefined) return values.join('|');
  if (type === 'integer' && format !== undefined) return format;
  if (type === 'string' || type === 'boolean') return type;
  throw new Error(`nothing is known of ${JSON.stringify(schema)}: say in dev/core-v1.ts what it is`);
};

const referencesIn = ({ $ref, allOf = [], items, additionalProperties }: Schema): readonly string[] => [
  ...($ref === undefined ? [] : [$ref.slice('#/components/schemas/'.length)]),
  ...[...allOf, items ?? {}, additionalProperties ?? {}].flatMap((one) =>
    Object.keys(one).length > 0 ? referencesIn(one) : [],
  ),
];

const nameOf = (id: string): string => id.slice(id.lastIndexOf('.') + 1);
