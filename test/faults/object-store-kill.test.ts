import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppError } from '../../src/api/errors.ts';
import type { ObjectStoreSpec } from '../../src/api/object-store.ts';
import type { BucketProvider, Feature } from '../../src/kinds/object-store/providers/bucket.ts';
import type { Kube } from '../../src/kube/api-server.ts';
import { bucketsOf, type CephCluster, startCephCluster, type Tenant, tagsOf } from '../fixtures/object-store-ceph.ts';
import { conditionOf, until } from '../fixtures/object-store-cluster.ts';

/** A controller that stops for good at the nth moment at which it is about to write something outside, or has just written it. */
const createCrash = (at: number) => {
  let moments = 0;
  let crashedAt: string | undefined;
  const crash = (what: string): Promise<void> => {
    moments += 1;
    if (moments === at) crashedAt = what;
    return moments >= at ? Promise.reject(new AppError('Internal', 'the process is gone')) : Promise.resolve();
  };
  const around =
    <A extends readonly unknown[], R>(what: string, call: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      await crash(`before ${what}`);
      const answer = await call(...given);
      await crash(`after ${what}`);
      return answer;
    };
  return { crashedAt: () => crashedAt, around };
};

type Crash = ReturnType<typeof createCrash>;

const crashingKube =
  ({ around }: Crash) =>
  (kube: Kube): Kube => ({
    ...kube,
    create: (resource, object, options) =>
      resource.plural === 'events'
        ? kube.create(resource, object, options)
        : around(`create ${resource.plural}`, () => kube.create(resource, object, options))(),
    apply: (resource, object, options) =>
      around(`apply ${resource.plural}`, () => kube.apply(resource, object, options))(),
    applyStatus: (resource, object, options) => around('status', () => kube.applyStatus(resource, object, options))(),
    mergePatch: (resource, key, patch, options) =>
      around('finalizers', () => kube.mergePatch<never>(resource, key, patch, options))(),
    remove: (resource, key, given, options) =>
      around(`remove ${resource.plural}`, () => kube.remove(resource, key, given, options))(),
  });

const crashingProvider =
  ({ around }: Crash, onCreate: () => void) =>
  (provider: BucketProvider): BucketProvider => ({
    ...provider,
    create: around('create', async (bucket, signal) => {
      await provider.create(bucket, signal);
      onCreate();
    }),
    mark: around('mark', provider.mark),
    unmark: around('unmark', provider.unmark),
    remove: around('remove', provider.remove),
    access: {
      ...provider.access,
      grant: around('grant', provider.access.grant),
      issueKey: around('issue key', provider.access.issueKey),
      revokeKey: around('revoke key', provider.access.revokeKey),
      revoke: around('revoke', provider.access.revoke),
    },
    features: (bucket) =>
      provider.features(bucket).map((feature): Feature => ({ ...feature, apply: around(feature.name, feature.apply) })),
  });

let cluster: CephCluster;
let alice: Tenant;

beforeAll(async () => {
  cluster = await startCephCluster();
  alice = await cluster.addTenant('alice', { caps: 'users=*' });
});

afterAll(() => cluster?.stop());

const specOf = (name: string, spec: Partial<ObjectStoreSpec> = {}): ObjectStoreSpec =>
  cluster.inCeph(name, { versioning: true, labels: { team: 'data' }, deletionPolicy: 'Delete', ...spec });

const isReady = async (name: string): Promise<boolean> =>
  conditionOf(await cluster.read(name), 'Ready')?.status === 'True';

const isGone = async (name: string): Promise<boolean> => (await cluster.read(name)) === undefined;

/** Runs a controller until it has crashed at the nth moment, or `done` holds. Tells at what it crashed; undefined where it did not. */
const runUntilCrash = async (
  at: number,
  done: () => Promise<boolean>,
  onCreate: () => void = () => undefined,
): Promise<string | undefined> => {
  const crash = createCrash(at);
  const controller = cluster.run({ kube: crashingKube(crash), provider: crashingProvider(crash, onCreate) });
  await until('it crashed or is done', async () => crash.crashedAt() !== undefined || (await done()));
  await controller.kill();
  return crash.crashedAt();
};

let named = 0;
/** Never the same twice: a case may be tried again. */
const nameFor = (what: string): string => `${what}-${++named}`;

const never = Number.POSITIVE_INFINITY;
const patient = { timeout: 300_000 };

