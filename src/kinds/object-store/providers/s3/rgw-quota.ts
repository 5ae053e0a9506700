import type { DesiredBucket } from '../bucket.ts';
import type { Setting } from '../vendor-call.ts';
import type { S3Session } from './client.ts';
import { rgwAdmin } from './rgw-admin.ts';

interface RgwBucket {
  readonly owner: string;
  readonly bucket_quota: { readonly enabled: boolean; readonly max_size: number; readonly max_objects: number };
}

/** What a bucket of a Ceph object gateway may hold, which the admin API sets for keys with the caps `buckets=*`. */
export const quotaSetting = (session: S3Session, { bytes, objects }: NonNullable<DesiredBucket['quota']>): Setting => {
  const admin = rgwAdmin(session);
  // Ceph 16 takes a size in bytes for none at all.
  const kibibytes = bytes < 0 ? -1 : Math.ceil(bytes / 1024);
  const find = (about: Parameters<Setting['apply']>[0]) =>
    admin<RgwBucket>('GET', 'bucket', { bucket: about.bucket, stats: 'True' }, about);
  return {
    name: 'quota',
    isApplied: async (about) => {
      const { enabled, max_size, max_objects } = (await find(about))?.bucket_quota ?? {};
      const isSize = bytes < 0 ? (max_size ?? 0) < 0 : max_size === kibibytes * 1024;
      return enabled === true && isSize && max_objects === objects;
    },
    apply: async (about) => {
      const uid = (await find(about))?.owner ?? '';
      const limits = { enabled: 'true', 'max-size-kb': String(kibibytes), 'max-objects': String(objects) };
      await admin('PUT', 'bucket', { quota: '', uid, bucket: about.bucket, ...limits }, about);
    },
  };
};
