import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { type Quartermaster, startQuartermaster } from '../../dev/demo/quartermaster.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { startMetadataStub } from '../../dev/stubs/metadata.ts';
import type { AccessMode, KubeObject, PersistentVolumeClaim, Pod, StorageClass } from '../../src/api/kubernetes.ts';
import { CALRISSIAN_ENABLED, CALRISSIAN_LABEL, MANAGED_BY, MANAGED_BY_LABEL } from '../../src/api/names.ts';
import type { ObjectStore, ObjectStoreSpec } from '../../src/api/object-store.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { defaults } from '../../src/install/options.ts';
import { type Resource, resources } from '../../src/kube/api-server.ts';
import { untilAsked } from '../fixtures/asked.ts';
import { startOwnClock } from '../fixtures/own-clock.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';

const NAMESPACE = 'jobs';
const soon = { timeout: 30_000, interval: 20 };

let cluster: ShippedCluster;
let quartermaster: Quartermaster;
let ports: readonly number[];
let metadata: Awaited<ReturnType<typeof startMetadataStub>>;

const start = async (): Promise<Quartermaster> =>
  startQuartermaster({
    kubeconfig: await cluster.controlPlane.serviceAccountKubeconfig(defaults.namespace, 'quartermaster'),
    metadataUrl: metadata.url,
    webhookPort: ports[0] ?? 0,
    opsPort: ports[1] ?? 0,
  });

const claim = (name: string, storageClassName: string): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: NAMESPACE },
  spec: { storageClassName, accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
});

const create = (object: PersistentVolumeClaim, dryRun = false) =>
  cluster.admin.create(resources.persistentVolumeClaims, object, { dryRun });
const classNamed = (name: string) => cluster.admin.get<StorageClass>(resources.storageClasses, { namespace: '', name });

beforeAll(async () => {
  cluster = await startShippedCluster();
  metadata = await startMetadataStub('gcp');
  ports = await freePorts(2);
  const { admin } = cluster;
  await admin.create(resources.namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  const driver: KubeObject & { readonly spec: object } = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata: { name: 'pd.csi.storage.gke.io' },
    spec: {},
  };
  await admin.create(resources.csiDrivers, driver);
  quartermaster = await start();
  await untilAsked(cluster.admin);
});

afterAll(async () => {
  await quartermaster?.stop();
  await metadata?.stop();
  await cluster?.controlPlane.stop();
});

describe('a claim of a missing class, through the real API server', () => {
  it('finds the class in the same instant', async () => {
    await create(claim('first', 'made-at-admission'));
    expect(await classNamed('made-at-admission')).toMatchObject({
      provisioner: 'pd.csi.storage.gke.io',
      metadata: { labels: { [MANAGED_BY_LABEL]: MANAGED_BY } },
    });
  });

  it('leaves no class behind a dry run', async () => {
    await create(claim('tried', 'only-tried'), true);
    await create(claim('after', 'made-after-the-dry-run'));
    expect(await classNamed('made-after-the-dry-run')).toBeDefined();
    expect(await classNamed('only-tried')).toBeUndefined();
  });

  it('never changes a class of that name that somebody else made', async () => {
    const own: StorageClass = {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: 'of-somebody-else' },
      provisioner: 'example.org/own',
    };
    const { metadata: before } = await cluster.admin.create(resources.storageClasses, own);
    await create(claim('of-theirs', 'of-somebody-else'));
    await create(claim('after-theirs', 'made-after-theirs'));
    expect((await classNamed('of-somebody-else'))?.metadata.resourceVersion).toBe(before.resourceVersion);
  });

  it('tells kubectl why no class is made', async () => {
    const manifest = JSON.stringify({
      ...claim('shared', 'shared'),
      spec: { ...claim('', 's3-data').spec, storageClassName: 's3-data' },
    });
    await kubectl(cluster.controlPlane, ['create', '-f', '-'], { input: manifest });
    await vi.waitFor(async () => {
      const events = await kubectl(cluster.controlPlane, [
        'get',
        'events',
        '-n',
        NAMESPACE,
        '--field-selector',
        'involvedObject.name=shared',
      ]);
      expect(events).toMatch(/ru\.yandex\.s3\.csi.*not installed/);
    }, soon);
    expect(await classNamed('s3-data')).toBeUndefined();
  });

  it('ends with exactly 50 classes for 500 claims naming 50, created as fast as they are taken', async () => {
    const names = Array.from({ length: 500 }, (_, index) => claim(`many-${index}`, `many-${index % 50}`));
    const before = (await cluster.admin.list(resources.storageClasses, {})).items.length;
    const left = names.values();
    const createTheNext = async (): Promise<void> => {
      for (const one of left) await create(one);
    };
    await Promise.all(Array.from({ length: 50 }, createTheNext));
    const { items } = await cluster.admin.list<StorageClass>(resources.storageClasses, {});
    expect(items.filter(({ metadata: { name = '' } }) => name.startsWith('many-'))).toHaveLength(50);
    expect(items).toHaveLength(before + 50);
  });
});

