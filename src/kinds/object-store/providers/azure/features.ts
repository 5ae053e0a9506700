import type { BlobContainer, StorageAccount } from '@azure/arm-storage';
import { BucketError, type DesiredBucket, type Feature, includesAll } from '../bucket.ts';
import { type About, featuresOf, type Setting } from '../vendor-call.ts';
import { lowerCased, metadataOf, refuseForeignText } from './blob-service.ts';
import { lifecycleSetting } from './lifecycle.ts';
import {
  type AzureSession,
  accessTierOf,
  addMetadata,
  getAccount,
  getContainer,
  updateContainer,
} from './resource-manager.ts';

/** What the spec asks for of a container, in the order to apply it. */
export const azureFeatures = (session: AzureSession, bucket: DesiredBucket): readonly Feature[] => {
  const { versioning, retentionDays, encryptionKey, lifecycle, storageClass, labels } = bucket;
  return featuresOf(bucket.name, [
    bucket.publicAccess !== 'Unmanaged' && publicAccess(session),
    versioning !== undefined && versioningSetting(session, versioning),
    retentionDays !== undefined && retention(session, retentionDays),
    encryptionKey !== undefined && encryption,
    lifecycle !== undefined && lifecycleSetting(session, lifecycle),
    storageClass !== undefined && storageClassSetting(session, storageClass),
    Object.keys(labels).length > 0 && labelsSetting(session, labels),
  ]);
};

const containerOf = async (session: AzureSession, about: About): Promise<BlobContainer> =>
  (await getContainer(session, about)) ?? {};

const unsupported = ({ bucket }: About, why: string): BucketError =>
  new BucketError('UnsupportedFeature', `Container ${JSON.stringify(bucket)}: ${why}.`);

/** The whole account's: what one ObjectStore turned off or down, another in the same namespace would turn up again. */
const accountWide = (about: About, field: string, is: string): BucketError =>
  unsupported(
    about,
    `${field} is a setting of the whole storage account, which ${is}; change it there or name another account`,
  );

/** An account we make allows no public container to begin with; a given one keeps its own rule, and the container says none. */
const publicAccess = (session: AzureSession): Setting => ({
  name: 'publicAccess',
  isApplied: async (about) => {
    const { publicAccess: found = 'None' } = await containerOf(session, about);
    return found === 'None';
  },
  apply: (about) => updateContainer(session, { publicAccess: 'None' }, about),
});

const versioningSetting = (session: AzureSession, isWanted: boolean): Setting => ({
  name: 'versioning',
  isApplied: async (about) => (await isVersioned(session, about)) === isWanted,
  apply: async (about) => {
    if (!isWanted || session.account.kind === 'given')
      throw accountWide(about, 'spec.versioning', isWanted ? 'keeps no versions' : 'keeps versions');
    const account = await getAccount(session, about);
    if (account?.isHnsEnabled === true)
      throw unsupported(about, 'Azure keeps no versions in an account with hierarchical names; name another account');
    await keepVersions(session, about);
  },
});

const isVersioned = async ({ client, call, resourceGroup, account }: AzureSession, about: About): Promise<boolean> => {
  const get = (abortSignal: AbortSignal) =>
    client.blobServices.getServiceProperties(resourceGroup, account.name, { abortSignal });
  const { isVersioningEnabled } = await call('Microsoft.Storage/storageAccounts/blobServices/read', get, about);
  return isVersioningEnabled === true;
};

const keepVersions = async ({ client, call, resourceGroup, account }: AzureSession, about: About): Promise<void> => {
  const wanted = { isVersioningEnabled: true };
  const set = (abortSignal: AbortSignal) =>
    client.blobServices.setServiceProperties(resourceGroup, account.name, wanted, { abortSignal });
  await call('Microsoft.Storage/storageAccounts/blobServices/write', set, about);
};

/** Not locked: a locked policy can never be shortened again, by anybody. */
const retention = (session: AzureSession, days: number): Setting => ({
  name: 'retention',
  isApplied: async (about) => {
    const { immutabilityPolicy } = await containerOf(session, about);
    return immutabilityPolicy?.immutabilityPeriodSinceCreationInDays === days;
  },
  apply: async (about) => {
    const { client, call, resourceGroup, account } = session;
    const parameters = { immutabilityPeriodSinceCreationInDays: days };
    const set = (abortSignal: AbortSignal) =>
      client.blobContainers.createOrUpdateImmutabilityPolicy(resourceGroup, account.name, about.bucket, {
        parameters,
        abortSignal,
      });
    await call('Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies/write', set, about);
  },
});

/** The key of a container's encryption is its account's. */
const encryption: Setting = {
  name: 'encryption',
  isApplied: () => Promise.resolve(false),
  apply: (about) =>
    Promise.reject(
      unsupported(
        about,
        'a key of one’s own belongs to a storage account; set it there and name it in spec.azure.storageAccount',
      ),
    ),
};

const storageClassSetting = (session: AzureSession, storageClass: string): Setting => {
  const tier = async (about: About): Promise<StorageAccount['accessTier']> =>
    (await getAccount(session, about))?.accessTier;
  return {
    name: 'storageClass',
    isApplied: async (about) => (await tier(about)) === accessTierOf(storageClass),
    apply: async (about) => {
      throw accountWide(about, 'spec.storageClass', `is ${(await tier(about)) ?? 'without one'}`);
    },
  };
};

const labelsSetting = (session: AzureSession, labels: DesiredBucket['labels']): Setting => ({
  name: 'labels',
  isApplied: async (about) => includesAll(lowerCased((await containerOf(session, about)).metadata), metadataOf(labels)),
  apply: async (about) => {
    refuseForeignText(labels, about);
    await addMetadata(session, labels, about);
  },
});
