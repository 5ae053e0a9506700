import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServeProcess } from '../../dev/serve-process.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { LEASE_NAME, SYSTEM_NAMESPACE } from '../../src/api/names.ts';
import type { ObjectStoreSpec } from '../../src/api/object-store.ts';
import { resources } from '../../src/kube/api-server.ts';
import { findConnection } from '../../src/kube/connection.ts';
import {
  bucketsOf,
  type CephCluster,
  keysOf,
  startCephCluster,
  type Tenant,
  tagsOf,
} from '../fixtures/object-store-ceph.ts';
import { conditionOf, NAMESPACE, until } from '../fixtures/object-store-cluster.ts';
import { type Bundle, isLeading, makeBundle, shippedKubeconfig, startReplica } from '../fixtures/replica.ts';
import { createWriteTrap, type Shot, startWriteProxy, type WriteProxy } from '../fixtures/write-proxy.ts';

/**
 * Its Lease is taken away with a process that was killed, so that nobody waits for it to run out. One that lives loses it only where
 * nothing runs for two thirds of that.
 */
const LEASE_SECONDS = '6';
const PLATFORM_SECRET = 's3-platform';
const NEIGHBOUR = 'neighbour';

const trap = createWriteTrap();
let bundle: Bundle;
let cluster: CephCluster;
let gateway: WriteProxy;
let apiServer: WriteProxy;
let kubeconfig: string;
/** Leads, and is killed. */
let serve: ServeProcess;
/** Has started and never led, as the second replica of an install: its start is not waited for a hundred times. */
let next: ServeProcess;
/** Who owns the buckets: a tenant with keys of their own, and the platform. */
const owners = new Map<'alice' | 'platform', Tenant>();

/** `PUT bucket?tagging`, `PUT admin/user?key`: what is written to the gateway, whatever its name. */
const gatewayWrite = (method: string, { pathname, searchParams }: URL): string | undefined => {
  if (['GET', 'HEAD'].includes(method)) return undefined;
  const what = pathname.startsWith('/admin/') ? pathname.slice(1) : 'bucket';
  const kind = [...searchParams.keys()].find((key) => searchParams.get(key) === '' || key === 'delete');
  return `${method} ${what}${kind === undefined ? '' : `?${kind}`}`;
};

/** `PATCH objectstores/status`: what is written for the tenant. Leases, certificates and Events have nothing to do with buckets. */
const kubeWrite = (method: string, { pathname }: URL): string | undefined => {
  const [, resource, subresource] =
    /\/namespaces\/default\/(objectstores|secrets|configmaps)(?:\/[^/]+(\/\w+)?)?$/.exec(pathname) ?? [];
  return method === 'GET' || resource === undefined ? undefined : `${method} ${resource}${subresource ?? ''}`;
};

const start = (): Promise<ServeProcess> =>
  startReplica(cluster, {
    kubeconfig,
    program: bundle.program,
    args: ['--controller-only'],
    environment: {
      ...bundle.environment,
      CLOUD: 'openstack',
      LEASE_SECONDS,
      WEBHOOK_CONFIGURATION_NAME: '',
      OBJECT_STORE_LOOPBACK: 'allow',
      S3_ENDPOINT: gateway.url.origin,
      S3_CREDENTIALS: PLATFORM_SECRET,
    },
  });

beforeAll(async () => {
  bundle = await makeBundle();
  cluster = await startCephCluster({ controllerManager: true });
  const { controlPlane, ceph } = cluster;
  const own = await findConnection({ KUBECONFIG: await shippedKubeconfig(cluster) });
  // The certificate that the API server has for this address is good for whoever stands in front of it.
  const [cert, key] = await Promise.all(
    ['crt', 'key'].map((type) => readFile(join(controlPlane.directory, 'keys', `api-server.${type}`), 'utf8')),
  );
  gateway = await startWriteProxy({ target: new URL(ceph.endpoint), trap, nameOf: gatewayWrite });
  apiServer = await startWriteProxy({
    target: new URL(controlPlane.url),
    trap,
    nameOf: kubeWrite,
    tls: { client: (await own.credentials()).tls, serving: { cert: cert ?? '', key: key ?? '' } },
  });
  kubeconfig = await shippedKubeconfig(cluster, apiServer.url);
  owners.set('alice', await cluster.addTenant('alice', { caps: 'users=*;buckets=*' }));
  const platform = cluster.tenantWith(await ceph.createUser('platform', { caps: 'users=*;buckets=*' }));
  owners.set('platform', platform);
  const metadata = { name: PLATFORM_SECRET, namespace: SYSTEM_NAMESPACE };
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata, stringData: keysOf(platform) };
  await cluster.kube.create(resources.secrets, secret as KubeObject);
  for (const [uid, { client }] of owners) await client.send(new CreateBucketCommand({ Bucket: `${NEIGHBOUR}-${uid}` }));
  serve = await start();
  await until('one leads', () => isLeading(serve));
  next = await start();
});

