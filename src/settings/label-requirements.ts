import { AppError } from '../api/errors.ts';
import type { LabelRequirement, StringMap } from '../api/kubernetes.ts';
import { choice, list, object, required, text } from '../api/schema.ts';
import { schemaViolations } from '../api/schema-validation.ts';

/** A name of 63 characters at most, with a DNS name and a slash before it or not. */
export const LABEL_KEY =
  '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$';
export const LABEL_VALUE = '^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$';

/** What to say instead of a pattern. */
export const LABEL_WORDS: StringMap = {
  [LABEL_KEY]: 'a label key ([domain/]name)',
  [LABEL_VALUE]: 'a label value (at most 63 letters, digits, -, _ and .)',
};

/** A sentence of `schemaViolations` with words for the pattern in it. */
export const inWords = (sentence: string, words: StringMap): string => {
  const [told, pattern = ''] = sentence.split(' must match ');
  return words[pattern] === undefined ? sentence : `${told} is not ${words[pattern]}`;
};

export const labelRequirement = object('What one label must be.', {
  key: required(text('The label.', { pattern: LABEL_KEY })),
  operator: required(choice('How it is compared.', 'In', 'NotIn', 'Exists', 'DoesNotExist')),
  values: list('With what, for In and NotIn.', text('A value of the label.', { pattern: LABEL_VALUE })),
});

/** Keys of a map of labels that no label can have: no schema tells these. */
export const violationsOfKeys = (path: string, keys: readonly string[]): readonly string[] =>
  keys
    .filter((key) => !new RegExp(LABEL_KEY).test(key))
    .map((key) => `${path}: "${key}" is not ${LABEL_WORDS[LABEL_KEY]}`);

const takesValues = ({ operator }: LabelRequirement): boolean => operator === 'In' || operator === 'NotIn';

/** What no schema says of it. */
export const violationsOfShape = (path: string, one: LabelRequirement): readonly string[] => {
  const isGiven = (one.values ?? []).length > 0;
  if (takesValues(one) === isGiven) return [];
  return [`${path}.values: ${one.operator} takes ${isGiven ? 'none' : 'at least one'}`];
};

const requirementList = list('What labels must be.', labelRequirement);

/**
 * Reads a JSON list of what labels must be, as matchExpressions has it. They go into the webhook configuration, and API servers refuse the
 * whole of one for a value that no label can have. Throws AppError('InvalidSetting') with the first thing that is wrong.
 */
export const readRequirements = (json: string): readonly LabelRequirement[] => {
  const expected = 'a JSON list of {"key", "operator", "values"}';
  const items = parsed(json);
  if (!Array.isArray(items) || items.includes(null)) throw new AppError('InvalidSetting', expected);
  const [violation] = schemaViolations(requirementList.json, items, 'matchExpressions');
  const found = violation ?? shapeViolation(items as readonly LabelRequirement[]);
  if (found !== undefined)
    throw new AppError('InvalidSetting', `${expected} that are valid (${inWords(found, LABEL_WORDS)})`);
  return items as readonly LabelRequirement[];
};

const shapeViolation = (items: readonly LabelRequirement[]): string | undefined =>
  items.flatMap((one, at) => violationsOfShape(`matchExpressions[${at}]`, one))[0];

const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
};
