import { describe, expect, it } from 'vitest';
import type { BucketProviderName } from '../../../src/api/object-store.ts';
import {
  checkBucketLabel,
  checkBucketName,
  checkStorageAccountName,
} from '../../../src/kinds/object-store/validation.ts';

const valid: readonly (readonly [BucketProviderName, string])[] = [
  ['s3', 'spark-history'],
  ['s3', 'abc'],
  ['s3', 'a'.repeat(63)],
  ['s3', 'logs.example.org'],
  ['s3', 'my--bucket'],
  ['s3', 'plan-an'],
  ['gcs', 'spark_history'],
  ['gcs', `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}`],
  ['azure', 'spark-history'],
  ['azure', '123'],
];

const invalid: readonly (readonly [BucketProviderName, string, string])[] = [
  ['s3', 'ab', '3 to 63'],
  ['s3', 'a'.repeat(64), '3 to 63'],
  ['s3', 'Spark-History', 'a-z, 0-9'],
  ['s3', 'spark_history', 'a-z, 0-9'],
  ['s3', 'spark\nhistory', 'may hold only'],
  ['s3', '-spark', 'begin and end'],
  ['s3', 'spark.', 'begin and end'],
  ['s3', 'a..b', 'two dots'],
  ['s3', '192.168.5.4', 'IP address'],
  ['s3', 'xn--bucket', 'xn--'],
  ['s3', 'amzn-s3-demo-x', 'amzn-s3-demo-'],
  ['s3', 'bucket-s3alias', '-s3alias'],
  ['s3', 'logs-123456789012-eu-west-1-an', 'account-regional'],
  ['gcs', 'goog-logs', 'goog'],
  ['gcs', 'my-g00gle-logs', 'google'],
  ['gcs', 'a'.repeat(64), '222 with dots'],
  ['gcs', `${'a.'.repeat(111)}aa`, '222 with dots'],
  ['gcs', '_spark', 'begin and end'],
  ['azure', 'logs.example', 'a-z, 0-9 and "-"'],
  ['azure', 'spark--history', 'two hyphens'],
  ['azure', '$web', 'a-z, 0-9 and "-"'],
];

describe('names of buckets', () => {
  it.each(valid)('lets %s have %s', (provider, name) => {
    expect(checkBucketName(provider, name)).toBeUndefined();
  });

  it.each(invalid)('tells why %s cannot have %s', (provider, name, rule) => {
    const sentence = checkBucketName(provider, name);
    expect(sentence).toContain(rule);
    expect(sentence).toMatch(/^spec\.name ".*" cannot be .*: it .*\.$/);
  });

  it('holds storage accounts to letters and digits', () => {
    expect(checkStorageAccountName('teamahistory1')).toBeUndefined();
    expect(checkStorageAccountName('team-a')).toMatch(/^spec\.azure\.storageAccount "team-a" must be 3 to 24/);
  });
});

describe('labels of buckets', () => {
  it.each([
    ['gcs', 'team', 'data-eng'],
    ['s3', 'cost center', 'A/B: 12'],
    ['azure', 'Team', 'size <1>'],
  ] as const)('lets %s have %s', (provider, key, value) => {
    expect(checkBucketLabel(provider, key, value)).toBeUndefined();
  });

  it.each([
    ['gcs', 'Team', 'data'],
    ['gcs', 'team', 'Data Engineering'],
    ['gcs', 'example.org/team', 'data'],
    ['s3', 'aws:team', 'data'],
    ['s3', 'team', 'a<b'],
    ['azure', 'team', 'Größe'],
    ['s3', 'quartermaster-objectstore', 'x'],
  ] as const)('tells why %s cannot have %s: %s', (provider, key, value) => {
    expect(checkBucketLabel(provider, key, value)).toContain(`spec.labels "${key}"`);
  });
});
