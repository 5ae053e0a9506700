import {
  AbortMultipartUploadCommand,
  type Bucket,
  type BucketLocationConstraint,
  CreateBucketCommand,
  type CreateBucketCommandInput,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  GetBucketAclCommand,
  HeadBucketCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ObjectIdentifier,
  paginateListBuckets,
} from '@aws-sdk/client-s3';
import type { AccessProvider } from '../access.ts';
import {
  type BucketConnection,
  BucketError,
  type BucketProvider,
  type DesiredBucket,
  markOwnership,
  type ObservedBucket,
  without,
} from '../bucket.ts';
import { type About, aboutBucket } from '../vendor-call.ts';
import {
  isAbsent,
  isUnsupported,
  openS3Session,
  readS3Error,
  type S3Options,
  type S3Session,
  statusOf,
} from './client.ts';
import { addTags, readTags, s3Features, writeTags } from './features.ts';
import { iamAccess } from './iam.ts';
import { rgwAccess } from './rgw.ts';
import { iamRoles } from './role.ts';

/** Buckets on AWS, or on anything that speaks S3 at an endpoint: Ceph, MinIO, Swift, CreoDIAS, Oracle, Alibaba, DigitalOcean. */
export const createS3Provider = (options: S3Options): BucketProvider => {
  const session = openS3Session(options);
  return {
    name: 's3',
    observe: (bucket, signal) => observe(session, bucket, aboutBucket(bucket, signal)),
    isEmpty: async (bucket, signal) => (await nextObjects(session, aboutBucket(bucket, signal))).length === 0,
    create: (bucket, signal) => create(session, bucket, aboutBucket(bucket, signal)),
    mark: (bucket, signal) => addTags(session, bucket.owner, aboutBucket(bucket, signal)),
    unmark: (bucket, signal) => unmark(session, bucket, aboutBucket(bucket, signal)),
    features: (bucket) => s3Features(session, bucket),
    remove: (bucket, force, signal) => remove(session, force, aboutBucket(bucket, signal)),
    access: accessOf(session, options),
    ...identitiesOf(session, options),
    connection: (bucket) => connectionOf(session, bucket),
  };
};

/** IAM on AWS; at an endpoint the admin API of Ceph, if that is what answers there. */
const accessOf = (session: S3Session, { credentials, iamEndpoint }: S3Options): AccessProvider =>
  session.endpoint === undefined
    ? iamAccess({ region: session.region, credentials, endpoint: iamEndpoint })
    : rgwAccess(session);

/** At an endpoint nobody knows service accounts of Kubernetes. */
const identitiesOf = (
  session: S3Session,
  { credentials, iamEndpoint: endpoint, oidcProvider = '', eksCluster = '' }: S3Options,
): Pick<BucketProvider, 'identities'> =>
  session.endpoint === undefined
    ? { identities: iamRoles({ region: session.region, credentials, endpoint, oidcProvider, eksCluster }) }
    : {};

const observe = async (
  session: S3Session,
  bucket: DesiredBucket,
  about: About,
): Promise<ObservedBucket | undefined> => {
  const head = await headBucket(session, about);
  if (head === 'absent') return undefined;
  const { isOwned, region, createdAt } = await accountOwnershipOf(session, about);
  if (head === 'closed') throw isOwned ? inaccessible(session, about, region) : taken(about);
  const tags = await readTags(session, about);
  return {
    ...markOwnership(bucket.owner, tags ?? {}),
    canCarryMark: tags !== undefined,
    isSameAccount: isOwned,
    location: session.endpoint === undefined ? (head.region ?? region) : undefined,
    // AWS takes the mark in the create call, and another date with each new policy.
    createdAt: session.endpoint === undefined ? undefined : createdAt,
  };
};

const taken = ({ bucket }: About): BucketError =>
  new BucketError(
    'NameTaken',
    `Bucket ${JSON.stringify(bucket)} belongs to another account; choose another spec.name.`,
  );

const inaccessible = (session: S3Session, { bucket }: About, region: string | undefined): BucketError => {
  const name = JSON.stringify(bucket);
  return region !== undefined && region !== session.region
    ? new BucketError(
        'LocationMismatch',
        `Bucket ${name} is in ${region}, not in ${session.region}; see spec.location.`,
      )
    : new BucketError(
        'PermissionDenied',
        `Bucket ${name} is this account's, but the credentials lack s3:ListBucket on it.`,
      );
};

