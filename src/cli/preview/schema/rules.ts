import { isDeepStrictEqual } from 'node:util';
import { type CelError, type CelInput, isCelError, run } from '@bufbuild/cel';
import { isRecord } from '../../../injection/path.ts';
import { duplicate, type FieldError, forbidden, invalid, NOWHERE, required } from '../field-error.ts';
import { library, missingFunctions } from './cel-library.ts';
import { celValue } from './cel-value.ts';
import { oldField, oldItem } from './check.ts';
import type { Rule, Structural } from './structural.ts';

/** What is in a list twice that may be there once (apiextensions' schema/listtype). */
export const listErrors = (schema: Structural, value: unknown, path = ''): readonly FieldError[] => {
  if (isRecord(value))
    return Object.entries(value).flatMap(([name, item]) => {
      const field = fieldOf(schema, name, path);
      return field === undefined ? [] : listErrors(field.schema, item, field.path);
    });
  if (!Array.isArray(value)) return [];
  const list = value as readonly unknown[];
  const { items } = schema;
  const inside = items === undefined ? [] : list.flatMap((item, at) => listErrors(items, item, `${path}[${at}]`));
  return [...repeated(schema, list, path), ...inside];
};

/** A field's schema, and its path: keys of maps stand in brackets, names of fields behind dots. */
export const fieldOf = (
  { properties = {}, additionalProperties }: Structural,
  name: string,
  path: string,
): { readonly schema: Structural; readonly path: string } | undefined => {
  const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
  if (property !== undefined) return { schema: property, path: path === '' ? name : `${path}.${name}` };
  return typeof additionalProperties === 'object'
    ? { schema: additionalProperties, path: `${path}[${name}]` }
    : undefined;
};

const repeated = (schema: Structural, list: readonly unknown[], path: string): readonly FieldError[] => {
  const type = schema['x-kubernetes-list-type'];
  if (type !== 'map' && type !== 'set') return [];
  const keys = type === 'map' ? (schema['x-kubernetes-list-map-keys'] ?? []) : [];
  const odd = type === 'map' ? list.findIndex((item) => item !== null && !isRecord(item)) : -1;
  if (odd >= 0) return [invalid(`${path}[${odd}]`, 'must be an object for an array of list-type map', list[odd])];
  const told = list.map((item) => (type === 'map' ? keysOf(item, keys) : item));
  const identities = told.map((item) => JSON.stringify(item));
  // The second is told, and none after it.
  return told.flatMap((item, at) =>
    identities.slice(0, at).filter((other) => other === identities[at]).length === 1
      ? [duplicate(`${path}[${at}]`, item)]
      : [],
  );
};

const keysOf = (item: unknown, keys: readonly string[]): unknown =>
  Object.fromEntries(keys.flatMap((key) => (isRecord(item) && Object.hasOwn(item, key) ? [[key, item[key]]] : [])));

/** Whether a schema has rules at any depth. */
const hasRules = (schema: Structural): boolean =>
  (schema['x-kubernetes-validations'] ?? []).length > 0 ||
  [
    ...Object.values(schema.properties ?? {}),
    ...(schema.items ? [schema.items] : []),
    ...(typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : []),
  ].some(hasRules);

/** Errors after which the rules are not asked: they would be read of what has another shape. */
const BLOCKING: ReadonlySet<FieldError['type']> = new Set([
  'NotSupported',
  'Required',
  'TooLong',
  'TooMany',
  'TypeInvalid',
]);

/** What the rules in CEL say, or that they were not asked since `found` is wrong before. */
export const ruleErrors = (
  schema: Structural,
  value: unknown,
  old: unknown,
  found: readonly FieldError[],
): readonly FieldError[] => {
  if (!hasRules(schema)) return [];
  if (!found.some(({ type }) => BLOCKING.has(type)))
    return askRules(
      // What every object has is there for rules, whether the schema names it or not.
      { ...schema, 'x-kubernetes-embedded-resource': true },
      { value, old, path: '', isAsItWas: false },
    );
  const unasked =
    'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
  return [invalid(NOWHERE, unasked, null)];
};

interface Asked {
  readonly value: unknown;
  readonly old: unknown;
  readonly path: string;
  /** What it is in, of which there is an old version, is as it was. */
  readonly isAsItWas: boolean;
}

