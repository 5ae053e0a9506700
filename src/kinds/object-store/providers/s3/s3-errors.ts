import { S3ServiceException } from '@aws-sdk/client-s3';
import type { BucketReason } from '../bucket.ts';
import { retryAfterMs, type Verdict } from '../failure.ts';

/** Codes of AWS, Ceph, Swift, MinIO; HEAD answers carry none, so the status decides where the code says nothing. */
const reasonOfCode: Readonly<Record<string, BucketReason>> = {
  BucketAlreadyExists: 'NameTaken',
  BucketAlreadyOwnedByYou: 'NotOwned',
  InvalidBucketName: 'InvalidName',
  TooManyBuckets: 'QuotaExceeded',
  QuotaExceeded: 'QuotaExceeded',
  BucketNotEmpty: 'BucketNotEmpty',
  InvalidAccessKeyId: 'CredentialsInvalid',
  SignatureDoesNotMatch: 'CredentialsInvalid',
  InvalidToken: 'CredentialsInvalid',
  ExpiredToken: 'CredentialsInvalid',
  InvalidClientTokenId: 'CredentialsInvalid',
  CredentialsProviderError: 'CredentialsMissing',
  AccessDenied: 'PermissionDenied',
  AllAccessDisabled: 'PermissionDenied',
  InvalidLocationConstraint: 'LocationMismatch',
  IllegalLocationConstraintException: 'LocationMismatch',
  AuthorizationHeaderMalformed: 'LocationMismatch',
  PermanentRedirect: 'LocationMismatch',
  TemporaryRedirect: 'LocationMismatch',
  NotImplemented: 'UnsupportedFeature',
  MalformedXML: 'UnsupportedFeature',
  InvalidArgument: 'UnsupportedFeature',
  InvalidBucketState: 'UnsupportedFeature',
  MethodNotAllowed: 'UnsupportedFeature',
  SlowDown: 'Throttled',
  ServiceUnavailable: 'Throttled',
  Throttling: 'Throttled',
  ThrottlingException: 'Throttled',
  TooManyRequests: 'Throttled',
  RequestLimitExceeded: 'Throttled',
  OperationAborted: 'Throttled',
};

const reasonOfStatus: Readonly<Record<number, BucketReason>> = {
  301: 'LocationMismatch',
  307: 'LocationMismatch',
  401: 'CredentialsInvalid',
  403: 'PermissionDenied',
  405: 'UnsupportedFeature',
  429: 'Throttled',
  501: 'UnsupportedFeature',
  503: 'Throttled',
};

/** Where no call was made at all the SDK throws an error of its own, and says by its name what was missing. */
const codeOf = (error: unknown): string | undefined => (error instanceof Error ? error.name : undefined);

/** What an error of the SDK means: by the server's code, then by the HTTP status. */
export const readS3Error = (error: unknown): Verdict => {
  const code = codeOf(error);
  const byCode = code === undefined ? undefined : reasonOfCode[code];
  if (!(error instanceof S3ServiceException)) return { reason: byCode ?? 'ProviderError', ...(code && { code }) };
  const status = error.$metadata.httpStatusCode;
  const reason = byCode ?? (status === undefined ? undefined : reasonOfStatus[status]) ?? 'ProviderError';
  const later = retryAfterMs(error.$response?.headers['retry-after']);
  return {
    reason,
    ...(code && code !== 'Unknown' && { code }),
    ...(status !== undefined && { status }),
    ...(later !== undefined && { retryAfterMs: later }),
  };
};

export const statusOf = (error: unknown): number | undefined =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;

export const isAbsent = (error: unknown): boolean => statusOf(error) === 404;

/** What is not set is a 404 too, under many codes (NoSuchTagSet, NoSuchLifecycleConfiguration, …); a bucket that is gone has one. */
export const isUnset = (error: unknown): boolean => isAbsent(error) && codeOf(error) !== 'NoSuchBucket';

/** The endpoint does not have the call at all. */
export const isUnsupported = (error: unknown): boolean => readS3Error(error).reason === 'UnsupportedFeature';
