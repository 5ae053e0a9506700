import { parse } from 'yaml';
import { AppError } from '../api/errors.ts';
import type { Schema } from '../api/schema.ts';
import { schemaViolations } from '../api/schema-validation.ts';
import { inWords, LABEL_WORDS } from './label-requirements.ts';

/**
 * Reads a setting that is a list in YAML, called `name` in messages; an empty text is none. Throws AppError('InvalidSetting') with
 * the first thing that is wrong, its field first.
 */
export const readYamlList = <T>(yaml: string, name: string, schema: Schema<readonly T[]>): readonly T[] => {
  if (yaml.trim() === '') return [];
  const list = parsed(yaml);
  if (!Array.isArray(list)) throw new AppError('InvalidSetting', `a list of ${name} in YAML, or empty`);
  const [violation] = schemaViolations(schema.json, list, name);
  if (violation !== undefined) throw invalidItem(name, inWords(violation, LABEL_WORDS));
  const nothing = nullIn(list, name);
  if (nothing !== undefined) throw invalidItem(name, `${nothing}: must not be null; leave it out`);
  return list as readonly T[];
};

/** What is left empty by mistake would mean more than it says: a schema takes it for left out, as API servers do. */
const nullIn = (value: unknown, path: string): string | undefined => {
  if (value === null) return path;
  if (typeof value !== 'object') return undefined;
  for (const [key, item] of Object.entries(value)) {
    const found = nullIn(item, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
};

/** What is wrong with one field of such a list. */
export const invalidItem = (name: string, violation: string): AppError =>
  new AppError('InvalidSetting', `a list of ${name} that are valid (${violation})`);

const parsed = (yaml: string): unknown => {
  try {
    // Warnings of the library would go to standard error; what it warns of is told as what is no field.
    return parse(yaml, { maxAliasCount: 0, logLevel: 'error' });
  } catch {
    return undefined;
  }
};
