import { isDeepStrictEqual } from 'node:util';
import { isRecord, type UnknownRecord } from '../../../injection/path.ts';
import {
  type FieldError,
  goQuote,
  invalid,
  NOWHERE,
  notSupported,
  required,
  tooLong,
  tooMany,
  typeInvalid,
} from '../field-error.ts';
import { formatCheck } from './formats.ts';
import { type Structural, schemaOfField } from './structural.ts';

/**
 * What the API server finds wrong with a custom resource by its schema alone (kube-openapi's pkg/validation): types,
 * required fields, bounds. On an UPDATE what is as it was in `old` is let through, whatever it is.
 */
export const schemaErrors = (schema: Structural, value: unknown, old: unknown): readonly FieldError[] =>
  check(schema, value, old, '').errors;

/** `matches`: how many checks were made, by which the best of several alternatives is chosen. */
interface Result {
  readonly errors: readonly FieldError[];
  readonly matches: number;
}

const NONE: Result = { errors: [], matches: 0 };

const failed = (...errors: readonly FieldError[]): Result => ({ errors, matches: 0 });

const merged = (results: readonly Result[], own = 0): Result => ({
  errors: results.flatMap(({ errors }) => errors),
  matches: results.reduce((sum, { matches }) => sum + matches, own),
});

const check = (schema: Structural, value: unknown, old: unknown, path: string): Result => {
  const found = value === null ? checkNull(schema, path) : checkValue(schema, value, old, path);
  const isAsItWas = found.errors.length > 0 && old !== undefined && isDeepStrictEqual(value, old);
  return isAsItWas ? { ...found, errors: [] } : found;
};

const checkNull = (schema: Structural, path: string): Result =>
  merged([
    schema.nullable === true || typesOf(schema).length === 0
      ? { errors: [], matches: 1 }
      : failed(wrongType(path, typesOf(schema).join(','), 'null')),
    enumResult(schema, null, path),
  ]);

const checkValue = (schema: Structural, value: unknown, old: unknown, path: string): Result => {
  const results = [
    ...(typesOf(schema).length > 0 || formatOf(schema) !== '' ? [typeResult(schema, value, path)] : []),
    alternatives(schema, value, old, path),
    ...(typeof value === 'string' ? [textResult(schema, value, path)] : []),
    ...(typeof value === 'string' && formatCheck(formatOf(schema)) ? [formatResult(schema, value, path)] : []),
    ...(typeof value === 'number' ? [numberResult(schema, value, path)] : []),
    ...(Array.isArray(value) ? [listResult(schema, value, old, path)] : []),
    enumResult(schema, value, path),
    ...(isRecord(value) ? [fieldsResult(schema, value, old, path)] : []),
  ];
  return merged(results, results.length + 1);
};

const typesOf = (schema: Structural): readonly string[] => {
  if (schema['x-kubernetes-int-or-string']) return ['integer', 'string'];
  return schema.type === undefined ? [] : [schema.type];
};

const NUMBER_FORMATS: Readonly<Record<string, readonly string[]>> = {
  integer: ['int32', 'int64'],
  number: ['float', 'double'],
};

/** The format where it is one that is checked; the API server passes over others, and over those of other types. */
const formatOf = ({ type = 'string', format = '' }: Structural): string => {
  const isChecked = type === 'string' ? formatCheck(format) !== undefined : NUMBER_FORMATS[type]?.includes(format);
  return isChecked ? format : '';
};

const typeOf = (value: unknown): string => {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
};

const GO_FORMATS: Readonly<Record<string, string>> = { integer: 'int64', number: 'float64' };

const typeResult = (schema: Structural, value: unknown, path: string): Result => {
  const types = typesOf(schema);
  const format = formatOf(schema);
  const type = typeOf(value);
  const isNumeric = types.includes('number') || types.includes('integer');
  const fits = types.includes(type) || (type === 'integer' && types.includes('number'));
  const isTextOrList = type === 'string' || type === 'array';
  if (!isTextOrList && format !== '' && !fits && GO_FORMATS[type] !== format)
    return failed(wrongType(path, format, GO_FORMATS[type] ?? ''));
  if ((!isNumeric && format !== '' && isTextOrList) || fits) return { errors: [], matches: 1 };
  return failed(wrongType(path, types.join(','), type));
};

