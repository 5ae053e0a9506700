import { AppError, type Reason } from '../../../api/errors.ts';

const reasonOfCode: Readonly<Record<string, Reason>> = {
  StorageAccountAlreadyTaken: 'AlreadyExists',
  StorageAccountAlreadyExists: 'AlreadyExists',
  StorageAccountInAnotherResourceGroup: 'AlreadyExists',
  AccountNameInvalid: 'InvalidInput',
  InvalidLocation: 'InvalidInput',
  LocationNotAvailableForResourceType: 'InvalidInput',
  RequestDisallowedByPolicy: 'Forbidden',
  MaxStorageAccountsCountPerSubscriptionExceeded: 'Forbidden',
  CredentialUnavailableError: 'Forbidden',
  AggregateAuthenticationError: 'Forbidden',
  AuthenticationError: 'Forbidden',
};

const reasonOfStatus: Readonly<Record<number, Reason>> = {
  400: 'InvalidInput',
  401: 'Forbidden',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
  429: 'Unavailable',
};

interface AzureAnswer {
  readonly statusCode?: number;
  readonly code?: string;
}

/** What an error of Azure's client, or of fetching a token for it, comes to: our reason, its status and its code, nothing that a server wrote. */
export const azureFailure = (what: string, error: unknown): AppError => {
  if (error instanceof AppError) return error;
  const { code, statusCode } = (error instanceof Error ? error : {}) as AzureAnswer;
  const name = code ?? (error instanceof Error ? error.name : 'unknown error');
  const reason = reasonOfCode[name] ?? reasonOfStatus[statusCode ?? 0] ?? 'Unavailable';
  const evidence = [statusCode, /^[\w.-]{1,64}$/.test(name) ? name : undefined].filter((part) => part !== undefined);
  return new AppError(reason, `${what}: ${adviceFor[reason] ?? 'Azure could not be asked'} (${evidence.join(' ')}).`, {
    cause: error,
  });
};

const adviceFor: Readonly<Partial<Record<Reason, string>>> = {
  AlreadyExists: 'the name is somebody else’s',
  Conflict: 'Azure is busy with it',
  Forbidden:
    'Azure does not allow it; give the identity of Quartermaster the role Storage Account Contributor on the resource group, or raise the quota',
  InvalidInput: 'Azure does not take it as it is',
  NotFound: 'its resource group or subscription is not there; see the setting AZURE_RESOURCE_GROUP',
};

export const isAbsentAtAzure = (error: unknown): boolean =>
  error instanceof Error &&
  (error as AzureAnswer).statusCode === 404 &&
  (error as AzureAnswer).code !== 'ResourceGroupNotFound';
