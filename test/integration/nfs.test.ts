import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ensureStorageClasses } from '../../src/admission/handler.ts';
import type { Facts } from '../../src/api/facts.ts';
import type { KubeObject, PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../src/api/kubernetes.ts';
import { verdictFor } from '../../src/clouds/index.ts';
import { decide } from '../../src/kinds/index.ts';
import { watchClaims } from '../../src/kinds/persistent-volume-claim/controller.ts';
import { runNfsController, watchNfsServers } from '../../src/kinds/persistent-volume-claim/nfs/controller.ts';
import { volumeDeletion } from '../../src/kinds/persistent-volume-claim/nfs/deletion.ts';
import { volumeFor } from '../../src/kinds/persistent-volume-claim/nfs/volumes.ts';
import { type Kube, resources } from '../../src/kube/api-server.ts';
import type { Store } from '../../src/kube/store.ts';
import { type ControllerRuns, controllerRuns, csiDriver, eventsAbout } from '../fixtures/controller-runs.ts';
import { NFS_NAMESPACE as NFS, type NfsStorage, nfsStorage, volumeAt } from '../fixtures/nfs-storage.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { claim as claimFor } from '../fixtures/storage.ts';

const soon = { timeout: 30_000, interval: 50 };

const claim = (name: string, storageClassName: string, storage = '1Gi'): PersistentVolumeClaim =>
  claimFor(name, storageClassName, { mode: 'ReadWriteMany', storage });

let cluster: ShippedCluster;
let admin: Kube;
let runs: ControllerRuns;
let nfs: NfsStorage;
let everything: readonly string[];
let facts: () => Facts;

beforeAll(async () => {
  cluster = await startShippedCluster();
  admin = cluster.admin;
  runs = controllerRuns(cluster);
  nfs = await nfsStorage(admin);
  everything = nfs.parts.map(({ kind }) => kind);
  await admin.create<KubeObject>(resources.csiDrivers, csiDriver('ebs.csi.aws.com'));
});
afterAll(() => cluster?.controlPlane.stop());
afterEach(() => runs.stop());

/** One replica. */
const start = async (environment: Readonly<Record<string, string>> = {}): Promise<void> => {
  const tools = runs.start({ environment, verdict: () => verdictFor('aws', {}, []) }, (tools, signal) => {
    const { watching, policy, settings } = tools;
    const servers = watchNfsServers(watching, policy.nfsNamespace);
    const graceSeconds = settings.nfsGraceSeconds;
    return runNfsController({ ...tools, claims: watchClaims(watching), servers, graceSeconds }, signal);
  });
  facts = tools.facts;
  await Promise.all(Object.values<Store<KubeObject>>({ ...tools.stores }).map((store) => store.synced));
};

/** As the API server does it with the webhook in front: decide, have the class made, store. */
const submit = async (object: PersistentVolumeClaim): Promise<PersistentVolumeClaim> => {
  const resource = { group: '', version: 'v1', resource: 'persistentvolumeclaims' };
  const request = { uid: 'test', operation: 'CREATE', namespace: 'default', dryRun: false, username: 'test' } as const;
  const { companions } = decide({ ...request, resource, object }, facts());
  expect(await ensureStorageClasses(cluster.self, 2_000)(companions)).toEqual([]);
  return admin.create(resources.persistentVolumeClaims, object);
};

const nothing = () => nfs.parts.map(() => undefined);
const reasonsAbout = async (namespace: string, name: string): Promise<readonly string[]> =>
  (await eventsAbout(cluster, { namespace, name })).map(({ reason }) => reason);

describe('an NFS server, kept by the shipped service account', () => {
  it('is whole soon after the first claim of its class, on a disk two Gi larger than asked for', async () => {
    await start();
    await submit(claim('first', 'shared-nfs', '10Gi'));
    expect((await nfs.classNamed('shared-nfs'))?.provisioner).toBe('quartermaster.dev/shared-nfs-nfs');
    await expect.poll(() => nfs.whole('shared-nfs-nfs'), soon).toEqual(everything);
    expect(await nfs.part(resources.persistentVolumeClaims, 'shared-nfs-nfs')).toMatchObject({
      spec: { storageClassName: 'quartermaster-disk', resources: { requests: { storage: '12Gi' } } },
    });
    expect((await nfs.classNamed('quartermaster-disk'))?.provisioner).toBe('ebs.csi.aws.com');
  });

  it('shares nothing with the server of another class', async () => {
    await start();
    await submit(claim('one', 'one-nfs'));
    await submit(claim('two', 'two-nfs'));
    await expect.poll(() => nfs.whole('one-nfs-nfs'), soon).toEqual(everything);
    await expect.poll(() => nfs.whole('two-nfs-nfs'), soon).toEqual(everything);
    expect(await nfs.addressOf('one-nfs-nfs')).not.toBe(await nfs.addressOf('two-nfs-nfs'));
    expect((await nfs.classNamed('one-nfs'))?.provisioner).not.toBe((await nfs.classNamed('two-nfs'))?.provisioner);
  });

  it('is one for twenty claims of its class, and its disk holds them all', async () => {
    await start();
    const names = Array.from({ length: 20 }, (_, at) => `many-${at}`);
    await Promise.all(names.map((name) => submit(claim(name, 'many-nfs'))));
    await expect.poll(() => nfs.whole('many-nfs-nfs'), soon).toEqual(everything);
    const labelSelector = 'quartermaster.dev/nfs-class=many-nfs';
    const { items } = await admin.list(resources.deployments, { namespace: NFS, labelSelector });
    expect(items).toHaveLength(1);
    await nfs.bindDisk('many-nfs-nfs');
    await expect.poll(() => nfs.sizeOf('many-nfs-nfs'), soon).toBe('22Gi');
  });

  it('grows, and says so, but not for a claim whose volume is there already', async () => {
    await start();
    const { uid } = (await submit(claim('once', 'once-nfs', '5Gi'))).metadata;
    await expect.poll(() => nfs.whole('once-nfs-nfs'), soon).toEqual(everything);
    await nfs.bindDisk('once-nfs-nfs');
    const address = await nfs.addressOf('once-nfs-nfs');
    const claimRef = { namespace: 'default', name: 'once', uid };
    await admin.create<PersistentVolume>(resources.persistentVolumes, volumeAt('once', 'once-nfs', address, claimRef));
    await runs.settled();
    expect(await nfs.sizeOf('once-nfs-nfs')).toBe('7Gi');
    await submit(claim('more', 'once-nfs', '9Gi'));
    await expect.poll(() => nfs.sizeOf('once-nfs-nfs'), soon).toBe('12Gi');
    await expect.poll(() => reasonsAbout(NFS, 'once-nfs-nfs'), soon).toEqual(['NfsDiskExpanded']);
  });

  it('comes back right, whatever somebody deletes: the address and the class are the same as before', async () => {
    await start();
    await submit(claim('back', 'back-nfs'));
    await expect.poll(() => nfs.whole('back-nfs-nfs'), soon).toEqual(everything);
    await nfs.provision('back', 'back-nfs', 'back-nfs-nfs');
    const address = await nfs.addressOf('back-nfs-nfs');
    const before = await nfs.classNamed('back-nfs');
    for (const resource of nfs.parts.filter(({ kind }) => kind !== 'PersistentVolumeClaim')) {
      const { uid } = (await nfs.part(resource, 'back-nfs-nfs'))?.metadata ?? {};
      await admin.remove(resource, { namespace: NFS, name: 'back-nfs-nfs' });
      await expect
        .poll(async () => (await nfs.part(resource, 'back-nfs-nfs'))?.metadata.uid ?? uid, soon)
        .not.toBe(uid);
    }
    expect(await nfs.addressOf('back-nfs-nfs')).toBe(address);
    await admin.remove(resources.storageClasses, { namespace: '', name: 'back-nfs' });
    await expect.poll(async () => (await nfs.classNamed('back-nfs'))?.metadata.uid, soon).toBeDefined();
    const { metadata: _, ...again } = (await nfs.classNamed('back-nfs')) as StorageClass;
    const { metadata: __, ...first } = before as StorageClass;
    expect(again).toEqual(first);
  });

  it('says who has its address when its Service cannot come back, and comes back when it can', async () => {
    await start();
    await submit(claim('taken', 'taken-nfs'));
    await expect.poll(() => nfs.whole('taken-nfs-nfs'), soon).toEqual(everything);
    await nfs.provision('taken', 'taken-nfs', 'taken-nfs-nfs');
    const address = await nfs.addressOf('taken-nfs-nfs');
    await runs.stop();
    await admin.remove(resources.services, { namespace: NFS, name: 'taken-nfs-nfs' });
    const thief = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'thief', namespace: 'default' },
      spec: { clusterIP: address, ports: [{ port: 80 }] },
    };
    await admin.create<KubeObject>(resources.services, thief);
    await start();
    await expect.poll(() => reasonsAbout(NFS, 'taken-nfs-nfs'), soon).toContain('NfsServerNotKept');
    expect(await nfs.addressOf('taken-nfs-nfs')).toBeUndefined();
    await admin.remove(resources.services, { namespace: 'default', name: 'thief' });
    await expect.poll(() => nfs.addressOf('taken-nfs-nfs'), soon).toBe(address);
  });

  it('is the same to the last resourceVersion after a restart, and with two replicas at once', async () => {
    await Promise.all([start(), start()]);
    await submit(claim('still', 'still-nfs'));
    await expect.poll(() => nfs.whole('still-nfs-nfs'), soon).toEqual(everything);
    await runs.settled();
    const before = await nfs.versions('still-nfs-nfs', 'still-nfs');
    await runs.stop();
    await Promise.all([start(), start()]);
    await runs.settled();
    expect(await nfs.versions('still-nfs-nfs', 'still-nfs')).toEqual(before);
  });

  it('tells those who wait when its disk is too small and cannot grow', async () => {
    await admin.create<StorageClass>(resources.storageClasses, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'quartermaster-disk-slow' },
      provisioner: 'example.org/disk',
    });
    await start();
    await submit(claim('small', 'slow-nfs'));
    await expect.poll(() => nfs.whole('slow-nfs-nfs'), soon).toEqual(everything);
    await nfs.bindDisk('slow-nfs-nfs');
    await submit(claim('large', 'slow-nfs', '100Gi'));
    await expect.poll(() => reasonsAbout('default', 'large'), soon).toContain('NfsDiskTooSmall');
    expect(await nfs.sizeOf('slow-nfs-nfs')).toBe('3Gi');
  });

  it('stays while a volume of its class exists; then it goes, and its disk is kept as the class says', async () => {
    await start({ NFS_GRACE_SECONDS: '0' });
    await submit(claim('going', 'going-nfs'));
    await expect.poll(() => nfs.whole('going-nfs-nfs'), soon).toEqual(everything);
    await nfs.provision('going', 'going-nfs', 'going-nfs-nfs');
    await nfs.destroy(resources.persistentVolumeClaims, 'going', 'default');
    await runs.settled();
    expect(await nfs.whole('going-nfs-nfs')).toEqual(everything);
    await nfs.destroy(resources.persistentVolumes, 'pv-going');
    await expect.poll(() => nfs.classNamed('going-nfs'), soon).toBeUndefined();
    const kept = nfs.parts.map(({ kind }) => (kind === 'PersistentVolumeClaim' ? kind : undefined));
    await expect.poll(() => nfs.whole('going-nfs-nfs'), soon).toEqual(kept);
    expect(
      (await nfs.part(resources.persistentVolumeClaims, 'going-nfs-nfs'))?.metadata.deletionTimestamp,
    ).toBeUndefined();
    await expect.poll(() => reasonsAbout(NFS, 'going-nfs-nfs'), soon).toContain('NfsDiskKept');
  });

  it('serves again from the disk it kept', async () => {
    await start();
    const { uid } = (await nfs.part(resources.persistentVolumeClaims, 'going-nfs-nfs'))?.metadata ?? {};
    await submit(claim('again', 'going-nfs'));
    await expect.poll(() => nfs.whole('going-nfs-nfs'), soon).toEqual(everything);
    expect((await nfs.part(resources.persistentVolumeClaims, 'going-nfs-nfs'))?.metadata.uid).toBe(uid);
  });

  it('takes its disk along where the class says Delete', async () => {
    await start({ NFS_GRACE_SECONDS: '1' });
    await admin.create<StorageClass>(resources.storageClasses, {
      ...((await nfs.classNamed('shared-nfs')) as StorageClass),
      metadata: {
        name: 'scratch-nfs',
        labels: { 'app.kubernetes.io/managed-by': 'quartermaster', 'quartermaster.dev/nfs-class': 'scratch-nfs' },
      },
      provisioner: 'quartermaster.dev/scratch-nfs-nfs',
      reclaimPolicy: 'Delete',
    });
    await submit(claim('scratch', 'scratch-nfs'));
    await expect.poll(() => nfs.whole('scratch-nfs-nfs'), soon).toEqual(everything);
    await nfs.destroy(resources.persistentVolumeClaims, 'scratch', 'default');
    await expect.poll(() => nfs.classNamed('scratch-nfs'), soon).toBeUndefined();
    const disk = () => nfs.part(resources.persistentVolumeClaims, 'scratch-nfs-nfs');
    await expect.poll(async () => (await disk())?.metadata.deletionTimestamp, soon).toBeDefined();
    await nfs.destroy(resources.persistentVolumeClaims, 'scratch-nfs-nfs', NFS);
    expect(await nfs.whole('scratch-nfs-nfs')).toEqual(nothing());
  });

  it('has folders deleted of volumes as the API server has them, and lets go what no server is left for', async () => {
    const { end, confirm, letGo } = volumeDeletion(cluster.self);
    const signal = AbortSignal.timeout(30_000);
    const made = volumeFor(
      { ...claim('over', 'gone-nfs'), metadata: { name: 'over', namespace: 'default', uid: 'over' } },
      {
        apiVersion: 'storage.k8s.io/v1',
        kind: 'StorageClass',
        metadata: { name: 'gone-nfs' },
        provisioner: 'quartermaster.dev/gone-nfs-nfs',
        reclaimPolicy: 'Delete',
      },
      '10.96.0.7',
    );
    const key = { namespace: '', name: 'pvc-over' };
    const live = async () => (await admin.get<PersistentVolume>(resources.persistentVolumes, key)) as PersistentVolume;
    await admin.create(resources.persistentVolumes, { ...made, metadata: { ...made.metadata, finalizers: [] } });
    const observed = await live();
    await admin.mergePatch(resources.persistentVolumes, key, { metadata: { labels: { changed: 'yes' } } });
    expect(await end(observed, signal)).toBe(false);
    expect((await live()).metadata.deletionTimestamp).toBeUndefined();
    expect(await end(await live(), signal)).toBe(true);
    const going = await live();
    expect(going.metadata).toMatchObject({
      deletionTimestamp: expect.any(String) as string,
      finalizers: expect.arrayContaining(['quartermaster.dev/nfs-volume']) as string[],
    });
    expect(await confirm(going, signal)).toBe(true);
    expect((await live()).metadata.resourceVersion).toBe(going.metadata.resourceVersion);
    await admin.mergePatch(resources.persistentVolumes, key, { metadata: { labels: { changed: 'again' } } });
    expect([await confirm(going, signal), await letGo(going, signal)]).toEqual([false, false]);
    await start();
    await expect
      .poll(async () => (await live())?.metadata.finalizers ?? [], soon)
      .not.toContain('quartermaster.dev/nfs-volume');
    await nfs.destroy(resources.persistentVolumes, 'pvc-over');
  });

  it('stands in where the cloud has no file storage configured, whatever the class is called', async () => {
    await start();
    await submit(claim('results', 'results'));
    expect((await nfs.classNamed('results'))?.provisioner).toBe('quartermaster.dev/results-nfs');
    await expect.poll(() => nfs.whole('results-nfs'), soon).toEqual(everything);
  });

  it('is not made where an export is configured and its driver installed: the class is for that', async () => {
    await admin.create<KubeObject>(resources.csiDrivers, csiDriver('nfs.csi.k8s.io'));
    await start({ NFS_SERVER: 'files.example.org', NFS_SHARE: '/jobs' });
    await submit(claim('exported', 'exported-nfs'));
    expect(await nfs.classNamed('exported-nfs')).toMatchObject({
      provisioner: 'nfs.csi.k8s.io',
      parameters: { server: 'files.example.org', share: '/jobs' },
    });
    await runs.settled();
    expect(await nfs.whole('exported-nfs-nfs')).toEqual(nothing());
  });

  it('leaves an object of its name alone that somebody else made', async () => {
    const foreign = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'mine-nfs-nfs', namespace: NFS } };
    const { metadata } = await admin.create<KubeObject>(resources.serviceAccounts, foreign);
    await start();
    await submit(claim('mine', 'mine-nfs'));
    await expect.poll(() => reasonsAbout('default', 'mine'), soon).toEqual(['NfsServerNotKept']);
    expect((await nfs.part(resources.serviceAccounts, 'mine-nfs-nfs'))?.metadata.resourceVersion).toBe(
      metadata.resourceVersion,
    );
    expect(await nfs.part(resources.deployments, 'mine-nfs-nfs')).toBeUndefined();
  });

  it('is mounted with another version as soon as a node has a kernel that needs it', async () => {
    await start();
    await submit(claim('versioned', 'versioned-nfs'));
    await expect.poll(() => nfs.whole('versioned-nfs-nfs'), soon).toEqual(everything);
    expect((await nfs.classNamed('versioned-nfs'))?.mountOptions).toEqual(['nfsvers=4.1', 'hard']);
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'new' } };
    await admin.create<KubeObject>(resources.nodes, node);
    const nodeInfo = { kernelVersion: '6.19.1' };
    await admin.applyStatus<KubeObject>(resources.nodes, { ...node, status: { nodeInfo } } as KubeObject);
    await expect
      .poll(async () => (await nfs.classNamed('versioned-nfs'))?.mountOptions, soon)
      .toEqual(['nfsvers=4.0', 'hard']);
  });
});
