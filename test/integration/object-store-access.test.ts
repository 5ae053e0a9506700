import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject, StringMap } from '../../src/api/kubernetes.ts';
import { SYSTEM_NAMESPACE } from '../../src/api/names.ts';
import type { ObjectStore, ObjectStoreSpec } from '../../src/api/object-store.ts';
import { resources } from '../../src/kube/api-server.ts';
import { objectStore } from '../fixtures/object-store.ts';
import { type CephCluster, keysOf, startCephCluster, type Tenant } from '../fixtures/object-store-ceph.ts';
import { conditionOf, until } from '../fixtures/object-store-cluster.ts';

let cluster: CephCluster;
let platform: Tenant;

const ACCESS: ObjectStoreSpec['access'] = { overlapSeconds: 3 };

beforeAll(async () => {
  cluster = await startCephCluster();
  platform = cluster.tenantWith(await cluster.ceph.createUser('platform', { caps: 'users=*;buckets=*' }));
  const data = Object.fromEntries(
    Object.entries(keysOf(platform)).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  const metadata = { name: 's3-platform', namespace: SYSTEM_NAMESPACE };
  await cluster.kube.apply(resources.secrets, { apiVersion: 'v1', kind: 'Secret', metadata, data } as never);
  const s3 = { endpoint: new URL(cluster.ceph.endpoint).origin, secretName: 's3-platform', forcePathStyle: true };
  cluster.run({ resyncMs: 2_000, world: { cloud: 'openstack', policy: { s3 } } });
});

afterAll(() => cluster?.stop());

/** The workload of an ObjectStore, with the keys that its Secret holds. */
const workloadOf = async (name: string): Promise<{ readonly id: string; readonly client: S3Client }> => {
  const data = await until(`${name} has keys`, () => cluster.secret(`${name}-objectstore`));
  const { AWS_ACCESS_KEY_ID: accessKey = '', AWS_SECRET_ACCESS_KEY: secretKey = '' } = data;
  return { id: accessKey, client: cluster.tenantWith({ accessKey, secretKey }).client };
};

const untilKeys = (name: string): Promise<ObjectStore> =>
  until(`${name} has keys`, async () => {
    const store = await cluster.read(name);
    const synced = conditionOf(store, 'Synced');
    return synced?.status === 'True' && store?.status?.access?.keyId !== undefined ? store : undefined;
  });

const usersOf = async (): Promise<readonly string[]> =>
  (await cluster.ceph.users()).filter((user) => user.startsWith('quartermaster-'));

const put = ({ client }: { readonly client: S3Client }, Bucket: string, Key: string) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body: 'content' }));
const read = ({ client }: { readonly client: S3Client }, Bucket: string, Key: string) =>
  client.send(new GetObjectCommand({ Bucket, Key }));

const denied: unknown = expect.objectContaining({ name: 'AccessDenied' });

