import { ApiError } from '@google-cloud/storage';
import type { BucketReason } from '../bucket.ts';
import { retryAfterMs, type Verdict } from '../failure.ts';

/** `error.errors[0].reason` of the JSON API, where it says more than the status. */
const reasonOfCode: Readonly<Record<string, BucketReason>> = {
  rateLimitExceeded: 'Throttled',
  userRateLimitExceeded: 'Throttled',
  quotaExceeded: 'QuotaExceeded',
  dailyLimitExceeded: 'QuotaExceeded',
  retentionPolicyNotMet: 'BucketNotEmpty',
};

const reasonOfStatus: Readonly<Record<number, BucketReason>> = {
  400: 'UnsupportedFeature',
  401: 'CredentialsInvalid',
  403: 'PermissionDenied',
  412: 'UnsupportedFeature',
  429: 'Throttled',
  503: 'Throttled',
};

/** What an error of the client means. 409 means something else to each call, and is left to it. */
export const readGcsError = (error: unknown): Verdict => {
  if (!(error instanceof ApiError) || error.code === undefined) return readAuthError(error);
  const code = error.errors?.[0]?.reason;
  const reason = (code && reasonOfCode[code]) || reasonOfStatus[error.code] || 'ProviderError';
  const later = retryAfterMs(headerOf(error, 'retry-after'));
  return {
    reason,
    status: error.code,
    ...(code && { code }),
    ...(later !== undefined && { retryAfterMs: later }),
  };
};

/** What is no answer of Cloud Storage comes from the library that fetches tokens: a refusal, or nothing to ask with. */
const readAuthError = (error: unknown): Verdict => {
  const hasCode = error instanceof Error && 'code' in error && error.code !== undefined;
  const isAnswer = error instanceof Error && error.name === 'GaxiosError';
  return { reason: hasCode || isAnswer ? 'CredentialsInvalid' : 'CredentialsMissing' };
};

const headerOf = ({ response }: ApiError, name: string): string | undefined => {
  const value: unknown = response?.headers[name];
  return typeof value === 'string' ? value : undefined;
};

export const statusOf = (error: unknown): number | undefined => (error instanceof ApiError ? error.code : undefined);
