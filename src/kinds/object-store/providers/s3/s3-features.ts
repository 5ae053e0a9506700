import { BucketError, type DesiredBucket, type Feature } from '../bucket.ts';
import { featuresOf, type Setting } from '../setting.ts';
import type { About } from '../vendor-call.ts';
import type { S3Session } from './client.ts';
import {
  encryptionSetting,
  labelsSetting,
  lifecycleSetting,
  publicAccessSetting,
  retentionSetting,
  storageClassSetting,
  versioningSetting,
} from './features.ts';

/** What the spec asks for of an S3 bucket, in the order to apply it: retention needs versions, labels can wait. */
export const s3Features = (session: S3Session, bucket: DesiredBucket): readonly Feature[] => {
  const { versioning, retentionDays, encryptionKey, lifecycle, storageClass, labels } = bucket;
  const isOnAws = session.endpoint === undefined;
  const isClosed = bucket.publicAccess === 'Blocked' || (bucket.publicAccess === 'Default' && isOnAws);
  const settings: readonly (Setting | false)[] = [
    isClosed && publicAccessSetting(session),
    versioning !== undefined && versioningSetting(session, versioning),
    retentionDays !== undefined && retentionSetting(session, retentionDays),
    encryptionKey !== undefined && encryptionSetting(session, encryptionKey),
    lifecycle !== undefined && lifecycleSetting(session, lifecycle),
    storageClass !== undefined && storageClassSetting,
    Object.keys(labels).length > 0 && labelsSetting(session, labels),
  ];
  return featuresOf(bucket.name, isOnAws ? settings : settings.map((setting) => setting && checked(setting)));
};

/**
 * Endpoints answer 200 to what they do not know, or take an unknown sub-resource for the bucket itself and call its name
 * taken. So what was written is read again. Not on AWS, where a read may still show what was there before.
 */
const checked = (setting: Setting): Setting => ({
  ...setting,
  apply: async (about) => {
    await setting.apply(about).catch((error: unknown) => {
      throw isAboutTheBucket(error) ? notKept(setting, about, error) : error;
    });
    if (!(await setting.isApplied(about))) throw notKept(setting, about);
  },
});

const isAboutTheBucket = (error: unknown): boolean =>
  error instanceof BucketError && (error.reason === 'NameTaken' || error.reason === 'NotOwned');

const notKept = ({ name }: Setting, { bucket }: About, cause?: unknown): BucketError => {
  const message = `Bucket ${JSON.stringify(bucket)}: its endpoint takes ${name} and does not keep it.`;
  return new BucketError('UnsupportedFeature', message, { cause });
};