describe('spec.access on Ceph', () => {
  it('gives each of two tenants keys for its own bucket and no other', async () => {
    await cluster.submit('one', { name: 'bucket-one', access: ACCESS });
    await cluster.submit('two', { name: 'bucket-two', access: ACCESS });
    await Promise.all([untilKeys('one'), untilKeys('two')]);
    const [one, two] = [await workloadOf('one'), await workloadOf('two')];
    for (const [workload, own, other] of [
      [one, 'bucket-one', 'bucket-two'],
      [two, 'bucket-two', 'bucket-one'],
    ] as const) {
      await put(workload, own, 'mine');
      await read(workload, own, 'mine');
      await workload.client.send(new ListObjectsV2Command({ Bucket: own }));
      await expect(put(workload, other, 'theirs')).rejects.toEqual(denied);
      await expect(read(workload, other, 'mine')).rejects.toEqual(denied);
      await expect(workload.client.send(new ListObjectsV2Command({ Bucket: other }))).rejects.toEqual(denied);
      const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [] });
      await expect(workload.client.send(new PutBucketPolicyCommand({ Bucket: own, Policy }))).rejects.toEqual(denied);
    }
    // What stays with the bucket can be read by whom the bucket stays with.
    await read(platform, 'bucket-one', 'mine');
    await one.client.send(new DeleteObjectCommand({ Bucket: 'bucket-one', Key: 'mine' }));
  });

  it('names the keys as Rook, COSI and Hadoop do', async () => {
    const data = await cluster.secret('one-objectstore');
    const { AWS_ACCESS_KEY_ID: id = '', BucketInfo = '', 'core-site.xml': conf = '' } = data ?? {};
    expect(JSON.parse(BucketInfo)).toMatchObject({
      spec: {
        bucketName: 'bucket-one',
        protocols: ['s3'],
        secretS3: { accessKeyID: id, endpoint: cluster.ceph.endpoint },
      },
    });
    expect(conf).toContain(`<name>fs.s3a.bucket.bucket-one.access.key</name><value>${id}</value>`);
    expect((await cluster.read('one'))?.status?.access).toMatchObject({ keyId: id, secretName: 'one-objectstore' });
  });

  it('ReadOnly reads and does not write, and can be made ReadWrite', async () => {
    await cluster.submit('reader', { name: 'bucket-read', access: { mode: 'ReadOnly' } });
    await untilKeys('reader');
    await put(platform, 'bucket-read', 'given');
    const workload = await workloadOf('reader');
    await read(workload, 'bucket-read', 'given');
    await expect(put(workload, 'bucket-read', 'own')).rejects.toEqual(denied);
    await cluster.change('reader', { access: { mode: 'ReadWrite' } });
    await until('it may write', () => put(workload, 'bucket-read', 'own').catch(() => undefined));
  });

  it('loses no write of a running workload when the keys are rotated, and closes the former keys afterwards', async () => {
    const former = await workloadOf('one');
    const written: string[] = [];
    const ending = new AbortController();
    const writer = (async () => {
      while (!ending.signal.aborted) {
        const workload = await workloadOf('one');
        const key = `write-${written.length}-${workload.id}`;
        await put(workload, 'bucket-one', key);
        written.push(key);
      }
    })();
    await cluster.change('one', { access: { ...ACCESS, rotation: 'today' } });
    const current = await until('new keys are there', async () => {
      const workload = await workloadOf('one');
      return workload.id === former.id ? undefined : workload;
    });
    // In the overlap both are good.
    await put(former, 'bucket-one', 'former');
    await put(current, 'bucket-one', 'current');
    await until('the former keys are closed', () =>
      put(former, 'bucket-one', 'late').then(
        () => false,
        () => true,
      ),
    );
    await put(current, 'bucket-one', 'after');
    ending.abort();
    await writer;
    const keys = await cluster.ceph.objectsOf('bucket-one');
    expect(keys).toEqual(expect.arrayContaining([...written, 'former', 'current', 'after']));
    expect(new Set(written.map((key) => key.split('-')[2]))).toEqual(new Set([former.id, current.id]));
  });

  it('makes new keys where somebody deleted the Secret', async () => {
    const former = await workloadOf('two');
    await cluster.kube.remove(resources.secrets, { namespace: 'default', name: 'two-objectstore' });
    const current = await until('new keys are there', async () => {
      const workload = await workloadOf('two');
      return workload.id === former.id ? undefined : workload;
    });
    await put(current, 'bucket-two', 'again');
  });

  it('takes keys and user away when access is no longer asked for, and leaves the bucket', async () => {
    const workload = await workloadOf('reader');
    await cluster.change('reader', { access: null });
    await until('the Secret is gone', async () => (await cluster.secret('reader-objectstore')) === undefined);
    await until('the record is gone', async () => (await cluster.read('reader'))?.status?.access === undefined);
    await expect(read(workload, 'bucket-read', 'given')).rejects.toMatchObject({ name: 'InvalidAccessKeyId' });
    expect(conditionOf(await cluster.read('reader'), 'Ready')?.status).toBe('True');
  });

  it('leaves no user behind when the objects are removed', async () => {
    const uids = (await Promise.all(['one', 'two'].map((name) => cluster.read(name)))).map(
      (store) => store?.metadata.uid,
    );
    expect(new Set(await usersOf())).toEqual(new Set(uids.map((uid) => `quartermaster-${uid}`)));
    await Promise.all(['one', 'two', 'reader'].map((name) => cluster.remove(name)));
    await Promise.all(['one', 'two', 'reader'].map((name) => cluster.untilGone(name)));
    expect(await usersOf()).toEqual([]);
  });

  it('says which caps are missing where the keys may make no users', async () => {
    await cluster.addTenant('alice');
    await cluster.submit('weak', cluster.inCeph('bucket-weak', { access: {} }));
    const synced = await until('it says so', async () => {
      const condition = conditionOf(await cluster.read('weak'), 'Synced');
      return condition?.reason === 'PermissionDenied' ? condition : undefined;
    });
    expect(synced.message).toContain('radosgw-admin caps add --uid=USER --caps="users=*;buckets=*"');
    expect(conditionOf(await cluster.read('weak'), 'Ready')?.status).toBe('True');
    await cluster.remove('weak');
    await cluster.untilGone('weak');
  });
});

