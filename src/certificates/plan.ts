import { inspectCertificate, inspectPair, isDue, isIssuedFor, isSignedBy, type Period } from './inspect.ts';
import type { CertificateState } from './rollover.ts';

/** What to do with the certificates now. One step at a time: the next poll takes the next one. */
export type Step =
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
