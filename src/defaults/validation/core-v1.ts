import { quantityOf, type StringMap } from '../../api/kubernetes.ts';
import { didYouMean } from '../../api/plain-text.ts';
import { isRecord } from '../../injection/path.ts';
import table from './core-v1.json' with { type: 'json' };
import { configKey, labelValue, type NameRule, qualifiedName } from './names.ts';

/**
 * The structures of core/v1, as an API server of that version publishes them; `npm run core-fields` writes it anew. A field is of a
 * type here, `string`, `boolean`, `int32`, `int64`, `quantity`, `intOrString`, or one of `A|B`; `[]` before it is a list, `{}`
 * a map, and `!` after it says that it is required.
 */
export interface CoreV1 {
  readonly kubernetes: string;
  readonly types: Readonly<Record<string, StringMap>>;
}

const { kubernetes, types }: CoreV1 = table;

/**
 * What is wrong in a structure of core/v1: what no API server could read, and what it would drop without a word. One
 * sentence each, `path` and the field within it first. What holds a variable is judged once it is filled in.
 */
export const coreViolations = (type: keyof typeof table.types, value: unknown, path: string): readonly string[] =>
  checkOf(type)(value, path);

type Check = (value: unknown, path: string) => readonly string[];

const checks = new Map<string, Check>();

/** Made once for each type, when it is first asked for: admissions ask for what they fill in. */
const checkOf = (type: string): Check => {
  const known = checks.get(type);
  if (known !== undefined) return known;
  const check = checkFor(type);
  checks.set(type, check);
  return check;
};

const checkFor = (type: string): Check => {
  if (type.startsWith('[]')) return listCheck(checkOf(type.slice(2)));
  if (type.startsWith('{}')) return mapCheck(checkOf(type.slice(2)));
  const fields = types[type];
  if (fields !== undefined) return structureCheck(type, fields);
  const mistakeIn = SCALARS[type] ?? choice(type.split('|'));
  return (value, path) => {
    const mistake = mistakeIn(value);
    return mistake === undefined ? NONE : [`${path}: ${mistake}`];
  };
};

const NONE: readonly string[] = [];

const listCheck =
  (check: Check): Check =>
  (value, path) =>
    Array.isArray(value)
      ? value.flatMap((item: unknown, at) => check(item, `${path}[${at}]`))
      : [`${path}: must be a list`];

const mapCheck =
  (check: Check): Check =>
  (value, path) =>
    isRecord(value)
      ? Object.keys(value).flatMap((key) => check(value[key], `${path}.${key}`))
      : [`${path}: must be an object`];

const structureCheck = (type: string, notations: StringMap): Check => {
  const names = Object.keys(notations);
  const required = names.filter((name) => notations[name]?.endsWith('!'));
  const fields = new Map(names.map((name) => [name, fieldCheck(type, name, notations)]));
  return (value, path) => {
    if (!isRecord(value)) return [`${path}: must be an object`];
    const violations = required
      .filter((name) => !Object.hasOwn(value, name))
      .map((name) => `${path}.${name}: is required`);
    for (const name of Object.keys(value)) {
      const field = `${path}.${name}`;
      const check = fields.get(name);
      if (check !== undefined) violations.push(...check(value[name], field));
      else violations.push(`${field}: there is no such field in Kubernetes ${kubernetes}${didYouMean(name, names)}`);
    }
    return violations;
  };
};

const fieldCheck = (type: string, name: string, notations: StringMap): Check => {
  const check = checkOf((notations[name] ?? '').replace(/!$/, ''));
  const rule = FORMATS[`${type}.${name}`];
  if (rule === undefined) return check;
  return (value, path) => {
    const violations = check(value, path);
    return violations.length > 0 ? violations : formatViolations(rule, value, path);
  };
};

/** Names within these structures that the API server looks at; of a map the keys, whose values are those of labels. */
const FORMATS: Readonly<Record<string, NameRule>> = {
  'ConfigMapKeySelector.key': configKey,
  'LabelSelector.matchLabels': qualifiedName,
  'LabelSelectorRequirement.key': qualifiedName,
  'NodeSelectorRequirement.key': qualifiedName,
  'PodAffinityTerm.topologyKey': qualifiedName,
  'SecretKeySelector.key': configKey,
};

const formatViolations = (rule: NameRule, value: unknown, path: string): readonly string[] => {
  if (typeof value === 'string')
    return isVariable(value) || rule.accepts(value) ? NONE : [`${path}: "${value}" is not ${rule.title}`];
  return Object.entries(value as StringMap).flatMap(([key, item]) => [
    ...(rule.accepts(key) ? [] : [`${path}: "${key}" is not ${rule.title}`]),
    ...formatViolations(labelValue, item, `${path}.${key}`),
  ]);
};

const isVariable = (value: unknown): boolean => typeof value === 'string' && value.includes('${');

/** A part of a sentence; undefined where there is none. */
type MistakeIn = (value: unknown) => string | undefined;

const text: MistakeIn = (value) => (typeof value === 'string' ? undefined : 'must be a string; quote it');

const integer =
  (bits: 32 | 64): MistakeIn =>
  (value) => {
    if (!Number.isInteger(value)) return 'must be a whole number';
    return Math.abs(Number(value)) < 2 ** (bits - 1) ? undefined : `is more than ${bits} bits hold`;
  };

const SCALARS: Readonly<Record<string, MistakeIn>> = {
  string: text,
  boolean: (value) => (typeof value === 'boolean' ? undefined : 'must be true or false'),
  int32: integer(32),
  int64: integer(64),
  quantity: (value) =>
    isVariable(value) || quantityOf(value) !== undefined
      ? undefined
      : `${JSON.stringify(value)} is no quantity, such as 500m or 2Gi`,
  intOrString: (value) =>
    typeof value === 'string' || integer(32)(value) === undefined ? undefined : 'must be a whole number or a string',
};

/** Empty is as good as absent. */
const choice =
  (choices: readonly string[]): MistakeIn =>
  (value) => {
    if (typeof value !== 'string') return text(value);
    return value === '' || isVariable(value) || choices.includes(value)
      ? undefined
      : `"${value}" is not one of ${choices.filter(Boolean).join(', ')}${didYouMean(value, choices)}`;
  };
