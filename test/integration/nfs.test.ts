import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureStorageClasses } from '../../src/admission/ensure.ts';
import { createFacts } from '../../src/admission/facts.ts';
import { decide } from '../../src/admission/handle.ts';
import type { Facts } from '../../src/api/facts.ts';
import type { KubeObject, PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../src/api/kubernetes.ts';
import { verdictFor } from '../../src/cloud/index.ts';
import { policyOf, readSettings } from '../../src/config.ts';
import type { EventObject } from '../../src/controller/event-object.ts';
import { createEventRecorder, type EventRecorder } from '../../src/controller/events.ts';
import { runNfsController } from '../../src/controller/nfs-server.ts';
import type { Service } from '../../src/controller/nfs-sight.ts';
import { watchNfsServers } from '../../src/controller/nfs-stores.ts';
import { watchClaims } from '../../src/controller/persistent-volume-claim.ts';
import { createDefaultsInForce } from '../../src/defaults/in-force.ts';
import { type Kube, type Resource, resources } from '../../src/kube/kube.ts';
import type { Store } from '../../src/kube/store.ts';
import { watchFacts } from '../../src/kube/stores.ts';
import { createLog } from '../../src/log.ts';
import { createMetrics } from '../../src/metrics.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';

const NFS = 'quartermaster-nfs';
const soon = { timeout: 10_000, interval: 50 };

const { serviceAccounts, roleBindings, services, persistentVolumeClaims, deployments } = resources;
/** What a server consists of; with its budget, where the API server has policy/v1. */
const parts: Resource[] = [serviceAccounts, roleBindings, services, persistentVolumeClaims, deployments];

const claim = (name: string, storageClassName: string, storage = '1Gi'): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'default' },
  spec: { accessModes: ['ReadWriteMany'], storageClassName, resources: { requests: { storage } } },
});

const csiDriver = (name: string): KubeObject & { readonly spec: unknown } => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'CSIDriver',
  metadata: { name },
  spec: {},
});

let cluster: ShippedCluster;
let admin: Kube;
let ending: AbortController;
let running: Promise<unknown>;
let facts: () => Facts;
let lastReconcile = 0;
const recorders: EventRecorder[] = [];

beforeAll(async () => {
  cluster = await startShippedCluster();
  admin = cluster.admin;
  const hasBudgets = await admin.read('/apis/policy/v1').then(
    () => true,
    () => false,
  );
  if (hasBudgets) parts.push(resources.podDisruptionBudgets);
  everything = parts.map(({ kind }) => kind);
  await admin.create<KubeObject>(resources.csiDrivers, csiDriver('ebs.csi.aws.com'));
});
afterAll(() => cluster?.controlPlane.stop());

beforeEach(renew);
afterEach(() => stop());

function renew(): void {
  ending = new AbortController();
  running = Promise.resolve();
}

const stop = async (): Promise<void> => {
  ending.abort();
  await running;
  for (const events of recorders.splice(0)) await events.close(1_000);
  renew();
};

/** Resolves when no replica has reconciled anything for a moment. */
const settled = async (ms = 500): Promise<void> => {
  lastReconcile = performance.now();
  await expect.poll(() => performance.now() - lastReconcile, { timeout: 20_000, interval: 50 }).toBeGreaterThan(ms);
};

/** One replica, as the shipped service account. */
const start = async (change: Readonly<Record<string, string>> = {}): Promise<void> => {
  const kube = cluster.self;
  const settings = readSettings(change);
  const log = createLog('silent');
  const metrics = createMetrics();
  const policy = policyOf(settings);
  const watching = { kube, log, signal: ending.signal };
  const stores = watchFacts(watching);
  const defaults = createDefaultsInForce(policy);
  facts = createFacts({ stores, policy, verdict: () => verdictFor('aws', {}, []), defaults: defaults.index });
  const events = createEventRecorder({ kube, instance: 'test', log, metrics });
  recorders.push(events);
  const controller = runNfsController(
    {
      kube,
      claims: watchClaims(watching),
      stores,
      servers: watchNfsServers(watching, policy.nfsNamespace),
      facts,
      events,
      graceSeconds: settings.nfsGraceSeconds,
      log,
      metrics: {
        setQueue: () => undefined,
        countReconcile: () => {
          lastReconcile = performance.now();
        },
      },
    },
    ending.signal,
  );
  running = Promise.all([running, controller]);
  await Promise.all(Object.values<Store<KubeObject>>({ ...stores }).map((store) => store.synced));
};