afterAll(async () => {
  await next?.stop();
  await serve?.stop();
  await gateway?.[Symbol.asyncDispose]();
  await apiServer?.[Symbol.asyncDispose]();
  await cluster?.stop();
  await bundle?.remove();
});

type Owner = 'alice' | 'platform';

const ownerOf = (owner: Owner): Tenant => {
  const found = owners.get(owner);
  if (found === undefined) throw new Error(`${owner} is nobody`);
  return found;
};

/** All that Ceph has a write for. */
const specFor = (owner: Owner, name: string, spec: Partial<ObjectStoreSpec> = {}): ObjectStoreSpec => ({
  name,
  versioning: true,
  labels: { team: 'data' },
  quota: { maxObjects: 1_000 },
  // Longer than a busy machine takes for what comes before its end.
  access: { overlapSeconds: 4 },
  deletionPolicy: 'Delete',
  forceDelete: true,
  ...(owner === 'alice' && {
    provider: 's3',
    s3: { endpoint: gateway.url.origin },
    credentialsSecretRef: { name: 'alice' },
  }),
  ...spec,
});

/** The ID of the key in the Secret, once all is done about it and status says so. */
const settledKey = async (name: string): Promise<string | undefined> => {
  const store = await cluster.read(name);
  const isThere = (['Ready', 'Synced'] as const).every((type) => {
    const condition = conditionOf(store, type);
    return condition?.status === 'True' && condition.observedGeneration === store?.metadata.generation;
  });
  const { keyId, formerKeysUntil } = store?.status?.access ?? {};
  return isThere && formerKeysUntil === undefined ? keyId : undefined;
};

const isGone = async (name: string): Promise<boolean> => (await cluster.read(name)) === undefined;

/** What keeps the Secret from which a tenant's buckets are made. */
const finalizersOf = async (name: string): Promise<readonly string[]> =>
  (await cluster.kube.get(resources.secrets, { namespace: NAMESPACE, name }))?.metadata.finalizers ?? [];

const usersOf = async () => (await cluster.ceph.users()).filter((user) => user.startsWith('quartermaster-'));

const workloadOf = async (name: string): Promise<Tenant> => {
  const data = await cluster.secret(`${name}-objectstore`);
  const { AWS_ACCESS_KEY_ID: accessKey = '', AWS_SECRET_ACCESS_KEY: secretKey = '' } = data ?? {};
  return cluster.tenantWith({ accessKey, secretKey });
};

const put = (client: S3Client, Bucket: string) => client.send(new PutObjectCommand({ Bucket, Key: 'a', Body: 'a' }));

/** One bucket, one user, one key, which opens that bucket and no other. */
const expectWorking = async (owner: Owner, name: string, why: string): Promise<void> => {
  const { metadata, status } = (await cluster.read(name)) ?? {};
  expect(status?.ownership, why).toBe('Created');
  const tags = { team: 'data', 'quartermaster-objectstore': metadata?.uid };
  expect(await tagsOf(ownerOf(owner), name), why).toMatchObject(tags);
  expect(await bucketsOf(ownerOf(owner)), why).toEqual([name, `${NEIGHBOUR}-${owner}`].toSorted());
  const user = `quartermaster-${metadata?.uid}`;
  expect(await usersOf(), why).toEqual([user]);
  const { client, accessKey } = await workloadOf(name);
  expect(
    (await cluster.ceph.keysOf(user)).map((key) => key.accessKey),
    why,
  ).toEqual([accessKey]);
  await put(client, name);
  await client.send(new GetObjectCommand({ Bucket: name, Key: 'a' }));
  const denied: unknown = expect.objectContaining({ name: 'AccessDenied' });
  await expect(put(client, `${NEIGHBOUR}-${owner}`), why).rejects.toEqual(denied);
  const list = new ListObjectsV2Command({ Bucket: `${NEIGHBOUR}-${owner}` });
  await expect(client.send(list), why).rejects.toEqual(denied);
  client.destroy();
};

