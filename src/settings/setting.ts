import { isAbsolute } from 'node:path';
import { AppError } from '../api/errors.ts';

/** One setting: an environment variable, the same as a flag, and what turns its text into a value (or says what is wrong). */
export interface Setting<T> {
  readonly env: string;
  readonly summary: string;
  readonly fallback: string;
  readonly parse: (text: string) => T;
}

export const setting = <T>(env: string, fallback: string, parse: (text: string) => T, summary: string): Setting<T> => ({
  env,
  summary,
  fallback,
  parse,
});

/** Throws what `readSettings` turns into a sentence that names the setting. */
const refuse = (expected: string): never => {
  throw new AppError('InvalidSetting', expected);
};

export const text = (value: string): string => value;

export const integer =
  (least: number, most: number) =>
  (value: string): number => {
    const number = Number(value);
    return /^\d+$/.test(value) && number >= least && number <= most
      ? number
      : refuse(`a whole number from ${least} to ${most}`);
  };

export const oneOf =
  <T extends string>(...names: readonly T[]) =>
  (value: string): T =>
    names.find((name) => name === value) ?? refuse(`one of ${names.join(', ')}`);

export const pattern = (value: string): RegExp => {
  try {
    return new RegExp(`^(?:${value})$`);
  } catch {
    return refuse('a regular expression');
  }
};

export const dnsLabel = (value: string): string =>
  /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(value) ? value : refuse('a DNS label');

export const httpUrl = (value: string): URL | undefined => {
  if (value === '') return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return url?.protocol === 'http:' ? url : refuse('an http:// address, or empty for the clouds’ own');
};

export const httpsUrl = (value: string): string =>
  value === '' || (URL.canParse(value) && new URL(value).protocol === 'https:')
    ? value
    : refuse('an https:// address, or empty');

export const file = (value: string): string =>
  value === '' || isAbsolute(value) ? value : refuse('an absolute path, or empty');

const list = (value: string): readonly string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

export const serviceAccounts = (value: string): readonly string[] => {
  const accounts = list(value);
  return accounts.every((account) => /^[a-z0-9]([-a-z0-9]*[a-z0-9])?:[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(account))
    ? accounts
    : refuse('namespace:name pairs joined by commas');
};

export const namespacedName = (value: string): string =>
  value === '' || /^[a-z0-9]([-a-z0-9]*[a-z0-9])?\/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(value)
    ? value
    : refuse('namespace/name');

export const pairs = (value: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    list(value).map((pair) => {
      const at = pair.indexOf('=');
      return at > 0 ? [pair.slice(0, at), pair.slice(at + 1)] : refuse('name=value pairs joined by commas');
    }),
  );
