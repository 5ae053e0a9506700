import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { type GcsStub, gcsError, startGcsStub } from '../../dev/stubs/gcs.ts';
import { googleAccess } from '../../dev/stubs/google-access.ts';
import { type HttpStub, startHttpStub } from '../../dev/stubs/http-stub.ts';
import type { StringMap } from '../../src/api/kubernetes.ts';
import type { ObjectStore } from '../../src/api/object-store.ts';
import {
  conditionOf,
  type ObjectStoreCluster,
  startObjectStoreCluster,
  until,
} from '../fixtures/object-store-cluster.ts';

const PROJECT = 'analytics';

const TOKEN = 'ya29.not-to-be-told';

/** Of the one bucket that a workload is given access to. */
const access = googleAccess(PROJECT, 'results');
let gcs: GcsStub;
let metadata: HttpStub;
let cluster: ObjectStoreCluster;

beforeAll(async () => {
  [gcs, metadata, cluster] = await Promise.all([
    startGcsStub(PROJECT, access.answer),
    startMetadata(),
    startObjectStoreCluster(),
  ]);
  // Google's client would else ask the real metadata service of whatever machine this is.
  vi.stubEnv('GCE_METADATA_HOST', new URL(metadata.endpoint).host);
  vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', undefined);
  vi.stubEnv('CLOUDSDK_CONFIG', '/nowhere');
  vi.stubEnv('HOME', '/nowhere');
  cluster.run({
    resyncMs: 2_000,
    world: { cloud: 'gcp', region: 'europe-west1', project: PROJECT },
    request: (request) => ({ ...request, gcs: { ...request.gcs, endpoint: gcs.endpoint, iamEndpoint: gcs.endpoint } }),
  });
});

afterAll(async () => {
  await cluster?.stop();
  await gcs?.stop();
  await metadata?.stop();
  vi.unstubAllEnvs();
});

const startMetadata = (): Promise<HttpStub> =>
  startHttpStub(({ url }) => ({
    status: 200,
    headers: { 'metadata-flavor': 'Google' },
    body: url.pathname.endsWith('/token') ? { access_token: TOKEN, expires_in: 3599, token_type: 'Bearer' } : 'ok',
  }));

const untilReason = (name: string, reason: string): Promise<ObjectStore> =>
  until(`${name} has reason ${reason}`, async () => {
    const store = await cluster.read(name);
    return conditionOf(store, 'Ready')?.reason === reason && store;
  });

const removed = async (name: string): Promise<void> => {
  await cluster.remove(name);
  await until(`${name} is gone`, async () => (await cluster.read(name)) === undefined);
};

interface Drifted {
  readonly versioning?: { readonly enabled: boolean };
  readonly labels?: StringMap;
}

const isNamed = (body: unknown, start: string): boolean =>
  typeof body === 'object' && body !== null && 'name' in body && String(body.name).startsWith(start);

