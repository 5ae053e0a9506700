import { isIPv4, isIPv6 } from 'node:net';
import { isEmail } from './email.ts';
import { isRequestUri } from './request-uri.ts';

type Check = (text: string) => boolean;

const matches =
  (pattern: RegExp): Check =>
  (text) =>
    pattern.test(text);

/** Leading zeros are passed over, as Go did until 1.17. */
const isIpv4 = (text: string): boolean => isIPv4(text.replace(/(?<!\d)0+(?=\d)/g, ''));
const isIpv6 = (text: string): boolean =>
  !text.includes('%') && isIPv6(text.replace(/(?<![\da-f])0+(?=[\da-f])/gi, ''));

const isCidr = (text: string): boolean => {
  const [, address = '', bits] = /^([^/]*)\/(\d+)$/.exec(text) ?? [];
  return isIpv4(address) ? Number(bits) <= 32 : isIpv6(address) && Number(bits) <= 128;
};

/** Of 6, 8 or 20 bytes. */
const isMac = (text: string): boolean => {
  const digits = text.replace(/[:.-]/g, '').length;
  const isSpaced = /^[\da-f]{2}(?:([:-])[\da-f]{2}(?:\1[\da-f]{2})*)?$|^[\da-f]{4}(?:\.[\da-f]{4})*$|^[\da-f]+$/i;
  return [12, 16, 40].includes(digits) && isSpaced.test(text);
};

const LETTER = 'a-zA-Z0-9\\p{S}\\p{L}';
const HOSTNAME = new RegExp(
  `^(?:[${LETTER}](?:-?[${LETTER}]{0,62})?|(?:[${LETTER}](?:[${LETTER}\\-]{0,61}[${LETTER}])?\\.)+[a-zA-Z\\p{L}]{2,63})$`,
  'u',
);

const isHostname = (text: string): boolean =>
  HOSTNAME.test(text) &&
  Buffer.byteLength(text) <= 255 &&
  text.split('.').every((label) => Buffer.byteLength(label) <= 63);

const uuid = (version: string, variant: string): Check =>
  matches(new RegExp(`^[\\da-f]{8}-?[\\da-f]{4}-?${version}[\\da-f]{3}-?${variant}[\\da-f]{3}-?[\\da-f]{12}$`, 'i'));

const digitsOf = (text: string): readonly number[] => [...text].map((digit) => (digit === 'X' ? 10 : Number(digit)));

const weighed = (digits: readonly number[], weight: (at: number) => number): number =>
  digits.reduce((sum, digit, at) => sum + digit * weight(at), 0);

const withoutDashes = (text: string): string => text.replace(/[-\t\n\f\r ]/g, '');

const isIsbn10 = (text: string): boolean => {
  const isbn = withoutDashes(text);
  return /^\d{9}[\dX]$/.test(isbn) && weighed(digitsOf(isbn), (at) => at + 1) % 11 === 0;
};

const isIsbn13 = (text: string): boolean => {
  const isbn = withoutDashes(text);
  return /^\d{13}$/.test(isbn) && weighed(digitsOf(isbn), (at) => (at % 2 === 0 ? 1 : 3)) % 10 === 0;
};

const CARD =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;

/** By Luhn's sum: each second digit from the right counts twice, by the sum of its digits. */
const isCreditCard = (text: string): boolean => {
  const digits = text.replace(/\D/g, '');
  const counted = digitsOf(digits).map((digit, at) =>
    (digits.length - at) % 2 === 1 ? digit : 2 * digit - (digit > 4 ? 9 : 0),
  );
  return CARD.test(digits) && weighed(counted, () => 1) % 10 === 0;
};

const COLOUR = '[\\t\\n\\f\\r ]*(?:0|[1-9]\\d?|1\\d\\d?|2[0-4]\\d|25[0-5])[\\t\\n\\f\\r ]*';

const isDate = (text: string): boolean => {
  const date = /^\d{4}-\d\d-\d\d$/.test(text) ? new Date(text) : new Date(Number.NaN);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
};

