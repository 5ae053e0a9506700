import { type HttpStub, type StubAnswer, type StubRequest, startHttpStub } from './http-stub.ts';

interface StoredBucket {
  tags: string;
  publicAccessBlock: string | undefined;
  readonly objects: Map<string, string>;
}

/** S3 of AWS itself, as far as making a bucket and using it goes: who owns it may do anything, others what `mayDo` says. */
export interface AwsS3Stub extends HttpStub {
  readonly buckets: ReadonlyMap<string, StoredBucket>;
}

interface AwsS3Options {
  /** The access key of the account that has the buckets. */
  readonly owner: string;
  readonly mayDo: (accessKey: string, action: string, resource: string) => boolean;
}

export const startAwsS3Stub = async ({ owner, mayDo }: AwsS3Options): Promise<AwsS3Stub> => {
  const buckets = new Map<string, StoredBucket>();
  const stub = await startHttpStub((request) => {
    const [, key = ''] = /Credential=([^/]+)\//.exec(request.headers.authorization ?? '') ?? [];
    const { bucket, object } = placeOf(request);
    if (key !== owner && !mayDo(key, ...permissionFor(request))) return error(403, 'AccessDenied');
    if (bucket === '') return listOf([...buckets.keys()]);
    return object === '' ? answerBucket(buckets, bucket, request) : answerObject(buckets.get(bucket), object, request);
  });
  return { ...stub, buckets };
};

const actions: Readonly<Record<string, string>> = {
  GET: 's3:GetObject',
  PUT: 's3:PutObject',
  DELETE: 's3:DeleteObject',
};

const permissionFor = (request: StubRequest): readonly [action: string, resource: string] => {
  const { bucket, object } = placeOf(request);
  const arn = `arn:aws:s3:::${bucket}`;
  return object === '' ? ['s3:ListBucket', arn] : [actions[request.method] ?? '', `${arn}/${object}`];
};

const placeOf = ({ url }: StubRequest) => {
  const [, bucket = '', ...object] = url.pathname.split('/');
  return { bucket, object: object.join('/') };
};

const xml = (body: string): StubAnswer => ({ status: 200, headers: { 'content-type': 'application/xml' }, body });
const error = (status: number, code: string): StubAnswer => ({
  ...xml(`<Error><Code>${code}</Code></Error>`),
  status,
});

const listOf = (names: readonly string[]): StubAnswer =>
  xml(
    `<ListAllMyBucketsResult><Owner><ID>me</ID></Owner><Buckets>${names.map((name) => `<Bucket><Name>${name}</Name></Bucket>`).join('')}</Buckets></ListAllMyBucketsResult>`,
  );

const answerBucket = (buckets: Map<string, StoredBucket>, name: string, request: StubRequest): StubAnswer => {
  const { method, url, body } = request;
  const found = buckets.get(name);
  if (found !== undefined && url.searchParams.has('tagging')) return answerTags(found, request);
  if (found !== undefined && url.searchParams.has('publicAccessBlock')) return answerPublicAccess(found, request);
  if (found === undefined && method !== 'PUT') return error(404, 'NoSuchBucket');
  if (method === 'DELETE') buckets.delete(name);
  if (method === 'PUT' && found === undefined) {
    const [tags = ''] = /<Tags>.*<\/Tags>/s.exec(String(body)) ?? [];
    buckets.set(name, { tags, publicAccessBlock: undefined, objects: new Map() });
  }
  return method === 'DELETE' ? { status: 204 } : { status: 200 };
};

const answerTags = (bucket: StoredBucket, { method, body }: StubRequest): StubAnswer => {
  if (method === 'PUT') [bucket.tags = ''] = /<TagSet>.*<\/TagSet>/s.exec(String(body)) ?? [];
  if (method === 'DELETE') bucket.tags = '';
  if (method !== 'GET') return { status: 204 };
  const tags = bucket.tags.replace(/^<Tags>(.*)<\/Tags>$/s, '<TagSet>$1</TagSet>');
  return tags === '' ? error(404, 'NoSuchTagSet') : xml(`<Tagging>${tags}</Tagging>`);
};

const answerPublicAccess = (bucket: StoredBucket, { method, body }: StubRequest): StubAnswer => {
  if (method === 'PUT') bucket.publicAccessBlock = String(body);
  if (method !== 'GET') return { status: 200 };
  return bucket.publicAccessBlock === undefined
    ? error(404, 'NoSuchPublicAccessBlockConfiguration')
    : xml(bucket.publicAccessBlock);
};

const answerObject = (bucket: StoredBucket | undefined, key: string, { method, body }: StubRequest): StubAnswer => {
  if (bucket === undefined) return error(404, 'NoSuchBucket');
  if (method === 'PUT') bucket.objects.set(key, String(body));
  if (method === 'DELETE') bucket.objects.delete(key);
  if (method !== 'GET') return { status: 200 };
  const content = bucket.objects.get(key);
  return content === undefined ? error(404, 'NoSuchKey') : { status: 200, body: content };
};
