import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject, StorageClass, StringMap } from '../../src/api/kubernetes.ts';
import { verdictFor } from '../../src/clouds/index.ts';
import type { EventObject } from '../../src/controller/events.ts';
import { runCalrissianController, watchCalrissian } from '../../src/kinds/calrissian/controller.ts';
import { watchClaims } from '../../src/kinds/persistent-volume-claim/controller.ts';
import { type Kube, type Resource, resources } from '../../src/kube/api-server.ts';
import { GUIDE_CLASS, GUIDE_ROLES, guideObjects, OPENEO_ACCOUNTS } from '../fixtures/calrissian-guide.ts';
import { type ControllerRuns, controllerRuns, csiDriver } from '../fixtures/controller-runs.ts';
import { startOwnClock } from '../fixtures/own-clock.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';

/** What the issue promises. */
const PROMISED_MS = 5_000;
const soon = { timeout: 30_000, interval: 50 };
const enabled = { 'quartermaster.dev/calrissian': 'enabled' };

const resourceOf: Readonly<Record<string, Resource>> = {
  RoleBinding: resources.roleBindings,
  PersistentVolumeClaim: resources.persistentVolumeClaims,
  ConfigMap: resources.configMaps,
};

let cluster: ShippedCluster;
let admin: Kube;
let runs: ControllerRuns;

beforeAll(async () => {
  cluster = await startShippedCluster();
  admin = cluster.admin;
  runs = controllerRuns(cluster);
  await admin.create<KubeObject>(resources.csiDrivers, csiDriver('ru.yandex.s3.csi'));
});
afterAll(() => cluster?.controlPlane.stop());
afterEach(() => runs.stop());

const start = (change: Readonly<Record<string, string>> = {}): void => {
  const environment = { CALRISSIAN_SERVICE_ACCOUNTS: OPENEO_ACCOUNTS, ...change };
  runs.start({ environment, verdict: () => verdictFor('openstack', {}, []) }, (tools, signal) => {
    const { watching } = tools;
    const stores = { ...tools.stores, claims: watchClaims(watching), made: watchCalrissian(watching) };
    return runCalrissianController({ ...tools, stores }, signal);
  });
};

const addNamespace = (name: string, labels: StringMap = enabled) =>
  admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } });
const label = (name: string, value: string | null) =>
  admin.mergePatch(
    resources.namespaces,
    { namespace: '', name },
    {
      metadata: { labels: { 'quartermaster.dev/calrissian': value } },
    },
  );
const get = <T extends KubeObject>(kind: string, namespace: string, name: string) =>
  admin.get<T>(resourceOf[kind] as Resource, { namespace, name });
const live = ({ kind, metadata }: KubeObject) => get(kind, metadata.namespace ?? '', metadata.name ?? '');
const classNow = () => admin.get<StorageClass>(resources.storageClasses, { namespace: '', name: 'csi-s3-calrissian' });
const removeClass = () => admin.remove(resources.storageClasses, { namespace: '', name: 'csi-s3-calrissian' });

const eventsIn = async (namespace: string): Promise<readonly string[]> => {
  const fieldSelector = 'involvedObject.kind=Namespace';
  const { items } = await admin.list<EventObject>(resources.events, { namespace, fieldSelector });
  return items.map(({ reason, message }) => `${reason}: ${message}`).toSorted();
};

const all = async (namespace: string): Promise<readonly (string | undefined)[]> =>
  Promise.all(guideObjects(namespace).map(async (object) => (await live(object)) && object.metadata.name));
const complete = guideObjects('').map(({ metadata }) => metadata.name);