/** What follows a second T is not read. */
const isDateTime = (text: string): boolean => {
  const [date = '', time = ''] = text.split(/t/i);
  return isDate(date) && /^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:.\d+)?(?:z|[+-]\d\d:\d\d)$/iu.test(time);
};

/** What Go reads, and what Scala does: a number and a unit anywhere in the text. */
const isDuration = (text: string): boolean => isGoDuration(text) || isScalaDuration(text);

const NANOSECONDS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  μs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
const GO_DURATION = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

const isGoDuration = (text: string): boolean => {
  const isNegative = text.startsWith('-');
  const unsigned = text.replace(/^[-+]/, '');
  if (unsigned === '0') return true;
  if (unsigned === '' || unsigned.replace(GO_DURATION, '') !== '') return false;
  const nanoseconds = [...unsigned.matchAll(GO_DURATION)].reduce(
    (sum, [, number = '', unit = '']) => sum + nanosecondsOf(number, NANOSECONDS[unit] ?? 0n),
    0n,
  );
  return nanoseconds <= (isNegative ? 2n ** 63n : 2n ** 63n - 1n);
};

const nanosecondsOf = (number: string, unit: bigint): bigint => {
  const [whole = '', part = ''] = number.split('.');
  return BigInt(whole) * unit + BigInt(Math.trunc(Number(`0.${part}0`) * Number(unit)));
};

const SCALA_UNIT = /^(?:ns|us|µs|ms|[smhdw]|hr|wk|(?:nano|micro|milli|sec|min|hour|day|week)[a-zµ]*)$/;

const isScalaDuration = (text: string): boolean => {
  const parts = [...text.matchAll(/(\d+)[\t\n\f\r ]*([A-Za-zµ]+)/g)];
  return (
    parts.every(([, number = '']) => BigInt(number) < 2n ** 63n) &&
    parts.some(([, , unit = '']) => SCALA_UNIT.test(unit.toLowerCase()))
  );
};

const LABEL = '[a-z\\d](?:[-a-z\\d]*[a-z\\d])?';
const LONG_NAME = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`);
const SHORT_NAME = new RegExp(`^(?=.{1,63}$)${LABEL}$`);

/** By their names without dashes. */
const CHECKS: Readonly<Record<string, Check>> = {
  bsonobjectid: matches(/^[\da-f]{24}$/i),
  byte: matches(/^(?:[A-Za-z\d+/]{4})*(?:[A-Za-z\d+/]{2}==|[A-Za-z\d+/]{3}=|[A-Za-z\d+/]{4})$/),
  cidr: isCidr,
  creditcard: isCreditCard,
  date: isDate,
  datetime: isDateTime,
  duration: isDuration,
  email: isEmail,
  hexcolor: matches(/^#?(?:[\da-f]{3}|[\da-f]{6})$/i),
  hostname: isHostname,
  ipv4: (text) => text.includes('.') && (isIpv4(text) || isIpv6(text)),
  ipv6: (text) => !text.includes('%') && isIPv6(text),
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  k8slongname: matches(LONG_NAME),
  k8sshortname: matches(SHORT_NAME),
  mac: isMac,
  password: () => true,
  rgbcolor: matches(new RegExp(`^rgb\\(${COLOUR},${COLOUR},${COLOUR}\\)$`)),
  ssn: matches(/^\d{3}[- ]\d{2}[- ]\d{4}$/),
  uri: isRequestUri,
  uuid: uuid('[\\da-f]', '[\\da-f]'),
  uuid3: uuid('3', '[\\da-f]'),
  uuid4: uuid('4', '[89ab]'),
  uuid5: uuid('5', '[89ab]'),
};

/**
 * How the API server checks a format of text in custom resources (kube-openapi's pkg/validation/strfmt), as wide and as
 * narrow as it is there; undefined for one that it passes over.
 */
export const formatCheck = (format: string): Check | undefined => {
  const name = format.replaceAll('-', '');
  return Object.hasOwn(CHECKS, name) ? CHECKS[name] : undefined;
};
