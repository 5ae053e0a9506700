import type { StringMap } from '../api/kubernetes.ts';
import { inspectCertificate, inspectPair, isDue, isIssuedFor, isSignedBy, type Period } from './certificate.ts';
import type { PemPair, Validity } from './issue.ts';

/** An authority that is trusted; without a key it can sign nothing more. */
interface Authority {
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

/** What to do with the certificates now. One step at a time: the next poll takes the next one. */
type Step =
  | 'keep'
  /** The authority signs a new serving certificate: trusted at once. */
  | 'renew-serving'
  /** A new authority joins the bundle and signs nothing yet. */
  | 'announce-authority'
  /** The announced authority signs the serving certificate; the old one stays in the bundle. */
  | 'adopt-authority'
  /** All that the old authority signed has expired: it leaves the bundle. */
  | 'retire-authority';

export interface Circumstances {
  readonly now: Date;
  /** What the serving certificate must be issued for. */
  readonly names: readonly string[];
  /** How long an announced authority must have been in the bundle, in milliseconds. */
  readonly settleMs: number;
  /** True where the API server is known to trust the announced authority. */
  readonly isNextTrusted: boolean;
}

/** The next step. No certificate a caller may not trust yet is served while one it trusts is valid. */
export const planStep = (state: CertificateState, circumstances: Circumstances): Step => {
  const { now } = circumstances;
  const serving = servingPeriod(state, circumstances.names);
  if (canSign(state, now) && (serving === undefined || isDue(serving, now))) return 'renew-serving';
  if (state.next === undefined && isAuthorityDue(state, now)) return 'announce-authority';
  if (state.next && (isSettled(state.next.since, circumstances) || isOver(serving, now))) return 'adopt-authority';
  if (state.previous && state.previous.until <= now) return 'retire-authority';
  return 'keep';
};

/** Validity of the serving certificate; undefined where there is none that this authority signed for all the names. */
export const servingPeriod = (
  { serving, authority }: CertificateState,
  names: readonly string[],
): Period | undefined => {
  if (serving === undefined) return undefined;
  const inspection = inspectPair(serving);
  if (!inspection.isUsable || !isSignedBy(inspection.certificate, authority.cert)) return undefined;
  return isIssuedFor(inspection.certificate, names) ? inspection.validity : undefined;
};

const canSign = ({ authority }: CertificateState, now: Date): boolean =>
  authority.key !== undefined && !isOver(authorityPeriod(authority.cert), now);

const isAuthorityDue = ({ authority }: CertificateState, now: Date): boolean => {
  const period = authorityPeriod(authority.cert);
  return authority.key === undefined || period === undefined || isDue(period, now);
};

const authorityPeriod = (cert: string): Period | undefined => {
  const inspection = inspectCertificate(cert);
  return inspection.isUsable ? inspection.validity : undefined;
};

const isOver = (period: Period | undefined, now: Date): boolean => period === undefined || period.until <= now;

const isSettled = (since: Date, { now, settleMs, isNextTrusted }: Circumstances): boolean =>
  isNextTrusted && now.getTime() - since.getTime() >= settleMs;

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** An authority is replaced, and a serving certificate renewed, when a third of this is left. */
const AUTHORITY_LIFETIME_MS = 3 * 365 * DAY_MS;
const SERVING_LIFETIME_MS = 90 * DAY_MS;
/** Valid from a little earlier, for API servers whose clock is behind. */
const CLOCK_SKEW_MS = HOUR_MS;

interface Issue {
  readonly now: Date;
  readonly names: readonly string[];
}

/** A new authority and a serving certificate signed by it. */
export const newState = async (issue: Issue): Promise<CertificateState> => {
  const authority = await newAuthority(issue.now);
  return { authority, serving: await newServing(authority, issue) };
};

/** The state after one step. Loads the issuing library only here: most starts find all they need in the Secret. */
export const applyStep = async (state: CertificateState, step: Step, issue: Issue): Promise<CertificateState> => {
  switch (step) {
    case 'keep':
      return state;
    case 'renew-serving':
      return { ...state, serving: await newServing(withKey(state.authority), issue) };
    case 'announce-authority':
      return { ...state, next: { ...(await newAuthority(issue.now)), since: issue.now } };
    case 'adopt-authority':
      return await adoptNext(state, issue);
    case 'retire-authority':
      return without(state, 'previous');
  }
};

const adoptNext = async (state: CertificateState, issue: Issue): Promise<CertificateState> => {
  const { next } = state;
  if (next === undefined) return state;
  const authority = { cert: next.cert, key: next.key };
  const serving = await newServing(authority, issue);
  const previous = outgoing(state);
  return { authority, serving, ...(previous && { previous }) };
};

/** The authorities that somebody may still be served by: those already outgoing, and the one being replaced. */
const outgoing = ({ serving, authority, previous }: CertificateState): CertificateState['previous'] => {
  const inspection = serving && inspectPair(serving);
  if (!inspection?.isUsable) return previous;
  const until = new Date(Math.max(inspection.validity.until.getTime(), previous?.until.getTime() ?? 0));
  return { cert: authority.cert + (previous?.cert ?? ''), until };
};

const newAuthority = async (now: Date): Promise<PemPair> => {
  const { issueAuthority } = await import('./issue.ts');
  return issueAuthority('quartermaster-ca', validFor(AUTHORITY_LIFETIME_MS, now));
};

const newServing = async (authority: PemPair, { now, names }: Issue): Promise<PemPair> => {
  const { issueServing } = await import('./issue.ts');
  return issueServing(authority, names, withinAuthority(validFor(SERVING_LIFETIME_MS, now), authority));
};

const validFor = (lifetimeMs: number, now: Date): Validity => ({
  notBefore: new Date(now.getTime() - CLOCK_SKEW_MS),
  notAfter: new Date(now.getTime() + lifetimeMs),
});

const withinAuthority = (validity: Validity, { cert }: PemPair): Validity => {
  const inspection = inspectCertificate(cert);
  if (!inspection.isUsable || inspection.validity.until >= validity.notAfter) return validity;
  return { ...validity, notAfter: inspection.validity.until };
};

const withKey = ({ cert, key }: Authority): PemPair => ({ cert, key: key ?? '' });

const without = <K extends keyof CertificateState>(state: CertificateState, part: K): Omit<CertificateState, K> => {
  const { [part]: _, ...others } = state;
  return others;
};
