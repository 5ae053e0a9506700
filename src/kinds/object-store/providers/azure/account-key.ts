import type { StringMap } from '../../../../api/kubernetes.ts';
import { noAccess } from '../access.ts';
import {
  BucketError,
  type BucketProvider,
  type DesiredBucket,
  includesAll,
  markOwnership,
  type ObservedBucket,
  without,
} from '../bucket.ts';
import {
  type About,
  aboutBucket,
  createVendorCall,
  featuresOf,
  type Meaning,
  type Setting,
  type VendorCall,
} from '../vendor-call.ts';
import { azureAccess } from './access.ts';
import {
  azureConnection,
  type BlobAnswer,
  type BlobCall,
  type BlobService,
  isContainerEmpty,
  lowerCased,
  metadataOf,
  openBlobService,
  refuseForeignText,
  sharedKey,
  storageSuffix,
} from './blob-service.ts';
import { readContainerAcl, writeContainerAcl } from './container-acl.ts';
import { lockedContainer, orAbsent, readAzureError } from './errors.ts';

export interface AzureKeyOptions {
  readonly account: string;
  /** The account's key, in base64. */
  readonly key: string;
  /** `https://<account>.blob.core.windows.net` where not given. */
  readonly blobEndpoint?: string | undefined;
  /** PEM; trusted besides the authorities Node knows. */
  readonly caBundle?: string | undefined;
  /** Of each call; 10 s where not given. */
  readonly timeoutMs?: number | undefined;
}

interface KeySession {
  readonly service: BlobService;
  readonly call: VendorCall;
}

/** Containers of one storage account, by its key: all that can be done without Azure Resource Manager. */
export const createAzureKeyProvider = (options: AzureKeyOptions): BucketProvider => {
  const { account, key, timeoutMs } = options;
  const endpoint = new URL(options.blobEndpoint ?? `https://${account}.blob.${storageSuffix()}/`);
  const session: KeySession = {
    service: openBlobService(endpoint, sharedKey(account, key), options.caBundle),
    call: createVendorCall({ target: `Azure storage account ${account}`, timeoutMs, read: readAzureError }),
  };
  return {
    name: 'azure',
    observe: (bucket, signal) => observe(session, bucket, aboutBucket(bucket, signal)),
    create: (bucket, signal) => create(session, bucket, aboutBucket(bucket, signal)),
    mark: (bucket, signal) => addMetadata(session, bucket.owner, aboutBucket(bucket, signal)),
    unmark: (bucket, signal) => unmark(session, bucket, aboutBucket(bucket, signal)),
    features: (bucket) => featuresOf(bucket.name, settingsFor(session, bucket)),
    remove: (bucket, force, signal) => remove(session, force, aboutBucket(bucket, signal)),
    access: azureAccess({
      call: session.call,
      open: () => Promise.resolve({ account, key, service: session.service }),
    }),
    identities: noAccess(withoutRoles),
    connection: ({ name, location = '' }) => azureConnection(account, name, location, storageSuffix()),
  };
};

const withoutRoles = (): BucketError =>
  new BucketError(
    'UnsupportedFeature',
    'spec.access.serviceAccount cannot be given with a storage account’s key: put a service principal into the Secret, or leave it out, and the workload gets a token.',
  );

const send = (
  { service, call }: KeySession,
  operation: string,
  request: Omit<BlobCall, 'container'>,
  about: About,
  meaning?: Meaning,
): Promise<BlobAnswer | undefined> =>
  call(
    operation,
    orAbsent((signal) => service.send({ ...request, container: about.bucket }, signal)),
    about,
    meaning,
  );

const read = (session: KeySession, about: About) => send(session, 'Get Container Properties', { method: 'GET' }, about);

const prefix = 'x-ms-meta-';

const metadataIn = ({ headers }: BlobAnswer): StringMap =>
  lowerCased(
    Object.fromEntries(
      Object.entries(headers).flatMap(([name, value]) =>
        name.startsWith(prefix) && typeof value === 'string' ? [[name.slice(prefix.length), value]] : [],
      ),
    ),
  );

const headersOf = (metadata: StringMap): StringMap =>
  Object.fromEntries(Object.entries(metadata).map(([key, value]) => [`${prefix}${key}`, value]));

const observe = async (
  session: KeySession,
  { owner }: DesiredBucket,
  about: About,
): Promise<ObservedBucket | undefined> => {
  const found = await read(session, about);
  return (
    found && {
      ...markOwnership(metadataOf(owner), metadataIn(found)),
      canCarryMark: true,
      isSameAccount: true,
      location: undefined,
    }
  );
};

