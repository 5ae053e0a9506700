import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ArmStub, armError, startArmStub } from '../../dev/stubs/arm.ts';
import { AppError } from '../../src/api/errors.ts';
import type { Fact } from '../../src/api/facts.ts';
import type { KubeObject, PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../src/api/kubernetes.ts';
import { verdictFor } from '../../src/clouds/index.ts';
import type { EventObject } from '../../src/controller/events.ts';
import { type AzureAccounts, openAzureAccounts } from '../../src/kinds/persistent-volume-claim/azure-file/account.ts';
import {
  type AzureFileOptions,
  runAzureFileController,
  watchAzureRecords,
} from '../../src/kinds/persistent-volume-claim/azure-file/controller.ts';
import { recordFor } from '../../src/kinds/persistent-volume-claim/azure-file/record.ts';
import { watchClaims } from '../../src/kinds/persistent-volume-claim/controller.ts';
import { type Kube, resources } from '../../src/kube/api-server.ts';
import { type ControllerRuns, controllerRuns, csiDriver } from '../fixtures/controller-runs.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { claim } from '../fixtures/storage.ts';

const soon = { timeout: 30_000, interval: 50 };
const place = { subscription: 'sub-1', resourceGroup: 'storage' };
const ownPlace = { clusterUid: 'cluster-1', clusterName: 'prod', resourceGroup: 'storage' };
/** The name the account for ordinary shares gets where nobody has it. */
const firstName = (): string =>
  recordFor({ ...place, ...ownPlace, location: 'westeurope', sku: 'Standard_LRS' }).account;

let cluster: ShippedCluster;
let admin: Kube;
let arm: ArmStub;
let runs: ControllerRuns;

beforeAll(async () => {
  cluster = await startShippedCluster();
  admin = cluster.admin;
  runs = controllerRuns(cluster);
  await admin.create<KubeObject>(resources.csiDrivers, csiDriver('file.csi.azure.com'));
});
afterAll(() => cluster?.controlPlane.stop());

beforeEach(async () => {
  arm = await startArmStub({ ...place, polls: 2 });
});
afterEach(async () => {
  await kill();
  await arm.stop();
  await clean();
});

/** Ends the controller at once, wherever it is. */
const kill = () => runs.stop(new AppError('Unavailable', 'killed by the test'));

const clean = async (): Promise<void> => {
  const { items: claims } = await admin.list(resources.persistentVolumeClaims, { namespace: 'default' });
  for (const { metadata } of claims) await destroyClaim(metadata.name ?? '');
  const { items: volumes } = await admin.list(resources.persistentVolumes, {});
  for (const { metadata } of volumes) await destroyVolume(metadata.name ?? '');
  const { items: classes } = await admin.list(resources.storageClasses, {});
  for (const { metadata } of classes)
    await admin.remove(resources.storageClasses, { namespace: '', name: metadata.name ?? '' });
  const { items: records } = await admin.list(resources.configMaps, { namespace: 'quartermaster-system' });
  for (const { metadata } of records)
    await admin.remove(resources.configMaps, { namespace: 'quartermaster-system', name: metadata.name ?? '' });
};

interface Interference {
  readonly kube?: Partial<Kube>;
  readonly accounts?: Partial<AzureAccounts>;
}

/** With the real client of Azure. */
const start = (change: Readonly<Record<string, string>> = {}, { kube, accounts }: Interference = {}): void => {
  const known = { subscription: 'sub-1', region: 'westeurope', resourceGroup: 'MC_nodes' };
  const facts = Object.entries(known).map(([name, value]): [string, Fact] => [name, { value, source: 'test' }]);
  const verdict = verdictFor('azure', Object.fromEntries(facts), []);
  const environment = { AZURE_FILE_ACCOUNT: 'quartermaster', ...change };
  runs.start({ environment, verdict: () => verdict, ...(kube && { kube }) }, (tools, signal) => {
    const options: AzureFileOptions = {
      ...tools,
      ...ownPlace,
      claims: watchClaims(tools.watching),
      records: watchAzureRecords(tools.watching, 'quartermaster-system'),
      openAccounts: async (subscription) => ({ ...(await open(subscription)), ...accounts }),
      systemNamespace: 'quartermaster-system',
      deletion: tools.settings.azureAccountDeletion,
      graceSeconds: 0,
    };
    return runAzureFileController(options, signal);
  });
};

const open = (subscription: string): Promise<AzureAccounts> =>
  openAzureAccounts({
    subscription,
    credential: { getToken: () => Promise.resolve({ token: 'token', expiresOnTimestamp: Date.now() + 600_000 }) },
    managementEndpoint: arm.endpoint,
    caBundle: arm.caBundle,
    pollIntervalMs: 5,
  });

const submit = (name: string, storageClassName: string): Promise<PersistentVolumeClaim> =>
  admin.create(resources.persistentVolumeClaims, claim(name, storageClassName, { mode: 'ReadWriteMany' }));
const destroyClaim = async (name: string): Promise<void> => {
  const key = { namespace: 'default', name };
  await admin.remove(resources.persistentVolumeClaims, key);
  await admin
    .mergePatch(resources.persistentVolumeClaims, key, { metadata: { finalizers: null } })
    .catch(() => undefined);
};
const destroyVolume = async (name: string): Promise<void> => {
  const key = { namespace: '', name };
  await admin.remove(resources.persistentVolumes, key);
  await admin.mergePatch(resources.persistentVolumes, key, { metadata: { finalizers: null } }).catch(() => undefined);
};

const classNamed = (name: string) => admin.get<StorageClass>(resources.storageClasses, { namespace: '', name });
const accountIn = async (name: string) => (await classNamed(name))?.parameters?.['storageAccount'];
const puts = () =>
  arm.requests.filter(({ method }) => method === 'PUT').map(({ url }) => url.pathname.split('/').at(-1));
const reasonsAbout = async (name: string): Promise<readonly string[]> => {
  const fieldSelector = `involvedObject.kind=PersistentVolumeClaim,involvedObject.name=${name}`;
  const { items } = await admin.list<EventObject>(resources.events, { namespace: 'default', fieldSelector });
  return items.map(({ reason }) => reason);
};

const hang = (signal: AbortSignal | undefined, reached: () => void): Promise<never> => {
  reached();
  return new Promise((_, reject) =>
    signal?.addEventListener('abort', () => reject(new Error('aborted')), { once: true }),
  );
};

describe('a class for Azure file', () => {
  it('is made after its storage account, which is closed to the public, to plain HTTP and to old TLS', async () => {
    start();
    await submit('first', 'shared');
    await expect.poll(() => accountIn('shared'), soon).toMatch(/^prod[a-z2-7]{20}$/);
    const account = (await accountIn('shared')) ?? '';
    expect(arm.account(account)).toMatchObject({
      pending: 0,
      resource: {
        location: 'westeurope',
        kind: 'StorageV2',
        sku: { name: 'Standard_LRS' },
        tags: { 'quartermaster-cluster': 'cluster-1' },
        properties: { supportsHttpsTrafficOnly: true, minimumTlsVersion: 'TLS1_2', allowBlobPublicAccess: false },
      },
    });
    expect((await classNamed('shared'))?.parameters).toMatchObject({
      resourceGroup: 'storage',
      skuName: 'Standard_LRS',
    });
    await expect.poll(() => reasonsAbout('first'), soon).toEqual(['StorageClassCreated']);
  });

  it('shares its account with other classes of its kind, and with none of another kind', async () => {
    start();
    await Promise.all([submit('a', 'shared-a'), submit('b', 'shared-b'), submit('c', 'premium-shared')]);
    await expect
      .poll(() => Promise.all(['shared-a', 'shared-b', 'premium-shared'].map(accountIn)), soon)
      .not.toContain(undefined);
    expect(await accountIn('shared-a')).toBe(await accountIn('shared-b'));
    expect(arm.account((await accountIn('premium-shared')) ?? '')?.resource).toMatchObject({ kind: 'FileStorage' });
    expect(new Set(puts()).size).toBe(2);
  });

  it('gets an account by another name where the first is taken elsewhere, and only that one', async () => {
    const taken = firstName();
    arm.addForeignAccount(taken);
    start();
    await submit('second', 'shared');
    await expect.poll(() => accountIn('shared'), soon).toBeDefined();
    expect(await accountIn('shared')).not.toBe(taken);
    expect(new Set(puts())).toEqual(new Set([taken, await accountIn('shared')]));
    await kill();
    start();
    await submit('third', 'other');
    await expect.poll(() => accountIn('other'), soon).toBe(await accountIn('shared'));
  });

  it('is not made where every name is taken, and the claim is told what to do', async () => {
    const taken = new AppError('AlreadyExists', 'taken');
    start({}, { accounts: { ensure: () => Promise.reject(taken) } });
    await submit('unlucky', 'shared');
    await expect.poll(() => reasonsAbout('unlucky'), soon).toEqual(['StorageAccountNotMade']);
    expect(await classNamed('shared')).toBeUndefined();
  });
});

/** Where it stands still, once it has told that it got there. */
const moments: readonly (readonly [string, (reached: () => void) => Interference])[] = [
  ['before Azure is asked', (reached) => ({ accounts: { ensure: (_, signal) => hang(signal, reached) } })],
  [
    'before the class is made',
    (reached) => ({
      kube: {
        create: (resource, object, options) =>
          resource.kind === 'StorageClass'
            ? hang(options?.signal, reached)
            : cluster.self.create(resource, object, options),
      },
    }),
  ],
];

describe('a controller killed on the way', () => {
  it.each(moments)('%s goes on with the very account it had begun', async (_, interference) => {
    const { promise: isReached, resolve: reached } = Promise.withResolvers<void>();
    start({}, interference(reached));
    await submit('killed', 'shared');
    await isReached;
    await kill();
    expect(await classNamed('shared')).toBeUndefined();
    start();
    await expect.poll(() => accountIn('shared'), soon).toBeDefined();
    expect(new Set(puts())).toEqual(new Set([await accountIn('shared')]));
    expect(arm.account((await accountIn('shared')) ?? '')).toBeDefined();
  });

  it('while Azure makes the account waits for that one', async () => {
    await arm.stop();
    arm = await startArmStub({ ...place, polls: 1_000_000 });
    start();
    await submit('killed', 'shared');
    await expect.poll(() => puts().length, soon).toBe(1);
    await kill();
    start();
    await runs.settled(300);
    expect(await classNamed('shared')).toBeUndefined();
    const account = arm.account(puts()[0] ?? '');
    if (account) account.pending = 0;
    await expect.poll(() => accountIn('shared'), soon).toBe(puts()[0]);
    expect(puts()).toHaveLength(1);
  });

  it('while Azure makes the account waits for that one even where Azure does not show it yet', async () => {
    arm.addAccount(firstName());
    arm.failNext('GET', /storageAccounts\/[^/]+$/, armError(404, 'ResourceNotFound', 'Not found.'));
    start();
    await submit('killed', 'shared');
    await expect.poll(() => accountIn('shared'), soon).toBe(firstName());
    expect(new Set(puts())).toEqual(new Set([firstName()]));
  });
});

describe('a controller killed while it takes an account away', () => {
  it.each(['before', 'after'] as const)(
    '%s the class is gone leaves none that names an account that is',
    async (when) => {
      start({ AZURE_ACCOUNT_DELETION: 'Delete' });
      await submit('first', 'shared');
      await expect.poll(() => accountIn('shared'), soon).toBeDefined();
      await kill();
      await destroyClaim('first');
      const { promise: isReached, resolve: reached } = Promise.withResolvers<void>();
      const remove: Kube['remove'] = async (resource, key, preconditions, options) => {
        const isClass = resource.kind === 'StorageClass';
        if (isClass && when === 'before') await hang(options?.signal, reached);
        await cluster.self.remove(resource, key, preconditions, options);
        if (isClass) await hang(options?.signal, reached);
      };
      start({ AZURE_ACCOUNT_DELETION: 'Delete' }, { kube: { remove } });
      await isReached;
      await kill();
      expect(arm.account(firstName())).toBeDefined();
      await submit('second', 'shared');
      start({ AZURE_ACCOUNT_DELETION: 'Delete' });
      await expect.poll(() => accountIn('shared'), soon).toBe(firstName());
      await runs.settled();
      expect(arm.account(firstName())).toBeDefined();
    },
  );
});

describe('what Azure refuses', () => {
  it('for lack of a permission is told to the claim, and tried again', async () => {
    for (let times = 0; times < 2; times += 1) {
      arm.failNext(
        'PUT',
        /storageAccounts/,
        armError(403, 'AuthorizationFailed', 'The client does not have authorization.'),
      );
    }
    start();
    await submit('forbidden', 'shared');
    await expect.poll(() => reasonsAbout('forbidden'), soon).toEqual(['StorageAccountNotMade']);
    expect(await classNamed('shared')).toBeUndefined();
  });

  it('for now, it is asked again when it said', async () => {
    arm.failNext('PUT', /storageAccounts/, {
      ...armError(429, 'TooManyRequests', 'Slow down.'),
      headers: { 'retry-after': '1' },
    });
    start();
    const since = performance.now();
    await submit('throttled', 'shared');
    await expect.poll(() => accountIn('shared'), soon).toBeDefined();
    expect(performance.now() - since).toBeGreaterThan(900);
    expect(new Set(puts()).size).toBe(1);
  });
});

describe('an account that nothing needs any more', () => {
  const volume = (
    name: string,
    account: string,
    storageClassName: string,
  ): PersistentVolume & { readonly spec: unknown } => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      storageClassName,
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteMany'],
      csi: { driver: 'file.csi.azure.com', volumeHandle: `storage#${account}#share#` },
    } as PersistentVolume['spec'],
  });

  const made = async (change: Readonly<Record<string, string>>): Promise<string> => {
    start(change);
    await submit('last', 'shared');
    await expect.poll(() => accountIn('shared'), soon).toBeDefined();
    return (await accountIn('shared')) ?? '';
  };

  it('stays, as do class and record, unless the setting says Delete', async () => {
    const account = await made({});
    await destroyClaim('last');
    await runs.settled();
    expect(arm.account(account)).toBeDefined();
    expect(await classNamed('shared')).toBeDefined();
  });

  it('stays while a volume names it, of whatever class; then it goes with its class, and comes back for the next claim', async () => {
    const account = await made({ AZURE_ACCOUNT_DELETION: 'Delete' });
    await admin.create(resources.persistentVolumes, volume('of-class', account, 'shared'));
    await admin.create(resources.persistentVolumes, volume('by-hand', account, 'manual'));
    await destroyClaim('last');
    await runs.settled();
    expect(arm.account(account)).toBeDefined();
    await destroyVolume('of-class');
    await runs.settled();
    expect(arm.account(account)).toBeDefined();
    await destroyVolume('by-hand');
    await expect.poll(() => arm.account(account), soon).toBeUndefined();
    await expect.poll(() => classNamed('shared'), soon).toBeUndefined();
    await submit('next', 'shared');
    await expect.poll(() => accountIn('shared'), soon).toBe(account);
  });
});
