import {
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AccessKey, type CephRgw, startCephRgw } from '../../dev/ceph-rgw/ceph-rgw.ts';
import type { BucketProvider, DesiredBucket, Feature } from '../../src/kinds/object-store/providers/bucket.ts';
import { createS3Provider } from '../../src/kinds/object-store/providers/s3/provider.ts';
import { desiredBucket, featureOf, holding, notHolding, wantedByAnother } from '../fixtures/desired-bucket.ts';

let ceph: CephRgw;
let alice: Tenant;
let bob: Tenant;

interface Tenant {
  readonly provider: BucketProvider;
  /** The SDK itself, for what a person would do by hand. */
  readonly client: S3Client;
}

beforeAll(async () => {
  ceph = await startCephRgw();
  alice = tenantOf(await ceph.createUser('alice'));
  bob = tenantOf(await ceph.createUser('bob', { maxBuckets: 1 }));
});

afterAll(() => ceph?.stop());

const providerOf = ({ accessKey, secretKey }: AccessKey): BucketProvider =>
  createS3Provider({
    endpoint: ceph.endpoint,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    isLoopbackAllowed: true,
  });

const tenantOf = (key: AccessKey): Tenant => ({
  provider: providerOf(key),
  client: new S3Client({
    endpoint: ceph.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: key.accessKey, secretAccessKey: key.secretKey },
  }),
});

const bucketOf = (name: string, wanted: Partial<DesiredBucket> = {}): DesiredBucket =>
  desiredBucket({ ...wanted, name });

const signal = () => AbortSignal.timeout(30_000);

const made = async (name: string, wanted: Partial<DesiredBucket> = {}): Promise<DesiredBucket> => {
  const bucket = bucketOf(name, wanted);
  await alice.provider.create(bucket, signal());
  return bucket;
};

const tagsOf = async (Bucket: string): Promise<Readonly<Record<string, string>>> => {
  const { TagSet = [] } = await alice.client.send(new GetBucketTaggingCommand({ Bucket }));
  return Object.fromEntries(TagSet.map(({ Key = '', Value = '' }) => [Key, Value]));
};

const featureFor = (bucket: DesiredBucket, name: Feature['name']): Feature => featureOf(alice.provider, bucket, name);

describe('a bucket on Ceph', () => {
  test('is made with our mark and seen as ours', async () => {
    const bucket = await made('marked');
    expect(await alice.provider.observe(bucket, signal())).toEqual({
      isOurs: true,
      isOthers: false,
      canCarryMark: true,
      isSameAccount: true,
      location: undefined,
      createdAt: expect.any(Date) as unknown,
    });
    expect(await tagsOf('marked')).toEqual(bucket.owner);
  });

  test('is not there before it is made', async () => {
    expect(await alice.provider.observe(bucketOf('never-made'), signal())).toBeUndefined();
  });

  test('is not made a second time although Ceph would answer 200', async () => {
    const bucket = await made('twice');
    await expect(alice.provider.create(bucket, signal())).rejects.toMatchObject({ reason: 'NotOwned' });
  });

  test('that another ObjectStore marked keeps its mark', async () => {
    await made('others');
    const mine = wantedByAnother(bucketOf('others'));
    await expect(alice.provider.create(mine, signal())).rejects.toMatchObject({ reason: 'NotOwned' });
    expect(await alice.provider.observe(mine, signal())).toMatchObject({ isOurs: false, isOthers: true });
    expect(await tagsOf('others')).toMatchObject({ 'quartermaster-objectstore': 'uid-of-others' });
  });

  test('of another user is a name that is taken, for looking and for making', async () => {
    await made('hers');
    const refused = { reason: 'NameTaken', message: holding('"hers"') };
    await expect(bob.provider.observe(bucketOf('hers'), signal())).rejects.toMatchObject(refused);
    await expect(bob.provider.create(bucketOf('hers'), signal())).rejects.toMatchObject(refused);
  });

  test('past the quota of the user is refused as such', async () => {
    await bob.provider.create(bucketOf('bobs-only'), signal());
    await expect(bob.provider.create(bucketOf('bobs-second'), signal())).rejects.toMatchObject({
      reason: 'QuotaExceeded',
    });
    expect(await bob.provider.observe(bucketOf('bobs-second'), signal())).toBeUndefined();
  });

  test('in a location the server does not know is refused as such', async () => {
    await expect(made('elsewhere', { location: 'eu-nowhere-1' })).rejects.toMatchObject({ reason: 'LocationMismatch' });
  });

  test('takes tags of others along when it is marked and loses ours alone when it is unmarked', async () => {
    const bucket = bucketOf('adopted');
    await alice.client.send(new CreateBucketCommand({ Bucket: 'adopted' }));
    const TagSet = [{ Key: 'team', Value: 'storage' }];
    await alice.client.send(new PutBucketTaggingCommand({ Bucket: 'adopted', Tagging: { TagSet } }));
    expect(await alice.provider.observe(bucket, signal())).toMatchObject({ isOurs: false, isOthers: false });
    await alice.provider.mark(bucket, signal());
    expect(await tagsOf('adopted')).toEqual({ team: 'storage', ...bucket.owner });
    await alice.provider.unmark(bucket, signal());
    expect(await tagsOf('adopted')).toEqual({ team: 'storage' });
  });
});