describe('a claim that defaults mount into Calrissian runners', () => {
  const pods: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true };
  const runner: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'runner', namespace: 'cwl' },
    spec: { restartPolicy: 'Never', containers: [{ name: 'runner', image: 'calrissian', command: ['calrissian'] }] },
  };
  const mounted = ['local', 'shared'];
  const cache: PlatformDefaults = {
    apiVersion: 'quartermaster.dev/v1alpha1',
    kind: 'PlatformDefaults',
    metadata: { name: 'caches', namespace: defaults.namespace },
    spec: {
      match: { kinds: ['CalrissianPod'] },
      inject: {
        volumes: mounted.map((name) => ({ name, persistentVolumeClaim: { claimName: name } })),
        volumeMounts: mounted.map((name) => ({ name, mountPath: `/${name}` })),
      },
    },
  };
  const caching = (name: string, mode: AccessMode): PersistentVolumeClaim => {
    const { spec } = claim('', '');
    return { ...claim(name, ''), metadata: { name, namespace: 'cwl' }, spec: { ...spec, accessModes: [mode] } };
  };

  it('is mounted where many nodes can attach it, and not where one alone can', async () => {
    const labels = { [CALRISSIAN_LABEL]: CALRISSIAN_ENABLED };
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'cwl', labels } };
    await cluster.admin.create(resources.namespaces, namespace);
    await create(caching('local', 'ReadWriteOnce'));
    await create(caching('shared', 'ReadWriteMany'));
    await cluster.admin.create(resources.platformDefaults, cache);
    await vi.waitFor(async () => {
      const { spec } = await cluster.admin.create(pods, runner, { dryRun: true });
      expect(spec?.containers?.[0]?.volumeMounts?.map(({ mountPath }) => mountPath)).toEqual(['/shared']);
    }, soon);
  });
});

describe('what an engine would hear in place of a person', () => {
  it('is an Event about the pod: its default names a claim that is not there', async () => {
    const pods: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true };
    const lacking: PlatformDefaults = {
      apiVersion: 'quartermaster.dev/v1alpha1',
      kind: 'PlatformDefaults',
      metadata: { name: 'lacking', namespace: defaults.namespace },
      spec: {
        match: { kinds: ['WorkflowPod'] },
        inject: {
          labels: { 'example.org/given': 'yes' },
          volumes: [{ name: 'nowhere', persistentVolumeClaim: { claimName: 'nowhere' } }],
          volumeMounts: [{ name: 'nowhere', mountPath: '/nowhere' }],
        },
      },
    };
    await cluster.admin.create(resources.platformDefaults, lacking);
    const step = (name: string): Pod => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace: NAMESPACE, labels: { 'workflows.argoproj.io/workflow': 'w' } },
      spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'step' }] },
    });
    await vi.waitFor(async () => {
      const { metadata: stored } = await cluster.admin.create(pods, step('tried'), { dryRun: true });
      expect(stored.labels).toMatchObject({ 'example.org/given': 'yes' });
    }, soon);
    const { spec } = await cluster.admin.create(pods, step('told'));
    expect((spec?.volumes ?? []).filter(({ name }) => name === 'nowhere')).toEqual([]);
    const events = () => kubectl(cluster.controlPlane, ['get', 'events', '-n', NAMESPACE, '-o', 'wide']);
    await expect.poll(events, soon).toMatch(/Warning +DefaultsIncomplete +pod\/told.*there is no claim nowhere/);
    expect(await events()).not.toContain('pod/tried');
  });
});

