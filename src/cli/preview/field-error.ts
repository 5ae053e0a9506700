import { groupVersionOf } from '../../explanation/request.ts';

/**
 * One thing that the API server refuses, in its own words (apimachinery's util/validation/field of Kubernetes 1.37): people
 * look for the sentence that they will see.
 */
export interface FieldError {
  /** The path; `<nil>` where the API server names none. */
  readonly field: string;
  readonly type: FieldErrorType;
  /** All after the path. */
  readonly body: string;
  /** It was so before an UPDATE, and is let through. */
  readonly isWarning?: true;
}

/** The sentence of one alone. */
export const sentenceOf = ({ field, body }: FieldError): string => `${field}: ${body}`;

type FieldErrorType =
  | 'Required'
  | 'Invalid'
  | 'TypeInvalid'
  | 'NotSupported'
  | 'Duplicate'
  | 'Forbidden'
  | 'TooLong'
  | 'TooMany';

/** What the API server calls the place of an error that is about no field. */
export const NOWHERE = '<nil>';

const error = (type: FieldErrorType, field: string, body: string, detail = ''): FieldError => ({
  type,
  field: field === '' ? NOWHERE : field,
  body: detail === '' ? body : `${body}: ${detail}`,
});

export const required = (field: string, detail = ''): FieldError => error('Required', field, 'Required value', detail);

export const forbidden = (field: string, detail: string): FieldError => error('Forbidden', field, 'Forbidden', detail);

/** `value` left out where it is a whole object or list. */
export const invalid = (field: string, detail: string, ...value: readonly [unknown?]): FieldError =>
  error('Invalid', field, value.length === 0 ? 'Invalid value' : `Invalid value: ${goValue(value[0])}`, detail);

/** `value` as a struct of Go has it: its fields in their own order. */
export const invalidStruct = (field: string, detail: string, value: unknown): FieldError =>
  error('Invalid', field, `Invalid value: ${goEscaped(JSON.stringify(value))}`, detail);

export const typeInvalid = (field: string, value: string, detail: string): FieldError =>
  error('TypeInvalid', field, `Invalid value: ${goValue(value)}`, detail);

export const duplicate = (field: string, ...value: readonly [unknown?]): FieldError =>
  error('Duplicate', field, value.length === 0 ? 'Duplicate value' : `Duplicate value: ${goValue(value[0])}`);

export const notSupported = (field: string, value: unknown, supported: readonly unknown[]): FieldError => {
  const values = supported.map((one) => goQuote(typeof one === 'string' ? one : goJson(one)));
  return error('NotSupported', field, `Unsupported value: ${goValue(value)}`, `supported values: ${values.join(', ')}`);
};

export const tooLong = (field: string, bytes: number): FieldError =>
  error('TooLong', field, 'Too long', `may not be more than ${bytes} ${bytes === 1 ? 'byte' : 'bytes'}`);

export const tooMany = (field: string, actual: number, most: number): FieldError =>
  error('TooMany', field, `Too many: ${actual}`, `must have at most ${most} ${most === 1 ? 'item' : 'items'}`);

const goValue = (value: unknown): string => (typeof value === 'string' ? goQuote(value) : goJson(value));

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** As Go's `%q` has it: what cannot be printed is escaped. */
export const goQuote = (text: string): string => {
  const quoted = text.replace(/["\\\p{C}\p{Z}]/gu, (character) => {
    if (character === ' ') return character;
    const code = character.codePointAt(0) ?? 0;
    const escaped = ESCAPES[character];
    if (escaped !== undefined) return escaped;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
    return code < 0x1_0000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
  });
  return `"${quoted}"`;
};

/** As Go's encoding/json has it: keys in order, and nothing that HTML would read. */
const goJson = (value: unknown): string => goEscaped(JSON.stringify(inKeyOrder(value)));

const goEscaped = (json: string): string =>
  json.replace(/[<>&\u2028\u2029]/g, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

const inKeyOrder = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(inKeyOrder);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, inKeyOrder(item)]));
};

/** The sentence of a refusal. The API server tells its parts in no order where they come out of a map. */
export const refusal = (
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
  name: string,
  errors: readonly FieldError[],
): string => {
  const { group } = groupVersionOf(apiVersion);
  const parts = [...new Set(errors.map(sentenceOf))];
  const what = group === '' ? kind : `${kind}.${group}`;
  return `${what} ${goQuote(name)} is invalid: ${parts.length === 1 ? parts[0] : `[${parts.join(', ')}]`}`;
};