describe('a controller that is killed and started again', () => {
  it('at any moment of the making ends in one bucket, ours, made once, as spec says', patient, async () => {
    const moments: string[] = [];
    for (let at = 1; ; at++) {
      const name = nameFor('made');
      let made = 0;
      const onCreate = (): void => {
        made += 1;
      };
      await cluster.submit(name, specOf(name));
      const crashedAt = await runUntilCrash(at, () => isReady(name), onCreate);
      const second = cluster.run({ provider: crashingProvider(createCrash(never), onCreate) });
      await until(`${name}, killed ${crashedAt}, is Ready`, () => isReady(name));
      const store = await cluster.read(name);
      expect({ made, ownership: store?.status?.ownership }, `killed ${crashedAt}`).toEqual({
        made: 1,
        ownership: 'Created',
      });
      expect(await tagsOf(alice, name), `killed ${crashedAt}`).toEqual({
        'quartermaster-objectstore': store?.metadata.uid,
        'quartermaster-cluster': 'cluster-1',
        team: 'data',
      });
      await cluster.remove(name);
      await until(`${name} is gone`, () => isGone(name));
      await second.kill();
      if (crashedAt === undefined) break;
      moments.push(crashedAt);
    }
    expect(moments).toEqual([
      'before finalizers',
      'after finalizers',
      'before status',
      'after status',
      // Of the Secret that it names.
      'before finalizers',
      'after finalizers',
      'before status',
      'after status',
      'before create',
      'after create',
      'before versioning',
      'after versioning',
      'before labels',
      'after labels',
      'before create configmaps',
      'after create configmaps',
      'before status',
      'after status',
    ]);
  });

  it('between a bucket and its mark, which Ceph takes only afterwards, still knows the bucket', async () => {
    const name = nameFor('unmarked');
    await cluster.submit(name, specOf(name));
    expect(await runUntilCrash(9, () => isReady(name))).toBe('before create');
    await alice.client.send(new CreateBucketCommand({ Bucket: name }));
    const second = cluster.run();
    await until(`${name} is Ready`, () => isReady(name));
    await second.kill();
    const store = await cluster.read(name);
    expect(store?.status?.ownership).toBe('Created');
    expect(await tagsOf(alice, name)).toMatchObject({ 'quartermaster-objectstore': store?.metadata.uid });
  });

  it.each(['Retain', 'Delete'] as const)(
    'at any moment of a deletion with %s goes on to its end',
    patient,
    async (deletionPolicy) => {
      const moments: string[] = [];
      for (let at = 1; ; at++) {
        const name = nameFor(deletionPolicy.toLowerCase());
        await cluster.submit(name, specOf(name, { deletionPolicy }));
        expect(await runUntilCrash(never, () => isReady(name))).toBeUndefined();
        await cluster.remove(name);
        const crashedAt = await runUntilCrash(at, () => isGone(name));
        const second = cluster.run();
        await until(`${name}, killed ${crashedAt}, is gone`, () => isGone(name));
        await second.kill();
        expect((await bucketsOf(alice)).includes(name), `killed ${crashedAt}`).toBe(deletionPolicy === 'Retain');
        if (deletionPolicy === 'Retain')
          expect(await tagsOf(alice, name), `killed ${crashedAt}`).toEqual({ team: 'data' });
        if (crashedAt === undefined) break;
        moments.push(crashedAt);
      }
      const call = deletionPolicy === 'Retain' ? 'unmark' : 'remove';
      expect(moments).toEqual([
        `before ${call}`,
        `after ${call}`,
        'before status',
        'after status',
        'before finalizers',
        'after finalizers',
      ]);
    },
  );
});

