import { type HttpStub, type StubAnswer, type StubRequest, startHttpStub } from './http-stub.ts';

type Json = Readonly<Record<string, unknown>>;

interface StoredBucket {
  readonly project: string;
  resource: Json;
  readonly objects: string[];
}

/** Google Cloud Storage's JSON API, as far as buckets go; bodies and errors as its reference and its servers have them. */
export interface GcsStub extends HttpStub {
  /** A bucket of another project, which the caller may not look at. */
  readonly addForeign: (name: string) => void;
  readonly addObject: (bucket: string, object: string) => void;
  readonly resource: (bucket: string) => Json | undefined;
  /** As somebody would by hand. */
  readonly change: (bucket: string, fields: Json) => void;
}

const foreign = 'somebody-elses-project';
const forbidden =
  "caller does not have storage.buckets.get access to the Google Cloud Storage bucket. Permission 'storage.buckets.get' denied on resource (or it may not exist).";

/** `project`: whose buckets the caller owns; any credentials will do. `also` answers first, where it answers anything. */
export const startGcsStub = async (
  project: string,
  also: (request: StubRequest) => StubAnswer | undefined = () => undefined,
): Promise<GcsStub> => {
  const buckets = new Map<string, StoredBucket>();
  const stub = await startHttpStub((request) => also(request) ?? answer(buckets, project, request));
  return {
    ...stub,
    addForeign: (name) => void buckets.set(name, { project: foreign, resource: { name }, objects: [] }),
    addObject: (bucket, object) => void buckets.get(bucket)?.objects.push(object),
    resource: (name) => buckets.get(name)?.resource,
    change: (name, fields) => {
      const bucket = buckets.get(name);
      if (bucket !== undefined) bucket.resource = { ...bucket.resource, ...fields };
    },
  };
};

/** An error as the JSON API words it. */
export const gcsError = (status: number, reason: string, message: string): StubAnswer => ({
  status,
  body: { error: { code: status, message, errors: [{ message, domain: 'global', reason }] } },
});

const absent = gcsError(404, 'notFound', 'The specified bucket does not exist.');

const answer = (buckets: Map<string, StoredBucket>, project: string, request: StubRequest): StubAnswer => {
  const [, name, objects, object] =
    /^\/storage\/v1\/b(?:\/([^/]+))?(\/o)?(?:\/([^/]+))?$/.exec(request.url.pathname) ?? [];
  if (name === undefined) return request.method === 'POST' ? insert(buckets, request) : list(buckets, request);
  const bucket = buckets.get(name);
  if (bucket === undefined) return absent;
  if (bucket.project !== project) return gcsError(403, 'forbidden', forbidden);
  if (objects !== undefined) return answerObjects(bucket, request.method, object);
  return answerBucket(buckets, bucket, name, request);
};

const answerBucket = (
  buckets: Map<string, StoredBucket>,
  bucket: StoredBucket,
  name: string,
  { method, body }: StubRequest,
): StubAnswer => {
  if (method === 'DELETE' && bucket.objects.length > 0)
    return gcsError(409, 'conflict', 'The bucket you tried to delete is not empty.');
  if (method === 'DELETE') return buckets.delete(name) ? { status: 204 } : absent;
  if (method === 'PATCH') bucket.resource = merge(bucket.resource, body as Json);
  return { status: 200, body: bucket.resource };
};

const insert = (buckets: Map<string, StoredBucket>, { url, body }: StubRequest): StubAnswer => {
  const project = url.searchParams.get('project') ?? '';
  const wanted = body as Json & { readonly name: string; readonly location?: string };
  const taken = buckets.get(wanted.name);
  if (taken?.project === project)
    return gcsError(
      409,
      'conflict',
      'Your previous request to create the named bucket succeeded and you already own it.',
    );
  if (taken !== undefined)
    return gcsError(
      409,
      'conflict',
      'The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.',
    );
  const { location = 'US' } = wanted;
  const resource = {
    kind: 'storage#bucket',
    id: wanted.name,
    projectNumber: '123456789012',
    metageneration: '1',
    storageClass: 'STANDARD',
    iamConfiguration: { publicAccessPrevention: 'inherited', uniformBucketLevelAccess: { enabled: false } },
    ...wanted,
    location: location.toUpperCase(),
  };
  buckets.set(wanted.name, { project, resource, objects: [] });
  return { status: 200, body: resource };
};

const list = (buckets: Map<string, StoredBucket>, { url }: StubRequest): StubAnswer => {
  const { searchParams } = url;
  const items = [...buckets]
    .filter(
      ([name, { project }]) =>
        project === searchParams.get('project') && name.startsWith(searchParams.get('prefix') ?? ''),
    )
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .slice(0, Number(searchParams.get('maxResults') ?? 1000))
    .map(([, { resource }]) => resource);
  return { status: 200, body: { kind: 'storage#buckets', ...(items.length > 0 && { items }) } };
};

const answerObjects = ({ objects }: StoredBucket, method: string, object: string | undefined): StubAnswer => {
  if (object === undefined) {
    const items = objects.map((name, index) => ({ kind: 'storage#object', name, generation: String(index + 1) }));
    return { status: 200, body: { kind: 'storage#objects', items } };
  }
  const index = objects.indexOf(decodeURIComponent(object));
  if (method !== 'DELETE' || index < 0) return gcsError(404, 'notFound', 'No such object.');
  objects.splice(index, 1);
  return { status: 204 };
};

/** PATCH: objects are merged, null takes away, everything else replaces. */
const merge = (before: Json, change: Json): Json => {
  const after: Record<string, unknown> = { ...before };
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete after[key];
    else after[key] = isObject(value) ? merge(isObject(before[key]) ? before[key] : {}, value) : value;
  }
  return after;
};

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
