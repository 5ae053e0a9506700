import { isRecord } from '../../injection/path.ts';

/** What an expression of another tool is called here; undefined where nothing is the same. */
type Translate = (expression: string) => string | undefined;

/** Kyverno's variables (JMESPath) that have one of ours. */
const ofKyverno: Translate = (expression) => {
  if (/^request\.(namespace|object\.metadata\.namespace)$/.test(expression)) return 'namespace';
  if (expression === 'request.object.metadata.name') return 'name';
  if (expression === 'request.userInfo.username') return 'user';
  const [, plain, quoted] = /^request\.object\.metadata\.labels\.(?:([\w-]+)|"([^"$}]+)")$/.exec(expression) ?? [];
  const key = plain ?? quoted;
  return key === undefined ? undefined : `labels.${key}`;
};

/** The first expression in any string of a value that has no variable of ours. */
export const unknownVariable = (value: unknown): string | undefined => {
  if (typeof value === 'string') return expressionsIn(value).find((expression) => ofKyverno(expression) === undefined);
  const inside = Array.isArray(value) ? (value as unknown[]) : isRecord(value) ? Object.values(value) : [];
  return inside.map(unknownVariable).find((found) => found !== undefined);
};

const expressionsIn = (text: string): readonly string[] =>
  [...text.matchAll(EXPRESSION)].map(([, expression = '']) => expression.trim());

const EXPRESSION = /\{\{(.*?)\}\}/g;

/** A value with its strings in our spelling: what looks like a variable of ours and is none stays literal. */
export const inOurSpelling = (value: unknown): unknown => {
  if (typeof value === 'string')
    return literal(value).replace(EXPRESSION, (_, expression: string) => `\${${ofKyverno(expression.trim()) ?? ''}}`);
  if (Array.isArray(value)) return (value as unknown[]).map(inOurSpelling);
  return isRecord(value)
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inOurSpelling(item)]))
    : value;
};

/** Text that names no variable of ours. */
export const literal = (text: string): string => text.replaceAll('${', () => '$${');