describe('a controller that is killed while it gives access, and started again', () => {
  const overlapSeconds = 1;
  const usersOf = async () => (await cluster.ceph.users()).filter((user) => user.startsWith('quartermaster-'));
  const hasAccess = async (name: string): Promise<boolean> =>
    (await isReady(name)) && conditionOf(await cluster.read(name), 'Synced')?.status === 'True';

  /** The ID of the key in the Secret, once it is the only one that its user has. */
  const soleKey = async (name: string): Promise<string | undefined> => {
    const user = `quartermaster-${(await cluster.read(name))?.metadata.uid}`;
    const keys = await cluster.ceph.keysOf(user);
    const id = (await cluster.secret(`${name}-objectstore`))?.['AWS_ACCESS_KEY_ID'];
    return keys.length === 1 && keys[0]?.accessKey === id ? id : undefined;
  };

  /** Has access asked for, or keys that are there rotated. Answers the key that is not to be the last. */
  const ask = async (name: string, isRotation: boolean): Promise<string | undefined> => {
    await cluster.submit(name, specOf(name, { access: { overlapSeconds } }));
    if (!isRotation) return undefined;
    expect(await runUntilCrash(never, () => hasAccess(name))).toBeUndefined();
    const key = await soleKey(name);
    await cluster.change(name, { access: { rotation: 'again' } });
    return key;
  };

  it.each([
    ['making', false, ['before grant', 'after grant', 'before issue key', 'after issue key']],
    ['rotating', true, ['before issue key', 'after issue key', 'before revoke key', 'after revoke key']],
  ] as const)(
    'at any moment of %s ends in one user with one key, the one in the Secret',
    patient,
    async (_, isRotation, some) => {
      const moments: string[] = [];
      for (let at = 1; ; at++) {
        const name = nameFor('access');
        const former = await ask(name, isRotation);
        const isDone = async () => {
          const key = await soleKey(name).catch(() => undefined);
          return key !== undefined && key !== former && (await hasAccess(name));
        };
        const crashedAt = await runUntilCrash(at, isDone);
        const second = cluster.run({ resyncMs: 1_000 });
        await until(`${name}, killed ${crashedAt}, has one new key`, isDone);
        await cluster.remove(name);
        await until(`${name} is gone`, () => isGone(name));
        await second.kill();
        expect(await usersOf(), `killed ${crashedAt}`).toEqual([]);
        if (crashedAt === undefined) break;
        moments.push(crashedAt);
      }
      expect(moments).toEqual(expect.arrayContaining([...some]));
    },
  );

  it.each(['Retain', 'Delete'] as const)(
    'at any moment of a removal with %s leaves no user behind',
    patient,
    async (deletionPolicy) => {
      const moments: string[] = [];
      for (let at = 1; ; at++) {
        const name = nameFor('removal');
        await cluster.submit(name, specOf(name, { access: { overlapSeconds }, deletionPolicy }));
        expect(await runUntilCrash(never, () => hasAccess(name))).toBeUndefined();
        await cluster.remove(name);
        const crashedAt = await runUntilCrash(at, () => isGone(name));
        const second = cluster.run();
        await until(`${name}, killed ${crashedAt}, is gone`, () => isGone(name));
        await second.kill();
        expect(await usersOf(), `killed ${crashedAt}`).toEqual([]);
        expect((await bucketsOf(alice)).includes(name), `killed ${crashedAt}`).toBe(deletionPolicy === 'Retain');
        if (crashedAt === undefined) break;
        moments.push(crashedAt);
      }
      expect(moments).toEqual(
        expect.arrayContaining(['before revoke', 'after revoke', 'before remove secrets', 'after remove secrets']),
      );
    },
  );
});

/** Of the first moments of an API server: it knows no permissions yet, and no custom resources. */
const startingKube = (at: number, kube: Kube): Kube & { readonly failed: () => string | undefined } => {
  let calls = 0;
  let failed: string | undefined;
  const isStarting = (what: string): boolean => {
    calls += 1;
    if (calls === at) failed = what;
    return calls === at;
  };
  const around = <R>(what: string, call: () => Promise<R>): Promise<R> =>
    isStarting(what) ? Promise.reject(new AppError('Forbidden', `${what} was answered 403`)) : call();
  return {
    ...kube,
    failed: () => failed,
    get: (resource, key, signal) => {
      const call = () => kube.get<never>(resource, key, signal);
      const what = `get ${resource.plural}`;
      return resource.plural === 'objectstores' && isStarting(`${what} (404)`)
        ? Promise.resolve(undefined)
        : around(what, call);
    },
    create: (resource, object, options) =>
      resource.plural === 'events'
        ? kube.create(resource, object, options)
        : around(`create ${resource.plural}`, () => kube.create(resource, object, options)),
    applyStatus: (resource, object, options) => around('status', () => kube.applyStatus(resource, object, options)),
    mergePatch: (resource, key, patch, options) =>
      around('finalizers', () => kube.mergePatch<never>(resource, key, patch, options)),
  };
};

describe('an API server that has just started', () => {
  it('and refuses any one call holds no bucket up for long', patient, async () => {
    const moments: string[] = [];
    for (let at = 1; ; at++) {
      const name = nameFor('early');
      let kube: ReturnType<typeof startingKube> | undefined;
      const controller = cluster.run({ kube: (real) => (kube = startingKube(at, real)) });
      await cluster.submit(name, specOf(name));
      await until(`${name}, call ${at} of which is refused, is Ready`, () => isReady(name));
      await cluster.remove(name);
      await until(`${name} is gone`, () => isGone(name));
      await controller.kill();
      const failed = kube?.failed();
      if (failed === undefined) break;
      moments.push(failed);
    }
    expect(new Set(moments)).toEqual(
      new Set([
        'get objectstores (404)',
        'get objectstores',
        'get secrets',
        'get configmaps',
        'create configmaps',
        'status',
        'finalizers',
      ]),
    );
  });
});
