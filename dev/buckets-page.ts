import { objectStoreCrd } from '../src/api/object-store.ts';

/** What of a JSON schema the table tells. */
interface Field {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Field>>;
  readonly required?: readonly string[];
  readonly items?: Field;
  readonly additionalProperties?: Field;
}

/** Every field of an ObjectStore's spec, with its type and what it is, its default included. */
export const objectStoreFieldsTable = (): string => {
  const [version] = objectStoreCrd.spec.versions;
  const { openAPIV3Schema: root } = (version?.['schema'] ?? {}) as { readonly openAPIV3Schema?: Field };
  const rows = rowsOf('spec', root?.properties?.['spec'] ?? {});
  return ['| field | type | what it is, and what holds without it |', '|---|---|---|', ...rows].join('\n');
};

const rowsOf = (path: string, { properties = {}, required = [] }: Field): readonly string[] =>
  Object.entries(properties).flatMap(([name, field]) => {
    const at = `${path}.${name}`;
    const need = required.includes(name) ? ', required' : '';
    const row = `| \`${at}\` | ${typeOf(field)}${need} | ${(field.description ?? '').replaceAll('|', '\\|').replaceAll('<', '&lt;')} |`;
    return [row, ...rowsOf(field.items === undefined ? at : `${at}[]`, field.items ?? field)];
  });

const typeOf = ({ type = '', enum: names, items, additionalProperties }: Field): string => {
  if (names !== undefined) return names.map((name) => `\`${name}\``).join(', ');
  if (items !== undefined) return `list of ${items.type ?? ''}s`;
  return additionalProperties === undefined ? type : `map of ${additionalProperties.type ?? ''}s`;
};

const TABLE = /^\| field \| type \|.*\n(?:\|.*\n)+/m;

/** The page with that table made anew. */
export const withObjectStoreFields = (page: string): string =>
  page.replace(TABLE, () => `${objectStoreFieldsTable()}\n`);