const wrongType = (path: string, expected: string, found: string): FieldError =>
  typeInvalid(path, found, `${path} in body must be of type ${expected}: ${goQuote(found)}`);

const enumResult = (schema: Structural, value: unknown, path: string): Result =>
  schema.enum === undefined || schema.enum.includes(value) ? NONE : failed(notSupported(path, value, schema.enum));

const textResult = ({ minLength = 0, maxLength, pattern }: Structural, value: string, path: string): Result => {
  const length = [...value].length;
  if (maxLength !== undefined && length > maxLength) return failed(tooLong(path, maxLength));
  if (length < minLength)
    return failed(invalid(path, `${path} in body should be at least ${minLength} chars long`, value));
  if (pattern === undefined || new RegExp(pattern).test(value)) return NONE;
  return failed(invalid(path, `${path} in body should match '${pattern}'`, value));
};

const formatResult = (schema: Structural, value: string, path: string): Result => {
  const format = formatOf(schema);
  const isFine = formatCheck(format)?.(value) ?? true;
  return isFine ? NONE : failed(wrongType(path, format, value));
};

const numberResult = (schema: Structural, value: number, path: string): Result => {
  const { multipleOf } = schema;
  const errors = [
    ...rangeErrors(schema, value, path),
    ...(multipleOf !== undefined && value % multipleOf !== 0
      ? [shouldBe(`a multiple of ${multipleOf}`, value, path)]
      : []),
    ...boundErrors(schema, value, path),
  ];
  return { errors, matches: 1 };
};

/** What no whole number of its format is. The API server names no field here. */
const rangeErrors = (schema: Structural, value: number, path: string): readonly FieldError[] => {
  if (schema.type !== 'integer' || schema['x-kubernetes-int-or-string']) return [];
  const format = formatOf(schema);
  const isInRange = Number.isInteger(value) && (format !== 'int32' || value === value >> 0);
  const called = format === '' ? '(default format)' : `with format ${format}`;
  return isInRange ? [] : [nowhere(`Checked value must be of type integer ${called} in ${path}`)];
};

const boundErrors = (schema: Structural, value: number, path: string): readonly FieldError[] => {
  const { minimum = Number.NEGATIVE_INFINITY, maximum = Number.POSITIVE_INFINITY } = schema;
  const isAbove = schema.exclusiveMinimum === true ? value > minimum : value >= minimum;
  const isBelow = schema.exclusiveMaximum === true ? value < maximum : value <= maximum;
  const orEqual = (isExclusive: boolean | undefined): string => (isExclusive === true ? '' : 'or equal to ');
  return [
    ...(isAbove ? [] : [shouldBe(`greater than ${orEqual(schema.exclusiveMinimum)}${minimum}`, value, path)]),
    ...(isBelow ? [] : [shouldBe(`less than ${orEqual(schema.exclusiveMaximum)}${maximum}`, value, path)]),
  ];
};

const shouldBe = (what: string, value: number, path: string): FieldError =>
  invalid(path, `${path} in body should be ${what}`, value);

const nowhere = (detail: string): FieldError => invalid(NOWHERE, detail, '');

const listResult = (schema: Structural, list: readonly unknown[], old: unknown, path: string): Result => {
  const { items, minItems = 0, maxItems } = schema;
  const inside =
    items === undefined ? [] : list.map((item, at) => check(items, item, oldItem(schema, old, item), `${path}[${at}]`));
  return merged(
    [
      ...inside,
      ...(list.length < minItems
        ? [failed(invalid(path, `${path} in body should have at least ${minItems} items`, list.length))]
        : []),
      ...(maxItems !== undefined && list.length > maxItems ? [failed(tooMany(path, list.length, maxItems))] : []),
    ],
    1,
  );
};