const askRules = (schema: Structural, asked: Asked): readonly FieldError[] => {
  const { value, old, path } = asked;
  if (value === null || value === undefined) return [];
  const isAsItWas = old === undefined ? asked.isAsItWas : isDeepStrictEqual(value, old);
  const own = (schema['x-kubernetes-validations'] ?? []).flatMap((rule) =>
    askRule(rule, schema, { ...asked, isAsItWas }),
  );
  if (Array.isArray(value)) {
    const { items } = schema;
    if (items === undefined) return own;
    const inside = (value as readonly unknown[]).flatMap((item, at) =>
      askRules(items, { value: item, old: oldItem(schema, old, item), path: `${path}[${at}]`, isAsItWas }),
    );
    return [...own, ...inside];
  }
  if (!isRecord(value)) return own;
  const inside = Object.entries(value).flatMap(([name, item]) => {
    const field = fieldOf(schema, name, path);
    if (field === undefined) return [];
    return askRules(field.schema, { value: item, old: oldField(schema, old, name), path: field.path, isAsItWas });
  });
  return [...own, ...inside];
};

/** Rules that speak of the old value hold where there is one, and there alone. */
const askRule = (rule: Rule, schema: Structural, asked: Asked): readonly FieldError[] => {
  const { value, old, path } = asked;
  if (old === undefined && isOfChanges(rule) && rule.optionalOldSelf !== true) return [];
  const unread = unreadError(rule, path);
  if (unread !== undefined) return [unread];
  const variables = { self: celValue(schema, value), ...(old !== undefined && { oldSelf: celValue(schema, old) }) };
  const result = run(rule.rule, variables, { funcs: library });
  if (result === true) return [];
  if (!isCelError(result)) return [failedRule(rule, schema, variables, asked)];
  const which = (rule.message ?? rule.rule).trim();
  return [invalid(path, `${wordsOf(result)} evaluating rule: ${which}`, schema.type ?? '')];
};

const isOfChanges = ({ rule }: Rule): boolean => rule.includes('oldSelf');

type Variables = Readonly<Record<string, CelInput>>;

const failedRule = (rule: Rule, { type }: Structural, variables: Variables, asked: Asked): FieldError => {
  const detail = messageBy(rule, variables) ?? rule.message?.trim() ?? `failed rule: ${rule.rule.trim()}`;
  const path = rule.fieldPath === undefined ? asked.path : `${asked.path}${rule.fieldPath}`.replace(/^\./, '');
  const error = errorFor(rule, path, detail, type === 'object' || type === 'array' ? [] : [asked.value]);
  return asked.isAsItWas && !isOfChanges(rule) ? { ...error, isWarning: true } : error;
};

/** Of a rule that asks for what is not here, which may hold or not. */
const unreadError = ({ rule, optionalOldSelf }: Rule, path: string): FieldError | undefined => {
  const missing = optionalOldSelf === true ? undefined : missingFunctions(rule);
  if (missing?.length === 0) return undefined;
  const why = missing === undefined ? 'preview cannot read it' : `preview has no ${missing.join(', ')}`;
  const detail = `its rule was not checked: ${why}: ${rule.trim()}`;
  return { field: path === '' ? NOWHERE : path, type: 'Invalid', body: detail, isWarning: true };
};

/** What the API server calls what a rule meets. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [/^field not found: (.*)$/, 'no such key: $1'],
  [/^index (-?\d+) out of bounds.*$/, 'index out of bounds: $1'],
  [/^u?int divide by zero$/, 'division by zero'],
  [/^u?int modulus by zero$/, 'modulus by zero'],
  [/^int overflow.*$/, 'integer overflow'],
  [/^uint overflow.*$/, 'unsigned integer overflow'],
  [/^Cannot convert .* to a BigInt$/s, "type conversion error from 'string' to 'int'"],
  [/^Failed to parse duration: .*$/s, "type conversion error from 'string' to 'google.protobuf.Duration'"],
  [/^Failed to parse timestamp: .*$/s, "type conversion error from 'string' to 'google.protobuf.Timestamp'"],
];

const wordsOf = ({ message }: CelError): string =>
  WORDS.reduce((text, [pattern, words]) => text.replace(pattern, words), message);

const errorFor = ({ reason }: Rule, path: string, detail: string, value: readonly [unknown?]): FieldError => {
  if (reason === 'FieldValueForbidden') return forbidden(path, detail);
  if (reason === 'FieldValueRequired') return required(path, detail);
  return reason === 'FieldValueDuplicate' ? duplicate(path, ...value) : invalid(path, detail, ...value);
};

const messageBy = ({ messageExpression }: Rule, variables: Variables): string | undefined => {
  if (messageExpression === undefined) return undefined;
  const text = run(messageExpression, variables, { funcs: library });
  // Else, as the API server does it: the message that stands there, else the rule.
  return typeof text === 'string' && text.trim() !== '' && !/[\r\n]/.test(text) ? text.trim() : undefined;
};
