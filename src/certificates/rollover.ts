import type { StringMap } from '../api/kubernetes.ts';
import { inspectCertificate, inspectPair } from './inspect.ts';
import type { PemPair } from './issue.ts';

/** An authority that is trusted; without a key it can sign nothing more. */
export interface Authority {
  readonly cert: string;
  readonly key?: string;
}

/**
 * All that the certificate Secret holds. An authority is replaced in three steps, so that no request meets a certificate
 * its caller does not trust yet or any more: `next` is announced in the bundle, then signs the serving certificate while the
 * old one stays trusted as `previous`, and that goes when the last certificate it signed has expired.
 */
export interface CertificateState {
  /** Undefined where it is missing or cannot be used: it is then issued again. */
  readonly serving?: PemPair;
  readonly authority: Authority;
  readonly next?: PemPair & { readonly since: Date };
  readonly previous?: { readonly cert: string; readonly until: Date };
}

type Data = Readonly<Partial<Record<(typeof keys)[number], string>>>;

const keys = [
  'tls.crt',
  'tls.key',
  'ca.crt',
  'ca.key',
  'next-ca.crt',
  'next-ca.key',
  'next-ca-since',
  'previous-ca.crt',
  'previous-ca-until',
] as const;

/** The `caBundle` of the webhook configuration: every authority that may stand behind a serving certificate in use. */
export const bundleOf = ({ authority, next, previous }: CertificateState): string =>
  [authority.cert, next?.cert, previous?.cert].filter((cert) => cert !== undefined).join('');

/** The `data` of the Secret. */
export const encodeState = ({ serving, authority, next, previous }: CertificateState): StringMap => {
  const data: Data = {
    ...(serving && { 'tls.crt': serving.cert, 'tls.key': serving.key }),
    'ca.crt': authority.cert,
    ...(authority.key !== undefined && { 'ca.key': authority.key }),
    ...(next && { 'next-ca.crt': next.cert, 'next-ca.key': next.key, 'next-ca-since': next.since.toISOString() }),
    ...(previous && { 'previous-ca.crt': previous.cert, 'previous-ca-until': previous.until.toISOString() }),
  };
  return Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
};

/** What can be used of a Secret's `data`, part by part; undefined where not even the authority can. */
export const decodeState = (data: StringMap): CertificateState | undefined => {
  const texts: Data = Object.fromEntries(
    keys
      .filter((key) => data[key] !== undefined)
      .map((key) => [key, Buffer.from(data[key] ?? '', 'base64').toString()]),
  );
  const cert = texts['ca.crt'];
  if (cert === undefined || !inspectCertificate(cert).isUsable) return undefined;
  const authority = usablePair(cert, texts['ca.key']) ?? { cert };
  const serving = usablePair(texts['tls.crt'], texts['tls.key']);
  const next = usablePair(texts['next-ca.crt'], texts['next-ca.key']);
  const since = dateOf(texts['next-ca-since']);
  const previous = texts['previous-ca.crt'];
  const until = dateOf(texts['previous-ca-until']);
  return {
    authority,
    ...(serving && { serving }),
    ...(next && since && { next: { ...next, since } }),
    ...(previous !== undefined &&
      until &&
      inspectCertificate(previous).isUsable && { previous: { cert: previous, until } }),
  };
};

const usablePair = (cert: string | undefined, key: string | undefined): PemPair | undefined => {
  if (cert === undefined || key === undefined) return undefined;
  const pair = { cert, key };
  return inspectPair(pair).isUsable ? pair : undefined;
};

const dateOf = (text: string | undefined): Date | undefined => {
  const date = new Date(text ?? '');
  return Number.isNaN(date.getTime()) ? undefined : date;
};
