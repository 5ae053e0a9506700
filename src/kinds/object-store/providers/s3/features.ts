import {
  DeleteBucketLifecycleCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectLockConfigurationCommand,
  PutPublicAccessBlockCommand,
} from '@aws-sdk/client-s3';
import type { StringMap } from '../../../../api/kubernetes.ts';
import type { LifecycleRule } from '../../../../api/object-store.ts';
import { BucketError } from '../bucket.ts';
import { includesAll } from '../marks.ts';
import type { Setting } from '../setting.ts';
import type { S3Session } from './client.ts';
import { isSameLifecycle, toS3Rules } from './s3-lifecycle.ts';
import { addTags, readTags } from './s3-tags.ts';

/**
 * At other endpoints all but BlockPublicAcls: with that one Ceph 16 refuses even its owner's uploads, and ignoring such
 * ACLs keeps the bucket closed just as well.
 */
export const publicAccessSetting = ({ find, send, endpoint }: S3Session): Setting => {
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

export const versioningSetting = ({ send }: S3Session, isWanted: boolean): Setting => ({
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
export const retentionSetting = ({ find, send }: S3Session, days: number): Setting => ({
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

export const encryptionSetting = ({ find, send }: S3Session, key: string): Setting => ({
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

export const lifecycleSetting = ({ find, send }: S3Session, rules: readonly LifecycleRule[]): Setting => ({
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
export const storageClassSetting: Setting = {
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

export const labelsSetting = (session: S3Session, labels: StringMap): Setting => ({
  name: 'labels',
  isApplied: async (about) => includesAll((await readTags(session, about)) ?? {}, labels),
  apply: (about) => addTags(session, labels, about),
});
