import { isIP } from 'node:net';
import {
  type CelFunc,
  type CelInput,
  type CelList,
  type CelMap,
  CelScalar,
  type CelValue,
  celEnv,
  celFunc,
  celMethod,
  isCelList,
  listType,
  mapType,
  parse,
  run,
} from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { isRecord, readAt } from '../../../injection/path.ts';
import { parseQuantity } from './quantity.ts';
import { isRequestUri } from './request-uri.ts';

const { BOOL, DYN, INT, STRING } = CelScalar;
const LIST = listType(DYN);

const isEqual = (a: CelValue, b: CelValue): boolean => run('a == b', { a, b }) === true;
const isLess = (a: CelValue, b: CelValue): boolean => run('a < b', { a, b }) === true;

const holds = (list: CelList, item: CelValue): boolean => [...list].some((one) => isEqual(one, item));
const holdsAll = (list: CelList, others: CelList): boolean => [...others].every((other) => holds(list, other));

const sets: readonly CelFunc[] = [
  celFunc('sets.contains', [LIST, LIST], BOOL, holdsAll),
  celFunc('sets.equivalent', [LIST, LIST], BOOL, (a, b) => holdsAll(a, b) && holdsAll(b, a)),
  celFunc('sets.intersects', [LIST, LIST], BOOL, (a, b) => [...a].some((item) => holds(b, item))),
];

const places = (list: CelList, item: CelValue): readonly number[] =>
  [...list].flatMap((one, at) => (isEqual(one, item) ? [at] : []));

/** The first that none of the others comes before. */
const foremost = (
  name: string,
  list: CelList,
  isBefore: (a: CelValue, b: CelValue) => boolean,
): CelInput<typeof DYN> => {
  if (list.size === 0) throw new Error(`${name} called on empty list`);
  return [...list].reduce((best, item) => (isBefore(item, best) ? item : best));
};

const sorted = (list: CelList): CelValue[] => [...list].toSorted((a, b) => Number(isLess(b, a)) - Number(isLess(a, b)));

const distinct = (list: CelList): CelValue[] => {
  const items = [...list];
  return items.filter((item, at) => !items.slice(0, at).some((one) => isEqual(one, item)));
};

const flattened = (list: CelList, depth: number): CelValue[] =>
  [...list].flatMap((item) => (isCelList(item) && depth > 0 ? flattened(item, depth - 1) : [item]));

const slice = (list: CelList, from: number, to: number): CelValue[] => {
  if (from < 0 || to < 0) throw new Error(`cannot slice(${from}, ${to}), negative indexes not supported`);
  if (from > to) throw new Error(`cannot slice(${from}, ${to}), start index must be less than or equal to end index`);
  if (to > list.size) throw new Error(`cannot slice(${from}, ${to}), list is length ${list.size}`);
  return [...list].slice(from, to);
};

const lists: readonly CelFunc[] = [
  celMethod('isSorted', LIST, [], BOOL, function () {
    const items = [...this];
    return items.every((item, at) => at === 0 || !isLess(item, items[at - 1] as CelValue));
  }),
  celMethod('sum', LIST, [], DYN, function () {
    return this.size === 0 ? 0n : [...this].reduce((sum, item) => run('sum + item', { sum, item }) as CelValue);
  }),
  celMethod('min', LIST, [], DYN, function () {
    return foremost('min', this, isLess);
  }),
  celMethod('max', LIST, [], DYN, function () {
    return foremost('max', this, (a, b) => isLess(b, a));
  }),
  celMethod('indexOf', LIST, [DYN], INT, function (item) {
    return BigInt(places(this, item)[0] ?? -1);
  }),
  celMethod('lastIndexOf', LIST, [DYN], INT, function (item) {
    return BigInt(places(this, item).at(-1) ?? -1);
  }),
  celMethod('slice', LIST, [INT, INT], LIST, function (from, to) {
    return slice(this, Number(from), Number(to));
  }),
  celMethod('flatten', LIST, [], LIST, function () {
    return flattened(this, 1);
  }),
  celMethod('flatten', LIST, [INT], LIST, function (depth) {
    return flattened(this, Number(depth));
  }),
  celMethod('sort', LIST, [], LIST, function () {
    return sorted(this);
  }),
  celMethod('reverse', LIST, [], LIST, function () {
    return [...this].toReversed();
  }),
  celMethod('distinct', LIST, [], LIST, function () {
    return distinct(this);
  }),
  celFunc('lists.range', [INT], LIST, (size) => Array.from({ length: Number(size) }, (_, at) => BigInt(at))),
];

/** Go leaves out an empty match right behind another. */
const matchesOf = (text: string, pattern: string): readonly string[] => {
  let end = -1;
  return [...text.matchAll(new RegExp(pattern, 'gu'))].flatMap(({ 0: match, index }) => {
    if (match === '' && index === end) return [];
    end = index + match.length;
    return [match];
  });
};

/** A place among the characters of a text, which are not those of JavaScript. */
const placeIn = (text: string, units: number): bigint => (units < 0 ? -1n : BigInt([...text.slice(0, units)].length));

const part = (text: string, from: bigint, to?: bigint): string => {
  const characters = [...text];
  const end = to ?? BigInt(characters.length);
  const outside = [from, end].find((place) => place < 0n || place > characters.length);
  if (outside !== undefined) throw new Error(`index out of range: ${outside}`);
  if (from > end) throw new Error(`invalid substring range. start: ${from}, end: ${end}`);
  return characters.slice(Number(from), Number(end)).join('');
};

