import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CloudVerdict } from '../../src/api/facts.ts';
import type { AccessMode, KubeObject, PersistentVolumeClaim, StorageClass } from '../../src/api/kubernetes.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../src/api/names.ts';
import { verdictFor } from '../../src/clouds/index.ts';
import {
  type ClaimController,
  claimController,
  watchClaims,
} from '../../src/kinds/persistent-volume-claim/controller.ts';
import { createUnusedClassSweep } from '../../src/kinds/persistent-volume-claim/unused-classes.ts';
import { type Kube, resources } from '../../src/kube/api-server.ts';
import type { Store } from '../../src/kube/store.ts';
import { ZONE_LABEL } from '../../src/kube/stores.ts';
import {
  type ControllerRuns,
  controllerRuns,
  csiDriver,
  eventsAbout as eventsOf,
} from '../fixtures/controller-runs.ts';
import { startOwnClock } from '../fixtures/own-clock.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';

const EBS = 'ebs.csi.aws.com';
/** What the issue promises from the moment the controller comes up. */
const PROMISED_MS = 2_000;
const soon = { timeout: 30_000, interval: 50 };

const claim = (name: string, storageClassName: string, mode: AccessMode = 'ReadWriteOnce'): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'default' },
  spec: { accessModes: [mode], storageClassName, resources: { requests: { storage: '10Gi' } } },
});

const volume = (name: string, storageClassName: string, annotations: Readonly<Record<string, string>> = {}) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name, annotations },
  spec: {
    storageClassName,
    capacity: { storage: '10Gi' },
    accessModes: ['ReadWriteOnce'],
    csi: { driver: EBS, volumeHandle: name },
  },
});