describe('credentials', () => {
  const wrongly = (accessKey: string) => providerOf({ accessKey, secretKey: 'a-wrong-secret' });
  const refused = { reason: 'CredentialsInvalid', message: notHolding('a-wrong-secret') };

  test('whose key nobody knows are told apart from a name that is taken', async () => {
    const bucket = await made('seen-by-nobody');
    await expect(wrongly('nobody').observe(bucket, signal())).rejects.toMatchObject(refused);
  });

  test('whose secret is wrong are told apart from a name that is taken', async () => {
    const bucket = await made('seen-by-carol');
    const { accessKey } = await ceph.createUser('carol');
    await expect(wrongly(accessKey).observe(bucket, signal())).rejects.toMatchObject(refused);
  });
});

describe('features on Ceph', () => {
  test('versioning is turned on, seen when it drifted, and suspended', async () => {
    const bucket = await made('versioned', { versioning: true });
    const feature = featureFor(bucket, 'versioning');
    expect(await feature.isApplied(signal())).toBe(false);
    await feature.apply(signal());
    expect(await feature.isApplied(signal())).toBe(true);
    const VersioningConfiguration = { Status: 'Suspended' } as const;
    await alice.client.send(new PutBucketVersioningCommand({ Bucket: bucket.name, VersioningConfiguration }));
    expect(await feature.isApplied(signal())).toBe(false);
    await feature.apply(signal());
    await featureFor({ ...bucket, versioning: false }, 'versioning').apply(signal());
    expect(await alice.client.send(new GetBucketVersioningCommand({ Bucket: bucket.name }))).toMatchObject({
      Status: 'Suspended',
    });
  });

  test('versioning that was never on needs nothing to be off', async () => {
    const bucket = await made('unversioned', { versioning: false });
    expect(await featureFor(bucket, 'versioning').isApplied(signal())).toBe(true);
  });

  test('lifecycle rules are kept, put right after drift, and taken away', async () => {
    const rules = [{ prefix: 'logs/', expireDays: 30, noncurrentExpireDays: 3 }, { abortMultipartDays: 2 }];
    const bucket = await made('aging', { lifecycle: rules });
    const feature = featureFor(bucket, 'lifecycle');
    expect(await feature.isApplied(signal())).toBe(false);
    await feature.apply(signal());
    expect(await feature.isApplied(signal())).toBe(true);
    const Rules = [{ ID: 'by-hand', Status: 'Enabled', Filter: { Prefix: '' }, Expiration: { Days: 1 } } as const];
    const byHand = { Bucket: bucket.name, LifecycleConfiguration: { Rules } };
    await alice.client.send(new PutBucketLifecycleConfigurationCommand(byHand));
    expect(await feature.isApplied(signal())).toBe(false);
    await feature.apply(signal());
    const { Rules: kept } = await alice.client.send(
      new GetBucketLifecycleConfigurationCommand({ Bucket: bucket.name }),
    );
    expect(kept?.map(({ ID }) => ID)).toEqual(['quartermaster-1', 'quartermaster-2']);
    await featureFor({ ...bucket, lifecycle: [] }, 'lifecycle').apply(signal());
    expect(await featureFor({ ...bucket, lifecycle: [] }, 'lifecycle').isApplied(signal())).toBe(true);
  });

  test('labels join the tags that are there and are put back after drift', async () => {
    const bucket = await made('labelled', { labels: { team: 'spark', 'app.kubernetes.io/name': 'history' } });
    const feature = featureFor(bucket, 'labels');
    await feature.apply(signal());
    expect(await tagsOf(bucket.name)).toEqual({ ...bucket.owner, ...bucket.labels });
    const TagSet = Object.entries({ ...bucket.owner, team: 'other' }).map(([Key, Value]) => ({ Key, Value }));
    await alice.client.send(new PutBucketTaggingCommand({ Bucket: bucket.name, Tagging: { TagSet } }));
    expect(await feature.isApplied(signal())).toBe(false);
    await feature.apply(signal());
    expect(await feature.isApplied(signal())).toBe(true);
    expect(await alice.provider.observe(bucket, signal())).toMatchObject({ isOurs: true });
  });

  test('retention is set on a bucket that was made for it', async () => {
    const bucket = await made('kept', { retentionDays: 1 });
    const feature = featureFor(bucket, 'retention');
    expect(await feature.isApplied(signal())).toBe(false);
    await feature.apply(signal());
    expect(await feature.isApplied(signal())).toBe(true);
  });

  test('retention on a bucket that was not made for it is unsupported', async () => {
    const bucket = { ...(await made('not-kept')), retentionDays: 1 };
    await expect(featureFor(bucket, 'retention').apply(signal())).rejects.toMatchObject({
      reason: 'UnsupportedFeature',
    });
  });

  test('public access is blocked when it is asked for, and the owner can still write', async () => {
    const bucket = await made('closed', { publicAccess: 'Blocked' });
    const feature = featureFor(bucket, 'publicAccess');
    expect(await feature.isApplied(signal())).toBe(false);
    await feature.apply(signal());
    expect(await feature.isApplied(signal())).toBe(true);
    await alice.client.send(new PutObjectCommand({ Bucket: bucket.name, Key: 'mine', Body: 'x' }));
  });

  test('public access is left alone at an endpoint when nothing is said of it', () => {
    expect(alice.provider.features(bucketOf('silent'))).toEqual([]);
  });

  test.each(['encryption', 'storageClass'] as const)('%s says that it is not supported', async (name) => {
    const wanted = { encryptionKey: 'a-key', storageClass: 'COLD' };
    const bucket = await made(`no-${name.toLowerCase()}`, wanted);
    await expect(featureFor(bucket, name).apply(signal())).rejects.toMatchObject({ reason: 'UnsupportedFeature' });
  });
});

