import { stringify } from 'yaml';
import { platformDefaultsSpec } from '../../src/api/platform-defaults.ts';
import type { JsonSchema } from '../../src/api/schema.ts';
import { EXAMPLES } from './examples.ts';

/** A PlatformDefaults with every field there is, each under its type and what it is. */
export const wholeResource = (): string =>
  [
    'apiVersion: quartermaster.dev/v1alpha1',
    'kind: PlatformDefaults',
    'metadata: {name: everything, namespace: quartermaster-system}',
    'spec:',
    ...fieldsOf('spec', platformDefaultsSpec.json, '  '),
  ].join('\n');

const fieldsOf = (path: string, { properties = {}, required = [] }: JsonSchema, indent: string): readonly string[] =>
  Object.entries(properties).flatMap(([name, field]) => [
    `${indent}# ${told(field, required.includes(name))}`,
    ...fieldOf(name, `${path}.${name}`, field).map((line) => `${indent}${line}`),
  ]);

const told = (field: JsonSchema, isRequired: boolean): string =>
  `${typeOf(field)}${isRequired ? ', required' : ''}. ${field.description ?? ''}`;

const fieldOf = (name: string, path: string, field: JsonSchema): readonly string[] => {
  if (Object.hasOwn(EXAMPLES, path)) return [...itemComments(field), ...inlineOf(name, EXAMPLES[path])];
  if (field.properties !== undefined) return [`${name}:`, ...fieldsOf(path, field, '  ')];
  if (field.items?.properties === undefined) return inlineOf(name, fallbackOf(field));
  const [first = '', ...others] = fieldsOf(`${path}[]`, field.items, '    ');
  return [`${name}:`, `  -${first.slice('  -'.length)}`, ...others].filter((line) => line !== '');
};

/** What the fields of its items are, where an example of the whole list leaves no room for it. */
const itemComments = ({ items }: JsonSchema): readonly string[] => (items === undefined ? [] : commentsOf('', items));

const commentsOf = (prefix: string, { properties = {}, required = [] }: JsonSchema): readonly string[] =>
  Object.entries(properties).flatMap(([name, field]) => [
    `#   ${prefix}${name}: ${told(field, required.includes(name))}`,
    ...commentsOf(`${prefix}${name}.`, field),
  ]);

const inlineOf = (name: string, value: unknown): readonly string[] =>
  stringify({ [name]: value }, { lineWidth: 0, collectionStyle: 'flow', flowCollectionPadding: false })
    .trimEnd()
    .replace(/^\{([\s\S]*)\}$/, '$1')
    .split('\n');

const fallbackOf = ({ type, enum: names, minimum = 1, items }: JsonSchema): unknown => {
  if (names !== undefined) return names[0];
  if (items !== undefined) return `list of ${items.type ?? ''}s`;
  if (type === 'boolean') return true;
  return type === 'integer' ? minimum : 'text';
};

const typeOf = (field: JsonSchema): string => {
  const { type = '', enum: names, items, additionalProperties } = field;
  if (names !== undefined) return names.length > 8 ? 'string' : names.join(' | ');
  if (items !== undefined) return `list of ${items.type ?? ''}s`;
  return additionalProperties === undefined ? type : `map of ${additionalProperties.type ?? ''}s`;
};