describe('an ObjectStore, through the real API server', () => {
  const asking = (name: string, spec: ObjectStoreSpec): ObjectStore => ({
    apiVersion: 'banzaicloud.com/v1alpha1',
    kind: 'ObjectStore',
    metadata: { name, namespace: NAMESPACE },
    spec,
  });
  const ask = (store: ObjectStore, dryRun: boolean) => cluster.admin.create(resources.objectStores, store, { dryRun });

  it('is filled in for the cloud it is in', async () => {
    const { spec } = await ask(asking('history', { name: 'spark-history' }), true);
    expect(spec).toMatchObject({ name: 'spark-history', provider: 'gcs', location: 'europe-west1' });
  });

  it('is refused with the rule that its name breaks there', async () => {
    const refused = ask(asking('google', { name: 'my-google-bucket' }), true);
    await expect(refused).rejects.toThrow(/denied the request: spec\.name.*google/);
  });

  it('keeps the name it has', async () => {
    const own = { provider: 's3', s3: { endpoint: 'https://s3.example.org' } } as const;
    await ask(asking('kept', { name: 'kept', ...own, credentialsSecretRef: { name: 'not-there' } }), false);
    const key = { namespace: NAMESPACE, name: 'kept' };
    const renamed = cluster.admin.mergePatch(resources.objectStores, key, { spec: { name: 'another' } });
    await expect(renamed).rejects.toThrow(/denied the request: spec\.name/);
    await cluster.admin.remove(resources.objectStores, key);
  });
});

describe('while no webhook answers', () => {
  it('claims are stored all the same, and the class is made within 2 s of coming up', async () => {
    await quartermaster.stop();
    await create(claim('missed', 'missed'));
    expect(await classNamed('missed')).toBeUndefined();
    quartermaster = await start();
    using sinceUp = startOwnClock();
    await expect.poll(() => classNamed('missed'), soon).toBeDefined();
    expect(sinceUp.ms()).toBeLessThan(2_000);
  });
});

describe('the ops port', () => {
  const get = async (path: string): Promise<{ readonly status: number; readonly text: string }> => {
    const response = await fetch(`${quartermaster.opsUrl}${path}`, { signal: AbortSignal.timeout(5_000) });
    return { status: response.status, text: await response.text() };
  };

  it('says that it lives and is ready', async () => {
    expect(await get('/livez')).toEqual({ status: 200, text: 'ok\n' });
    expect(await get('/readyz')).toEqual({ status: 200, text: 'ok\n' });
  });

  it('counts admissions and tells the cloud and its facts', async () => {
    await create(claim('counted', 'made-at-admission'));
    const { text } = await get('/metrics');
    expect(text).toMatch(
      /quartermaster_admission_requests_total\{kind="PersistentVolumeClaim",operation="CREATE",result="\w+"\} \d+/,
    );
    expect(text).toMatch(
      /quartermaster_admission_duration_seconds_bucket\{le="0\.0001",kind="PersistentVolumeClaim"\}/,
    );
    expect(text).toMatch(/quartermaster_cloud_info\{cloud="gcp"\} 1/);
    expect(text).toMatch(
      /quartermaster_cloud_fact_info\{fact="region",value="europe-west1",source="metadata[^"]*"\} 1/,
    );
  });

  it('shows what was decided on one page', async () => {
    await create(claim('shown', 'shown-on-the-page'));
    const { status, text } = await get('/?kind=persistentvolumeclaim&name=show');
    expect(status).toBe(200);
    expect(text).toContain('shown-on-the-page');
    expect(text).toContain('>1 decision<');
    const health = await get('/health');
    expect(health.text).toContain('Cloud: gcp');
    expect(health.text).toMatch(/<td[^>]*>leads<\/td><td[^>]*>\d{4}-\d\d-\d\d</);
  });

  it('explains a claim that is stored', async () => {
    await create(claim('explained', 'shown-on-the-page'));
    const { status, text } = await get(`/api/v1/why?kind=persistentvolumeclaim&namespace=${NAMESPACE}&name=explained`);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({
      apiVersion: 'status.quartermaster.dev/v1',
      was: [expect.stringContaining('It was given nothing when it was made')],
      differs: [],
      now: { isSent: true },
    });
    expect((await get(`/api/v1/why?kind=Pod&namespace=${NAMESPACE}&name=any`)).status).toBe(403);
    expect((await get(`/api/v1/why?kind=pvc&namespace=${NAMESPACE}`)).status).toBe(400);
  });
});