describe('credentials that are deleted before what uses them', () => {
  const keys = { namespace: 'default', name: 'bob' };
  const isKept = async () =>
    (await cluster.kube.get(resources.secrets, keys))?.metadata.deletionTimestamp !== undefined;

  it('stay until the user is gone, and the keys of those who share the bucket', async () => {
    await cluster.addTenant('bob', { caps: 'users=*' });
    const spec = { credentialsSecretRef: { name: 'bob' }, access: {}, grants: [{ namespace: 'readers' }] };
    await cluster.kube.create(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'readers' },
    });
    await cluster.submit('first', cluster.inCeph('bucket-first', spec));
    await untilKeys('first');
    const sharedFrom = { namespace: 'default', name: 'first' };
    const reading = { namespace: 'readers', name: 'reading' };
    await cluster.kube.create(
      resources.objectStores,
      objectStore({ name: 'bucket-first', sharedFrom, access: {} }, reading),
    );
    await until('there are two users', async () => (await usersOf()).length === 2);
    await cluster.kube.remove(resources.secrets, keys);
    expect(await isKept()).toBe(true);
    await cluster.remove('first');
    await cluster.untilGone('first');
    expect(await usersOf()).toEqual([]);
    await until('the Secret is gone', async () => (await cluster.kube.get(resources.secrets, keys)) === undefined);
    await cluster.kube.remove(resources.objectStores, reading);
  });
});

describe('a bucket that is shared with another namespace', () => {
  const ANALYSTS = 'analysts';
  const key = { namespace: ANALYSTS, name: 'theirs' };
  const sharedFrom = { namespace: 'default', name: 'lake' };

  const share = (name: string, namespace: string, spec: Partial<ObjectStoreSpec> = {}) =>
    cluster.kube.create(
      resources.objectStores,
      objectStore({ name: 'bucket-lake', sharedFrom, access: {}, ...spec }, { name, namespace }),
    );

  const conditionIn = (name: string, namespace: string, reason: string) =>
    until(`${name} has reason ${reason}`, async () => {
      const store = await cluster.kube.get<ObjectStore>(resources.objectStores, { namespace, name });
      const ready = conditionOf(store, 'Ready');
      return ready?.reason === reason ? ready : undefined;
    });

  const sharedWorkload = async () => {
    const keys = { namespace: ANALYSTS, name: 'theirs-objectstore' };
    const { data } = await until('there are keys', () =>
      cluster.kube.get<KubeObject & { readonly data: StringMap }>(resources.secrets, keys),
    );
    const decoded = (name: string) => Buffer.from(data[name] ?? '', 'base64').toString('utf8');
    return cluster.tenantWith({
      accessKey: decoded('AWS_ACCESS_KEY_ID'),
      secretKey: decoded('AWS_SECRET_ACCESS_KEY'),
    });
  };

  beforeAll(async () => {
    for (const name of [ANALYSTS, 'strangers'])
      await cluster.kube.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    const grants = [{ namespace: ANALYSTS }];
    await cluster.submit('lake', {
      name: 'bucket-lake',
      access: {},
      grants,
      deletionPolicy: 'Delete',
      forceDelete: true,
    });
    await untilKeys('lake');
    await put(await workloadOf('lake'), 'bucket-lake', 'fact');
  });

  it('is read by those whom its owner grants it, and no more than read', async () => {
    await share('theirs', ANALYSTS);
    await conditionIn('theirs', ANALYSTS, 'Shared');
    const workload = await sharedWorkload();
    await read(workload, 'bucket-lake', 'fact');
    await expect(put(workload, 'bucket-lake', 'own')).rejects.toEqual(denied);
  });

  it.each([
    ['who is not named', 'strangers', {}, 'spec.grants do not name this namespace'],
    ['who asks for more', ANALYSTS, { access: { mode: 'ReadWrite' } }, 'grants this namespace ReadOnly'],
    ['who names another bucket', ANALYSTS, { name: 'bucket-else' }, 'has bucket bucket-lake'],
  ] as const)('is closed to one %s, and says why', async (title, namespace, spec, sentence) => {
    const name = title.replaceAll(' ', '-');
    await share(name, namespace, spec);
    expect((await conditionIn(name, namespace, 'NotGranted')).message).toContain(sentence);
    await cluster.kube.remove(resources.objectStores, { namespace, name });
  });

  it('is open for writing as soon as the owner grants that, and closed when the grant is taken back', async () => {
    await cluster.change('lake', { grants: [{ namespace: ANALYSTS, mode: 'ReadWrite' }] });
    const workload = await sharedWorkload();
    await until('it may write', () => put(workload, 'bucket-lake', 'own').catch(() => undefined));
    await cluster.change('lake', { grants: [] });
    await conditionIn('theirs', ANALYSTS, 'NotGranted');
    await expect(read(workload, 'bucket-lake', 'fact')).rejects.toMatchObject({ name: 'InvalidAccessKeyId' });
    expect(await usersOf()).toHaveLength(1);
  });

  it('takes the keys of all with it when it goes', async () => {
    await cluster.change('lake', { grants: [{ namespace: ANALYSTS }] });
    await conditionIn('theirs', ANALYSTS, 'Shared');
    await cluster.remove('lake');
    await cluster.untilGone('lake');
    expect(await usersOf()).toEqual([]);
    await cluster.kube.remove(resources.objectStores, key);
    await until('theirs is gone', async () => (await cluster.kube.get(resources.objectStores, key)) === undefined);
  });
});

