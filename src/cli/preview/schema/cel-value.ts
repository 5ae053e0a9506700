import { type CelInput, isCelError, run } from '@bufbuild/cel';
import { isRecord, type UnknownRecord } from '../../../injection/path.ts';
import { type Structural, schemaOfField } from './structural.ts';

/**
 * A value as rules in CEL see it, by its schema (apiserver's cel/common): whole numbers apart from others, formats of
 * text as types of their own, of objects the fields that their schema knows.
 */
export const celValue = (schema: Structural, value: unknown): CelInput => {
  if (Array.isArray(value)) return value.map((item) => celValue(schema.items ?? {}, item));
  if (isRecord(value)) return celFields(schema, value);
  if (typeof value === 'number') return schema.type === 'number' || !Number.isInteger(value) ? value : BigInt(value);
  if (typeof value === 'string') return celText(schema, value);
  return value as CelInput;
};

const celFields = (schema: Structural, value: UnknownRecord): CelInput => {
  const isMap = schema.properties === undefined && typeof schema.additionalProperties === 'object';
  const isUntyped = schema.properties === undefined && schema.additionalProperties === undefined;
  const fields = Object.entries(value).flatMap(([name, item]) => {
    const field = schemaOfField(schema, name) ?? (isUntyped || isOfObject(schema, name) ? {} : undefined);
    return field === undefined ? [] : [[isMap ? name : escaped(name), celValue(field, item)]];
  });
  return Object.fromEntries(fields) as CelInput;
};

/** Rules of an object itself, and of one within, see these. */
const isOfObject = (schema: Structural, name: string): boolean =>
  schema['x-kubernetes-embedded-resource'] === true && ['apiVersion', 'kind', 'metadata'].includes(name);

const KEYWORDS =
  /^(?:true|false|null|in|as|break|const|continue|else|for|function|if|import|let|loop|package|namespace|return|var|void|while)$/;
const ESCAPES: Readonly<Record<string, string>> = {
  __: '__underscores__',
  '.': '__dot__',
  '-': '__dash__',
  '/': '__slash__',
};

/** Names of fields as rules write them. */
const escaped = (name: string): string =>
  KEYWORDS.test(name) ? `__${name}__` : name.replace(/__|[-./]/g, (part) => ESCAPES[part] ?? part);

const CONVERSIONS: Readonly<Record<string, string>> = {
  'date-time': 'timestamp(text)',
  date: 'timestamp(text + "T00:00:00Z")',
  duration: 'duration(text)',
};

const celText = ({ format = '' }: Structural, text: string): CelInput => {
  if (format === 'byte') return Buffer.from(text, 'base64');
  const conversion = CONVERSIONS[format];
  const converted = conversion === undefined ? text : run(conversion, { text });
  return isCelError(converted) ? text : converted;
};