/**
 * Observes first: Ceph everywhere, and AWS in us-east-1, answer 200 to making a bucket that one has already. AWS takes the
 * mark in the same call; others refuse it or drop it without a word, so there it follows at once.
 */
const create = async (session: S3Session, bucket: DesiredBucket, about: About): Promise<void> => {
  if ((await observe(session, bucket, about)) !== undefined) throw notOurs(about);
  await session.send(new CreateBucketCommand(creation(session, bucket)), about);
  const tags = await readTags(session, about);
  if (tags === undefined) return;
  const { isOurs, isOthers } = markOwnership(bucket.owner, tags);
  if (isOthers || (session.endpoint === undefined && !isOurs)) throw notOurs(about);
  if (!isOurs) await addTags(session, bucket.owner, about);
};

const notOurs = ({ bucket }: About): BucketError =>
  new BucketError('NotOwned', `Bucket ${JSON.stringify(bucket)} is there already; see spec.adopt.`);

const creation = (session: S3Session, bucket: DesiredBucket): CreateBucketCommandInput => {
  const configuration = {
    ...locationConstraint(session, bucket),
    ...(session.endpoint === undefined && {
      Tags: Object.entries(bucket.owner).map(([Key, Value]) => ({ Key, Value })),
    }),
  };
  return {
    Bucket: bucket.name,
    ...(bucket.retentionDays !== undefined && { ObjectLockEnabledForBucket: true }),
    ...(Object.keys(configuration).length > 0 && { CreateBucketConfiguration: configuration }),
  };
};

/** us-east-1 is asked for by saying nothing. Elsewhere than AWS only what the spec names is sure to be known to the server. */
const locationConstraint = ({ endpoint, region }: S3Session, { location }: DesiredBucket) => {
  const wanted = endpoint === undefined ? region : location;
  if (wanted === undefined || wanted === 'us-east-1') return {};
  // The SDK's type lists AWS' regions; other servers have their own.
  return { LocationConstraint: wanted as BucketLocationConstraint };
};

const unmark = async (session: S3Session, bucket: DesiredBucket, about: About): Promise<void> => {
  if ((await headBucket(session, about)) === 'absent') return;
  const tags = await readTags(session, about);
  if (tags === undefined || !markOwnership(bucket.owner, tags).isOurs) return;
  await writeTags(session, without(tags, Object.keys(bucket.owner)), about);
};

/** S3 itself refuses to delete what holds an object or a version. */
const remove = async (session: S3Session, force: boolean, about: About): Promise<void> => {
  if (force && (await headBucket(session, about)) !== 'absent') await emptyBucket(session, about);
  await session.find(new DeleteBucketCommand({ Bucket: about.bucket }), about, isAbsent);
};

const connectionOf = ({ endpoint, region, forcePathStyle }: S3Session, { name }: DesiredBucket): BucketConnection => {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const url = endpoint ?? new URL(`https://s3.${region}.${domain}`);
  return {
    url: `s3a://${name}`,
    host: url.hostname,
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    region,
    endpoint: endpoint?.origin,
    ...(endpoint && { forcePathStyle }),
  };
};

/** What HEAD tells: `closed` where a bucket may be there but these credentials, or this region, may not read it. */
type HeadResult = 'absent' | 'closed' | { readonly region: string | undefined };

const closed = [301, 307, 400, 403];
const maxListPages = 50;

const headBucket = ({ client, call }: S3Session, about: About): Promise<HeadResult> => {
  const command = new HeadBucketCommand({ Bucket: about.bucket });
  const head = async (abortSignal: AbortSignal): Promise<HeadResult> => {
    try {
      const { BucketRegion: region } = await client.send(command, { abortSignal });
      return { region };
    } catch (error) {
      const status = statusOf(error) ?? 0;
      if (status === 404) return 'absent';
      if (closed.includes(status)) return 'closed';
      throw error;
    }
  };
  return call('HeadBucket', head, about);
};

/** What the account itself says of a bucket, whatever others let us do with it. */
interface AccountOwnership {
  readonly isOwned: boolean;
  /** Where the account's list says it. */
  readonly region: string | undefined;
  readonly createdAt?: Date | undefined;
}

/**
 * Whether the bucket is in the account of these credentials. HEAD cannot tell: a policy may let us into another's. Falls
 * back on the bucket's owner where the list lags behind (AWS' is eventually consistent).
 */
