import type { BucketReason } from '../bucket.ts';
import { type Meaning, retryAfterMs, type Verdict } from '../vendor-call.ts';

/** Codes of Azure Resource Manager, of the Blob service, and the names of what @azure/identity throws. */
const reasonOfCode: Readonly<Record<string, BucketReason>> = {
  StorageAccountAlreadyTaken: 'NameTaken',
  ContainerAlreadyExists: 'NotOwned',
  AccountNameInvalid: 'InvalidName',
  InvalidResourceName: 'InvalidName',
  OutOfRangeInput: 'InvalidName',
  AuthorizationFailed: 'PermissionDenied',
  LinkedAuthorizationFailed: 'PermissionDenied',
  /** To assigning a role to an identity that was just made. */
  PrincipalNotFound: 'Throttled',
  RoleAssignmentLimitExceeded: 'QuotaExceeded',
  RequestDisallowedByPolicy: 'PermissionDenied',
  AuthorizationFailure: 'PermissionDenied',
  AuthorizationPermissionMismatch: 'PermissionDenied',
  SubscriptionNotFound: 'PermissionDenied',
  AuthenticationFailed: 'CredentialsInvalid',
  InvalidAuthenticationToken: 'CredentialsInvalid',
  InvalidAuthenticationTokenTenant: 'CredentialsInvalid',
  ExpiredAuthenticationToken: 'CredentialsInvalid',
  InvalidAuthenticationInfo: 'CredentialsInvalid',
  AuthenticationError: 'CredentialsInvalid',
  AggregateAuthenticationError: 'CredentialsInvalid',
  AuthenticationRequiredError: 'CredentialsInvalid',
  CredentialUnavailableError: 'CredentialsMissing',
  MaxStorageAccountsCountPerSubscriptionExceeded: 'QuotaExceeded',
  QuotaExceeded: 'QuotaExceeded',
  InvalidLocation: 'LocationMismatch',
  InvalidResourceLocation: 'LocationMismatch',
  LocationNotAvailableForResourceType: 'LocationMismatch',
  FeatureNotSupportedForAccount: 'UnsupportedFeature',
  FeatureNotSupported: 'UnsupportedFeature',
  TooManyRequests: 'Throttled',
  ServerBusy: 'Throttled',
  AccountBeingCreated: 'Throttled',
  AnotherOperationInProgress: 'Throttled',
  StorageAccountOperationInProgress: 'Throttled',
  ContainerBeingDeleted: 'Throttled',
};

const reasonOfStatus: Readonly<Record<number, BucketReason>> = {
  401: 'CredentialsInvalid',
  403: 'PermissionDenied',
  429: 'Throttled',
  503: 'Throttled',
};

/** What the management client's RestError and a BlobServiceError have in common. */
export interface AzureAnswer {
  readonly name?: string;
  readonly statusCode?: number;
  readonly code?: string;
  readonly response?: { readonly headers: { readonly get: (name: string) => string | undefined } };
}

/** What an error of Azure, or of fetching a token for it, means. */
export const readAzureError = (error: unknown): Verdict => {
  if (!(error instanceof Error)) return { reason: 'ProviderError' };
  const { code = error.name, statusCode: status, response }: AzureAnswer = error;
  const later = retryAfterMs(response?.headers.get('retry-after'));
  return {
    reason: reasonOfCode[code] ?? (status === undefined ? undefined : reasonOfStatus[status]) ?? 'ProviderError',
    code,
    ...(status !== undefined && { status }),
    ...(later !== undefined && { retryAfterMs: later }),
  };
};

const isAbsent = (error: unknown): boolean => readAzureError(error).status === 404;

/** The call's answer, or undefined where what it asks for is not there. */
export const orAbsent =
  <T>(call: (signal: AbortSignal) => Promise<T>) =>
  async (signal: AbortSignal): Promise<T | undefined> => {
    try {
      return await call(signal);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  };

/** 409 to deleting a container: an immutability policy, a legal hold or a lease. */
export const lockedContainer: Meaning = {
  409: { reason: 'BucketNotEmpty', advice: 'a retention policy, a legal hold or a lease keeps it' },
};
