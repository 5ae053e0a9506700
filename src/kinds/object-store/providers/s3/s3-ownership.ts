import { type Bucket, GetBucketAclCommand, HeadBucketCommand, paginateListBuckets } from '@aws-sdk/client-s3';
import { BucketError } from '../bucket.ts';
import type { About } from '../vendor-call.ts';
import type { S3Session } from './client.ts';
import { readS3Error, statusOf } from './s3-errors.ts';

/** What HEAD tells: `closed` where a bucket may be there but these credentials, or this region, may not read it. */
export type HeadResult = 'absent' | 'closed' | { readonly region: string | undefined };

const closed = [301, 307, 400, 403];
const maxListPages = 50;

export const headBucket = ({ client, call }: S3Session, about: About): Promise<HeadResult> => {
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
export interface AccountOwnership {
  readonly isOwned: boolean;
  /** Where the account's list says it. */
  readonly region: string | undefined;
}

/**
 * Whether the bucket is in the account of these credentials. HEAD cannot tell: a policy may let us into another's. Falls
 * back on the bucket's owner where the list lags behind (AWS' is eventually consistent).
 */
export const accountOwnershipOf = async (session: S3Session, about: About): Promise<AccountOwnership> => {
  const { found, owner } = await session.call('ListBuckets', (signal) => findListed(session, about, signal), about);
  if (found !== undefined) return { isOwned: true, region: found.BucketRegion };
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
