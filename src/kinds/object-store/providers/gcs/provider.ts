import { type BucketMetadata, type CreateBucketRequest, type File, Storage } from '@google-cloud/storage';
import { JWT } from 'google-auth-library';
import { BucketError, type BucketProvider, type DesiredBucket, markOwnership, type ObservedBucket } from '../bucket.ts';
import type { GcsCredentials } from '../credentials.ts';
import { type About, aboutBucket, CALL_TIMEOUT_MS, createVendorCall, type VendorCall } from '../vendor-call.ts';
import { gcsAccess } from './access.ts';
import { listItems, readGcsError, statusOf } from './client.ts';
import { closed, gcsSettings, labelsIn } from './features.ts';
import { gcsIdentities } from './identity.ts';

export interface GcsOptions {
  readonly project: string;
  /** The project of the cluster, where it is in Google Cloud. */
  readonly clusterProject?: string | undefined;
  /** Google's own where not given. */
  readonly endpoint?: string | undefined;
  /** Where Google's IAM is asked for service accounts; its own address where not given. */
  readonly iamEndpoint?: string | undefined;
  /** Requests carry no token at all: for emulators. */
  readonly isAnonymous?: boolean | undefined;
  /** The platform's workload identity where not given. */
  readonly credentials?: GcsCredentials | undefined;
  /** Of each call; 10 s where not given. */
  readonly timeoutMs?: number | undefined;
}

interface GcsSession extends GcsClient {
  readonly endpoint: URL | undefined;
}

/** Buckets on Google Cloud Storage. */
export const createGcsProvider = (options: GcsOptions): BucketProvider => {
  const session = openGcs(options);
  return {
    name: 'gcs',
    observe: (bucket, signal) => observe(session, bucket, aboutBucket(bucket, signal)),
    create: (bucket, signal) => create(session, bucket, aboutBucket(bucket, signal)),
    mark: (bucket, signal) => patch(session, { labels: { ...bucket.owner } }, aboutBucket(bucket, signal)),
    unmark: (bucket, signal) => unmark(session, bucket, aboutBucket(bucket, signal)),
    features: (bucket) =>
      gcsSettings(bucket).map(({ name, metadata, isIn }) => ({
        name,
        isApplied: async (signal) => isIn(await get(session, aboutBucket(bucket, signal))),
        apply: (signal) => patch(session, metadata, aboutBucket(bucket, signal)),
      })),
    remove: (bucket, force, signal) => remove(session, force, aboutBucket(bucket, signal)),
    access: gcsAccess({ ...session, iamEndpoint: options.iamEndpoint }),
    identities: gcsIdentities({ ...session, clusterProject: options.clusterProject }),
    connection: ({ name, location = '' }) => ({
      url: `gs://${name}`,
      host: session.endpoint?.hostname ?? 'storage.googleapis.com',
      port: Number(session.endpoint?.port || 443),
      region: location,
      endpoint: session.endpoint?.origin,
      s3: { endpoint: session.endpoint?.origin ?? 'https://storage.googleapis.com', region: 'auto' },
    }),
  };
};

const openGcs = (options: GcsOptions): GcsSession => {
  const { project, endpoint, isAnonymous = false, credentials, timeoutMs = CALL_TIMEOUT_MS } = options;
  const storage = new Storage({
    projectId: project,
    timeout: timeoutMs,
    // Our own retries know what may be repeated, and when; the client's would run inside our time limit.
    retryOptions: { autoRetry: false },
    ...(endpoint !== undefined && { apiEndpoint: endpoint, useAuthWithCustomEndpoint: !isAnonymous }),
    ...(credentials && { authClient: clientOf(credentials) }),
  });
  const url = endpoint === undefined ? undefined : new URL(endpoint);
  const target = url?.origin ?? `Google Cloud Storage in project ${project}`;
  return { storage, endpoint: url, call: createVendorCall({ target, timeoutMs, read: readGcsError }) };
};

/** IAM takes the second alone. */
const scopes = [
  'https://www.googleapis.com/auth/devstorage.full_control',
  'https://www.googleapis.com/auth/cloud-platform',
];

/** Made by its own constructor: what reads credentials from JSON would also read kinds that name files and addresses. */
const clientOf = ({ clientEmail, privateKey }: GcsCredentials): JWT =>
  new JWT({ email: clientEmail, key: privateKey, scopes });

const observe = async (
  session: GcsSession,
  bucket: DesiredBucket,
  about: About,
): Promise<ObservedBucket | undefined> => {
  const found = await find(session, about);
  if (found === 'absent') return undefined;
  const isOwned = await isInProject(session, about);
  if (found === 'closed') throw isOwned ? inaccessible(about) : taken(about);
  return observed(bucket, found, isOwned);
};

const observed = (bucket: DesiredBucket, found: BucketMetadata, isOwned: boolean): ObservedBucket => ({
  ...markOwnership(bucket.owner, labelsIn(found)),
  canCarryMark: true,
  isSameAccount: isOwned,
  location: found.location?.toLowerCase(),
});