const texts: readonly CelFunc[] = [
  celMethod('charAt', STRING, [INT], STRING, function (at) {
    return [...part(String(this), at)][0] ?? '';
  }),
  celMethod('substring', STRING, [INT], STRING, function (from) {
    return part(String(this), from);
  }),
  celMethod('substring', STRING, [INT, INT], STRING, function (from, to) {
    return part(String(this), from, to);
  }),
  celMethod('indexOf', STRING, [STRING], INT, function (found) {
    return placeIn(String(this), String(this).indexOf(found));
  }),
  celMethod('lastIndexOf', STRING, [STRING], INT, function (found) {
    return placeIn(String(this), String(this).lastIndexOf(found));
  }),
  celMethod('find', STRING, [STRING], STRING, function (pattern) {
    return matchesOf(String(this), pattern)[0] ?? '';
  }),
  celMethod('findAll', STRING, [STRING], LIST, function (pattern) {
    return matchesOf(String(this), pattern);
  }),
  celMethod('findAll', STRING, [STRING, INT], LIST, function (pattern, most) {
    const matches = matchesOf(String(this), pattern);
    return most < 0n ? matches : matches.slice(0, Number(most));
  }),
  celMethod('split', STRING, [STRING, INT], LIST, function (separator, most) {
    const parts = String(this).split(separator);
    const kept = Number(most) - 1;
    if (most < 0n || parts.length <= kept + 1) return parts;
    return most === 0n ? [] : [...parts.slice(0, kept), parts.slice(kept).join(separator)];
  }),
];

/** Addresses of IPv4 within IPv6, and zones, are none here. */
const isAddress = (text: string): boolean =>
  isIP(text) !== 0 && !/%|^[0:]*:ffff:(?:\d+\.|[\da-f]*:[\da-f]*$)/i.test(text);

const isCidr = (text: string): boolean => {
  const [, address = '', bits = ''] = /^([^/]*)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  return isAddress(address) && bits !== '' && Number(bits) <= (isIP(address) === 4 ? 32 : 128);
};

const formats: readonly CelFunc[] = [
  celFunc('isIP', [STRING], BOOL, isAddress),
  celFunc('isCIDR', [STRING], BOOL, isCidr),
  celFunc('isURL', [STRING], BOOL, isRequestUri),
  celFunc('isQuantity', [STRING], BOOL, (text) => parseQuantity(text) !== undefined),
];

/** A quantity stands as a map of its billionths: the API server sees to it that none is taken for a map. */
const QUANTITY = mapType(STRING, DYN);

const quantityOf = (nano: bigint) => ({ nano });
const nanoOf = (quantity: CelMap): bigint => quantity.get('nano') as bigint;
const GIGA = 1_000_000_000n;

const signOf = (nano: bigint): bigint => (nano > 0n ? 1n : nano < 0n ? -1n : 0n);

const quantities: readonly CelFunc[] = [
  celFunc('quantity', [STRING], QUANTITY, (text) => {
    const nano = parseQuantity(text);
    if (nano !== undefined) return quantityOf(nano);
    throw new Error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  }),
  celFunc('sign', [QUANTITY], INT, (quantity) => signOf(nanoOf(quantity))),
  celMethod('isGreaterThan', QUANTITY, [QUANTITY], BOOL, function (other) {
    return nanoOf(this) > nanoOf(other);
  }),
  celMethod('isLessThan', QUANTITY, [QUANTITY], BOOL, function (other) {
    return nanoOf(this) < nanoOf(other);
  }),
  celMethod('compareTo', QUANTITY, [QUANTITY], INT, function (other) {
    return signOf(nanoOf(this) - nanoOf(other));
  }),
  celMethod('add', QUANTITY, [QUANTITY], QUANTITY, function (other) {
    return quantityOf(nanoOf(this) + nanoOf(other));
  }),
  celMethod('add', QUANTITY, [INT], QUANTITY, function (other) {
    return quantityOf(nanoOf(this) + other * GIGA);
  }),
  celMethod('sub', QUANTITY, [QUANTITY], QUANTITY, function (other) {
    return quantityOf(nanoOf(this) - nanoOf(other));
  }),
  celMethod('sub', QUANTITY, [INT], QUANTITY, function (other) {
    return quantityOf(nanoOf(this) - other * GIGA);
  }),
];

/** What rules may call besides CEL itself, as far as it is here. */
export const library: CelFunc[] = [...strings, ...sets, ...lists, ...texts, ...formats, ...quantities];

const { funcs } = celEnv({ funcs: library });

/** The functions of a rule that are not here; undefined where it cannot be read at all. */
export const missingFunctions = (rule: string): readonly string[] | undefined => {
  try {
    const { expr } = parse(rule) as { readonly expr?: unknown };
    return [...new Set(callsIn(expr))].filter((name) => funcs.find(name) === undefined);
  } catch {
    // Such as optional fields.
    return undefined;
  }
};

/** What is called anywhere in a tree, but for operators; macros are put in place of already. */
const callsIn = (node: unknown): readonly string[] => {
  if (Array.isArray(node)) return node.flatMap(callsIn);
  if (!isRecord(node)) return [];
  const { function: name } = node;
  const inside = Object.values(node).flatMap(callsIn);
  if (typeof name !== 'string' || !/^[a-z]/i.test(name)) return inside;
  const namespace = readAt(node, ['target', 'exprKind', 'value', 'name']);
  const qualified = `${String(namespace)}.${name}`;
  return [...inside, NAMESPACES.test(qualified) ? qualified : name];
};

const NAMESPACES = /^(?:sets|lists|format)\./;
