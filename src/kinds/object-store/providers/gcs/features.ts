import type { BucketMetadata } from '@google-cloud/storage';
import type { LifecycleRule } from '../../../../api/object-store.ts';
import { type DesiredBucket, type Feature, includesAll } from '../bucket.ts';

const daySeconds = 86_400;
const abortUpload = 'AbortIncompleteMultipartUpload';

/** One feature: the part of the metadata that makes it so, and whether that is what is there. */
export interface GcsSetting {
  readonly name: Feature['name'];
  readonly metadata: BucketMetadata;
  readonly isIn: (found: BucketMetadata) => boolean;
}

/** Closed from the first moment, which is why the insert carries it too. */
export const closed = {
  uniformBucketLevelAccess: { enabled: true },
  publicAccessPrevention: 'enforced',
} as const;

/** What the spec asks for of a bucket on Google Cloud Storage, in the order to apply it. */
export const gcsSettings = (bucket: DesiredBucket): readonly GcsSetting[] => {
  const { versioning, retentionDays, encryptionKey, lifecycle, storageClass, labels } = bucket;
  return [
    bucket.publicAccess !== 'Unmanaged' && publicAccess,
    versioning !== undefined && versioningAs(versioning),
    retentionDays !== undefined && retentionOf(retentionDays),
    encryptionKey !== undefined && encryptionWith(encryptionKey),
    lifecycle !== undefined && lifecycleOf(lifecycle),
    storageClass !== undefined && storageClassAs(storageClass),
    Object.keys(labels).length > 0 && labelsAs(labels),
  ].filter((setting) => setting !== false);
};

const publicAccess: GcsSetting = {
  name: 'publicAccess',
  metadata: { iamConfiguration: closed },
  isIn: ({ iamConfiguration }) =>
    iamConfiguration?.publicAccessPrevention === closed.publicAccessPrevention &&
    iamConfiguration.uniformBucketLevelAccess?.enabled === true,
};

const versioningAs = (enabled: boolean): GcsSetting => ({
  name: 'versioning',
  metadata: { versioning: { enabled } },
  isIn: ({ versioning }) => (versioning?.enabled ?? false) === enabled,
});

/** Not locked: a locked policy can never be shortened again, by anybody. */
const retentionOf = (days: number): GcsSetting => ({
  name: 'retention',
  metadata: { retentionPolicy: { retentionPeriod: days * daySeconds } },
  isIn: ({ retentionPolicy }) => Number(retentionPolicy?.retentionPeriod) === days * daySeconds,
});

const encryptionWith = (defaultKmsKeyName: string): GcsSetting => ({
  name: 'encryption',
  metadata: { encryption: { defaultKmsKeyName } },
  isIn: ({ encryption }) => encryption?.defaultKmsKeyName === defaultKmsKeyName,
});

const storageClassAs = (storageClass: string): GcsSetting => ({
  name: 'storageClass',
  metadata: { storageClass },
  isIn: (found) => found.storageClass?.toUpperCase() === storageClass.toUpperCase(),
});

const labelsAs = (labels: DesiredBucket['labels']): GcsSetting => ({
  name: 'labels',
  metadata: { labels },
  isIn: (found) => includesAll(labelsIn(found), labels),
});

export const labelsIn = ({ labels = {} }: BucketMetadata): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(labels).flatMap(([key, value]) => (value === null ? [] : [[key, value]])));

const lifecycleOf = (rules: readonly LifecycleRule[]): GcsSetting => {
  const wanted = rules.flatMap(toGcsRules);
  return {
    name: 'lifecycle',
    metadata: { lifecycle: { rule: wanted } },
    isIn: ({ lifecycle }) => isSameLifecycle(lifecycle?.rule ?? [], wanted),
  };
};

type GcsRule = NonNullable<NonNullable<BucketMetadata['lifecycle']>['rule']>[number];

/** One action a rule: what S3 says in one takes up to three. Live objects alone expire; with versioning they become noncurrent. */
const toGcsRules = ({ prefix, expireDays, noncurrentExpireDays, abortMultipartDays }: LifecycleRule): GcsRule[] => {
  const where = prefix === undefined || prefix === '' ? {} : { matchesPrefix: [prefix] };
  const rules: (GcsRule | false)[] = [
    expireDays !== undefined && { action: { type: 'Delete' }, condition: { age: expireDays, isLive: true, ...where } },
    noncurrentExpireDays !== undefined && {
      action: { type: 'Delete' },
      condition: { daysSinceNoncurrentTime: noncurrentExpireDays, ...where },
    },
    abortMultipartDays !== undefined && {
      action: { type: abortUpload },
      condition: { age: abortMultipartDays, ...where },
    },
  ];
  return rules.filter((rule) => rule !== false);
};

const isSameLifecycle = (left: readonly GcsRule[], right: readonly GcsRule[]): boolean => {
  const [a, b] = [left.map(essence).toSorted(), right.map(essence).toSorted()];
  return a.length === b.length && a.every((rule, index) => rule === b[index]);
};

const essence = ({ action, condition }: GcsRule): string =>
  JSON.stringify([action.type, Object.entries(condition).toSorted(([a], [b]) => (a < b ? -1 : 1))]);
