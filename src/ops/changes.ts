import { isDeepStrictEqual } from 'node:util';
import { plainText } from '../api/plain-text.ts';
import { isRecord } from '../injection/path.ts';

/** One field of an object before and after a decision. */
export interface FieldChange {
  /** As people write it: `spec.containers[main].env[HTTP_PROXY]`. An entry that has no name of its own is `[]`. */
  readonly field: string;
  /** As JSON, cut where it is long; left out where there was nothing. */
  readonly before?: string;
  readonly after?: string;
}

/** Of one decision: so many changes, in so many characters. */
const MAX_CHANGES = 200;
const MAX_CHARACTERS = 32_000;
/** Characters of a value, and of the field it is in: keys may be as long as their author likes. */
const MAX_VALUE_LENGTH = 500;
const MAX_FIELD_LENGTH = 500;

/** What is other in `after`. Entries of lists are told apart by name, mount path or key, so that one put before the others is one change. */
export const changesBetween = (before: unknown, after: unknown): readonly FieldChange[] => {
  const found: Found = { changes: [], characters: 0 };
  collect({ before, after, field: '' }, found);
  return found.changes;
};

interface Found {
  readonly changes: FieldChange[];
  characters: number;
}

interface Place {
  readonly before: unknown;
  readonly after: unknown;
  readonly field: string;
}

/** What was not changed is shared: most of an object is passed over by its identity. An entry of a list that is new is told as a whole. */
const collect = (place: Place, found: Found): void => {
  if (place.before === place.after || found.changes.length >= MAX_CHANGES || found.characters >= MAX_CHARACTERS) return;
  const parts = partsOf(place);
  if (parts !== undefined) for (const part of parts) collect(part, found);
  else if (!isDeepStrictEqual(place.before, place.after)) {
    const change = changeOf(place);
    found.changes.push(change);
    found.characters += `${change.field}${change.before ?? ''}${change.after ?? ''}`.length;
  }
};

const partsOf = ({ before, after, field }: Place): readonly Place[] | undefined => {
  if (field.endsWith(']') && (before === undefined || after === undefined)) return undefined;
  const [old, now] = [entriesOf(before ?? emptyOf(after)), entriesOf(after ?? emptyOf(before))];
  if (old === undefined || now === undefined || Array.isArray(before ?? after) !== Array.isArray(after ?? before))
    return undefined;
  if (field !== '' && old.size + now.size === 0) return undefined;
  return [...new Set([...now.keys(), ...old.keys()])].map((key) => ({
    before: old.get(key)?.value,
    after: now.get(key)?.value,
    field: `${field}${now.get(key)?.step ?? old.get(key)?.step ?? ''}`.replace(/^\./, ''),
  }));
};

const emptyOf = (other: unknown): unknown => {
  if (Array.isArray(other)) return [];
  return isRecord(other) ? {} : undefined;
};

interface Item {
  readonly step: string;
  readonly value: unknown;
}

/** The children of a map or list by what tells them apart; undefined for a scalar. */
const entriesOf = (node: unknown): ReadonlyMap<string, Item> | undefined => {
  if (isRecord(node)) return new Map(Object.entries(node).map(([key, value]) => [key, { step: `.${key}`, value }]));
  if (!Array.isArray(node)) return undefined;
  const items = new Map<string, Item>();
  for (const value of node as readonly unknown[]) {
    const name = isRecord(value) ? identityOf(value) : undefined;
    const key = unusedKey(items, name ?? JSON.stringify(value));
    items.set(key, { step: `[${name ?? ''}]`, value });
  }
  return items;
};

const identityOf = (item: Readonly<Record<string, unknown>>): string | undefined =>
  ['mountPath', 'name', 'key'].map((field) => item[field]).find((value): value is string => typeof value === 'string');

/** Two variables of one name are two entries. */
const unusedKey = (items: ReadonlyMap<string, Item>, key: string): string => {
  for (let count = 1; ; count += 1) {
    const candidate = count === 1 ? key : `${key} ${count}`;
    if (!items.has(candidate)) return candidate;
  }
};

const changeOf = ({ before, after, field }: Place): FieldChange => ({
  field: plainText(field, MAX_FIELD_LENGTH),
  ...(before !== undefined && { before: shownValue(before) }),
  ...(after !== undefined && { after: shownValue(after) }),
});

/** A value as JSON on one line, safe to show. */
export const shownValue = (value: unknown): string => plainText(JSON.stringify(value) ?? 'nothing', MAX_VALUE_LENGTH);
