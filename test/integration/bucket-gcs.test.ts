import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type GcsStub, gcsError, startGcsStub } from '../../dev/stubs/gcs.ts';
import { type HttpStub, startHttpStub } from '../../dev/stubs/http-stub.ts';
import type { BucketProvider, DesiredBucket, Feature } from '../../src/kinds/object-store/providers/bucket.ts';
import { createGcsProvider } from '../../src/kinds/object-store/providers/gcs/provider.ts';
import { desiredBucket, featureOf, holding, wantedByAnother } from '../fixtures/desired-bucket.ts';

let stub: GcsStub;
let provider: BucketProvider;

beforeEach(async () => {
  stub = await startGcsStub('my-project');
  provider = createGcsProvider({ project: 'my-project', endpoint: stub.endpoint, isAnonymous: true });
});

afterEach(() => stub.stop());

const bucketOf = (wanted: Partial<DesiredBucket> = {}): DesiredBucket =>
  desiredBucket({ location: 'europe-west1', ...wanted });

const bucket = bucketOf();
const signal = () => AbortSignal.timeout(60_000);

const featureFor = (wanted: DesiredBucket, name: Feature['name']): Feature => featureOf(provider, wanted, name);

const asked = () => stub.requests.map(({ method, url }) => `${method} ${url.pathname}${url.search}`);

describe('a bucket on Google Cloud Storage', () => {
  test('is made closed and with our mark in the one call that makes it', async () => {
    await provider.create(bucketOf({ storageClass: 'NEARLINE' }), signal());
    expect(asked()).toEqual(['POST /storage/v1/b?project=my-project']);
    expect(stub.requests[0]?.body).toEqual({
      name: 'sparkhistory',
      location: 'europe-west1',
      storageClass: 'NEARLINE',
      labels: bucket.owner,
      iamConfiguration: { uniformBucketLevelAccess: { enabled: true }, publicAccessPrevention: 'enforced' },
    });
  });

  test('is observed as ours, in our project, where it is', async () => {
    expect(await provider.observe(bucket, signal())).toBeUndefined();
    await provider.create(bucket, signal());
    expect(await provider.observe(bucket, signal())).toEqual({
      isOurs: true,
      isOthers: false,
      canCarryMark: true,
      isSameAccount: true,
      location: 'europe-west1',
    });
  });

  test('that is there already is told apart by looking: the same 409 says ours and theirs', async () => {
    await provider.create(bucket, signal());
    const again = wantedByAnother(bucket);
    await expect(provider.create(again, signal())).rejects.toMatchObject({ reason: 'NotOwned' });
    expect(await provider.observe(again, signal())).toMatchObject({ isOurs: false, isOthers: true });
    stub.addForeign('taken');
    const theirs = bucketOf({ name: 'taken' });
    await expect(provider.create(theirs, signal())).rejects.toMatchObject({ reason: 'NameTaken' });
    await expect(provider.observe(theirs, signal())).rejects.toMatchObject({ reason: 'NameTaken' });
  });

  test('that is ours but closed to these credentials is a permission that lacks, not a name that is taken', async () => {
    await provider.create(bucket, signal());
    stub.failNext('GET', /sparkhistory$/, gcsError(403, 'forbidden', 'no storage.buckets.get'));
    await expect(provider.observe(bucket, signal())).rejects.toMatchObject({
      reason: 'PermissionDenied',
      message: holding('storage.buckets.get'),
    });
  });

  test('is marked and unmarked without touching the labels of others', async () => {
    await provider.create(bucketOf({ owner: {}, labels: {} }), signal());
    await featureFor(bucketOf({ labels: { team: 'spark' } }), 'labels').apply(signal());
    await provider.mark(bucket, signal());
    expect(stub.resource('sparkhistory')?.['labels']).toEqual({ team: 'spark', ...bucket.owner });
    await provider.unmark(bucket, signal());
    expect(stub.resource('sparkhistory')?.['labels']).toEqual({ team: 'spark' });
  });
});