describe('the status page, asked with a token', () => {
  const decisions = async (token: string, query: string): Promise<readonly [number, Record<string, unknown>]> => {
    const response = await fetch(`${quartermaster.opsUrl}/api/v1/decisions${query}`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(5_000),
    });
    return [response.status, (await response.json()) as Record<string, unknown>];
  };
  const tokenOf = async (name: string): Promise<string> => {
    await kubectl(cluster.controlPlane, ['create', 'serviceaccount', name, '-n', NAMESPACE]);
    return (await kubectl(cluster.controlPlane, ['create', 'token', name, '-n', NAMESPACE])).trim();
  };
  const bind = (kind: string, role: string, account: string, ...more: readonly string[]) =>
    kubectl(cluster.controlPlane, [
      ...['create', kind, account, `--clusterrole=${role}`, `--serviceaccount=${NAMESPACE}:${account}`, ...more],
    ]);

  it('shows a tenant their namespace, and nothing of any other', async () => {
    await create(claim('of-the-tenant', 'shown-on-the-page'));
    const token = await tokenOf('tenant');
    expect(await decisions(token, `?namespace=${NAMESPACE}`)).toMatchObject([403, {}]);
    // Kubernetes' own `view` is empty where no controller manager runs.
    const claims = ['--verb=list', '--resource=persistentvolumeclaims'];
    await kubectl(cluster.controlPlane, ['create', 'clusterrole', 'lists-claims', ...claims]);
    await bind('rolebinding', 'lists-claims', 'tenant', '-n', NAMESPACE);
    // What the API server said is believed for ten seconds.
    await expect.poll(async () => (await decisions(token, `?namespace=${NAMESPACE}`))[0], soon).toBe(200);
    expect(await decisions(token, `?namespace=${NAMESPACE}&name=of-the-tenant`)).toMatchObject([200, { total: 1 }]);
    expect(await decisions(token, '?namespace=default')).toMatchObject([
      403,
      { error: expect.stringContaining('may list nothing in namespace default') as string },
    ]);
    expect((await decisions(token, ''))[0]).toBe(403);
  });

  it('shows the whole cluster to whoever may get the URL that stands for it', async () => {
    const token = await tokenOf('platform');
    const url = ['--verb=get', '--non-resource-url=/quartermaster/status'];
    await kubectl(cluster.controlPlane, ['create', 'clusterrole', 'sees-status', ...url]);
    await bind('clusterrolebinding', 'sees-status', 'platform');
    expect(await decisions(token, '')).toMatchObject([200, { apiVersion: 'status.quartermaster.dev/v1' }]);
  });

  it('shows nothing for a token that is none, or of somebody who may see nothing', async () => {
    expect((await decisions('none', ''))[0]).toBe(401);
    expect((await decisions(await tokenOf('nobody'), ''))[0]).toBe(403);
  });
});
