import { isDeepStrictEqual } from 'node:util';
import { run } from '@bufbuild/cel';
import { messageOf } from '../../../api/errors.ts';
import { isRecord } from '../../../injection/path.ts';
import { duplicate, type FieldError, forbidden, invalid, NOWHERE, required } from '../field-error.ts';
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
export const hasRules = (schema: Structural): boolean =>
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
    return askRules(schema, { value, old, path: '', isAsItWas: false });
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
const askRule = (rule: Rule, { type = '' }: Structural, asked: Asked): readonly FieldError[] => {
  const { value, old, path } = asked;
  const isOfChanges = rule.rule.includes('oldSelf');
  if (old === undefined && isOfChanges) return [];
  const variables = { self: value, ...(old !== undefined && { oldSelf: old }) };
  try {
    if (run(rule.rule, variables as never) === true) return [];
  } catch (error) {
    const which = (rule.message ?? rule.rule).trim();
    return [invalid(path, `${messageOf(error)} evaluating rule: ${which}`, type)];
  }
  const detail = messageBy(rule, variables) ?? rule.message?.trim() ?? `failed rule: ${rule.rule.trim()}`;
  const where = rule.fieldPath === undefined ? path : `${path}${rule.fieldPath}`.replace(/^\./, '');
  const error = errorFor(rule, where, detail, type === 'object' || type === 'array' ? [] : [value]);
  return [asked.isAsItWas && !isOfChanges ? { ...error, isWarning: true } : error];
};

const errorFor = ({ reason }: Rule, path: string, detail: string, value: readonly [unknown?]): FieldError => {
  if (reason === 'FieldValueForbidden') return forbidden(path, detail);
  if (reason === 'FieldValueRequired') return required(path, detail);
  return reason === 'FieldValueDuplicate' ? duplicate(path, ...value) : invalid(path, detail, ...value);
};

const messageBy = ({ messageExpression }: Rule, variables: Readonly<Record<string, unknown>>): string | undefined => {
  if (messageExpression === undefined) return undefined;
  try {
    const text = run(messageExpression, variables as never);
    return typeof text === 'string' && text.trim() !== '' && !/[\r\n]/.test(text) ? text : undefined;
  } catch {
    // As the API server does: the message that stands there, else the rule.
    return undefined;
  }
};
