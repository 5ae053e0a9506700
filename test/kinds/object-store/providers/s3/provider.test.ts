import { afterEach, describe, expect, test, vi } from 'vitest';
import { type HttpStub, type StubAnswer, startHttpStub } from '../../../../../dev/stubs/http-stub.ts';
import type { BucketProvider } from '../../../../../src/kinds/object-store/providers/bucket.ts';
import { createS3Provider } from '../../../../../src/kinds/object-store/providers/s3/provider.ts';
import { desiredBucket, featureOf, holding } from '../../../../fixtures/desired-bucket.ts';

/** What a request is answered with: `PUT`, or `GET ?tagging` where it is about part of a bucket, or `GET /` for the list. */
type Script = Readonly<Record<string, StubAnswer | readonly StubAnswer[]>>;

let stub: HttpStub | undefined;

afterEach(async () => {
  vi.unstubAllEnvs();
  await stub?.stop();
  stub = undefined;
});

const bucket = desiredBucket();
const signal = () => AbortSignal.timeout(10_000);
const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' };

const xml = (body: string, status = 200): StubAnswer => ({
  status,
  headers: { 'content-type': 'application/xml' },
  body,
});
const error = (status: number, code: string): StubAnswer => xml(`<Error><Code>${code}</Code></Error>`, status);
const head = (status: number, headers: Readonly<Record<string, string>> = {}): StubAnswer => ({ status, headers });
const tagging = (pairs: Readonly<Record<string, string>>): StubAnswer => {
  const tags = Object.entries(pairs).map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`);
  return xml(`<Tagging><TagSet>${tags.join('')}</TagSet></Tagging>`);
};
const owner = (id: string) => `<Owner><ID>${id}</ID></Owner>`;
const listing = (...buckets: readonly string[]): StubAnswer =>
  xml(`<ListAllMyBucketsResult>${owner('me')}<Buckets>${buckets.join('')}</Buckets></ListAllMyBucketsResult>`);
const listed = (region?: string) =>
  `<Bucket><Name>${bucket.name}</Name>${region === undefined ? '' : `<BucketRegion>${region}</BucketRegion>`}</Bucket>`;
const noTags = error(404, 'NoSuchTagSet');

/** Where the SDK's own chain looks for credentials. */
const identities = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_PROFILE',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
];

const keyOf = (method: string, { pathname, searchParams }: URL): string => {
  const part = [...searchParams.keys()].find((name) => name !== 'x-id' && searchParams.get(name) === '');
  if (part !== undefined) return `${method} ?${part}`;
  return pathname === '/' ? `${method} /` : method;
};

const start = async (script: Script): Promise<HttpStub> => {
  const queues = new Map(Object.entries(script).map(([key, answers]) => [key, [answers].flat()]));
  stub = await startHttpStub(({ method, url }) => {
    const queue = queues.get(keyOf(method, url)) ?? [];
    const answer = queue.length > 1 ? queue.shift() : queue[0];
    return answer ?? error(500, `NotInScript.${keyOf(method, url)}`.replace(/\W+/g, '.'));
  });
  return stub;
};

/** AWS itself, as the provider sees it: no endpoint was given. */
const aws = async (script: Script, region = 'eu-west-1'): Promise<BucketProvider> => {
  vi.stubEnv('AWS_ENDPOINT_URL_S3', (await start(script)).endpoint);
  return createS3Provider({ region, credentials });
};

const compatible = async (script: Script): Promise<BucketProvider> =>
  createS3Provider({ endpoint: (await start(script)).endpoint, credentials, isLoopbackAllowed: true });

const asked = () => stub?.requests.map(({ method, url }) => keyOf(method, url));
const sent = (key: string) => stub?.requests.find(({ method, url }) => keyOf(method, url) === key)?.body;

describe('on AWS', () => {
  test('a bucket is made with location and mark in the one call that makes it', async () => {
    const provider = await aws({ HEAD: head(404), PUT: head(200), 'GET ?tagging': tagging(bucket.owner) });
    await provider.create(bucket, signal());
    expect(sent('PUT')).toContain('<LocationConstraint>eu-west-1</LocationConstraint>');
    expect(sent('PUT')).toContain('<Key>quartermaster-objectstore</Key><Value>uid-of-sparkhistory</Value>');
    expect(asked()).not.toContain('PUT ?tagging');
  });

  test('us-east-1 is asked for by saying nothing', async () => {
    const provider = await aws({ HEAD: head(404), PUT: head(200), 'GET ?tagging': tagging(bucket.owner) }, 'us-east-1');
    await provider.create(bucket, signal());
    expect(sent('PUT')).not.toContain('LocationConstraint');
    expect(sent('PUT')).toContain('<Tags>');
  });

  test('a 200 to making what was there already is seen through', async () => {
    const provider = await aws({ HEAD: head(404), PUT: head(200), 'GET ?tagging': noTags }, 'us-east-1');
    await expect(provider.create(bucket, signal())).rejects.toMatchObject({ reason: 'NotOwned' });
  });

  test('a bucket that cannot be seen at once after it was made is looked for again, not given up', async () => {
    const provider = await aws({ HEAD: head(404), PUT: head(200), 'GET ?tagging': error(404, 'NoSuchBucket') });
    await expect(provider.create(bucket, signal())).rejects.toMatchObject({ reason: 'ProviderError' });
  });

  test('a bucket is seen with the region that holds it', async () => {
    const provider = await aws({
      HEAD: head(200, { 'x-amz-bucket-region': 'eu-central-1' }),
      'GET /': listing(listed('eu-central-1')),
      'GET ?tagging': tagging({ ...bucket.owner, team: 'spark' }),
    });
    expect(await provider.observe(bucket, signal())).toEqual({
      isOurs: true,
      isOthers: false,
      canCarryMark: true,
      isSameAccount: true,
      location: 'eu-central-1',
    });
    const list = stub?.requests.find(({ url }) => url.pathname === '/')?.url.searchParams;
    expect([list?.get('prefix'), list?.get('max-buckets')]).toEqual(['sparkhistory', '1000']);
  });

  test.each([
    ['that is not listed', 403, listing(), 'NameTaken', 'another account'],
    ['that is listed', 403, listing(listed()), 'PermissionDenied', 's3:ListBucket'],
    ['in another region', 301, listing(listed('ap-south-1')), 'LocationMismatch', 'is in ap-south-1, not in eu-west-1'],
    ['when the session has expired', 400, error(400, 'ExpiredToken'), 'CredentialsInvalid', 'ExpiredToken'],
    ['when the list is not ours to see', 403, error(403, 'AccessDenied'), 'PermissionDenied', 'ListBuckets: 403'],
  ])('HEAD alone does not decide on a bucket %s', async (_title, status, list, reason, text) => {
    const provider = await aws({ HEAD: head(status), 'GET /': list, 'GET ?acl': error(403, 'AccessDenied') });
    await expect(provider.observe(bucket, signal())).rejects.toMatchObject({ reason, message: holding(text) });
  });

  test.each([
    ['me', true],
    ['them', false],
  ])('a bucket that the list does not show yet is told by its owner %s', async (id, isSameAccount) => {
    const provider = await aws({
      HEAD: head(200),
      'GET /': listing(),
      'GET ?acl': xml(`<AccessControlPolicy>${owner(id)}</AccessControlPolicy>`),
      'GET ?tagging': tagging(bucket.owner),
    });
    expect(await provider.observe(bucket, signal())).toMatchObject({ isOurs: true, isSameAccount });
  });

  test('a bucket of another account that lets us in and hides its owner is not ours', async () => {
    const provider = await aws({
      HEAD: head(200),
      'GET /': listing(),
      'GET ?acl': error(403, 'AccessDenied'),
      'GET ?tagging': tagging(bucket.owner),
    });
    expect(await provider.observe(bucket, signal())).toMatchObject({ isSameAccount: false });
  });

  test('a request to slow down carries how long to wait and is not tried again at once', async () => {
    const provider = await aws({ HEAD: { ...head(503), headers: { 'retry-after': '3' } } });
    await expect(provider.observe(bucket, signal())).rejects.toMatchObject({
      reason: 'Throttled',
      retryAfterMs: 3_000,
    });
    expect(asked()).toEqual(['HEAD']);
  });

  test('no identity at all is told as such, and no request is sent', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_S3', (await start({})).endpoint);
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true');
    vi.stubEnv('HOME', '/nowhere');
    for (const name of identities) vi.stubEnv(name, undefined);
    const provider = createS3Provider({ region: 'eu-west-1' });
    await expect(provider.observe(bucket, signal())).rejects.toMatchObject({ reason: 'CredentialsMissing' });
    expect(asked()).toEqual([]);
  });

  test('public access is blocked in all four ways when nothing is said of it', async () => {
    const provider = await aws({
      'GET ?publicAccessBlock': error(404, 'NoSuchPublicAccessBlockConfiguration'),
      'PUT ?publicAccessBlock': head(200),
    });
    const feature = featureOf(provider, bucket, 'publicAccess');
    expect(await feature.isApplied(signal())).toBe(false);
    await feature.apply(signal());
    expect(String(sent('PUT ?publicAccessBlock')).match(/>true</g)).toHaveLength(4);
  });

  test.each([
    ['eu-west-1', 's3.eu-west-1.amazonaws.com'],
    ['cn-north-1', 's3.cn-north-1.amazonaws.com.cn'],
  ])('the connection to %s names its host', (region, host) => {
    expect(createS3Provider({ region, credentials }).connection(bucket)).toEqual({
      url: 's3a://sparkhistory',
      host,
      port: 443,
      region,
      endpoint: undefined,
    });
  });

  test.each([
    ['no region', undefined, 'is needed'],
    ['a region that is no word', 'eu-west-1.evil.example/', 'is not the name of a region'],
  ])('%s is refused before a call is made', (_title, region, text) => {
    expect(() => createS3Provider({ region, credentials })).toThrow(text);
  });
});

describe('at an endpoint', () => {
  const absent = { HEAD: head(404), PUT: head(200) };
  const swiftListing = xml(
    '<ListBucketResult><Name>sparkhistory</Name><IsTruncated>false</IsTruncated></ListBucketResult>',
  );

  test('a bucket is made without tags and without a location nobody named, and marked at once', async () => {
    const provider = await compatible({
      ...absent,
      'GET ?tagging': [noTags, noTags, tagging(bucket.owner)],
      'PUT ?tagging': head(200),
    });
    await provider.create(bucket, signal());
    expect(sent('PUT')).toBe('');
    expect(sent('PUT ?tagging')).toContain('<Value>uid-of-sparkhistory</Value>');
  });

  test('a location that the spec names is asked for', async () => {
    const provider = await compatible({ ...absent, 'GET ?tagging': tagging(bucket.owner) });
    await provider.create({ ...bucket, location: 'WAW3-1' }, signal());
    expect(sent('PUT')).toContain('<LocationConstraint>WAW3-1</LocationConstraint>');
  });

  test.each([
    ['answers them with a listing, as Swift does', swiftListing],
    ['says that it has none', error(501, 'NotImplemented')],
  ])('a server without tags that %s makes buckets that cannot carry a mark', async (_title, answer) => {
    const provider = await compatible({ ...absent, 'GET ?tagging': answer });
    await provider.create(bucket, signal());
    expect(asked()).not.toContain('PUT ?tagging');
    await stub?.stop();
    const there = await compatible({ HEAD: head(200), 'GET /': listing(listed()), 'GET ?tagging': answer });
    expect(await there.observe(bucket, signal())).toMatchObject({
      isOurs: false,
      isOthers: false,
      canCarryMark: false,
      isSameAccount: true,
    });
  });

  test('a mark that another ObjectStore put there at the same moment is not overwritten', async () => {
    const theirs = tagging({ 'quartermaster-objectstore': 'another' });
    const provider = await compatible({ ...absent, 'GET ?tagging': theirs, 'PUT ?tagging': head(200) });
    await expect(provider.create(bucket, signal())).rejects.toMatchObject({ reason: 'NotOwned' });
    expect(asked()).not.toContain('PUT ?tagging');
  });

  test.each([
    ['takes the call for another and calls the name taken', error(409, 'BucketAlreadyExists')],
    ['takes the call and does nothing', head(200)],
    ['does not have the call', error(501, 'NotImplemented')],
  ])('versioning at a server that %s is not supported', async (_title, answer) => {
    const provider = await compatible({
      'GET ?versioning': xml('<VersioningConfiguration/>'),
      'PUT ?versioning': answer,
    });
    const feature = featureOf(provider, { ...bucket, versioning: true }, 'versioning');
    await expect(feature.apply(signal())).rejects.toMatchObject({ reason: 'UnsupportedFeature' });
  });

  test('a code that is no word is not repeated', async () => {
    const code = 'see http://evil.example <script>';
    const provider = await compatible({ HEAD: head(403), 'GET /': error(418, code.replaceAll('<', '&lt;')) });
    await expect(provider.observe(bucket, signal())).rejects.toMatchObject({
      reason: 'ProviderError',
      message: expect.not.stringContaining('evil') as unknown,
    });
  });
});
