import type { Halt, HaltReason } from './state.ts';

type Policy = 'terminal' | 'slow' | 'backoff';

/** What each reason is met with: it stands until the spec changes, is looked at now and then, or tried again soon and ever later. */
export const policies: Readonly<Record<HaltReason, Policy>> = {
  InvalidName: 'terminal',
  InvalidSpec: 'terminal',
  UnsupportedFeature: 'terminal',
  NameTaken: 'slow',
  NotOwned: 'slow',
  LocationMismatch: 'slow',
  PermissionDenied: 'backoff',
  QuotaExceeded: 'slow',
  CredentialsMissing: 'slow',
  CredentialsInvalid: 'slow',
  ConnectionTaken: 'slow',
  ProviderUnknown: 'slow',
  Throttled: 'backoff',
  EndpointUnreachable: 'backoff',
  ProviderError: 'backoff',
  BucketNotEmpty: 'backoff',
};

const SLOW_MS = 300_000;
/** Facts come from memory: asking them often costs nobody anything. */
const UNKNOWN_MS = 15_000;
const FIRST_MS = 1_000;
const MOST_MS = 300_000;

export interface Patience {
  /** How many passes in a row ended in the same reason before this one. */
  readonly strikes: number;
  /** How often a bucket is looked at that is as it should be. */
  readonly resyncMs: number;
  readonly random: () => number;
}

/** Milliseconds until the provider is asked again, jittered so that what failed together does not return together. */
export const restAfter = (halt: Halt | undefined, { strikes, resyncMs, random }: Patience): number => {
  const jitter = 0.8 + random() * 0.4;
  if (halt === undefined) return Math.round(resyncMs * jitter);
  if (halt.reason === 'ProviderUnknown') return Math.min(UNKNOWN_MS, resyncMs) * jitter;
  switch (policies[halt.reason]) {
    case 'terminal':
      return Number.POSITIVE_INFINITY;
    case 'slow':
      return Math.min(SLOW_MS, resyncMs) * jitter;
    case 'backoff':
      return (
        Math.max(halt.retryAfterMs ?? 0, Math.min(MOST_MS, resyncMs, FIRST_MS * 2 ** Math.min(strikes, 20))) * jitter
      );
  }
};