const find = ({ storage, call }: GcsSession, about: About): Promise<BucketMetadata | 'absent' | 'closed'> => {
  const getMetadata = async (): Promise<BucketMetadata | 'absent' | 'closed'> => {
    try {
      const [found] = await storage.bucket(about.bucket).getMetadata();
      return found;
    } catch (error) {
      if (statusOf(error) === 404) return 'absent';
      if (statusOf(error) === 403 && readGcsError(error).reason === 'PermissionDenied') return 'closed';
      throw error;
    }
  };
  return call('storage.buckets.get', getMetadata, about);
};

const get = async ({ storage, call }: GcsSession, about: About): Promise<BucketMetadata> => {
  const [found] = await call('storage.buckets.get', () => storage.bucket(about.bucket).getMetadata(), about);
  return found;
};

/** The list is in order, so the bucket itself comes before any other whose name begins with its name. */
const isInProject = async ({ storage, call }: GcsSession, about: About): Promise<boolean> => {
  const query = { project: storage.projectId, prefix: about.bucket, maxResults: 1 };
  const buckets = await call('storage.buckets.list', () => listItems(storage, '/b', query), about);
  return buckets.some(({ name }) => name === about.bucket);
};

const taken = ({ bucket }: About): BucketError =>
  new BucketError(
    'NameTaken',
    `Bucket ${JSON.stringify(bucket)} belongs to another project; choose another spec.name.`,
  );

const inaccessible = ({ bucket }: About): BucketError =>
  new BucketError(
    'PermissionDenied',
    `Bucket ${JSON.stringify(bucket)} is this project's, but the credentials lack storage.buckets.get on it.`,
  );

/** The same 409 says that the bucket is ours and that it is another's, so it is observed. */
const create = async (session: GcsSession, bucket: DesiredBucket, about: About): Promise<void> => {
  const { storage, call } = session;
  const insert = () => storage.createBucket(bucket.name, creation(bucket));
  try {
    await call('storage.buckets.insert', insert, about, {
      400: { reason: 'LocationMismatch', advice: 'Google Cloud does not take this spec.location or spec.storageClass' },
      409: { reason: 'NotOwned' },
    });
  } catch (error) {
    if (error instanceof BucketError && error.reason === 'NotOwned') await observe(session, bucket, about);
    throw error;
  }
};

const creation = ({ location, storageClass, owner, publicAccess }: DesiredBucket): CreateBucketRequest => ({
  labels: { ...owner },
  ...(location !== undefined && { location }),
  ...(storageClass !== undefined && { storageClass }),
  ...(publicAccess !== 'Unmanaged' && { iamConfiguration: closed }),
});

/** Labels that are not named stay as they are. */
const patch = async ({ storage, call }: GcsSession, metadata: BucketMetadata, about: About): Promise<void> => {
  await call('storage.buckets.update', () => storage.bucket(about.bucket).setMetadata(metadata), about);
};

const unmark = async (session: GcsSession, bucket: DesiredBucket, about: About): Promise<void> => {
  const found = await find(session, about);
  if (typeof found === 'string' || !markOwnership(bucket.owner, labelsIn(found)).isOurs) return;
  const labels = Object.fromEntries(Object.keys(bucket.owner).map((key) => [key, null]));
  await patch(session, { labels }, about);
};

/** Cloud Storage itself refuses to delete what holds an object or a version. */
const remove = async (session: GcsSession, force: boolean, about: About): Promise<void> => {
  const { storage, call } = session;
  if (force) await emptyGcsBucket(session, about);
  const gone = () => storage.bucket(about.bucket).delete({ ignoreNotFound: true });
  await call('storage.buckets.delete', gone, about, { 409: { reason: 'BucketNotEmpty' } });
};

interface GcsClient {
  readonly storage: Storage;
  readonly call: VendorCall;
}

/** Pages of 1,000 that one call removes, and how many objects at a time. */
const maxPages = 100;
const concurrency = 16;

/**
 * Removes every object and every version. Throws BucketNotEmpty where some are under retention or where so much is left that
 * it must be called again. A bucket that is gone is empty.
 */
const emptyGcsBucket = async (session: GcsClient, about: About): Promise<void> => {
  for (let page = 0; page < maxPages; page += 1) {
    const files = await nextFiles(session, about);
    if (files.length === 0) return;
    for (let start = 0; start < files.length; start += concurrency)
      await Promise.all(files.slice(start, start + concurrency).map((file) => deleteFile(session, file, about)));
  }
  const message = `Bucket ${JSON.stringify(about.bucket)} is being emptied; it holds more still.`;
  throw new BucketError('BucketNotEmpty', message, { retryAfterMs: 1_000 });
};

const nextFiles = ({ storage, call }: GcsClient, about: About): Promise<readonly File[]> => {
  const bucket = storage.bucket(about.bucket);
  const list = async (): Promise<readonly File[]> => {
    try {
      const uri = `/b/${encodeURIComponent(about.bucket)}/o`;
      const items = await listItems(storage, uri, { versions: true, maxResults: 1000 });
      return items.map(({ name, generation }) =>
        bucket.file(name, { ...(generation !== undefined && { generation }) }),
      );
    } catch (error) {
      if (statusOf(error) === 404) return [];
      throw error;
    }
  };
  return call('storage.objects.list', list, about);
};

const deleteFile = async ({ call }: GcsClient, file: File, about: About): Promise<void> => {
  await call('storage.objects.delete', () => file.delete({ ignoreNotFound: true }), about);
};
