import type { LifecycleRule as S3Rule } from '@aws-sdk/client-s3';
import type { LifecycleRule } from '../../../../api/object-store.ts';

/** Rules as S3 takes them. One rule of ours is one of S3's. */
export const toS3Rules = (rules: readonly LifecycleRule[]): S3Rule[] =>
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
export const isSameLifecycle = (left: readonly S3Rule[], right: readonly S3Rule[]): boolean => {
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
