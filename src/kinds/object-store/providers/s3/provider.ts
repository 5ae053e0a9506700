import {
  type BucketLocationConstraint,
  CreateBucketCommand,
  type CreateBucketCommandInput,
  DeleteBucketCommand,
} from '@aws-sdk/client-s3';
import {
  type BucketConnection,
  BucketError,
  type BucketProvider,
  type DesiredBucket,
  type ObservedBucket,
} from '../bucket.ts';
import { markOwnership, without } from '../marks.ts';
import type { About } from '../vendor-call.ts';
import { openS3Session, type S3Options, type S3Session } from './client.ts';
import { emptyBucket } from './s3-emptying.ts';
import { isAbsent } from './s3-errors.ts';
import { s3Features } from './s3-features.ts';
import { accountOwnershipOf, headBucket } from './s3-ownership.ts';
import { addTags, readTags, writeTags } from './s3-tags.ts';

/** Buckets on AWS, or on anything that speaks S3 at an endpoint: Ceph, MinIO, Swift, CreoDIAS, Oracle, Alibaba, DigitalOcean. */
export const createS3Provider = (options: S3Options): BucketProvider => {
  const session = openS3Session(options);
  const about = ({ name }: DesiredBucket, signal: AbortSignal): About => ({ bucket: name, signal });
  return {
    name: 's3',
    observe: (bucket, signal) => observe(session, bucket, about(bucket, signal)),
    create: (bucket, signal) => create(session, bucket, about(bucket, signal)),
    mark: (bucket, signal) => addTags(session, bucket.owner, about(bucket, signal)),
    unmark: (bucket, signal) => unmark(session, bucket, about(bucket, signal)),
    features: (bucket) => s3Features(session, bucket),
    remove: (bucket, force, signal) => remove(session, force, about(bucket, signal)),
    connection: (bucket) => connectionOf(session, bucket),
  };
};

const observe = async (
  session: S3Session,
  bucket: DesiredBucket,
  about: About,
): Promise<ObservedBucket | undefined> => {
  const head = await headBucket(session, about);
  if (head === 'absent') return undefined;
  const { isOwned, region } = await accountOwnershipOf(session, about);
  if (head === 'closed') throw isOwned ? inaccessible(session, about, region) : taken(about);
  const tags = await readTags(session, about);
  return {
    ...markOwnership(bucket.owner, tags ?? {}),
    canCarryMark: tags !== undefined,
    isSameAccount: isOwned,
    location: session.endpoint === undefined ? (head.region ?? region) : undefined,
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

const connectionOf = ({ endpoint, region }: S3Session, { name }: DesiredBucket): BucketConnection => {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const url = endpoint ?? new URL(`https://s3.${region}.${domain}`);
  return {
    url: `s3a://${name}`,
    host: url.hostname,
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    region,
    endpoint: endpoint?.origin,
  };
};
