import type { File, Storage } from '@google-cloud/storage';
import { BucketError } from '../bucket.ts';
import type { About, VendorCall } from '../vendor-call.ts';
import { statusOf } from './client.ts';
import { listItems } from './gcs-list.ts';

export interface GcsClient {
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
export const emptyGcsBucket = async (session: GcsClient, about: About): Promise<void> => {
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