/** The entry of the old list that the API server compares one with: that of the same keys; none in other lists. */
export const oldItem = (schema: Structural, old: unknown, item: unknown): unknown => {
  const keys = schema['x-kubernetes-list-map-keys'];
  if (schema['x-kubernetes-list-type'] !== 'map' || keys === undefined || !Array.isArray(old) || !isRecord(item))
    return undefined;
  return (old as readonly unknown[]).find((other) => isRecord(other) && keys.every((key) => other[key] === item[key]));
};

/** The old value of a field; none in maps that change as a whole. */
export const oldField = (schema: Structural, old: unknown, name: string): unknown =>
  isRecord(old) && schema['x-kubernetes-map-type'] !== 'atomic' && Object.hasOwn(old, name) ? old[name] : undefined;

const fieldsResult = (schema: Structural, value: UnknownRecord, old: unknown, path: string): Result => {
  const { minProperties = 0, maxProperties } = schema;
  const count = Object.keys(value).length;
  const inside = Object.entries(value).flatMap(([name, item]) => {
    const field = schemaOfField(schema, name);
    return field === undefined ? [] : [check(field, item, oldField(schema, old, name), join(path, name))];
  });
  const missing = (schema.required ?? []).filter((name) => !Object.hasOwn(value, name));
  return merged([
    ...inside,
    ...(count < minProperties
      ? [failed(invalid(path, `${path} in body should have at least ${minProperties} properties`, count))]
      : []),
    ...(maxProperties !== undefined && count > maxProperties ? [failed(tooMany(path, count, maxProperties))] : []),
    ...missing.map((name) => failed(required(join(path, name)))),
  ]);
};

const join = (path: string, name: string): string => (path === '' ? name : `${path}.${name}`);

/** Schemas of which one, all or none are to hold. Of alternatives that fail, the one that came furthest is told. */
const alternatives = (schema: Structural, value: unknown, old: unknown, path: string): Result => {
  const { anyOf, oneOf, allOf, not } = schema;
  const ask = (one: Structural): Result => check(one, value, old, path);
  const results = [
    ...(anyOf ? [anyOfResult(anyOf.map(ask), path)] : []),
    ...(oneOf ? [oneOfResult(oneOf.map(ask), path)] : []),
    ...(allOf ? [allOfResult(allOf.map(ask), path)] : []),
    ...(not && isValid(ask(not)) ? [failed(nowhere(`"${path}" must not validate the schema (not)`))] : []),
  ];
  return merged(results, 1);
};

const isValid = ({ errors }: Result): boolean => errors.length === 0;

const furthest = (results: readonly Result[]): readonly Result[] =>
  results.reduce<readonly Result[]>(
    (best, result) => (best[0] === undefined || result.matches > best[0].matches ? [result] : best),
    [],
  );

const anyOfResult = (results: readonly Result[], path: string): Result =>
  results.find(isValid) ??
  merged([failed(nowhere(`"${path}" must validate at least one schema (anyOf)`)), ...furthest(results)]);

const oneOfResult = (results: readonly Result[], path: string): Result => {
  const valid = results.filter(isValid);
  const [first] = valid;
  if (first !== undefined && valid.length === 1) return first;
  const found = valid.length === 0 ? 'Found none valid' : `Found ${valid.length} valid alternatives`;
  return merged([
    failed(nowhere(`"${path}" must validate one and only one schema (oneOf). ${found}`)),
    ...(valid.length === 0 ? furthest(results) : []),
  ]);
};

const allOfResult = (results: readonly Result[], path: string): Result => {
  const valid = results.filter(isValid).length;
  if (valid === results.length) return merged(results);
  const none = valid === 0 ? '. None validated' : '';
  return merged([...results, failed(nowhere(`"${path}" must validate all the schemas (allOf)${none}`))]);
};