describe('a namespace labelled for Calrissian', () => {
  it('holds within 5 s everything the guide has people make by hand', async () => {
    const namespace = 'by-label';
    start();
    await addNamespace(namespace, {});
    using sinceLabel = startOwnClock();
    await label(namespace, 'enabled');
    await expect.poll(() => all(namespace), soon).toEqual(complete);
    expect(sinceLabel.ms()).toBeLessThan(PROMISED_MS);
    for (const object of guideObjects(namespace)) expect(await live(object)).toMatchObject(object);
    expect(await get('ConfigMap', namespace, 'calrissian-defaults')).toMatchObject({ kind: 'ConfigMap' });
    const { options = '', ...parameters } = GUIDE_CLASS['parameters'] as StringMap;
    expect(await classNow()).toMatchObject({ ...GUIDE_CLASS, parameters });
    expect((await classNow())?.parameters?.['options']).toContain(options);
    expect(await eventsIn(namespace)).toEqual([]);
  });

  it('lets its service accounts do what the guide lets them, there and nowhere else', async () => {
    start();
    await addNamespace('allowed');
    await expect.poll(() => all('allowed'), soon).toEqual(complete);
    const may = async (user: string, role: keyof typeof GUIDE_ROLES, namespace: string) => {
      const { group, resource, verbs } = GUIDE_ROLES[role];
      const [plural = '', subresource = ''] = resource.split('/');
      return Promise.all(
        verbs.map((verb) => isAllowed(user, { group, resource: plural, subresource, verb, namespace })),
      );
    };
    const own = 'system:serviceaccount:allowed:default';
    const openeo = 'system:serviceaccount:spark-jobs-dev:openeo';
    for (const role of ['pod-manager-role', 'log-reader-role'] as const) {
      expect(new Set(await may(own, role, 'allowed'))).toEqual(new Set([true]));
      expect(new Set(await may(own, role, 'default'))).toEqual(new Set([false]));
    }
    for (const role of ['job-manager-role', 'pvc-reader-role'] as const) {
      expect(new Set(await may(openeo, role, 'allowed'))).toEqual(new Set([true]));
      expect(new Set(await may(openeo, role, 'default'))).toEqual(new Set([false]));
    }
    expect(new Set(await may(openeo, 'pod-manager-role', 'allowed'))).toEqual(new Set([false]));
  });

  it('gets back what somebody deletes, and stays the same over a restart to the last resourceVersion', async () => {
    start();
    await addNamespace('kept');
    await expect.poll(() => all('kept'), soon).toEqual(complete);
    await admin.remove(resources.roleBindings, { namespace: 'kept', name: 'quartermaster-pod-manager-default' });
    await expect.poll(() => get('RoleBinding', 'kept', 'quartermaster-pod-manager-default'), soon).toBeDefined();
    await removeClass();
    await expect.poll(classNow, soon).toBeDefined();
    await runs.settled();
    const versions = async () =>
      Promise.all(guideObjects('kept').map(async (object) => (await live(object))?.metadata.resourceVersion));
    const before = [...(await versions()), (await classNow())?.metadata.resourceVersion];
    await runs.stop();
    start();
    await runs.settled();
    expect([...(await versions()), (await classNow())?.metadata.resourceVersion]).toEqual(before);
  });

  it('loses what holds no data when it loses the label, keeps its claims, and is told so', async () => {
    start();
    await addNamespace('unlabelled');
    await expect.poll(() => all('unlabelled'), soon).toEqual(complete);
    await label('unlabelled', null);
    const claims = guideObjects('unlabelled').map(({ kind, metadata }) =>
      kind === 'PersistentVolumeClaim' ? metadata.name : undefined,
    );
    await expect.poll(() => all('unlabelled'), soon).toEqual(claims);
    await expect.poll(() => get('ConfigMap', 'unlabelled', 'calrissian-defaults'), soon).toBeUndefined();
    await expect
      .poll(() => eventsIn('unlabelled'), soon)
      .toEqual([
        expect.stringMatching(
          /^CalrissianDisabled: .*calrissian-input-data, calrissian-output-data, calrissian-tmpout .*stay/,
        ),
      ]);
  });

  it('loses them too when the label went while nobody watched', async () => {
    start();
    await addNamespace('unseen');
    await expect.poll(() => all('unseen'), soon).toEqual(complete);
    await runs.stop();
    await label('unseen', 'disabled');
    start();
    await expect.poll(() => get('RoleBinding', 'unseen', 'quartermaster-pod-manager-default'), soon).toBeUndefined();
  });

  it('keeps what somebody else made, and is told where that differs', async () => {
    await addNamespace('by-hand', {});
    const [binding, , , , , , claim] = guideObjects('by-hand');
    await admin.create(resources.persistentVolumeClaims, claim as KubeObject);
    const byHand = {
      ...binding,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'pod-manager-role' },
    };
    await admin.create(resources.roleBindings, byHand as KubeObject);
    start();
    await label('by-hand', 'enabled');
    await expect.poll(() => all('by-hand'), soon).toEqual(complete);
    expect(await live(binding as KubeObject)).toMatchObject({ roleRef: { kind: 'Role', name: 'pod-manager-role' } });
    await expect
      .poll(() => eventsIn('by-hand'), soon)
      .toEqual([
        expect.stringMatching(/^NotOurs: RoleBinding quartermaster-pod-manager-default was not made by Quartermaster/),
      ]);
  });

  it('has its volumes in the bucket of an ObjectStore, and none before that is Ready', async () => {
    await removeClass();
    await admin.create<KubeObject>(resources.objectStores, {
      apiVersion: 'banzaicloud.com/v1alpha1',
      kind: 'ObjectStore',
      metadata: { name: 'results', namespace: 'default' },
      spec: { name: 'cwl-results', provider: 's3' },
    } as KubeObject);
    start({ CALRISSIAN_OBJECT_STORE: 'default/results' });
    await addNamespace('with-store');
    await expect
      .poll(() => eventsIn('with-store'), soon)
      .toEqual([expect.stringContaining('ObjectStore default/results is Ready')]);
    expect(await classNow()).toBeUndefined();
    expect(await get('PersistentVolumeClaim', 'with-store', 'calrissian-tmpout')).toBeUndefined();
    await makeReady('results', 'cwl-results');
    await expect.poll(() => all('with-store'), soon).toEqual(complete);
    expect((await classNow())?.parameters?.['bucket']).toBe('cwl-results');
  });

  it('has the class made again where ours is for another bucket', async () => {
    expect((await classNow())?.parameters?.['bucket']).toBe('cwl-results');
    start();
    await expect.poll(async () => (await classNow())?.parameters?.['bucket'], soon).toBe('calrissian');
  });

  it('leaves a class alone that somebody else made for another bucket, and says so', async () => {
    await runs.stop();
    await removeClass();
    const theirs = {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'csi-s3-calrissian' },
      provisioner: 'ru.yandex.s3.csi',
      parameters: { bucket: 'theirs' },
    };
    await admin.create<StorageClass>(resources.storageClasses, theirs);
    start();
    await addNamespace('their-class');
    await expect.poll(() => all('their-class'), soon).toEqual(complete);
    await expect
      .poll(() => eventsIn('their-class'), soon)
      .toEqual([expect.stringMatching(/^NotOurs: StorageClass csi-s3-calrissian .*theirs, not calrissian/)]);
    expect((await classNow())?.parameters).toEqual({ bucket: 'theirs' });
    await removeClass();
  });

  it('has the ConfigMap its platform provisions instead of ours', async () => {
    start();
    await addNamespace('provisioned');
    await expect.poll(() => get('ConfigMap', 'provisioned', 'calrissian-defaults'), soon).toBeDefined();
    await admin.create<KubeObject>(resources.platformDefaults, {
      apiVersion: 'quartermaster.dev/v1alpha1',
      kind: 'PlatformDefaults',
      metadata: { name: 'calrissian', namespace: 'quartermaster-system' },
      spec: {
        match: { kinds: ['CalrissianPod'], namespaceSelector: { matchLabels: enabled } },
        provision: { configMaps: [{ name: 'calrissian-defaults', data: { 'default.json': '{}' } }] },
      },
    } as KubeObject);
    await expect.poll(() => get('ConfigMap', 'provisioned', 'calrissian-defaults'), soon).toBeUndefined();
  });
});

const isAllowed = async (user: string, resourceAttributes: Readonly<Record<string, string>>): Promise<boolean> => {
  const review = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SubjectAccessReview',
    spec: { user, resourceAttributes },
  };
  const answer = await admin.post('/apis/authorization.k8s.io/v1/subjectaccessreviews', review);
  return (answer as { readonly status: { readonly allowed: boolean } }).status.allowed;
};

const makeReady = (name: string, bucketName: string) =>
  admin.applyStatus<KubeObject>(resources.objectStores, {
    apiVersion: 'banzaicloud.com/v1alpha1',
    kind: 'ObjectStore',
    metadata: { name, namespace: 'default' },
    status: {
      bucketName,
      url: `s3a://${bucketName}`,
      provider: 's3',
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          reason: 'UpToDate',
          message: 'It is.',
          lastTransitionTime: '2026-11-20T00:00:00Z',
        },
      ],
    },
  } as KubeObject);