const expectNoAccess = async (name: string, why: string): Promise<void> => {
  expect(await usersOf(), why).toEqual([]);
  expect(await cluster.secret(`${name}-objectstore`), why).toBeUndefined();
};

/** No user, no Secret; the bucket where it is to stay. */
const expectRemoved = async (owner: Owner, name: string, why: string, isRetained = false): Promise<void> => {
  await expectNoAccess(name, why);
  expect((await bucketsOf(ownerOf(owner))).includes(name), why).toBe(isRetained);
  if (isRetained) expect(await tagsOf(ownerOf(owner), name), why).toEqual({ team: 'data' });
};

/** What is done about one ObjectStore while a process is killed, and what must have come of it. */
interface Story {
  readonly prepare?: (name: string) => Promise<void>;
  readonly act: (name: string) => Promise<void>;
  /** What a person does before there is a process again. */
  readonly whileDown?: (name: string) => Promise<void>;
  readonly isDone: (name: string) => Promise<boolean>;
  readonly verify: (name: string, why: string) => Promise<void>;
}

let named = 0;

/** Answers what was written. With a shot, the process is killed at it and another takes its place. */
const run = async (
  { prepare, act, whileDown, isDone, verify }: Story,
  shot?: Shot,
  what = '',
): Promise<readonly string[]> => {
  const name = `store-${++named}`;
  const why = shot === undefined ? `${name}, not killed` : `${name}, killed ${shot.moment} ${shot.at}, ${what}`;
  await prepare?.(name);
  trap.set(shot, () => {
    serve.kill('SIGKILL');
    return serve.ended;
  });
  await act(name);
  if (shot !== undefined) {
    await until(`${why}: it comes to that`, () => Promise.resolve(trap.hasSprung()));
    expect([await serve.ended, trap.writes()[shot.at - 1]], why).toEqual(['SIGKILL', what]);
    await cluster.kube.remove(resources.leases, { namespace: SYSTEM_NAMESPACE, name: LEASE_NAME });
    await whileDown?.(name);
    serve = next;
    await until(`${why}: another leads`, () => isLeading(serve));
    next = await start();
  }
  await until(`${why}: it is done`, () => isDone(name)).catch(async (error: unknown) => {
    const told = JSON.stringify((await cluster.read(name))?.status);
    throw new Error(`${why}: ${told}\n${serve.lines().slice(-10).join('\n')}`, { cause: error });
  });
  const writes = [...trap.writes()];
  await verify(name, why);
  return writes;
};

const MOMENTS = ['before', 'after'] as const;

/** Counts the writes of a story that nobody disturbs, and then has the process killed at each of them. */
const killAtEach = async (story: Story, moments: readonly Shot['moment'][] = MOMENTS): Promise<readonly string[]> => {
  const writes = await run(story);
  for (const [index, what] of writes.entries())
    for (const moment of moments) await run(story, { at: index + 1, moment }, what);
  return writes;
};

const remove = async (name: string): Promise<void> => {
  await cluster.remove(name);
  await until(`${name} is gone`, () => isGone(name));
};

const make = async (owner: Owner, name: string, spec: Partial<ObjectStoreSpec> = {}): Promise<void> => {
  await cluster.submit(name, specFor(owner, name, spec));
  await until(`${name} has its key`, () => settledKey(name));
};

/** That a Secret is used is recorded, then its finalizer put on; and the other way round. */
const KEEPING = ['PATCH objectstores/status', 'PATCH secrets'];
const LETTING_GO = KEEPING;

/** Each step there is to making a bucket with all that Ceph has for it; `keeping` the credentials where they are the user's own. */
const making = (...keeping: readonly string[]): readonly string[] => [
  'PATCH objectstores',
  ...keeping,
  'PATCH objectstores/status',
  'PUT bucket',
  'PUT bucket?tagging',
  'PUT bucket?versioning',
  'PUT bucket?tagging',
  'PUT admin/bucket?quota',
  'POST configmaps',
  'PATCH objectstores/status',
  'PUT admin/user',
  'PUT bucket?policy',
  'PUT admin/user?key',
  'POST secrets',
  'PATCH objectstores/status',
];

