import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
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

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export const dnsLabel = (value: string): string => (DNS_LABEL.test(value) ? value : refuse('a DNS label'));

export const httpUrl = (value: string): URL | undefined => {
  if (value === '') return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return url?.protocol === 'http:' ? url : refuse('an http:// address, or empty for the clouds’ own');
};

export const s3Address = (value: string): string => {
  if (value === '') return value;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isOrigin =
    url !== undefined && /^https?:$/.test(url.protocol) && `${url.pathname}${url.search}${url.hash}` === '/';
  return isOrigin && url.username === '' && url.password === ''
    ? value
    : refuse('an address such as https://s3.example.org without a path, or empty');
};

export const objectName = (value: string): string =>
  value === '' || /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(value)
    ? value
    : refuse('the name of a Secret, or empty');

export const httpsUrl = (value: string): string =>
  value === '' || (URL.canParse(value) && new URL(value).protocol === 'https:')
    ? value
    : refuse('an https:// address, or empty');

export const file = (value: string): string =>
  value === '' || isAbsolute(value) ? value : refuse('an absolute path, or empty');

export const list = (value: string): readonly string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

/** They go into the webhook configuration, and API servers refuse the whole of one for a name that none can have. */
export const namespaceNames = (value: string): readonly string[] => {
  const names = list(value);
  return names.every((name) => DNS_LABEL.test(name)) ? names : refuse('names of namespaces joined by commas');
};

export const cidrs = (value: string): readonly string[] => {
  const ranges = list(value);
  return ranges.every(isCidr) ? ranges : refuse('CIDRs such as 10.0.0.0/16, joined by commas');
};

/** PEM of one certificate or more, each of which can be read. */
export const certificates = (value: string): string => {
  const blocks = value.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return value.trim() === '' || (blocks.length > 0 && blocks.every(isCertificate))
    ? blocks.join('\n')
    : refuse('certificates in PEM, or empty');
};

const isCertificate = (pem: string): boolean => {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
};

const isCidr = (range: string): boolean => {
  const [address = '', bits = '', ...others] = range.split('/');
  return (
    others.length === 0 &&
    /^\d{1,3}$/.test(bits) &&
    Number(bits) <= (isIP(address) === 4 ? 32 : 128) &&
    isIP(address) !== 0
  );
};

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

export const policies = (value: string): Readonly<Record<string, 'Ignore' | 'Fail'>> => {
  const given = pairs(value);
  const isPolicy = (policy: string): policy is 'Ignore' | 'Fail' => policy === 'Ignore' || policy === 'Fail';
  const read = Object.entries(given).map(([name, policy]) =>
    isPolicy(policy) ? ([name, policy] as const) : refuse('webhook=Ignore or webhook=Fail pairs joined by commas'),
  );
  return Object.fromEntries(read);
};
