import { hash } from 'node:crypto';
import type { StorageAccountCreateParameters, StorageManagementClient } from '@azure/arm-storage';
import type { TokenCredential } from '@azure/identity';
import { AppError, type Reason } from '../../../api/errors.ts';
import type { StringMap } from '../../../api/kubernetes.ts';

/** A storage account for file shares, as it is to be. */
export interface FileAccount {
  readonly name: string;
  readonly resourceGroup: string;
  readonly location: string;
  /** `Standard_LRS`, `Premium_LRS`, … */
  readonly sku: string;
  /** How it is known again as ours. */
  readonly tags: StringMap;
}

/** The storage accounts of one subscription. Every call throws AppError only and ends by its signal. */
export interface AzureAccounts {
  /** Makes the account, however long that takes. AlreadyExists where its name is taken elsewhere in Azure; Conflict where it lacks our tags. */
  readonly ensure: (account: FileAccount, signal: AbortSignal) => Promise<'made' | 'there'>;
  /** Deletes the account with all it holds, if it carries our tags; already gone is success. */
  readonly remove: (account: FileAccount, signal: AbortSignal) => Promise<void>;
}

export interface AzureAccountsOptions {
  readonly subscription: string;
  readonly credential: TokenCredential;
  /** Azure's public cloud where empty. */
  readonly managementEndpoint: string;
  /** PEM; trusted besides the authorities Node knows. */
  readonly caBundle?: string;
  /** Between two questions whether the account is made. */
  readonly pollIntervalMs?: number;
}

/** Azure takes a minute at most to make an account; what it has not done in three it will not do. */
const TIMEOUT_MS = 180_000;
const POLL_MS = 2_000;
const MAX_NAME_LENGTH = 24;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * The name of the account for `id` on its `attempt`-th try: 24 lower-case letters and digits, the same at every start. All of Azure
 * shares one set of names, so a name may be taken; the next attempt has another.
 */
export const fileAccountName = (clusterName: string, id: string, attempt: number): string => {
  const readable = clusterName
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .slice(0, 8);
  const digest = hash('sha256', `${id}/${attempt}`, 'buffer');
  const letters = Array.from(digest, (byte) => ALPHABET[byte % ALPHABET.length]).join('');
  return `${readable}${letters}`.slice(0, MAX_NAME_LENGTH);
};

/** Makes no connection yet; the client is loaded here, for those who use it. */
export const openAzureAccounts = async (options: AzureAccountsOptions): Promise<AzureAccounts> => {
  const { managementEndpoint, caBundle, pollIntervalMs = POLL_MS } = options;
  const arm = await import('@azure/arm-storage');
  const client = new arm.StorageManagementClient(options.credential, options.subscription, {
    ...(managementEndpoint !== '' && {
      endpoint: managementEndpoint,
      credentials: { scopes: [new URL('/.default', managementEndpoint).href] },
    }),
    ...(caBundle !== undefined && { tlsOptions: { ca: caBundle } }),
  });
  return {
    ensure: (account, signal) =>
      withTimeout(`Storage account ${account.name}`, signal, (limit) => ensure(client, account, pollIntervalMs, limit)),
    remove: (account, signal) =>
      withTimeout(`Storage account ${account.name}`, signal, (limit) => remove(client, account, limit)),
  };
};

/** Azure's client waits out what Azure asks for by Retry-After; here is the bound on that. */
const withTimeout = async <T>(
  what: string,
  signal: AbortSignal,
  call: (limit: AbortSignal) => Promise<T>,
): Promise<T> => {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
  try {
    return await call(limit);
  } catch (error) {
    if (limit.aborted) throw new AppError('Timeout', `${what} was not settled with Azure in time.`, { cause: error });
    throw azureFailure(what, error);
  }
};

const ensure = async (
  { storageAccounts }: StorageManagementClient,
  account: FileAccount,
  updateIntervalInMs: number,
  abortSignal: AbortSignal,
): Promise<'made' | 'there'> => {
  const { name, resourceGroup } = account;
  const found = await find(storageAccounts, account, abortSignal);
  if (found !== undefined && !isTagged(found.tags, account)) throw untagged(account);
  if (found?.provisioningState === 'Succeeded') return 'there';
  if (found !== undefined) throw new AppError('Unavailable', `Storage account ${name} is still being made.`);
  const asked = { name, type: 'Microsoft.Storage/storageAccounts' } as const;
  const { nameAvailable, reason, message } = await storageAccounts.checkNameAvailability(asked, { abortSignal });
  // The one that exists may be ours, asked for by a process that was killed and not shown yet: Azure refuses the request where it is not.
  if (nameAvailable === false && reason !== 'AlreadyExists')
    throw new AppError('InvalidInput', `Storage account ${name}: ${message ?? 'no name for one'}.`);
  await storageAccounts
    .create(resourceGroup, name, creation(account), { abortSignal, updateIntervalInMs })
    .pollUntilDone({ abortSignal });
  return 'made';
};

const remove = async (
  { storageAccounts }: StorageManagementClient,
  account: FileAccount,
  abortSignal: AbortSignal,
): Promise<void> => {
  const found = await find(storageAccounts, account, abortSignal);
  if (found === undefined || !isTagged(found.tags, account)) return;
  await storageAccounts.delete(account.resourceGroup, account.name, { abortSignal });
};

const find = async (
  storageAccounts: StorageManagementClient['storageAccounts'],
  { name, resourceGroup }: FileAccount,
  abortSignal: AbortSignal,
) => {
  try {
    return await storageAccounts.getProperties(resourceGroup, name, { abortSignal });
  } catch (error) {
    if (isAbsentAtAzure(error)) return undefined;
    throw error;
  }
};

const isTagged = (tags: StringMap | undefined, account: FileAccount): boolean =>
  Object.entries(account.tags).every(([key, value]) => tags?.[key] === value);

const untagged = ({ name, resourceGroup, tags }: FileAccount): AppError =>
  new AppError(
    'Conflict',
    `Storage account ${name} is in resource group ${resourceGroup} without our tags: put ${Object.keys(tags).join(' and ')} back on it, or delete it.`,
  );

/** SMB shares are opened with the account's key, so that shared keys stay allowed. */
const creation = ({ location, sku, tags }: FileAccount): StorageAccountCreateParameters => ({
  location,
  sku: { name: sku },
  kind: sku.startsWith('Premium') ? 'FileStorage' : 'StorageV2',
  tags: { ...tags },
  enableHttpsTrafficOnly: true,
  minimumTlsVersion: 'TLS1_2',
  allowBlobPublicAccess: false,
});

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

const isAbsentAtAzure = (error: unknown): boolean =>
  error instanceof Error &&
  (error as AzureAnswer).statusCode === 404 &&
  (error as AzureAnswer).code !== 'ResourceGroupNotFound';
