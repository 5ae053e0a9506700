import type { CloudFacts } from '../api/facts.ts';
import type { FactName, MetadataAnswer } from './cloud.ts';

/** Names the facts among `values` that are known, all from one source. Empty and implausible ones (spaces, markup, over 256 characters) are none. */
export const knownFacts = (source: string, values: Partial<Record<FactName, string | undefined>>): CloudFacts =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (isPlausible(value) ? [[name, { value, source }]] : [])),
  );

const isPlausible = (value: string | undefined): value is string =>
  value !== undefined && /^[^\s<>"'`{}\p{C}]{1,256}$/u.test(value);

/** The body of a 200, trimmed; undefined for every other answer. */
export const bodyOf = (answer: MetadataAnswer): string | undefined =>
  answer.kind === 'response' && answer.status === 200 ? answer.body.trim() : undefined;

/** The JSON object in the body of a 200; undefined for every other answer. */
export const jsonOf = (answer: MetadataAnswer): Readonly<Record<string, unknown>> | undefined => {
  try {
    return objectIn(JSON.parse(bodyOf(answer) ?? 'null'));
  } catch {
    return undefined;
  }
};

/** The value itself where it is an object that is no list. */
export const objectIn = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;

/** A string as it is, a whole number as text (DigitalOcean writes ids both ways); undefined for all else. */
export const textIn = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value;
  return Number.isSafeInteger(value) ? String(value) : undefined;
};

/** A session token in the body of a 200; undefined for bodies that are none and could not be sent as a header. */
export const tokenOf = (answer: MetadataAnswer): string | undefined => {
  const body = bodyOf(answer);
  return body !== undefined && /^[\w+/=.~-]{16,512}$/.test(body) ? body : undefined;
};