const accountOwnershipOf = async (session: S3Session, about: About): Promise<AccountOwnership> => {
  const { found, owner } = await session.call('ListBuckets', (signal) => findListed(session, about, signal), about);
  if (found !== undefined) return { isOwned: true, region: found.BucketRegion, createdAt: found.CreationDate };
  const isOwned = owner !== undefined && (await ownerOf(session, about)) === owner;
  return { isOwned, region: undefined };
};

interface Listed {
  readonly found: Bucket | undefined;
  readonly owner: string | undefined;
}

const findListed = async ({ client, endpoint }: S3Session, { bucket }: About, abortSignal: AbortSignal) => {
  // Other servers do not know the parameters, and give the whole list at once.
  const query = endpoint === undefined ? { Prefix: bucket, MaxBuckets: 1000 } : {};
  let listed: Listed = { found: undefined, owner: undefined };
  let pages = 0;
  for await (const { Buckets, Owner } of paginateListBuckets({ client }, query, { abortSignal })) {
    // A web page, a proxy's sign-in: the SDK finds nothing in it and is content.
    if (Buckets === undefined && Owner === undefined) throw noS3(bucket);
    listed = { found: Buckets?.find(({ Name }) => Name === bucket), owner: Owner?.ID ?? listed.owner };
    pages += 1;
    if (listed.found !== undefined || pages === maxListPages) break;
  }
  return listed;
};

const noS3 = (bucket: string): BucketError => {
  const message = `Bucket ${JSON.stringify(bucket)}: what answers there is no S3; see spec.s3.endpoint.`;
  return new BucketError('ProviderError', message);
};

/** Undefined where we may not know. */
const ownerOf = async ({ find }: S3Session, about: About): Promise<string | undefined> => {
  const isHidden = (error: unknown) => ['PermissionDenied', 'UnsupportedFeature'].includes(readS3Error(error).reason);
  const answer = await find(new GetBucketAclCommand({ Bucket: about.bucket }), about, isHidden);
  return answer?.Owner?.ID;
};

/** Pages of 1,000 that one call removes; what is left then waits for the next, so that no call runs for hours. */
const maxPages = 100;

/**
 * Removes every object, every version, every unfinished upload. Throws BucketNotEmpty where some cannot be removed
 * (retention is never overridden) or where so much is left that it must be called again.
 */
const emptyBucket = async (session: S3Session, about: About): Promise<void> => {
  for (let page = 0; page < maxPages; page += 1) {
    const uploads = await abortUploads(session, about);
    const objects = await nextObjects(session, about);
    if (objects.length === 0 && uploads === 0) return;
    if (objects.length > 0) await deleteObjects(session, objects, about);
  }
  const message = `Bucket ${JSON.stringify(about.bucket)} is being emptied; it holds more still.`;
  throw new BucketError('BucketNotEmpty', message, { retryAfterMs: 1_000 });
};

/** Versions first; an endpoint without them has objects all the same. */
const nextObjects = async ({ find, send }: S3Session, about: About): Promise<readonly ObjectIdentifier[]> => {
  const Bucket = about.bucket;
  const versions = await find(new ListObjectVersionsCommand({ Bucket }), about, isUnsupported);
  const old = [...(versions?.Versions ?? []), ...(versions?.DeleteMarkers ?? [])];
  if (old.length > 0) return old.map(identifierOf);
  const { Contents = [] } = await send(new ListObjectsV2Command({ Bucket }), about);
  return Contents.map(identifierOf);
};

const identifierOf = (found: {
  readonly Key?: string | undefined;
  readonly VersionId?: string | undefined;
}): ObjectIdentifier => ({ Key: found.Key, ...(found.VersionId !== undefined && { VersionId: found.VersionId }) });

const deleteObjects = async (
  { send }: S3Session,
  objects: readonly ObjectIdentifier[],
  about: About,
): Promise<void> => {
  const Delete = { Quiet: true, Objects: [...objects] };
  const { Errors = [] } = await send(new DeleteObjectsCommand({ Bucket: about.bucket, Delete }), about);
  if (Errors.length === 0) return;
  const name = JSON.stringify(about.bucket);
  const message = `Bucket ${name} holds ${Errors.length} objects that may not be deleted, by retention or for want of a permission.`;
  throw new BucketError('BucketNotEmpty', message);
};

/** How many unfinished uploads were dropped. */
const abortUploads = async ({ find, send }: S3Session, about: About): Promise<number> => {
  const Bucket = about.bucket;
  const { Uploads = [] } = (await find(new ListMultipartUploadsCommand({ Bucket }), about, isUnsupported)) ?? {};
  for (const { Key, UploadId } of Uploads)
    await send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }), about);
  return Uploads.length;
};
