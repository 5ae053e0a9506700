import {
  BucketError,
  type BucketProvider,
  type DesiredBucket,
  markOwnership,
  type ObservedBucket,
  without,
} from '../bucket.ts';
import { type About, aboutBucket } from '../vendor-call.ts';
import { azureAccess, type KeyedAccount } from './access.ts';
import {
  azureConnection,
  bearerToken,
  isContainerEmpty,
  lowerCased,
  metadataOf,
  openBlobService,
  sharedKey,
  storageSuffix,
} from './blob-service.ts';
import { azureFeatures } from './features.ts';
import { azureIdentities } from './identity.ts';
import { removeRules } from './lifecycle.ts';
import {
  type AzureOptions,
  type AzureSession,
  addMetadata,
  deleteContainer,
  ensureAccount,
  getAccount,
  getContainer,
  listKeys,
  openAzure,
  putContainer,
  refuseTakenName,
  updateContainer,
} from './resource-manager.ts';

/**
 * Containers on Azure, through Resource Manager, which also makes the storage account where none is given. The account stays
 * when its last container goes: others may have been given roles on it, and an empty one costs nothing.
 */
export const createAzureProvider = (options: AzureOptions): BucketProvider => {
  const session = openAzure(options);
  return {
    name: 'azure',
    observe: (bucket, signal) => observe(session, bucket, aboutBucket(bucket, signal)),
    create: (bucket, signal) => create(session, bucket, aboutBucket(bucket, signal)),
    mark: (bucket, signal) => addMetadata(session, bucket.owner, aboutBucket(bucket, signal)),
    unmark: (bucket, signal) => unmark(session, bucket, aboutBucket(bucket, signal)),
    features: (bucket) => azureFeatures(session, bucket),
    remove: (bucket, force, signal) => remove(session, force, aboutBucket(bucket, signal)),
    access: azureAccess({ call: session.call, open: (about) => openByKey(session, about) }),
    identities: azureIdentities({ ...session, oidcIssuer: options.oidcIssuer ?? '' }),
    connection: ({ name, location = '' }) =>
      azureConnection(session.account.name, name, location, storageSuffix(options.managementEndpoint)),
  };
};

const observe = async (
  session: AzureSession,
  { owner }: DesiredBucket,
  about: About,
): Promise<ObservedBucket | undefined> => {
  const account = await getAccount(session, about);
  if (account === undefined) {
    if (session.account.kind === 'derived') await refuseTakenName(session, about);
    return undefined;
  }
  const container = await getContainer(session, about);
  if (container === undefined) return undefined;
  return {
    ...markOwnership(metadataOf(owner), lowerCased(container.metadata)),
    canCarryMark: true,
    isSameAccount: true,
    location: (account.primaryLocation ?? account.location).toLowerCase().replaceAll(' ', ''),
  };
};

/**
 * Azure's one call makes and changes, so that what is there must be observed before, and the mark after. Rules that an earlier container
 * of that name left would delete what is written to this one.
 */
const create = async (session: AzureSession, bucket: DesiredBucket, about: About): Promise<void> => {
  await ensureAccount(session, bucket, about);
  if ((await getContainer(session, about)) !== undefined) throw notOwned(about);
  await removeRules(session, about);
  const mark = metadataOf(bucket.owner);
  await putContainer(session, { metadata: { ...mark }, publicAccess: 'None' }, about);
  const made = await getContainer(session, about);
  if (made === undefined || !markOwnership(mark, lowerCased(made.metadata)).isOurs) throw notOwned(about);
};

const notOwned = ({ bucket }: About): BucketError =>
  new BucketError('NotOwned', `Container ${JSON.stringify(bucket)} is there already; see spec.adopt.`);

const unmark = async (session: AzureSession, { owner }: DesiredBucket, about: About): Promise<void> => {
  const container = await getContainer(session, about);
  if (container === undefined) return;
  const [mark, found] = [metadataOf(owner), lowerCased(container.metadata)];
  if (markOwnership(mark, found).isOurs)
    await updateContainer(session, { metadata: without(found, Object.keys(mark)) }, about);
};

/** Its rules first: cut off in between, a container without rules is found again, and rules without a container are not. */
const remove = async (session: AzureSession, force: boolean, about: About): Promise<void> => {
  const account = await getAccount(session, about);
  if (account === undefined || (await getContainer(session, about)) === undefined) return;
  const isHierarchical = account.isHnsEnabled === true;
  if (!force) await refuseFull(session, account.primaryEndpoints?.blob, isHierarchical, about);
  await removeRules(session, about);
  await deleteContainer(session, about);
};

/** Azure deletes a container with all that is in it, and Resource Manager cannot tell what that is. Its data must be asked. */
const refuseFull = async (
  { account, credential, caBundle, managementEndpoint, call }: AzureSession,
  endpoint: string | undefined,
  isHierarchical: boolean,
  about: About,
): Promise<void> => {
  const url = blobUrl({ account, managementEndpoint }, endpoint);
  const service = openBlobService(url, bearerToken(credential), caBundle);
  const include = isHierarchical ? 'uncommittedblobs' : 'uncommittedblobs,versions';
  const ask = (signal: AbortSignal) => isContainerEmpty(service, about.bucket, include, signal);
  const isEmpty = await call('Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read', ask, about, {
    403: {
      reason: 'PermissionDenied',
      advice:
        'whether it is empty cannot be seen; give the identity the role Storage Blob Data Reader, or set spec.forceDelete',
    },
  });
  if (isEmpty) return;
  const name = JSON.stringify(about.bucket);
  throw new BucketError('BucketNotEmpty', `Container ${name} holds blobs; empty it or set spec.forceDelete.`);
};

const blobUrl = (
  { account, managementEndpoint }: Pick<AzureSession, 'account' | 'managementEndpoint'>,
  endpoint: string | undefined,
): URL => new URL(endpoint ?? `https://${account.name}.blob.${storageSuffix(managementEndpoint)}/`);

/** Tokens for one container are signed with the account's own key. */
const openByKey = async (session: AzureSession, about: About): Promise<KeyedAccount | undefined> => {
  const found = await getAccount(session, about);
  if (found === undefined) return undefined;
  const { name } = session.account;
  if (found.allowSharedKeyAccess === false) throw withoutKeys(name);
  const [key] = await listKeys(session, about);
  if (key === undefined) throw withoutKeys(name);
  const url = blobUrl(session, found.primaryEndpoints?.blob);
  return { account: name, key, service: openBlobService(url, sharedKey(name, key), session.caBundle) };
};

const withoutKeys = (account: string): BucketError =>
  new BucketError(
    'UnsupportedFeature',
    `Storage account ${JSON.stringify(account)} allows no access by keys, by which tokens for one container are signed: allow it, or assign Storage Blob Data Contributor on the container to the workload’s identity and leave spec.access out.`,
  );
