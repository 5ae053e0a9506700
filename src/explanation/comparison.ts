import { isDeepStrictEqual } from 'node:util';
import { type KubeObject, quantityOf } from '../api/kubernetes.ts';
import type { Entry } from '../defaults/entry.ts';
import type { DefaultsExplanation } from '../defaults/explanation/explanation.ts';
import { type FieldPath, titleOf, valuesAt } from '../injection/edit.ts';
import { isRecord } from '../injection/path.ts';
import type { RecordedField } from '../injection/snapshot.ts';
import { UNKNOWN } from './request.ts';

/** Every value that a default would give a new object, by its field as people write it; those that nobody can tell are undefined. */
export type Given = ReadonlyMap<string, unknown>;

export const givenBy = ({ values }: Pick<DefaultsExplanation, 'values'>): Given =>
  new Map(
    values
      .filter(({ verdict }) => verdict === 'applied')
      .map(({ field, value }) => [field, isToldOf(field, value) ? value : undefined]),
  );

/** A container that was added is given more, and what names whoever made an object nobody knows. */
const isToldOf = (field: string, value: unknown): boolean =>
  value !== undefined && placeOf(field).at.at(-1) !== 'initContainers' && !JSON.stringify(value).includes(UNKNOWN);

export const fieldOf = ({ at, key }: FieldPath): string => `${at.join('.')} ${key}`;

const placeOf = (field: string): FieldPath => {
  const end = Math.max(field.indexOf(' '), 0);
  return { at: field.slice(0, end).split('.'), key: field.slice(end + 1) };
};

/**
 * What those that are as they were when an object was made gave it, by their `namespace/name@generation`: its record may have names alone.
 * What follows from the object, or from others, may have been something else then.
 */
export const valuesThen = (
  explained: readonly DefaultsExplanation[],
  entries: readonly Entry[],
): ((source: string) => Given | undefined) => {
  const bySource = new Map(explained.map((one) => [one.source, one]));
  return (source) => {
    const one = bySource.get(source);
    const entry = entries.find((candidate) => titleOf(candidate.source) === source);
    if (one === undefined || entry === undefined || entry.source.generation === 0) return undefined;
    return JSON.stringify(entry.spec.inject ?? {}).includes('${') ? undefined : givenBy(one);
  };
};

/** What the record says and the object does not have, or has otherwise: parts of sentences. */
export const brokenFields = (
  stored: KubeObject,
  recorded: readonly RecordedField[],
  valuesOf: (source: string) => Given | undefined,
): readonly string[] => {
  const given = new Map([...new Set(recorded.map(({ by }) => by))].map((by) => [by, valuesOf(by)]));
  return recorded.flatMap((field) => {
    const [present] = valuesAt(stored, field);
    if (present === undefined) return [`${fieldOf(field)} is gone`];
    const put = field.value ?? given.get(field.by)?.get(fieldOf(field));
    return put === undefined || hasValue(stored, field, put)
      ? []
      : [`${fieldOf(field)} was changed to ${JSON.stringify(present)}`];
  });
};

/** True where an object has, whoever said so, all that it would be given. */
export const holdsAll = (stored: KubeObject, given: Given): boolean =>
  given.size > 0 &&
  [...given].every(([field, value]) => value !== undefined && hasValue(stored, placeOf(field), value));

/** True where an object has this value there, as the API server writes it. */
export const hasValue = (stored: KubeObject, place: FieldPath, value: unknown): boolean => {
  const [present] = valuesAt(stored, place);
  return present !== undefined && hasAll(present, value, isOfQuantities(place.at.at(-1) ?? ''));
};

/** The API server fills in defaults beside what was put there, leaves out what is empty and writes quantities its own way. */
const hasAll = (present: unknown, put: unknown, isQuantity: boolean): boolean => {
  if (isDeepStrictEqual(present, put) || (present === undefined && isEmpty(put))) return true;
  if (isQuantity && isSameQuantity(present, put)) return true;
  if (typeof put !== 'object' || put === null || typeof present !== 'object' || present === null) return false;
  return Object.entries(put).every(([key, value]) =>
    hasAll((present as Readonly<Record<string, unknown>>)[key], value, isQuantity || isOfQuantities(key)),
  );
};

const isEmpty = (value: unknown): boolean =>
  value === '' ||
  value === 0 ||
  value === false ||
  value === null ||
  (Array.isArray(value) && value.length === 0) ||
  (isRecord(value) && Object.values(value).every(isEmpty));

const isOfQuantities = (field: string): boolean => QUANTITIES.has(field);
const QUANTITIES: ReadonlySet<string> = new Set(['requests', 'limits', 'sizeLimit', 'divisor', 'storage']);

const isSameQuantity = (one: unknown, other: unknown): boolean => {
  const number = quantityOf(one);
  return number !== undefined && number === quantityOf(other);
};
