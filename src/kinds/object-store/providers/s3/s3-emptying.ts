import {
  AbortMultipartUploadCommand,
  DeleteObjectsCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  type ObjectIdentifier,
} from '@aws-sdk/client-s3';
import { BucketError } from '../bucket.ts';
import type { About } from '../vendor-call.ts';
import type { S3Session } from './client.ts';
import { isUnsupported } from './s3-errors.ts';

/** Pages of 1,000 that one call removes; what is left then waits for the next, so that no call runs for hours. */
const maxPages = 100;

/**
 * Removes every object, every version, every unfinished upload. Throws BucketNotEmpty where some cannot be removed
 * (retention is never overridden) or where so much is left that it must be called again.
 */
export const emptyBucket = async (session: S3Session, about: About): Promise<void> => {
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