/** As the API server does it with the webhook in front: decide, have the class made, store. */
const submit = async (object: PersistentVolumeClaim): Promise<PersistentVolumeClaim> => {
  const decision = decide(
    {
      uid: 'test',
      operation: 'CREATE',
      resource: { group: '', version: 'v1', resource: 'persistentvolumeclaims' },
      namespace: 'default',
      object,
      dryRun: false,
      username: 'test',
    },
    facts(),
  );
  expect(await ensureStorageClasses(cluster.self, 2_000)(decision.companions)).toEqual([]);
  return admin.create(resources.persistentVolumeClaims, object);
};

const part = <T extends KubeObject>(resource: Resource, name: string): Promise<T | undefined> =>
  admin.get<T>(resource, { namespace: NFS, name });
const classNamed = (name: string) => admin.get<StorageClass>(resources.storageClasses, { namespace: '', name });
const diskNamed = (name: string) => part<PersistentVolumeClaim>(resources.persistentVolumeClaims, name);
const sizeOf = async (name: string) => (await diskNamed(name))?.spec?.resources?.requests?.['storage'];
const serviceNamed = (name: string) => part<Service>(resources.services, name);

const whole = async (server: string): Promise<readonly (string | undefined)[]> =>
  Promise.all(parts.map(async (resource) => (await part(resource, server)) && resource.kind));
let everything: readonly string[];
const nothing = () => parts.map(() => undefined);

const versions = async (server: string, className: string): Promise<readonly unknown[]> => [
  (await classNamed(className))?.metadata.resourceVersion,
  ...(await Promise.all(parts.map(async (resource) => (await part(resource, server))?.metadata.resourceVersion))),
];

/** What the server's provisioner does: a volume at the Service's address, and the claim bound to it. */
const provision = async (name: string, className: string, server: string): Promise<void> => {
  const address = (await serviceNamed(server))?.spec?.clusterIP;
  await admin.create<PersistentVolume>(resources.persistentVolumes, volumeAt(name, className, address));
  await bind('default', name, `pv-${name}`);
};

const volumeAt = (name: string, storageClassName: string, server = '', claimRef?: unknown) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: `pv-${name}` },
  spec: {
    storageClassName,
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteMany'],
    persistentVolumeReclaimPolicy: 'Retain',
    nfs: { server, path: `/export/pv-${name}` },
    ...(claimRef !== undefined && { claimRef }),
  },
});

const bind = async (namespace: string, name: string, volumeName: string): Promise<void> => {
  await admin.mergePatch(resources.persistentVolumeClaims, { namespace, name }, { spec: { volumeName } });
  // Not by applying: this client applies in the name of the controller, which would then own the phase.
  const statusOf = { ...resources.persistentVolumeClaims, plural: `persistentvolumeclaims/${name}` };
  await admin.mergePatch(statusOf, { namespace, name: 'status' }, { status: { phase: 'Bound' } });
};

/** A disk as its own driver makes it. */
const bindDisk = async (server: string): Promise<void> => {
  const volume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `disk-${server}` },
    spec: {
      storageClassName: 'quartermaster-disk',
      capacity: { storage: '3Gi' },
      accessModes: ['ReadWriteOnce'],
      csi: { driver: 'ebs.csi.aws.com', volumeHandle: server },
    },
  };
  await admin.create<PersistentVolume>(resources.persistentVolumes, volume);
  await bind(NFS, server, `disk-${server}`);
};

/** Deleting, with no controller here to take the protecting finalizer off. */
const destroy = async (resource: Resource, name: string, namespace = ''): Promise<void> => {
  await admin.remove(resource, { namespace, name });
  const left = await admin.get(resource, { namespace, name });
  if (left)
    await admin.mergePatch(resource, { namespace, name }, { metadata: { finalizers: null } }).catch(() => undefined);
};