describe('an ObjectStore on Google Cloud', () => {
  it('needs nothing but a name, even where no webhook filled in the rest', async () => {
    await cluster.submit('sparkhistory', { name: 'banzaicloudsparkhistory' });
    const store = await untilReason('sparkhistory', 'Created');
    expect(store.status).toMatchObject({
      provider: 'gcs',
      location: 'europe-west1',
      url: 'gs://banzaicloudsparkhistory',
      ownership: 'Created',
    });
    expect(gcs.resource('banzaicloudsparkhistory')).toMatchObject({
      labels: { 'quartermaster-objectstore': store.metadata.uid, 'quartermaster-cluster': 'cluster-1' },
      iamConfiguration: { publicAccessPrevention: 'enforced' },
    });
    expect(new Set(gcs.requests.map(({ headers }) => headers.authorization))).toEqual(new Set([`Bearer ${TOKEN}`]));
    expect(cluster.logged()).not.toContain(TOKEN);
    expect(gcs.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
    expect(await cluster.connection('sparkhistory-objectstore')).toMatchObject({
      BUCKET_URL: 'gs://banzaicloudsparkhistory',
      BUCKET_PROVIDER: 'gcs',
      BUCKET_REGION: 'europe-west1',
    });
  });

  it('is repaired where somebody changed by hand what spec sets, and keeps what it does not set', async () => {
    await cluster.submit('drifting', { name: 'drifting-bucket', versioning: true, labels: { team: 'data' } });
    const { metadata } = await untilReason('drifting', 'Created');
    const mark = { 'quartermaster-objectstore': metadata.uid, 'quartermaster-cluster': 'cluster-1' };
    gcs.change('drifting-bucket', { versioning: { enabled: false }, labels: { ...mark, mine: 'kept' } });
    await until('versions are kept and the label is back', () => {
      const { versioning, labels } = (gcs.resource('drifting-bucket') ?? {}) as Drifted;
      return Promise.resolve(versioning?.enabled === true && labels?.['team'] === 'data');
    });
    expect(gcs.resource('drifting-bucket')).toMatchObject({ labels: { ...mark, mine: 'kept' } });
    await removed('drifting');
  });

  it('gives its workload HMAC keys, and its service account the role in their place, which ends with it', async () => {
    await cluster.submit('results', { name: 'results', access: {} });
    await until('there are keys', async () => (await cluster.read('results'))?.status?.access?.keyId);
    const { AWS_ACCESS_KEY_ID: id = '' } = (await cluster.secret('results-objectstore')) ?? {};
    expect([...access.keys.keys()]).toEqual([id]);
    await cluster.change('results', { access: { serviceAccount: 'spark' } });
    const principal =
      'principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/analytics.svc.id.goog/subject/ns/default/sa/spark';
    await until('the service account has the role', () =>
      Promise.resolve(access.policy.bindings.some(({ members }) => members.includes(principal))),
    );
    expect(access.policy.bindings).toEqual([{ role: 'roles/storage.objectUser', members: [principal] }]);
    expect([access.keys.size, access.accounts.size]).toEqual([0, 0]);
    expect(await cluster.secret('results-objectstore')).toBeUndefined();
    await removed('results');
    expect(access.policy.bindings).toEqual([]);
  });

  it('is made once where Google asks for fewer calls', async () => {
    const busy = gcsError(
      429,
      'rateLimitExceeded',
      'The project exceeded the rate limit for creating and deleting buckets.',
    );
    gcs.failNext('POST', /\/b$/, { ...busy, headers: { 'retry-after': '3' } });
    await cluster.submit('hurried', { name: 'hurried-bucket' });
    await untilReason('hurried', 'Throttled');
    const refused = gcs.requests.length;
    await untilReason('hurried', 'Created');
    const made = gcs.requests
      .slice(refused)
      .filter(({ method, body }) => method === 'POST' && isNamed(body, 'hurried'));
    expect(made).toHaveLength(1);
    await removed('hurried');
  });

  it('leaves its bucket without our mark where it retains it', async () => {
    await cluster.submit('retained', { name: 'retained-bucket', labels: { team: 'data' } });
    await untilReason('retained', 'Created');
    await removed('retained');
    expect(gcs.resource('retained-bucket')?.['labels']).toEqual({ team: 'data' });
  });

  it('keeps a bucket that holds objects until forceDelete', async () => {
    await cluster.submit('full', { name: 'full-bucket', deletionPolicy: 'Delete' });
    await untilReason('full', 'Created');
    gcs.addObject('full-bucket', 'events/1');
    await cluster.remove('full');
    await untilReason('full', 'BucketNotEmpty');
    expect(gcs.resource('full-bucket')).toBeDefined();
    await cluster.change('full', { forceDelete: true });
    await until('it is gone', async () => (await cluster.read('full')) === undefined);
    expect(gcs.resource('full-bucket')).toBeUndefined();
  });

  it('tells its story in kubectl get', async () => {
    gcs.addForeign('taken-by-others');
    await cluster.submit('taken', { name: 'taken-by-others' });
    await untilReason('taken', 'NameTaken');
    const table = await kubectl(cluster.controlPlane, ['get', 'objectstores', '-A']);
    const rows = table.split('\n').map((line) => line.split(/ {2,}/));
    expect(rows[0]).toEqual(['NAMESPACE', 'NAME', 'PROVIDER', 'BUCKET', 'READY', 'REASON', 'AGE']);
    expect(rows).toContainEqual([
      'default',
      'sparkhistory',
      'gcs',
      'banzaicloudsparkhistory',
      'True',
      'Created',
      expect.anything(),
    ]);
    expect(rows).toContainEqual([
      'default',
      'taken',
      'gcs',
      'taken-by-others',
      'False',
      'NameTaken',
      expect.anything(),
    ]);
  });
});
