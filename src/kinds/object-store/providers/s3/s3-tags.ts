import {
  DeleteBucketTaggingCommand,
  GetBucketTaggingCommand,
  type GetBucketTaggingCommandOutput,
  PutBucketTaggingCommand,
} from '@aws-sdk/client-s3';
import type { StringMap } from '../../../../api/kubernetes.ts';
import { BucketError } from '../bucket.ts';
import { includesAll } from '../marks.ts';
import type { About } from '../vendor-call.ts';
import type { S3Session } from './client.ts';

/**
 * The bucket's tags; undefined where the endpoint has none to give: it says so, or answers with something else (Swift
 * lists the bucket, whatever it is asked for).
 */
export const readTags = async ({ find }: S3Session, about: About): Promise<StringMap | undefined> => {
  try {
    const answer = await find(new GetBucketTaggingCommand({ Bucket: about.bucket }), about);
    return answer === undefined ? {} : mapOf(answer);
  } catch (error) {
    if (error instanceof BucketError && error.reason === 'UnsupportedFeature') return undefined;
    throw error;
  }
};

/** Adds tags to those that are there, system tags among them: S3 replaces the set as a whole. Throws UnsupportedFeature where they do not stay. */
export const addTags = async (session: S3Session, tags: StringMap, about: About): Promise<void> => {
  const before = await readTags(session, about);
  await writeTags(session, { ...before, ...tags }, about);
  const after = await readTags(session, about);
  if (after === undefined || !includesAll(after, tags))
    throw new BucketError('UnsupportedFeature', `Bucket ${JSON.stringify(about.bucket)}: its endpoint keeps no tags.`);
};

export const writeTags = async ({ send }: S3Session, tags: StringMap, about: About): Promise<void> => {
  const Bucket = about.bucket;
  const TagSet = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  if (TagSet.length === 0) await send(new DeleteBucketTaggingCommand({ Bucket }), about);
  else await send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }), about);
};

const mapOf = ({ TagSet }: GetBucketTaggingCommandOutput): StringMap | undefined =>
  TagSet && Object.fromEntries(TagSet.map(({ Key = '', Value = '' }) => [Key, Value]));
