import { inspectCertificate, inspectPair } from './inspect.ts';
import type { PemPair, Validity } from './issue.ts';
import type { Step } from './plan.ts';
import type { Authority, CertificateState } from './rollover.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** An authority is replaced, and a serving certificate renewed, when a third of this is left. */
export const AUTHORITY_LIFETIME_MS = 3 * 365 * DAY_MS;
export const SERVING_LIFETIME_MS = 90 * DAY_MS;
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
  const { [part]: _, ...rest } = state;
  return rest;
};
