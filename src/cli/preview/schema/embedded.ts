import { isRecord, type UnknownRecord } from '../../../injection/path.ts';
import { type FieldError, invalid, required, sentenceOf } from '../field-error.ts';
import { embeddedMetadataErrors, kindMessages } from '../metadata.ts';
import { readObjectMeta } from '../object-meta.ts';
import { fieldOf } from './rules.ts';
import type { Structural } from './structural.ts';

/** What was found in reading, by path. */
interface Found {
  readonly unknown: string[];
  /** What cannot be read at all; the API server tells the first that it comes to. */
  readonly unreadable: string[];
}

/** Objects within a custom resource have their metadata read as its own are (apiextensions' schema/objectmeta). */
export const readEmbedded = (schema: Structural, value: unknown, path: string, found: Found): unknown => {
  const { items } = schema;
  if (Array.isArray(value))
    return items ? value.map((item, at) => readEmbedded(items, item, `${path}[${at}]`, found)) : value;
  if (!isRecord(value)) return value;
  const isEmbedded = schema['x-kubernetes-embedded-resource'] === true;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      const field = fieldOf(schema, name, path);
      const read = isEmbedded ? readOwn(name, item, `${path}.${name}`, found) : item;
      return [name, field === undefined ? read : readEmbedded(field.schema, read, field.path, found)];
    }),
  );
};

/** One of the fields that every object has. */
const readOwn = (name: string, value: unknown, path: string, { unknown, unreadable }: Found): unknown => {
  const refuse = (detail: string): void => {
    unreadable.push(sentenceOf(invalid(path, detail, value)));
  };
  if ((name === 'apiVersion' || name === 'kind') && typeof value !== 'string') refuse('must be a string');
  if (name !== 'metadata') return value;
  const read = readObjectMeta(value, path);
  if (read.unreadable !== undefined) refuse(read.unreadable);
  unknown.push(...read.unknown);
  return read.metadata;
};

/** What the API server refuses in objects within a custom resource. */
export const embeddedErrors = (schema: Structural, value: unknown, path = ''): readonly FieldError[] => {
  const { items } = schema;
  if (Array.isArray(value))
    return items ? value.flatMap((item, at) => embeddedErrors(items, item, `${path}[${at}]`)) : [];
  if (!isRecord(value)) return [];
  const inside = Object.entries(value).flatMap(([name, item]) => {
    const field = fieldOf(schema, name, path);
    return field === undefined ? [] : embeddedErrors(field.schema, item, field.path);
  });
  return schema['x-kubernetes-embedded-resource'] === true ? [...objectErrors(value, path), ...inside] : inside;
};

const objectErrors = ({ apiVersion, kind, metadata }: UnknownRecord, path: string): readonly FieldError[] => [
  ...typeErrors(apiVersion, `${path}.apiVersion`, (version) =>
    version.split('/').length > 2 ? [`unexpected GroupVersion string: ${version}`] : [],
  ),
  ...typeErrors(kind, `${path}.kind`, kindMessages),
  ...(isRecord(metadata) ? embeddedMetadataErrors(metadata, `${path}.metadata`) : []),
];

const typeErrors = (
  value: unknown,
  path: string,
  messages: (text: string) => readonly string[],
): readonly FieldError[] => {
  if (value === undefined) return [required(path)];
  if (typeof value !== 'string') return [invalid(path, 'must be a string', value)];
  if (value === '') return [invalid(path, 'must not be empty', value)];
  return messages(value).map((message) => invalid(path, message, value));
};
