import type { Blocked, BlockedReason } from './state.ts';

type RetryPolicy = 'terminal' | 'slow' | 'backoff';

/** How each reason is retried: not until the spec changes, at a slow interval, or with exponential backoff. */
export const retryPolicies: Readonly<Record<BlockedReason, RetryPolicy>> = {
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
const BASE_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 300_000;

export interface RetryContext {
  /** How many reconciliations in a row ended in the same reason before this one. */
  readonly attempts: number;
  /** How often a bucket is observed that is as it should be. */
  readonly resyncMs: number;
  readonly random: () => number;
}

/** Milliseconds until the provider is asked again, jittered so that what failed together does not return together. */
export const retryDelayMs = (blocked: Blocked | undefined, { attempts, resyncMs, random }: RetryContext): number => {
  const jitter = 0.8 + random() * 0.4;
  if (blocked === undefined) return Math.round(resyncMs * jitter);
  if (blocked.reason === 'ProviderUnknown') return Math.min(UNKNOWN_MS, resyncMs) * jitter;
  switch (retryPolicies[blocked.reason]) {
    case 'terminal':
      return Number.POSITIVE_INFINITY;
    case 'slow':
      return Math.min(SLOW_MS, resyncMs) * jitter;
    case 'backoff':
      return (
        Math.max(
          blocked.retryAfterMs ?? 0,
          Math.min(MAX_BACKOFF_MS, resyncMs, BASE_BACKOFF_MS * 2 ** Math.min(attempts, 20)),
        ) * jitter
      );
  }
};