describe('kill -9 at every write for a bucket that is made', () => {
  // What was not forwarded leaves what the answer before it left: once for each of the two is not needed.
  it.each([
    ['platform', MOMENTS, making()],
    ['alice', ['after'], making(...KEEPING)],
  ] as const)(
    'with the keys of %s leaves one bucket, one user and one key that works',
    async (owner, moments, writes) => {
      const story: Story = {
        act: (name) => cluster.submit(name, specFor(owner, name)),
        isDone: async (name) => (await settledKey(name)) !== undefined,
        verify: async (name, why) => {
          await expectWorking(owner, name, why);
          await remove(name);
        },
      };
      expect(await killAtEach(story, moments)).toEqual(writes);
    },
  );

  it('and is no longer wanted when there is a process again leaves nothing', async () => {
    const owner = 'platform';
    const givingUp: Story = {
      act: (name) => cluster.submit(name, specFor(owner, name)),
      whileDown: (name) => cluster.remove(name),
      isDone: async (name) => (await settledKey(name)) !== undefined || (await isGone(name)),
      verify: async (name, why) => {
        if (!(await isGone(name))) await remove(name);
        await expectRemoved(owner, name, why);
      },
    };
    expect(await killAtEach(givingUp, ['after'])).toEqual(making());
  });
});

describe('kill -9 at every write for a bucket that is there', () => {
  const owner = 'platform';

  it('whose keys are rotated leaves one new key that works', async () => {
    const name = 'rotated';
    await make(owner, name);
    let former = await workloadOf(name);
    let rotations = 0;
    const rotating: Story = {
      act: () => cluster.change(name, { access: { rotation: `rotation ${++rotations}` } }),
      isDone: async () => ![undefined, former.accessKey].includes(await settledKey(name)),
      verify: async (_, why) => {
        await expectWorking(owner, name, why);
        await expect(put(former.client, name), why).rejects.toMatchObject({ name: 'InvalidAccessKeyId' });
        former.client.destroy();
        former = await workloadOf(name);
      },
    };
    expect(await killAtEach(rotating)).toEqual([
      'PUT admin/user?key',
      'PATCH secrets',
      'PATCH objectstores/status',
      'DELETE admin/user?key',
      'PATCH secrets',
      'PATCH objectstores/status',
    ]);
    await remove(name);
  });

  it('whose access is taken away leaves the bucket, and neither user nor Secret', async () => {
    const revoking: Story = {
      prepare: (name) => make(owner, name),
      act: (name) => cluster.change(name, { access: null }),
      isDone: async (name) => {
        const store = await cluster.read(name);
        const synced = conditionOf(store, 'Synced');
        const isSeen = synced?.status === 'True' && synced.observedGeneration === store?.metadata.generation;
        return isSeen && store?.status?.access === undefined;
      },
      verify: async (name, why) => {
        await expectNoAccess(name, why);
        expect(await bucketsOf(ownerOf(owner)), why).toContain(name);
        await remove(name);
      },
    };
    expect(await killAtEach(revoking, ['after'])).toEqual([
      'PATCH configmaps',
      'PUT bucket?policy',
      'DELETE admin/user',
      'DELETE secrets',
      'PATCH objectstores/status',
      'PATCH objectstores/status',
    ]);
  });

  const ACCESS = ['PUT bucket?policy', 'DELETE admin/user', 'DELETE secrets', 'PATCH objectstores/status'];
  const EMPTYING = ['POST bucket?delete', 'DELETE bucket'];
  it.each([
    ['platform', 'Delete', MOMENTS, [...ACCESS, ...EMPTYING, 'PATCH objectstores']],
    ['platform', 'Retain', MOMENTS, [...ACCESS, 'PUT bucket?tagging', 'PATCH objectstores']],
    ['alice', 'Delete', ['after'], [...ACCESS, ...EMPTYING, ...LETTING_GO, 'PATCH objectstores']],
  ] as const)('of %s and is removed with %s leaves no user behind', async (user, deletionPolicy, moments, writes) => {
    const removing: Story = {
      prepare: async (name) => {
        await make(user, name, { deletionPolicy, forceDelete: deletionPolicy === 'Delete' });
        const { client } = await workloadOf(name);
        await put(client, name);
        client.destroy();
      },
      act: (name) => cluster.remove(name),
      isDone: isGone,
      verify: async (name, why) => {
        await expectRemoved(user, name, why, deletionPolicy === 'Retain');
        expect(await finalizersOf('alice'), why).toEqual([]);
      },
    };
    expect(await killAtEach(removing, moments)).toEqual(writes);
  });

  it('and is gone has taken every ConfigMap along', async () => {
    const ours = { namespace: NAMESPACE, labelSelector: 'app.kubernetes.io/managed-by=quartermaster' };
    await expect.poll(async () => (await cluster.kube.list(resources.configMaps, ours)).items).toEqual([]);
  });
});
