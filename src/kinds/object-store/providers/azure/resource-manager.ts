import { createHash } from 'node:crypto';
import type { StorageAccount, StorageAccountCreateParameters } from '@azure/arm-storage';
import { BucketError, type DesiredBucket } from '../bucket.ts';
import { includesAll } from '../marks.ts';
import type { About } from '../vendor-call.ts';
import type { AzureAccount, AzureSession } from './azure-client.ts';
import { orAbsent } from './errors.ts';

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
  const digest = createHash('sha256').update(`${of.subscription}/${of.clusterUid}/${of.namespace}`).digest();
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