describe('features on Google Cloud Storage', () => {
  const wanted: Partial<DesiredBucket> = {
    publicAccess: 'Blocked',
    versioning: true,
    retentionDays: 7,
    encryptionKey: 'projects/p/locations/l/keyRings/r/cryptoKeys/k',
    lifecycle: [
      { prefix: 'logs/', expireDays: 30, noncurrentExpireDays: 3, abortMultipartDays: 2 },
      { expireDays: 90 },
    ],
    storageClass: 'COLDLINE',
    labels: { team: 'spark' },
  };

  test.each(Object.keys(wanted).map((key) => [key]))(
    '%s is applied once, seen as applied, and put right after drift',
    async (key) => {
      await provider.create(bucketOf({ publicAccess: 'Unmanaged' }), signal());
      const only = {
        ...bucketOf({ publicAccess: 'Unmanaged' }),
        ...Object.fromEntries([[key, wanted[key as keyof DesiredBucket]]]),
      };
      const [feature, ...more] = provider.features(only);
      if (feature === undefined) throw new Error('it asks for nothing');
      expect(more).toEqual([]);
      expect(await feature.isApplied(signal())).toBe(false);
      await feature.apply(signal());
      expect(await feature.isApplied(signal())).toBe(true);
      await driftOf(feature.name);
      expect(await feature.isApplied(signal())).toBe(false);
      await feature.apply(signal());
      expect(await feature.isApplied(signal())).toBe(true);
    },
  );

  const drifted: Readonly<Partial<Record<Feature['name'], unknown>>> = {
    publicAccess: { iamConfiguration: { publicAccessPrevention: 'inherited' } },
    versioning: { versioning: { enabled: false } },
    retention: { retentionPolicy: { retentionPeriod: '86400' } },
    encryption: { encryption: null },
    lifecycle: { lifecycle: { rule: [{ action: { type: 'Delete' }, condition: { age: 1 } }] } },
    storageClass: { storageClass: 'STANDARD' },
    labels: { labels: { team: 'another' } },
  };

  const driftOf = async (name: Feature['name']) => {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify(drifted[name]);
    await fetch(`${stub.endpoint}/storage/v1/b/sparkhistory`, { method: 'PATCH', headers, body });
  };

  test('a rule of ours is one rule for each thing it does', async () => {
    await provider.create(bucket, signal());
    await featureFor(bucketOf(wanted), 'lifecycle').apply(signal());
    expect(stub.resource('sparkhistory')?.['lifecycle']).toEqual({
      rule: [
        { action: { type: 'Delete' }, condition: { age: 30, isLive: true, matchesPrefix: ['logs/'] } },
        { action: { type: 'Delete' }, condition: { daysSinceNoncurrentTime: 3, matchesPrefix: ['logs/'] } },
        { action: { type: 'AbortIncompleteMultipartUpload' }, condition: { age: 2, matchesPrefix: ['logs/'] } },
        { action: { type: 'Delete' }, condition: { age: 90, isLive: true } },
      ],
    });
  });

  test('a precondition of the organisation is a feature that is not supported here', async () => {
    await provider.create(bucket, signal());
    stub.failNext('PATCH', /sparkhistory$/, gcsError(412, 'conditionNotMet', 'constraints/storage.x'));
    await expect(featureFor(bucketOf(wanted), 'versioning').apply(signal())).rejects.toMatchObject({
      reason: 'UnsupportedFeature',
    });
  });
});

describe('removing from Google Cloud Storage', () => {
  test('an empty bucket goes, and once more is success', async () => {
    await provider.create(bucket, signal());
    await provider.remove(bucket, false, signal());
    expect(stub.resource('sparkhistory')).toBeUndefined();
    await provider.remove(bucket, false, signal());
    await provider.remove(bucket, true, signal());
  });

  test('a bucket that holds an object stays, unless by force', async () => {
    await provider.create(bucket, signal());
    for (const name of ['a', 'logs/b c', 'ü']) stub.addObject('sparkhistory', name);
    await expect(provider.remove(bucket, false, signal())).rejects.toMatchObject({ reason: 'BucketNotEmpty' });
    expect(stub.resource('sparkhistory')).toBeDefined();
    await provider.remove(bucket, true, signal());
    expect(stub.resource('sparkhistory')).toBeUndefined();
  });

  test('by force does not override retention', async () => {
    await provider.create(bucket, signal());
    stub.addObject('sparkhistory', 'a');
    stub.failNext('DELETE', /\/o\/a$/, gcsError(403, 'retentionPolicyNotMet', 'until 2027'));
    await expect(provider.remove(bucket, true, signal())).rejects.toMatchObject({ reason: 'BucketNotEmpty' });
  });
});

