import { ApiError, type Storage } from '@google-cloud/storage';
import type { BucketReason } from '../bucket.ts';
import { retryAfterMs, type Verdict } from '../vendor-call.ts';

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

/** One entry of a list of Cloud Storage: a bucket or a version of an object. */
export interface ListedItem {
  readonly name: string;
  readonly generation?: string;
}

/** One call of the JSON API, or of another of Google's where `uri` is a whole address. */
export interface GoogleRequest {
  readonly method?: 'POST' | 'PUT' | 'DELETE';
  readonly uri: string;
  readonly qs?: Readonly<Record<string, string | number | boolean>>;
  readonly json?: unknown;
}

/**
 * The object that is answered; an empty one for an empty answer. The client's own methods throw outside of any promise where
 * the answer is not what they expect, which would end the process; this throws to its caller.
 */
export const ask = async (
  storage: Storage,
  { qs, ...request }: GoogleRequest,
): Promise<Readonly<Record<string, unknown>>> => {
  const body = await new Promise<unknown>((resolve, reject) => {
    storage.request({ ...request, ...(qs && { qs: { ...qs } }) }, (error, answer: unknown) =>
      error ? reject(error) : resolve(answer),
    );
  });
  if (body === undefined || body === '') return {};
  if (typeof body === 'object' && body !== null) return body as Readonly<Record<string, unknown>>;
  throw new Error('the answer is no object');
};

/** One page of a list. */
export const listItems = async (
  storage: Storage,
  uri: string,
  qs: NonNullable<GoogleRequest['qs']>,
): Promise<readonly ListedItem[]> => {
  const { items = [] } = await ask(storage, { uri, qs });
  if (Array.isArray(items) && items.every(isListedItem)) return items;
  throw new Error('the list holds something else than buckets or objects');
};

const isListedItem = (value: unknown): value is ListedItem => {
  if (typeof value !== 'object' || value === null || !('name' in value)) return false;
  const generation = 'generation' in value ? value.generation : undefined;
  return typeof value.name === 'string' && value.name !== '' && ['string', 'undefined'].includes(typeof generation);
};