describe('removing from Ceph', () => {
  const put = (Bucket: string, Key: string) => alice.client.send(new PutObjectCommand({ Bucket, Key, Body: Key }));

  test('an empty bucket goes, and once more is success', async () => {
    const bucket = await made('empty');
    await alice.provider.remove(bucket, false, signal());
    expect(await alice.provider.observe(bucket, signal())).toBeUndefined();
    await alice.provider.remove(bucket, false, signal());
    await alice.provider.remove(bucket, true, signal());
    await alice.provider.unmark(bucket, signal());
  });

  test('a bucket that holds an object stays', async () => {
    const bucket = await made('holding');
    await put('holding', 'a');
    await expect(alice.provider.remove(bucket, false, signal())).rejects.toMatchObject({ reason: 'BucketNotEmpty' });
    expect(await alice.provider.observe(bucket, signal())).toMatchObject({ isOurs: true });
  });

  test('a bucket whose objects were deleted stays as long as it holds their versions', async () => {
    const bucket = await made('ghosts', { versioning: true });
    await featureFor(bucket, 'versioning').apply(signal());
    await put('ghosts', 'a');
    await alice.client.send(new DeleteObjectCommand({ Bucket: 'ghosts', Key: 'a' }));
    await expect(alice.provider.remove(bucket, false, signal())).rejects.toMatchObject({ reason: 'BucketNotEmpty' });
  });

  test('by force takes objects, versions, delete markers and unfinished uploads', async () => {
    const bucket = await made('full', { versioning: true });
    await featureFor(bucket, 'versioning').apply(signal());
    for (const key of ['a', 'a', 'b', 'c/d e+f&g']) await put('full', key);
    await alice.client.send(new DeleteObjectCommand({ Bucket: 'full', Key: 'a' }));
    await alice.client.send(new CreateMultipartUploadCommand({ Bucket: 'full', Key: 'unfinished' }));
    await alice.provider.remove(bucket, true, signal());
    expect(await alice.provider.observe(bucket, signal())).toBeUndefined();
  });

  test('by force takes more than fits on a page', async () => {
    const bucket = await made('many');
    const keys = Array.from({ length: 1_050 }, (_, index) => `object-${index}`);
    while (keys.length > 0) await Promise.all(keys.splice(0, 50).map((key) => put('many', key)));
    await alice.provider.remove(bucket, true, signal());
    expect(await alice.provider.observe(bucket, signal())).toBeUndefined();
  });

  test('by force does not override retention', async () => {
    const bucket = await made('retained', { retentionDays: 1 });
    await featureFor(bucket, 'retention').apply(signal());
    await put('retained', 'a');
    await expect(alice.provider.remove(bucket, true, signal())).rejects.toMatchObject({ reason: 'BucketNotEmpty' });
  });

  test('another user’s bucket is refused', async () => {
    await made('not-bobs');
    await expect(bob.provider.remove(bucketOf('not-bobs'), false, signal())).rejects.toMatchObject({
      reason: 'PermissionDenied',
    });
  });
});

test('an aborted signal ends a call before it is made', async () => {
  const refused = expect(alice.provider.create(bucketOf('aborted'), AbortSignal.abort())).rejects;
  await refused.toMatchObject({ name: 'BucketError', reason: 'EndpointUnreachable' });
  expect(await alice.provider.observe(bucketOf('aborted'), signal())).toBeUndefined();
});

test('the connection names the endpoint', () => {
  const { hostname, port } = new URL(ceph.endpoint);
  expect(alice.provider.connection(bucketOf('spark'))).toEqual({
    url: 's3a://spark',
    host: hostname,
    port: Number(port),
    region: 'us-east-1',
    endpoint: ceph.endpoint,
    forcePathStyle: true,
  });
});