describe('errors of Google Cloud Storage', () => {
  test.each([
    ['credentials it does not know', gcsError(401, 'authError', 'Invalid Credentials'), 'CredentialsInvalid'],
    ['a permission that lacks', gcsError(403, 'forbidden', 'no storage.buckets.create'), 'PermissionDenied'],
    ['a rate limit told as 403', gcsError(403, 'rateLimitExceeded', 'slow down'), 'Throttled'],
    ['a quota', gcsError(403, 'quotaExceeded', 'quota'), 'QuotaExceeded'],
    [
      'a location it does not have',
      gcsError(400, 'invalid', 'The specified location constraint is not valid.'),
      'LocationMismatch',
    ],
    ['a failure of its own', gcsError(500, 'backendError', 'We encountered an internal error.'), 'ProviderError'],
  ])('%s', async (_title, answer, reason) => {
    stub.failNext('POST', /\/b$/, answer);
    await expect(provider.create(bucket, signal())).rejects.toMatchObject({ reason });
    expect(asked().filter((line) => line.startsWith('POST'))).toHaveLength(1);
  });

  test('a rate limit carries how long to wait and is not tried again at once', async () => {
    const answer = gcsError(429, 'rateLimitExceeded', 'The rate of create requests is too high.');
    stub.failNext('POST', /\/b$/, { ...answer, headers: { 'retry-after': '7' } });
    await expect(provider.create(bucket, signal())).rejects.toMatchObject({ reason: 'Throttled', retryAfterMs: 7_000 });
    expect(stub.requests).toHaveLength(1);
  });

  test('a sentence names bucket and permission and repeats nothing the server wrote', async () => {
    stub.failNext('POST', /\/b$/, gcsError(403, 'forbidden', 'me@project.iam does not have access'));
    await expect(provider.create(bucket, signal())).rejects.toMatchObject({
      message: `Bucket "sparkhistory" at ${stub.endpoint}: the credentials are good but lack a permission for this (storage.buckets.insert: 403 forbidden).`,
    });
  });
});

test('the connection is what Hadoop and Spark need', () => {
  const own = createGcsProvider({ project: 'my-project' });
  expect(own.connection(bucket)).toEqual({
    url: 'gs://sparkhistory',
    host: 'storage.googleapis.com',
    port: 443,
    region: 'europe-west1',
    endpoint: undefined,
    s3: { endpoint: 'https://storage.googleapis.com', region: 'auto' },
  });
});

describe('the platform’s workload identity', () => {
  let metadata: HttpStub;
  const token = 'ya29.not-to-be-printed';

  const serveToken = async (status: number) => {
    metadata = await startHttpStub(({ url }) => {
      const headers = { 'metadata-flavor': 'Google' };
      if (!url.pathname.endsWith('/token')) return { status: 200, headers, body: 'ok' };
      return { status, headers, body: { access_token: token, expires_in: 3599, token_type: 'Bearer' } };
    });
    vi.stubEnv('GCE_METADATA_HOST', new URL(metadata.endpoint).host);
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', undefined);
    vi.stubEnv('CLOUDSDK_CONFIG', '/nowhere');
    vi.stubEnv('HOME', '/nowhere');
    return createGcsProvider({ project: 'my-project', endpoint: stub.endpoint, timeoutMs: 30_000 });
  };

  afterEach(async () => {
    vi.unstubAllEnvs();
    await metadata.stop();
  });

  test('signs every request with a token of the metadata service', async () => {
    const identified = await serveToken(200);
    expect(await identified.observe(bucket, signal())).toBeUndefined();
    expect(stub.requests.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${token}`]);
  });

  test('that may do nothing fails without printing its token, however the error is printed', async () => {
    const identified = await serveToken(200);
    stub.failNext('GET', /sparkhistory$/, gcsError(401, 'authError', 'Invalid Credentials'));
    const error = await identified.observe(bucket, signal()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ reason: 'CredentialsInvalid' });
    expect(inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true })).not.toContain(token);
  });

  test('that is not there is told as such, and no request is sent', async () => {
    const unidentified = await serveToken(404);
    await expect(unidentified.observe(bucket, signal())).rejects.toMatchObject({
      reason: expect.stringMatching(/^Credentials/) as unknown,
    });
    expect(stub.requests).toEqual([]);
  });
});