describe('spec.quota on Ceph', () => {
  it('is what the bucket may hold', async () => {
    await cluster.submit('small', { name: 'bucket-small', access: {}, quota: { maxObjects: 1, maxSize: '1Mi' } });
    await untilKeys('small');
    const workload = await workloadOf('small');
    await put(workload, 'bucket-small', 'first');
    await expect(put(workload, 'bucket-small', 'second')).rejects.toMatchObject({ name: 'QuotaExceeded' });
    await cluster.change('small', { quota: { maxObjects: null, maxSize: '20Ki' } });
    await until('it takes a second', () => put(workload, 'bucket-small', 'second').catch(() => undefined));
    const Body = 'x'.repeat(50_000);
    const large = new PutObjectCommand({ Bucket: 'bucket-small', Key: 'large', Body });
    await expect(workload.client.send(large)).rejects.toMatchObject({ name: 'QuotaExceeded' });
    await cluster.change('small', { quota: null });
    await until('that was looked at', async () => {
      const store = await cluster.read('small');
      return store?.status?.observedGeneration === store?.metadata.generation;
    });
    await expect(workload.client.send(large)).rejects.toMatchObject({ name: 'QuotaExceeded' });
    await cluster.change('small', { quota: {} });
    await until('it takes any', () => workload.client.send(large).catch(() => undefined));
  });
});

// Last: the user that it leaves stays.
describe('credentials', () => {
  it('that are no good any more keep the ObjectStore until a person leaves its user', async () => {
    const bob = await cluster.ceph.createUser('bob-2', { caps: 'users=*' });
    await cluster.putSecret('bob-2', keysOf(bob));
    const spec = { credentialsSecretRef: { name: 'bob-2' }, access: {} };
    await cluster.submit('left', cluster.inCeph('bucket-left', spec));
    const uid = (await untilKeys('left')).metadata.uid ?? '';
    await cluster.putSecret('bob-2', keysOf({ ...bob, secretKey: 'another' }));
    await cluster.remove('left');
    const store = await until('it says why', async () => {
      const read = await cluster.read('left');
      return conditionOf(read, 'Ready')?.status === 'False' ? read : undefined;
    });
    expect(conditionOf(store, 'Ready')?.message).toContain(
      `annotate this ObjectStore with quartermaster.dev/leave-access: ${uid}.`,
    );
    const annotations = { 'quartermaster.dev/leave-access': uid };
    await cluster.kube.mergePatch(
      resources.objectStores,
      { namespace: 'default', name: 'left' },
      { metadata: { annotations } },
    );
    await cluster.untilGone('left');
    expect(await usersOf()).toContain(`quartermaster-${uid}`);
    const isTold = async () => (await cluster.events('left')).some(({ reason }) => reason === 'AccessLeft');
    await until('an Event tells of it', isTold);
  });
});
