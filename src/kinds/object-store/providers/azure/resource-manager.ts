import { hash } from 'node:crypto';
import {
  type BlobContainer,
  type StorageAccount,
  type StorageAccountCreateParameters,
  StorageManagementClient,
} from '@azure/arm-storage';
import type { TokenCredential } from '@azure/identity';
import type { StringMap } from '../../../../api/kubernetes.ts';
import { BucketError, type DesiredBucket, includesAll } from '../bucket.ts';
import { type About, createVendorCall, type VendorCall } from '../vendor-call.ts';
import { lowerCased, metadataOf } from './blob-service.ts';
import { lockedContainer, orAbsent, readAzureError } from './errors.ts';

export interface AzureOptions {
  readonly subscription: string;
  readonly resourceGroup: string;
  readonly credential: TokenCredential;
  readonly account: AzureAccount;
  /** Azure's public cloud where not given. */
  readonly managementEndpoint?: string | undefined;
  /** PEM; trusted besides the authorities Node knows. */
  readonly caBundle?: string | undefined;
  /** URL of the issuer of the tokens of the cluster's service accounts; empty where it is not known. */
  readonly oidcIssuer?: string | undefined;
  /** Of each call; 10 s where not given. Making an account may take 3 minutes. */
  readonly timeoutMs?: number | undefined;
  /** Between two questions whether the account is made; 2 s where not given. */
  readonly pollIntervalMs?: number | undefined;
}

/** The storage account that holds the container. */
export type AzureAccount =
  /** Somebody else's: used as it is, never made or changed. */
  | { readonly kind: 'given'; readonly name: string }
  /** Ours: made where it is not there, known again by its tags. */
  | {
      readonly kind: 'derived';
      readonly name: string;
      readonly location: string | undefined;
      readonly sku: string | undefined;
      readonly tags: StringMap;
    };

export interface AzureSession extends AzureOptions {
  readonly client: StorageManagementClient;
  readonly call: VendorCall;
  /** For what Azure answers by and by. */
  readonly longCall: VendorCall;
}

const longTimeoutMs = 180_000;

/** No connection is made yet. */
export const openAzure = (options: AzureOptions): AzureSession => {
  const { subscription, credential, account, managementEndpoint, caBundle } = options;
  const client = new StorageManagementClient(credential, subscription, {
    // Our own retries know what may be repeated, and when; the client's would run inside our time limit.
    retryOptions: { maxRetries: 0 },
    ...(managementEndpoint && {
      endpoint: managementEndpoint,
      credentials: { scopes: [new URL('/.default', managementEndpoint).href] },
    }),
    ...(caBundle !== undefined && { tlsOptions: { ca: caBundle } }),
  });
  const target = `Azure storage account ${account.name}`;
  return {
    ...options,
    client,
    call: createVendorCall({ target, timeoutMs: options.timeoutMs, read: readAzureError }),
    longCall: createVendorCall({ target, timeoutMs: longTimeoutMs, read: readAzureError }),
  };
};

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * The name of the storage account of a namespace's containers: 24 characters, the same at every start, and different for
 * every cluster, namespace and subscription, since names are shared by all of Azure.
 */
export const storageAccountName = (of: {
  readonly subscription: string;
  readonly clusterUid: string;
  readonly clusterName: string;
  readonly namespace: string;
}): string => {
  const readable = `${of.clusterName}${of.namespace}`
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .slice(0, 11);
  const digest = hash('sha256', `${of.subscription}/${of.clusterUid}/${of.namespace}`, 'buffer');
  const letters = Array.from(digest, (byte) => alphabet[byte % alphabet.length]).join('');
  return `${readable}${letters.slice(0, 24 - readable.length)}`;
};

/** Undefined where the account is not there. */
export const getAccount = (session: AzureSession, about: About): Promise<StorageAccount | undefined> => {
  const { client, call, resourceGroup, account } = session;
  const get = orAbsent((abortSignal) =>
    client.storageAccounts.getProperties(resourceGroup, account.name, { abortSignal }),
  );
  return call('Microsoft.Storage/storageAccounts/read', get, about);
};

/** The account's own keys, in base64. */
export const listKeys = async (session: AzureSession, about: About): Promise<readonly string[]> => {
  const { client, call, resourceGroup, account } = session;
  const list = (abortSignal: AbortSignal) =>
    client.storageAccounts.listKeys(resourceGroup, account.name, { abortSignal });
  const { keys = [] } = await call('Microsoft.Storage/storageAccounts/listKeys/action', list, about);
  return keys.flatMap(({ value }) => value ?? []);
};

/** Throws NameTaken where the account is not there because somebody else has the name. */
export const refuseTakenName = async (session: AzureSession, about: About): Promise<void> => {
  const { client, call, account } = session;
  const asked = { name: account.name, type: 'Microsoft.Storage/storageAccounts' } as const;
  const check = (abortSignal: AbortSignal) => client.storageAccounts.checkNameAvailability(asked, { abortSignal });
  const { nameAvailable, reason } = await call('Microsoft.Storage/checkNameAvailability/read', check, about);
  if (nameAvailable !== false) return;
  const name = JSON.stringify(account.name);
  throw reason === 'AlreadyExists'
    ? new BucketError(
        'NameTaken',
        `Storage account ${name} exists outside this resource group; name another in spec.azure.storageAccount.`,
      )
    : new BucketError('InvalidName', `Storage account ${name} is no name Azure takes; see spec.azure.storageAccount.`);
};