describe('the controller of claims, as the shipped service account', () => {
  let cluster: ShippedCluster;
  let kube: Kube;
  let runs: ControllerRuns;
  let controller: ClaimController;

  beforeAll(async () => {
    cluster = await startShippedCluster();
    kube = cluster.admin;
    runs = controllerRuns(cluster);
    await kube.create(resources.csiDrivers, csiDriver(EBS));
  });

  afterAll(() => cluster?.controlPlane.stop());

  afterEach(() => runs.stop());

  const start = (
    environment: Readonly<Record<string, string>> = {},
    verdict: () => CloudVerdict = () => verdictFor('aws', {}, []),
  ): void => {
    runs.start({ environment, verdict }, (tools, signal) => {
      controller = claimController({
        ...tools,
        claims: watchClaims(tools.watching),
        cloudSettled: Promise.resolve(),
      });
      return controller.run(signal);
    });
  };

  const classNamed = (name: string) => kube.get<StorageClass>(resources.storageClasses, { namespace: '', name });

  const told = (name: string) => eventsOf(cluster, { namespace: 'default', name });
  const eventsAbout = async (name: string) =>
    (await told(name)).map(({ type, reason, count }) => `${type} ${reason} x${count}`);
  const messagesAbout = async (name: string) => (await told(name)).map(({ message }) => message);

  it('makes within 2 s of its start the class of a claim that was there before, and tells the claim', async () => {
    await kube.create(resources.persistentVolumeClaims, claim('predates', 'predates-class'));
    using sinceStart = startOwnClock();
    start();
    await expect.poll(async () => (await classNamed('predates-class'))?.provisioner, soon).toBe(EBS);
    expect(sinceStart.ms()).toBeLessThan(PROMISED_MS);
    await expect.poll(() => eventsAbout('predates'), soon).toEqual(['Normal StorageClassCreated x1']);
  });

  it('makes the class of a claim that comes while it runs', async () => {
    start();
    await kube.create(resources.persistentVolumeClaims, claim('comes', 'comes-class'));
    await expect.poll(async () => (await classNamed('comes-class'))?.provisioner, soon).toBe(EBS);
  });

  it('makes a class of the driver that a claim’s VolumeAttributesClass is for, and one in the zone that nodes are in', async () => {
    const autoMode = 'ebs.csi.eks.amazonaws.com';
    const attributes = { apiVersion: 'storage.k8s.io/v1', kind: 'VolumeAttributesClass', metadata: { name: 'gold' } };
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'one', labels: { [ZONE_LABEL]: 'eu-west-1b' } } };
    await kube.create(resources.csiDrivers, csiDriver(autoMode));
    await kube.create(resources.volumeAttributesClasses, {
      ...attributes,
      driverName: autoMode,
      parameters: { tier: 'gold' },
    });
    await kube.create<KubeObject>(resources.nodes, node);
    const { spec, ...withAttributes } = claim('attributed', 'attributed-class');
    await kube.create(resources.persistentVolumeClaims, {
      ...withAttributes,
      spec: { ...spec, volumeAttributesClassName: 'gold' },
    });
    await kube.create(resources.persistentVolumeClaims, claim('zonal', 'gp3-eu-west-1b'));
    start();
    await expect.poll(async () => (await classNamed('attributed-class'))?.provisioner, soon).toBe(autoMode);
    const inZone = [{ matchLabelExpressions: [{ key: 'topology.ebs.csi.aws.com/zone', values: ['eu-west-1b'] }] }];
    await expect.poll(async () => (await classNamed('gp3-eu-west-1b'))?.allowedTopologies, soon).toEqual(inZone);
    await kube.remove(resources.csiDrivers, { namespace: '', name: autoMode });
  });

  it('brings back a class deleted by hand while a claim needs it', async () => {
    await kube.create(resources.persistentVolumeClaims, claim('needs', 'needed-class'));
    start();
    await expect.poll(() => classNamed('needed-class'), soon).toBeDefined();
    const first = await classNamed('needed-class');
    await kube.remove(resources.storageClasses, { namespace: '', name: 'needed-class' });
    await expect
      .poll(async () => (await classNamed('needed-class'))?.metadata.uid ?? first?.metadata.uid, soon)
      .not.toBe(first?.metadata.uid);
  });

  it('makes again a class that is removed as unused in the moment a claim of it comes', async () => {
    const first = await kube.create<StorageClass>(resources.storageClasses, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'idle-class', labels: { [MANAGED_BY_LABEL]: MANAGED_BY } },
      provisioner: EBS,
    });
    let sweep: ((signal: AbortSignal) => Promise<void>) | undefined;
    let claims: Store<PersistentVolumeClaim> | undefined;
    let classes: Store<StorageClass> | undefined;
    runs.start({ environment: {}, verdict: () => verdictFor('aws', {}, []) }, (tools, signal) => {
      claims = watchClaims(tools.watching);
      classes = tools.stores.storageClasses;
      const remove: Kube['remove'] = async (resource, key, ...rest) => {
        if (key.name === 'idle-class')
          await kube.create(resources.persistentVolumeClaims, claim('comes-late', 'idle-class'));
        await tools.kube.remove(resource, key, ...rest);
      };
      const hasNfsServer = () => false;
      sweep = createUnusedClassSweep({ ...tools, kube: { remove }, claims, hasNfsServer, unusedMs: 0, now: () => 0 });
      return claimController({ ...tools, claims, cloudSettled: Promise.resolve() }).run(signal);
    });
    await expect.poll(() => classes?.get({ namespace: '', name: 'idle-class' }), soon).toBeDefined();
    await expect.poll(() => claims?.hasSynced(), soon).toBe(true);
    await sweep?.(AbortSignal.timeout(10_000));
    await expect
      .poll(async () => (await classNamed('idle-class'))?.metadata.uid ?? first.metadata.uid, soon)
      .not.toBe(first.metadata.uid);
  });

  it('leaves somebody else’s class by that name as it is', async () => {
    const theirs: StorageClass = {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'their-class' },
      provisioner: 'example.org/theirs',
    };
    await kube.create(resources.storageClasses, theirs);
    await kube.create(resources.persistentVolumeClaims, claim('uses-theirs', 'their-class'));
    await kube.create(resources.persistentVolumeClaims, claim('after-theirs', 'after-theirs-class'));
    start();
    await expect.poll(() => classNamed('after-theirs-class'), soon).toBeDefined();
    const stored = await classNamed('their-class');
    expect(stored?.provisioner).toBe('example.org/theirs');
    expect(stored?.metadata.labels).toBeUndefined();
  });

  it('leaves claims alone whose volumes somebody put there, but not those whose class made volumes before', async () => {
    await kube.create(resources.persistentVolumes, volume('static', 'by-hand-class'));
    await kube.create(
      resources.persistentVolumes,
      volume('dynamic', 'emptied-class', { 'pv.kubernetes.io/provisioned-by': EBS }),
    );
    await kube.create(resources.persistentVolumeClaims, claim('by-hand', 'by-hand-class'));
    await kube.create(resources.persistentVolumeClaims, claim('emptied', 'emptied-class'));
    start();
    await expect.poll(() => classNamed('emptied-class'), soon).toBeDefined();
    expect(await classNamed('by-hand-class')).toBeUndefined();
    await kube.remove(resources.persistentVolumes, { namespace: '', name: 'static' });
    await kube.mergePatch(
      resources.persistentVolumes,
      { namespace: '', name: 'static' },
      { metadata: { finalizers: null } },
    );
    await expect.poll(() => classNamed('by-hand-class'), soon).toBeDefined();
  });

  it('ends with one class each when many claims name a few', async () => {
    start();
    const names = Array.from({ length: 100 }, (_, index) => [`many-${index}`, `common-${index % 10}`] as const);
    await Promise.all(names.map((pair) => kube.create(resources.persistentVolumeClaims, claim(...pair))));
    const shared = async () =>
      (await kube.list(resources.storageClasses, {})).items.filter(({ metadata }) =>
        /^common-\d$/.test(metadata.name ?? ''),
      );
    await expect.poll(async () => (await shared()).length, soon).toBe(10);
    await expect
      .poll(async () => {
        const told = await Promise.all(names.map(([name]) => eventsAbout(name)));
        return told.flat().length;
      }, soon)
      .toBe(10);
  });

  it('says once why no class is made, and makes it as soon as the driver is there', async () => {
    await kube.remove(resources.csiDrivers, { namespace: '', name: EBS });
    await kube.create(resources.persistentVolumeClaims, claim('refused', 'refused-class'));
    start();
    await expect.poll(() => eventsAbout('refused'), soon).toEqual(['Warning StorageClassNotMade x1']);
    const key = { namespace: 'default', name: 'refused' };
    await kube.mergePatch(resources.persistentVolumeClaims, key, { metadata: { labels: { touched: 'yes' } } });
    await kube.create(resources.csiDrivers, csiDriver(EBS));
    await expect.poll(async () => (await classNamed('refused-class'))?.provisioner, soon).toBe(EBS);
    await expect
      .poll(async () => (await eventsAbout('refused')).toSorted(), soon)
      .toEqual(['Normal StorageClassCreated x1', 'Warning StorageClassNotMade x1']);
  });

  it('makes the class of a claim that was left alone as soon as its namespace is no longer', async () => {
    const label = (value: string | null) => ({ metadata: { labels: { 'quartermaster.dev/inject': value } } });
    const namespace = { namespace: '', name: 'default' };
    await kube.mergePatch(resources.namespaces, namespace, label('disabled'));
    await kube.create(resources.persistentVolumeClaims, claim('opted-out', 'opted-out-class'));
    start();
    await kube.create(resources.persistentVolumeClaims, {
      ...claim('opted-in', 'opted-in-class'),
      metadata: { name: 'opted-in', namespace: 'kube-public' },
    });
    await expect.poll(() => classNamed('opted-in-class'), soon).toBeDefined();
    expect(await classNamed('opted-out-class')).toBeUndefined();
    await kube.mergePatch(resources.namespaces, namespace, label(null));
    await expect.poll(() => classNamed('opted-out-class'), soon).toBeDefined();
  });

  it('tells a claim that nothing here can serve what to do', async () => {
    await kube.create(resources.persistentVolumeClaims, claim('nowhere', 'nowhere-class', 'ReadWriteMany'));
    start({ RWX_FALLBACK: 'none' }, () => verdictFor('digitalocean', {}, []));
    await expect
      .poll(() => messagesAbout('nowhere'), soon)
      .toEqual([expect.stringMatching(/digitalocean has nothing that serves ReadWriteMany .*RWX_FALLBACK to nfs\.$/)]);
    expect(await classNamed('nowhere-class')).toBeUndefined();
  });

  it('looks again at refused claims when the cloud becomes known', async () => {
    let verdict = verdictFor('hetzner', {}, []);
    await kube.create(resources.persistentVolumeClaims, claim('elsewhere', 'elsewhere-class'));
    start({}, () => verdict);
    await expect.poll(() => eventsAbout('elsewhere'), soon).toEqual(['Warning StorageClassNotMade x1']);
    verdict = verdictFor('aws', {}, []);
    controller.recheck();
    await expect.poll(async () => (await classNamed('elsewhere-class'))?.provisioner, soon).toBe(EBS);
  });

  it('makes no more classes than it may, however fast they are asked for', async () => {
    const owned = async () =>
      (await kube.list(resources.storageClasses, { labelSelector: 'app.kubernetes.io/managed-by=quartermaster' }))
        .items;
    const limit = (await owned()).length + 3;
    start({ STORAGE_CLASS_LIMIT: String(limit) });
    const names = Array.from({ length: 20 }, (_, index) => `limited-${index}`);
    await Promise.all(names.map((name) => kube.create(resources.persistentVolumeClaims, claim(name, `${name}-class`))));
    const told = async () => (await Promise.all(names.map(eventsAbout))).flat().toSorted();
    await expect
      .poll(told, soon)
      .toEqual([
        ...Array<string>(3).fill('Normal StorageClassCreated x1'),
        ...Array<string>(17).fill('Warning StorageClassNotMade x1'),
      ]);
    expect(await owned()).toHaveLength(limit);
  });
});
