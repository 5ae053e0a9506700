import {
  DeleteBucketLifecycleCommand,
  DeleteBucketTaggingCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketTaggingCommand,
  type GetBucketTaggingCommandOutput,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
  type LifecycleRule as S3Rule,
} from '@aws-sdk/client-s3';
import type { StringMap } from '../../../../api/kubernetes.ts';
import type { LifecycleRule } from '../../../../api/object-store.ts';
import { BucketError, type DesiredBucket, type Feature, includesAll } from '../bucket.ts';
import { type About, featuresOf, type Setting } from '../vendor-call.ts';
import type { S3Session } from './client.ts';
import { quotaSetting } from './rgw-quota.ts';

/** What the spec asks for of an S3 bucket, in the order to apply it: retention needs versions, labels can wait. */
export const s3Features = (session: S3Session, bucket: DesiredBucket): readonly Feature[] => {
  const { versioning, retentionDays, encryptionKey, lifecycle, storageClass, labels, quota } = bucket;
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
    quota !== undefined && quotaSetting(session, quota),
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

/**
 * At other endpoints all but BlockPublicAcls: with that one Ceph 16 refuses even its owner's uploads, and ignoring such
 * ACLs keeps the bucket closed just as well.
 */
const publicAccessSetting = ({ find, send, endpoint }: S3Session): Setting => {
  const wanted = {
    BlockPublicAcls: endpoint === undefined,
    IgnorePublicAcls: true,
    BlockPublicPolicy: true,
    RestrictPublicBuckets: true,
  };
  return {
    name: 'publicAccess',
    isApplied: async (about) => {
      const answer = await find(new GetPublicAccessBlockCommand({ Bucket: about.bucket }), about);
      const { PublicAccessBlockConfiguration: found = {} } = answer ?? {};
      return (
        found.IgnorePublicAcls === true &&
        found.BlockPublicPolicy === true &&
        found.RestrictPublicBuckets === true &&
        (found.BlockPublicAcls === true || !wanted.BlockPublicAcls)
      );
    },
    apply: async (about) => {
      const configuration = { Bucket: about.bucket, PublicAccessBlockConfiguration: wanted };
      await send(new PutPublicAccessBlockCommand(configuration), about);
    },
  };
};

const versioningSetting = ({ send }: S3Session, isWanted: boolean): Setting => ({
  name: 'versioning',
  isApplied: async (about) => {
    const { Status } = await send(new GetBucketVersioningCommand({ Bucket: about.bucket }), about);
    return (Status === 'Enabled') === isWanted;
  },
  apply: async (about) => {
    const VersioningConfiguration = { Status: isWanted ? 'Enabled' : 'Suspended' } as const;
    await send(new PutBucketVersioningCommand({ Bucket: about.bucket, VersioningConfiguration }), about);
  },
});

/** GOVERNANCE: whoever has the permission can still put right what was kept by mistake; COMPLIANCE nobody can. */
const retentionSetting = ({ find, send }: S3Session, days: number): Setting => ({
  name: 'retention',
  isApplied: async (about) => {
    const answer = await find(new GetObjectLockConfigurationCommand({ Bucket: about.bucket }), about);
    return answer?.ObjectLockConfiguration?.Rule?.DefaultRetention?.Days === days;
  },
  apply: async (about) => {
    const DefaultRetention = { Mode: 'GOVERNANCE', Days: days } as const;
    const ObjectLockConfiguration = { ObjectLockEnabled: 'Enabled', Rule: { DefaultRetention } } as const;
    await send(new PutObjectLockConfigurationCommand({ Bucket: about.bucket, ObjectLockConfiguration }), about);
  },
});

const encryptionSetting = ({ find, send }: S3Session, key: string): Setting => ({
  name: 'encryption',
  isApplied: async (about) => {
    const answer = await find(new GetBucketEncryptionCommand({ Bucket: about.bucket }), about);
    const [rule] = answer?.ServerSideEncryptionConfiguration?.Rules ?? [];
    return rule?.ApplyServerSideEncryptionByDefault?.KMSMasterKeyID === key;
  },
  apply: async (about) => {
    const ApplyServerSideEncryptionByDefault = { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: key } as const;
    const Rules = [{ ApplyServerSideEncryptionByDefault, BucketKeyEnabled: true }];
    const ServerSideEncryptionConfiguration = { Rules };
    await send(new PutBucketEncryptionCommand({ Bucket: about.bucket, ServerSideEncryptionConfiguration }), about);
  },
});

const lifecycleSetting = ({ find, send }: S3Session, rules: readonly LifecycleRule[]): Setting => ({
  name: 'lifecycle',
  isApplied: async (about) => {
    const answer = await find(new GetBucketLifecycleConfigurationCommand({ Bucket: about.bucket }), about);
    return isSameLifecycle(answer?.Rules ?? [], toS3Rules(rules));
  },
  apply: async (about) => {
    const Bucket = about.bucket;
    const LifecycleConfiguration = { Rules: toS3Rules(rules) };
    if (rules.length === 0) await send(new DeleteBucketLifecycleCommand({ Bucket }), about);
    else await send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration }), about);
  },
});

/** S3 knows storage classes of objects only. */
const storageClassSetting: Setting = {
  name: 'storageClass',
  isApplied: () => Promise.resolve(false),
  apply: ({ bucket }) =>
    Promise.reject(
      new BucketError(
        'UnsupportedFeature',
        `Bucket ${JSON.stringify(bucket)}: S3 has no storage class of a bucket; leave spec.storageClass out and give it with each object.`,
      ),
    ),
};

const labelsSetting = (session: S3Session, labels: StringMap): Setting => ({
  name: 'labels',
  isApplied: async (about) => includesAll((await readTags(session, about)) ?? {}, labels),
  apply: (about) => addTags(session, labels, about),
});

/** Rules as S3 takes them. One rule of ours is one of S3's. */
const toS3Rules = (rules: readonly LifecycleRule[]): S3Rule[] =>
  rules.map(({ prefix = '', expireDays, noncurrentExpireDays, abortMultipartDays }, index) => ({
    ID: `quartermaster-${index + 1}`,
    Status: 'Enabled',
    Filter: { Prefix: prefix },
    ...(expireDays !== undefined && { Expiration: { Days: expireDays } }),
    ...(noncurrentExpireDays !== undefined && {
      NoncurrentVersionExpiration: { NoncurrentDays: noncurrentExpireDays },
    }),
    ...(abortMultipartDays !== undefined && {
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: abortMultipartDays },
    }),
  }));

/** True where both lists do the same. Ceph gives an empty filter back as a rule's own prefix, and orders rules by name. */
const isSameLifecycle = (left: readonly S3Rule[], right: readonly S3Rule[]): boolean => {
  const [a, b] = [left.map(essence).toSorted(), right.map(essence).toSorted()];
  return a.length === b.length && a.every((rule, index) => rule === b[index]);
};

const essence = (rule: S3Rule): string =>
  JSON.stringify([
    rule.Status,
    rule.Filter?.Prefix ?? rule.Prefix ?? '',
    rule.Expiration?.Days,
    rule.Expiration?.Date,
    rule.NoncurrentVersionExpiration?.NoncurrentDays,
    rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation,
    rule.Transitions?.length ?? 0,
    rule.Filter?.Tag ?? rule.Filter?.And ?? null,
  ]);

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