/** The account, made where it is not there and may be made by us. */
export const ensureAccount = async (
  session: AzureSession,
  bucket: DesiredBucket,
  about: About,
): Promise<StorageAccount> => {
  const { account } = session;
  const found = await getAccount(session, about);
  if (found !== undefined) return usable(account, found);
  if (account.kind === 'given') throw absent(session);
  await refuseTakenName(session, about);
  return makeAccount(session, creation(account, bucket), about);
};

const usable = (account: AzureAccount, found: StorageAccount): StorageAccount => {
  const name = JSON.stringify(account.name);
  if (account.kind === 'derived' && !includesAll(found.tags ?? {}, account.tags))
    throw new BucketError(
      'NotOwned',
      `Storage account ${name} does not carry our tags; see spec.azure.storageAccount.`,
    );
  if (found.provisioningState !== undefined && found.provisioningState !== 'Succeeded')
    throw new BucketError('Throttled', `Storage account ${name} is still being made.`, { retryAfterMs: 5_000 });
  return found;
};

const absent = ({ account, resourceGroup }: AzureSession): BucketError => {
  const name = JSON.stringify(account.name);
  const group = JSON.stringify(resourceGroup);
  return new BucketError(
    'ProviderError',
    `Storage account ${name} of spec.azure.storageAccount is not in resource group ${group}; make it, or leave the field out to have one made.`,
  );
};

/** Hierarchical names are what abfss:// is for; Azure keeps no versions of blobs in such an account, so one must choose. */
const creation = (
  { location, sku, tags }: Extract<AzureAccount, { kind: 'derived' }>,
  { storageClass, versioning }: DesiredBucket,
): StorageAccountCreateParameters => {
  if (location === undefined)
    throw new BucketError(
      'LocationMismatch',
      'spec.location is needed: the region of this cluster on Azure is not known.',
    );
  return {
    location,
    sku: { name: sku ?? 'Standard_LRS' },
    kind: 'StorageV2',
    tags: { ...tags },
    enableHttpsTrafficOnly: true,
    minimumTlsVersion: 'TLS1_2',
    allowBlobPublicAccess: false,
    isHnsEnabled: versioning !== true,
    ...(storageClass !== undefined && { accessTier: accessTierOf(storageClass) }),
  };
};

const accessTiers = ['Hot', 'Cool', 'Cold'] as const;

/** Azure's storage classes are the access tiers of an account. Throws UnsupportedFeature where there is no such tier. */
export const accessTierOf = (storageClass: string): (typeof accessTiers)[number] => {
  const tier = accessTiers.find((each) => each.toLowerCase() === storageClass.toLowerCase());
  if (tier !== undefined) return tier;
  const name = JSON.stringify(storageClass);
  throw new BucketError(
    'UnsupportedFeature',
    `spec.storageClass ${name} is none of Azure's: ${accessTiers.join(', ')}.`,
  );
};

const makeAccount = (session: AzureSession, parameters: StorageAccountCreateParameters, about: About) => {
  const { client, longCall, resourceGroup, account, pollIntervalMs = 2_000 } = session;
  const make = (abortSignal: AbortSignal) =>
    client.storageAccounts
      .create(resourceGroup, account.name, parameters, { abortSignal, updateIntervalInMs: pollIntervalMs })
      .pollUntilDone({ abortSignal });
  return longCall('Microsoft.Storage/storageAccounts/write', make, about, {
    404: {
      reason: 'ProviderError',
      advice: `resource group ${JSON.stringify(resourceGroup)} is not there; see spec.azure.resourceGroup`,
    },
  });
};

const operation = (verb: 'read' | 'write' | 'delete') =>
  `Microsoft.Storage/storageAccounts/blobServices/containers/${verb}`;

/** Undefined where container, account or resource group is not there. */
export const getContainer = (session: AzureSession, about: About): Promise<BlobContainer | undefined> => {
  const { client, call, resourceGroup, account } = session;
  const get = orAbsent((abortSignal) =>
    client.blobContainers.get(resourceGroup, account.name, about.bucket, { abortSignal }),
  );
  return call(operation('read'), get, about);
};

/** Makes the container, or changes one that is there: Azure has one call for both. */
export const putContainer = async (session: AzureSession, container: BlobContainer, about: About): Promise<void> => {
  const { client, call, resourceGroup, account } = session;
  const put = (abortSignal: AbortSignal) =>
    client.blobContainers.create(resourceGroup, account.name, about.bucket, container, { abortSignal });
  await call(operation('write'), put, about);
};

/** What is not named stays as it is; metadata is replaced as a whole. */
export const updateContainer = async (session: AzureSession, container: BlobContainer, about: About): Promise<void> => {
  const { client, call, resourceGroup, account } = session;
  const update = (abortSignal: AbortSignal) =>
    client.blobContainers.update(resourceGroup, account.name, about.bucket, container, { abortSignal });
  await call(operation('write'), update, about);
};

/** With all that is in it: Azure asks no question. */
export const deleteContainer = async (session: AzureSession, about: About): Promise<void> => {
  const { client, call, resourceGroup, account } = session;
  const remove = orAbsent((abortSignal) =>
    client.blobContainers.delete(resourceGroup, account.name, about.bucket, { abortSignal }),
  );
  await call(operation('delete'), remove, about, lockedContainer);
};

/** Adds to the metadata that is there. */
export const addMetadata = async (session: AzureSession, pairs: StringMap, about: About): Promise<void> => {
  const found = await getContainer(session, about);
  await updateContainer(session, { metadata: { ...lowerCased(found?.metadata), ...metadataOf(pairs) } }, about);
};