const reasonsAbout = async (namespace: string, name: string): Promise<readonly string[]> => {
  const fieldSelector = `involvedObject.name=${name}`;
  const { items } = await admin.list<EventObject>(resources.events, { namespace, fieldSelector });
  return items.map(({ reason }) => reason);
};

describe('an NFS server, kept by the shipped service account', () => {
  it('is whole soon after the first claim of its class, on a disk two Gi larger than asked for', async () => {
    await start();
    await submit(claim('first', 'shared-nfs', '10Gi'));
    expect((await classNamed('shared-nfs'))?.provisioner).toBe('quartermaster.dev/shared-nfs-nfs');
    await expect.poll(() => whole('shared-nfs-nfs'), soon).toEqual(everything);
    expect(await diskNamed('shared-nfs-nfs')).toMatchObject({
      spec: { storageClassName: 'quartermaster-disk', resources: { requests: { storage: '12Gi' } } },
    });
    expect((await classNamed('quartermaster-disk'))?.provisioner).toBe('ebs.csi.aws.com');
  });

  it('shares nothing with the server of another class', async () => {
    await start();
    await submit(claim('one', 'one-nfs'));
    await submit(claim('two', 'two-nfs'));
    await expect.poll(() => whole('one-nfs-nfs'), soon).toEqual(everything);
    await expect.poll(() => whole('two-nfs-nfs'), soon).toEqual(everything);
    const [one, two] = await Promise.all(['one-nfs-nfs', 'two-nfs-nfs'].map(serviceNamed));
    expect(one?.spec?.clusterIP).not.toBe(two?.spec?.clusterIP);
    expect((await classNamed('one-nfs'))?.provisioner).not.toBe((await classNamed('two-nfs'))?.provisioner);
  });

  it('is one for twenty claims of its class, and its disk holds them all', async () => {
    await start();
    const names = Array.from({ length: 20 }, (_, at) => `many-${at}`);
    await Promise.all(names.map((name) => submit(claim(name, 'many-nfs'))));
    await expect.poll(() => whole('many-nfs-nfs'), soon).toEqual(everything);
    const labelSelector = 'quartermaster.dev/nfs-class=many-nfs';
    const { items } = await admin.list(resources.deployments, { namespace: NFS, labelSelector });
    expect(items).toHaveLength(1);
    await bindDisk('many-nfs-nfs');
    await expect.poll(() => sizeOf('many-nfs-nfs'), soon).toBe('22Gi');
  });

  it('grows, and says so, but not for a claim whose volume is there already', async () => {
    await start();
    const { uid } = (await submit(claim('once', 'once-nfs', '5Gi'))).metadata;
    await expect.poll(() => whole('once-nfs-nfs'), soon).toEqual(everything);
    await bindDisk('once-nfs-nfs');
    const { clusterIP } = (await serviceNamed('once-nfs-nfs'))?.spec ?? {};
    const claimRef = { namespace: 'default', name: 'once', uid };
    await admin.create<PersistentVolume>(
      resources.persistentVolumes,
      volumeAt('once', 'once-nfs', clusterIP, claimRef),
    );
    await settled();
    expect(await sizeOf('once-nfs-nfs')).toBe('7Gi');
    await submit(claim('more', 'once-nfs', '9Gi'));
    await expect.poll(() => sizeOf('once-nfs-nfs'), soon).toBe('12Gi');
    await expect.poll(() => reasonsAbout(NFS, 'once-nfs-nfs'), soon).toEqual(['NfsDiskExpanded']);
  });

  it('comes back right, whatever somebody deletes: the address and the class are the same as before', async () => {
    await start();
    await submit(claim('back', 'back-nfs'));
    await expect.poll(() => whole('back-nfs-nfs'), soon).toEqual(everything);
    await provision('back', 'back-nfs', 'back-nfs-nfs');
    const { clusterIP } = (await serviceNamed('back-nfs-nfs'))?.spec ?? {};
    const before = await classNamed('back-nfs');
    for (const resource of parts.filter(({ kind }) => kind !== 'PersistentVolumeClaim')) {
      const { uid } = (await part(resource, 'back-nfs-nfs'))?.metadata ?? {};
      await admin.remove(resource, { namespace: NFS, name: 'back-nfs-nfs' });
      await expect.poll(async () => (await part(resource, 'back-nfs-nfs'))?.metadata.uid ?? uid, soon).not.toBe(uid);
    }
    expect((await serviceNamed('back-nfs-nfs'))?.spec?.clusterIP).toBe(clusterIP);
    await admin.remove(resources.storageClasses, { namespace: '', name: 'back-nfs' });
    await expect.poll(async () => (await classNamed('back-nfs'))?.metadata.uid, soon).toBeDefined();
    const { metadata: _, ...again } = (await classNamed('back-nfs')) as StorageClass;
    const { metadata: __, ...first } = before as StorageClass;
    expect(again).toEqual(first);
  });

  it('says who has its address when its Service cannot come back, and comes back when it can', async () => {
    await start();
    await submit(claim('taken', 'taken-nfs'));
    await expect.poll(() => whole('taken-nfs-nfs'), soon).toEqual(everything);
    await provision('taken', 'taken-nfs', 'taken-nfs-nfs');
    const { clusterIP } = (await serviceNamed('taken-nfs-nfs'))?.spec ?? {};
    await stop();
    await admin.remove(resources.services, { namespace: NFS, name: 'taken-nfs-nfs' });
    const thief = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'thief', namespace: 'default' },
      spec: { clusterIP, ports: [{ port: 80 }] },
    };
    await admin.create<KubeObject>(resources.services, thief);
    await start();
    await expect.poll(() => reasonsAbout(NFS, 'taken-nfs-nfs'), soon).toContain('NfsServerNotKept');
    expect(await serviceNamed('taken-nfs-nfs')).toBeUndefined();
    await admin.remove(resources.services, { namespace: 'default', name: 'thief' });
    await expect.poll(async () => (await serviceNamed('taken-nfs-nfs'))?.spec?.clusterIP, soon).toBe(clusterIP);
  });

  it('is the same to the last resourceVersion after a restart, and with two replicas at once', async () => {
    await Promise.all([start(), start()]);
    await submit(claim('still', 'still-nfs'));
    await expect.poll(() => whole('still-nfs-nfs'), soon).toEqual(everything);
    await settled();
    const before = await versions('still-nfs-nfs', 'still-nfs');
    await stop();
    await Promise.all([start(), start()]);
    await settled();
    expect(await versions('still-nfs-nfs', 'still-nfs')).toEqual(before);
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
    await expect.poll(() => whole('slow-nfs-nfs'), soon).toEqual(everything);
    await bindDisk('slow-nfs-nfs');
    await submit(claim('large', 'slow-nfs', '100Gi'));
    await expect.poll(() => reasonsAbout('default', 'large'), soon).toContain('NfsDiskTooSmall');
    expect(await sizeOf('slow-nfs-nfs')).toBe('3Gi');
  });

  it('stays while a volume of its class exists; then it goes, and its disk is kept as the class says', async () => {
    await start({ NFS_GRACE_SECONDS: '0' });
    await submit(claim('going', 'going-nfs'));
    await expect.poll(() => whole('going-nfs-nfs'), soon).toEqual(everything);
    await provision('going', 'going-nfs', 'going-nfs-nfs');
    await destroy(resources.persistentVolumeClaims, 'going', 'default');
    await settled();
    expect(await whole('going-nfs-nfs')).toEqual(everything);
    await destroy(resources.persistentVolumes, 'pv-going');
    await expect.poll(() => classNamed('going-nfs'), soon).toBeUndefined();
    const kept = parts.map(({ kind }) => (kind === 'PersistentVolumeClaim' ? kind : undefined));
    expect(await whole('going-nfs-nfs')).toEqual(kept);
    expect((await diskNamed('going-nfs-nfs'))?.metadata.deletionTimestamp).toBeUndefined();
    await expect.poll(() => reasonsAbout(NFS, 'going-nfs-nfs'), soon).toContain('NfsDiskKept');
  });

  it('serves again from the disk it kept', async () => {
    await start();
    const { uid } = (await diskNamed('going-nfs-nfs'))?.metadata ?? {};
    await submit(claim('again', 'going-nfs'));
    await expect.poll(() => whole('going-nfs-nfs'), soon).toEqual(everything);
    expect((await diskNamed('going-nfs-nfs'))?.metadata.uid).toBe(uid);
  });

  it('takes its disk along where the class says Delete', async () => {
    await start({ NFS_GRACE_SECONDS: '1' });
    await admin.create<StorageClass>(resources.storageClasses, {
      ...((await classNamed('shared-nfs')) as StorageClass),
      metadata: {
        name: 'scratch-nfs',
        labels: { 'app.kubernetes.io/managed-by': 'quartermaster', 'quartermaster.dev/nfs-class': 'scratch-nfs' },
      },
      provisioner: 'quartermaster.dev/scratch-nfs-nfs',
      reclaimPolicy: 'Delete',
    });
    await submit(claim('scratch', 'scratch-nfs'));
    await expect.poll(() => whole('scratch-nfs-nfs'), soon).toEqual(everything);
    await destroy(resources.persistentVolumeClaims, 'scratch', 'default');
    await expect.poll(() => classNamed('scratch-nfs'), soon).toBeUndefined();
    expect((await diskNamed('scratch-nfs-nfs'))?.metadata.deletionTimestamp).toBeDefined();
    await destroy(resources.persistentVolumeClaims, 'scratch-nfs-nfs', NFS);
    expect(await whole('scratch-nfs-nfs')).toEqual(nothing());
  });

  it('stands in where the cloud has no file storage configured, whatever the class is called', async () => {
    await start();
    await submit(claim('results', 'results'));
    expect((await classNamed('results'))?.provisioner).toBe('quartermaster.dev/results-nfs');
    await expect.poll(() => whole('results-nfs'), soon).toEqual(everything);
  });

  it('is not made where an export is configured and its driver installed: the class is for that', async () => {
    await admin.create<KubeObject>(resources.csiDrivers, csiDriver('nfs.csi.k8s.io'));
    await start({ NFS_SERVER: 'files.example.org', NFS_SHARE: '/jobs' });
    await submit(claim('exported', 'exported-nfs'));
    expect(await classNamed('exported-nfs')).toMatchObject({
      provisioner: 'nfs.csi.k8s.io',
      parameters: { server: 'files.example.org', share: '/jobs' },
    });
    await settled();
    expect(await whole('exported-nfs-nfs')).toEqual(nothing());
  });

  it('leaves an object of its name alone that somebody else made', async () => {
    const foreign = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'mine-nfs-nfs', namespace: NFS } };
    const { metadata } = await admin.create<KubeObject>(resources.serviceAccounts, foreign);
    await start();
    await submit(claim('mine', 'mine-nfs'));
    await expect.poll(() => reasonsAbout('default', 'mine'), soon).toEqual(['NfsServerNotKept']);
    expect((await part(resources.serviceAccounts, 'mine-nfs-nfs'))?.metadata.resourceVersion).toBe(
      metadata.resourceVersion,
    );
    expect(await part(resources.deployments, 'mine-nfs-nfs')).toBeUndefined();
  });

  it('is mounted with another version as soon as a node has a kernel that needs it', async () => {
    await start();
    await submit(claim('versioned', 'versioned-nfs'));
    await expect.poll(() => whole('versioned-nfs-nfs'), soon).toEqual(everything);
    expect((await classNamed('versioned-nfs'))?.mountOptions).toEqual(['nfsvers=4.1', 'hard']);
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'new' } };
    await admin.create<KubeObject>(resources.nodes, node);
    const nodeInfo = { kernelVersion: '6.19.1' };
    await admin.applyStatus<KubeObject>(resources.nodes, { ...node, status: { nodeInfo } } as KubeObject);
    await expect
      .poll(async () => (await classNamed('versioned-nfs'))?.mountOptions, soon)
      .toEqual(['nfsvers=4.0', 'hard']);
  });
});