const create = async (session: KeySession, { owner }: DesiredBucket, about: About): Promise<void> => {
  const headers = headersOf(metadataOf(owner));
  const made = await send(session, 'Create Container', { method: 'PUT', headers }, about);
  if (made !== undefined) return;
  const message = `Container ${JSON.stringify(about.bucket)}: its storage account is not there; see spec.azure.storageAccount.`;
  throw new BucketError('ProviderError', message);
};

const writeMetadata = async (session: KeySession, metadata: StringMap, about: About): Promise<void> => {
  const request = { method: 'PUT', query: { comp: 'metadata' }, headers: headersOf(metadata) } as const;
  await send(session, 'Set Container Metadata', request, about);
};

const addMetadata = async (session: KeySession, pairs: StringMap, about: About): Promise<void> => {
  const found = await read(session, about);
  await writeMetadata(session, { ...(found && metadataIn(found)), ...metadataOf(pairs) }, about);
};

const unmark = async (session: KeySession, { owner }: DesiredBucket, about: About): Promise<void> => {
  const found = await read(session, about);
  if (found === undefined) return;
  const [mark, metadata] = [metadataOf(owner), metadataIn(found)];
  if (markOwnership(mark, metadata).isOurs) await writeMetadata(session, without(metadata, Object.keys(mark)), about);
};

/** What is in it is asked for first: Azure deletes a container with all that it holds. */
const remove = async (session: KeySession, force: boolean, about: About): Promise<void> => {
  if ((await read(session, about)) === undefined) return;
  if (!(force || (await isEmpty(session, about)))) throw full(about);
  await send(session, 'Delete Container', { method: 'DELETE' }, about, lockedContainer);
};

/** An account with hierarchical names keeps no versions, and may refuse to be asked for any. */
const isEmpty = async (session: KeySession, about: About): Promise<boolean> => {
  const query = { restype: 'account', comp: 'properties' };
  const account = await send(session, 'Get Account Information', { method: 'GET', query }, about);
  const isHierarchical = account?.headers['x-ms-is-hns-enabled'] === 'true';
  const include = isHierarchical ? 'uncommittedblobs' : 'uncommittedblobs,versions';
  const { service, call } = session;
  return call('List Blobs', (signal) => isContainerEmpty(service, about.bucket, include, signal), about);
};

const full = ({ bucket }: About): BucketError =>
  new BucketError(
    'BucketNotEmpty',
    `Container ${JSON.stringify(bucket)} holds blobs; empty it or set spec.forceDelete.`,
  );

const settingsFor = (session: KeySession, bucket: DesiredBucket): readonly (Setting | false)[] => [
  bucket.publicAccess !== 'Unmanaged' && publicAccess(session),
  bucket.versioning !== undefined && beyondKey('versioning'),
  bucket.retentionDays !== undefined && beyondKey('retention'),
  bucket.encryptionKey !== undefined && beyondKey('encryption'),
  bucket.lifecycle !== undefined && beyondKey('lifecycle'),
  bucket.storageClass !== undefined && beyondKey('storageClass'),
  Object.keys(bucket.labels).length > 0 && labelsSetting(session, bucket.labels),
];

const publicAccess = (session: KeySession): Setting => ({
  name: 'publicAccess',
  isApplied: async (about) => (await read(session, about))?.headers['x-ms-blob-public-access'] === undefined,
  apply: async (about) => {
    const { service, call } = session;
    const close = async (signal: AbortSignal): Promise<void> => {
      const acl = await readContainerAcl(service, about.bucket, signal);
      await writeContainerAcl(service, about.bucket, { ...acl, publicAccess: undefined }, signal);
    };
    await call('Set Container ACL', orAbsent(close), about);
  },
});

const labelsSetting = (session: KeySession, labels: StringMap): Setting => ({
  name: 'labels',
  isApplied: async (about) => {
    const found = await read(session, about);
    return found !== undefined && includesAll(metadataIn(found), metadataOf(labels));
  },
  apply: async (about) => {
    refuseForeignText(labels, about);
    await addMetadata(session, labels, about);
  },
});

const beyondKey = (name: Setting['name']): Setting => ({
  name,
  isApplied: () => Promise.resolve(false),
  apply: ({ bucket }) => {
    const message = `Container ${JSON.stringify(bucket)}: ${name} cannot be set with a storage account's key; use a service principal.`;
    return Promise.reject(new BucketError('UnsupportedFeature', message));
  },
});
