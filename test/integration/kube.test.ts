import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import type { ConfigMap, KubeObject, StorageClass } from '../../src/api/kubernetes.ts';
import { type Kube, type Resource, resources, type WatchEvent } from '../../src/kube/api-server.ts';
import { createKube } from '../../src/kube/client.ts';
import { findConnection } from '../../src/kube/connection.ts';

interface Widget extends KubeObject {
  readonly status?: { readonly phase?: string };
}

const configMap = (name: string, data: Readonly<Record<string, string>> = {}): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data,
});

const storageClass = (name: string): StorageClass => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name },
  provisioner: 'example.org/disk',
});

const widgets: Resource = {
  group: 'example.org',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  isNamespaced: true,
};
const widgetDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.org' },
  spec: {
    group: widgets.group,
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: { status: { type: 'object', properties: { phase: { type: 'string' } } } },
          },
        },
      },
    ],
  },
};

describe('the client of the API server', () => {
  let controlPlane: ControlPlane;
  let kube: Kube;
  let asNobody: Kube;

  beforeAll(async () => {
    controlPlane = await startControlPlane();
    kube = createKube(await findConnection({ KUBECONFIG: controlPlane.kubeconfig }));
    asNobody = createKube(await findConnection({ KUBECONFIG: await controlPlane.userKubeconfig('nobody') }));
  });

  afterAll(() => controlPlane?.stop());

  it('reads what it created, and undefined where there is nothing', async () => {
    await kube.create(resources.configMaps, configMap('created', { a: '1' }));
    const found = await kube.get<ConfigMap>(resources.configMaps, { namespace: 'default', name: 'created' });
    expect(found?.data).toEqual({ a: '1' });
    expect(await kube.get(resources.configMaps, { namespace: 'default', name: 'absent' })).toBeUndefined();
  });

  it('says AlreadyExists with method, path and the server’s words', async () => {
    await kube.create(resources.storageClasses, storageClass('twice'));
    await expect(kube.create(resources.storageClasses, storageClass('twice'))).rejects.toMatchObject({
      reason: 'AlreadyExists',
      message:
        'POST /apis/storage.k8s.io/v1/storageclasses was answered 409: storageclasses.storage.k8s.io "twice" already exists',
    });
  });

  it('stores nothing on a dry run', async () => {
    await kube.create(resources.storageClasses, storageClass('dry'), { dryRun: true });
    expect(await kube.get(resources.storageClasses, { namespace: '', name: 'dry' })).toBeUndefined();
  });

  it('applies server-side: takes over what it names, leaves what others set, drops what it no longer names', async () => {
    await kube.create(resources.configMaps, configMap('applied', { theirs: 'kept', contested: 'theirs' }));
    await kube.apply(resources.configMaps, configMap('applied', { contested: 'ours', passing: 'x' }));
    const applied = await kube.apply(resources.configMaps, configMap('applied', { contested: 'ours' }));
    expect(applied.data).toEqual({ theirs: 'kept', contested: 'ours' });
  });

  it('applies a status beside the spec', async () => {
    await kube.create(resources.customResourceDefinitions, widgetDefinition);
    const widget: Widget = {
      apiVersion: 'example.org/v1',
      kind: 'Widget',
      metadata: { name: 'w', namespace: 'default' },
    };
    await expect
      .poll(
        () =>
          kube.list(widgets, {}).then(
            () => true,
            () => false,
          ),
        { timeout: 30_000 },
      )
      .toBe(true);
    await kube.create(widgets, widget);
    await kube.applyStatus<Widget>(widgets, { ...widget, status: { phase: 'Done' } });
    expect((await kube.get<Widget>(widgets, { namespace: 'default', name: 'w' }))?.status).toEqual({ phase: 'Done' });
  });

  it('takes off by merge patch what cannot be applied away', async () => {
    await kube.create(resources.configMaps, {
      ...configMap('patched'),
      metadata: { name: 'patched', namespace: 'default', finalizers: ['example.org/hold'] },
    });
    const key = { namespace: 'default', name: 'patched' };
    const patched = await kube.mergePatch(resources.configMaps, key, { metadata: { finalizers: null } });
    expect(patched.metadata.finalizers).toBeUndefined();
  });

  it('refuses to replace what changed meanwhile', async () => {
    const old = await kube.create(resources.configMaps, configMap('replaced'));
    await kube.replace(resources.configMaps, { ...old, data: { by: 'one' } });
    await expect(kube.replace(resources.configMaps, { ...old, data: { by: 'two' } })).rejects.toMatchObject({
      reason: 'Conflict',
    });
  });

  it('removes only the very object that was meant, and takes already gone for done', async () => {
    const made = await kube.create(resources.configMaps, configMap('removed'));
    const key = { namespace: 'default', name: 'removed' };
    await expect(kube.remove(resources.configMaps, key, { uid: 'another' })).rejects.toMatchObject({
      reason: 'Conflict',
    });
    await kube.remove(resources.configMaps, key, { uid: made.metadata.uid ?? '' });
    await kube.remove(resources.configMaps, key);
    expect(await kube.get(resources.configMaps, key)).toBeUndefined();
  });

  it('lists in pages, each item with its apiVersion and kind', async () => {
    for (const name of ['page-1', 'page-2', 'page-3']) await kube.create(resources.storageClasses, storageClass(name));
    const names: string[] = [];
    let continueToken: string | undefined;
    do {
      const query = continueToken === undefined ? { limit: 2 } : { limit: 2, continueToken };
      const page = await kube.list<StorageClass>(resources.storageClasses, query);
      expect(page.items.length).toBeLessThanOrEqual(2);
      expect(page.items[0]).toMatchObject({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass' });
      names.push(...page.items.map(({ metadata }) => metadata.name ?? ''));
      continueToken = page.continueToken;
    } while (continueToken !== undefined);
    expect(names).toEqual(expect.arrayContaining(['page-1', 'page-2', 'page-3']));
    expect(new Set(names).size).toBe(names.length);
  });

  it('narrows a list by namespace and by label', async () => {
    await kube.create(resources.configMaps, {
      ...configMap('labelled'),
      metadata: { name: 'labelled', namespace: 'default', labels: { tier: 'gold' } },
    });
    const { items } = await kube.list(resources.configMaps, { namespace: 'default', labelSelector: 'tier=gold' });
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['labelled']);
    const elsewhere = await kube.list(resources.configMaps, { namespace: 'kube-public', labelSelector: 'tier=gold' });
    expect(elsewhere.items).toEqual([]);
  });

  it('watches from a resourceVersion on, in order, and ends with the signal', async () => {
    const { resourceVersion } = await kube.list(resources.configMaps, { namespace: 'default' });
    const ending = new AbortController();
    const seen: WatchEvent<ConfigMap>[] = [];
    const key = { namespace: 'default', name: 'watched' };
    const watching = (async () => {
      const query = { namespace: 'default', resourceVersion, fieldSelector: 'metadata.name=watched' };
      for await (const event of kube.watch<ConfigMap>(resources.configMaps, query, ending.signal)) {
        seen.push(event);
        if (event.type === 'DELETED') ending.abort();
      }
    })();
    await kube.create(resources.configMaps, configMap('watched'));
    await kube.mergePatch(resources.configMaps, key, { data: { a: 'b' } });
    await kube.remove(resources.configMaps, key);
    await watching;
    expect(seen.map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED', 'DELETED']);
  });

  it('reads plain paths and posts reviews', async () => {
    expect(await kube.read('/version')).toMatchObject({ major: '1' });
    const review = await kube.post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb: 'create', resource: 'nodes' } },
    });
    expect(review).toMatchObject({ status: { allowed: true } });
  });

  it('says Forbidden, InvalidInput and NotFound for what they are', async () => {
    await expect(asNobody.list(resources.secrets, {})).rejects.toMatchObject({ reason: 'Forbidden' });
    const nameless: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'Not_A_Name', namespace: 'default' },
    };
    await expect(kube.create(resources.configMaps, nameless)).rejects.toMatchObject({ reason: 'InvalidInput' });
    await expect(kube.list({ ...widgets, plural: 'gadgets' }, {})).rejects.toMatchObject({ reason: 'NotFound' });
  });
});
