import { isRecord } from '../../../injection/path.ts';
import { type FieldError, invalid } from '../field-error.ts';

const MOST = 2 ** 31 - 1;

/** What the API server refuses in the number of replicas of a kind that can be scaled; `path` as the definition has it. */
export const scaleErrors = (object: unknown, path: string): readonly FieldError[] => {
  const wrong = (value: number, detail: string): readonly FieldError[] => [invalid(path, detail, value)];
  const found = integerAt(object, path.replace(/^\./, '').split('.'));
  if (typeof found === 'string') return wrong(0, found);
  if (found < 0) return wrong(found, 'should be a non-negative integer');
  return found > MOST ? wrong(found, `should be less than or equal to ${MOST}`) : [];
};

/** What is there, 0 for nothing; a sentence in Go's words where it is no whole number. */
const integerAt = (object: unknown, fields: readonly string[]): number | string => {
  let found = object;
  for (const [at, field] of fields.entries()) {
    if (found === null) return 0;
    if (!isRecord(found)) return isNot(found, fields.slice(0, at + 1), 'map[string]interface{}');
    if (!Object.hasOwn(found, field)) return 0;
    found = found[field];
  }
  return typeof found === 'number' && Number.isInteger(found) ? found : isNot(found, fields, 'int64');
};

const isNot = (value: unknown, fields: readonly string[], type: string): string =>
  `.${fields.join('.')} accessor error: ${goText(value)} is of the type ${goType(value)}, expected ${type}`;

const goType = (value: unknown): string => {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  if (typeof value === 'boolean') return 'bool';
  return isRecord(value) ? 'map[string]interface {}' : 'string';
};

/** As Go's `%v` has it. */
const goText = (value: unknown): string => {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (!isRecord(value)) return typeof value === 'string' ? value : JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `map[${entries.map(([key, item]) => `${key}:${goText(item)}`).join(' ')}]`;
};
