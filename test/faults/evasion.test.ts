import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import { until } from '../../dev/until.ts';
import type { KubeObject, Pod, StringMap } from '../../src/api/kubernetes.ts';
import { INJECT_LABEL, INJECTED_ANNOTATION } from '../../src/api/names.ts';
import type { PlatformDefaultsSpec } from '../../src/api/platform-defaults.ts';
import { NAME } from '../../src/install/options.ts';
import { clusterPermissions } from '../../src/install/rbac.ts';
import { resources } from '../../src/kube/api-server.ts';
import { createFiles, quartermaster } from '../fixtures/command-line.ts';
import { platformDefaults } from '../fixtures/defaults.ts';
import { startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { sparkOperatorWebhook } from '../fixtures/spark-operator-webhook.ts';
import { openCrd, sparkApplication } from '../fixtures/spark-world.ts';

const team = 'geo';
const COST = { 'example.org/cost-centre': '4711' };
const TIER = { 'example.org/tier': 'jobs' };
const REDACTED = { 'spark.redaction.regex': '(?i)secret' };
const PLACED = { 'spark.kubernetes.scheduler.name': 'fair', 'spark.kubernetes.node.selector.pool': 'jobs' };
const LIMITS = { 'spark.executor.memory': '4g', 'spark.dynamicAllocation.maxExecutors': '10' };
const APACHE = { ...resources.sparkApplications, group: 'spark.apache.org', version: 'v1' };
const MIRROR = { from: 'docker.io/', to: 'registry.example.org/hub/' };
const PROXY = 'http://proxy.example.org:3128';
const MOUNTED = { volumes: [{ name: 'tier', emptyDir: {} }], volumeMounts: [{ name: 'tier', mountPath: '/etc/tier' }] };
/** What spark-operator may write over, and what may be hidden. */
const WATCHED = {
  sparkConf: { 'spark.driver.extraJavaOptions': '-Da=b' },
  configMaps: [{ name: 'ca', mountPath: '/etc/ca' }],
};
const RESOLVED = {
  hostAliases: [{ ip: '10.0.0.7', hostnames: ['s3.example.org'] }],
  dnsConfig: { searches: ['example.org'] },
};
const JAR = { jmxExporterJar: '/prometheus/jmx.jar' };
const LOGS = { namespace: 'quartermaster-system', name: 'logs' };
/** The other kinds of Spark, by what PlatformDefaults call them. */
const SPARK = {
  SparkConnect: { ...resources.sparkApplications, version: 'v1alpha1', plural: 'sparkconnects', kind: 'SparkConnect' },
  SparkCluster: { ...APACHE, plural: 'sparkclusters', kind: 'SparkCluster' },
  ApacheSparkApplication: { ...APACHE, plural: 'sparkapplications' },
  SparkApplication: resources.sparkApplications,
};
const pods = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true };
const soon = { timeout: 60_000 };

let cluster: ShippedCluster;
let replica: ServeProcess;

beforeAll(async () => {
  cluster = await startShippedCluster();
  for (const resource of Object.values(SPARK))
    await cluster.admin.create(resources.customResourceDefinitions, openCrd(resource));
  for (const resource of Object.values(SPARK)) await until(60_000, () => cluster.admin.list(resource, {}));
  // Without it no configuration of an exporter reaches a pod.
  await cluster.admin.create(resources.mutatingWebhooks, sparkOperatorWebhook);
  await enforce('cost', { kinds: ['PersistentVolumeClaim', 'SparkApplication'] }, { labels: COST });
  await enforce('audit', { kinds: ['Pod'] }, { env: [{ name: 'AUDIT', value: '${labels.owner}' }] });
  await enforce(
    'joined',
    { kinds: ['PersistentVolumeClaim'] },
    { labels: { joined: '${labels.a}${labels.b}' } },
    'sea',
  );
  await enforce(
    'tier',
    { kinds: ['Pod'] },
    { labels: TIER, annotations: TIER, imageRegistries: [MIRROR], ...MOUNTED },
    'sky',
  );
  await enforce('hull', { kinds: ['Pod'] }, { imageRegistries: [MIRROR] }, 'hull');
  await enforce('keel', { kinds: ['Pod'] }, { imageRegistries: [MIRROR], proxy: { http: PROXY } }, 'keel');
  await enforce('helm', { kinds: ['Pod'] }, RESOLVED, 'helm');
  await enforce('bucket', { kinds: ['ObjectStore'] }, { labels: COST });
  const kinds = ['SparkApplication', 'SparkConnect', 'SparkCluster', 'ApacheSparkApplication'] as const;
  await enforce('conf', { kinds }, { sparkConf: REDACTED });
  await enforce('placed', { kinds: ['SparkApplication'] }, { sparkConf: PLACED }, 'reef');
  await enforce('limits', { kinds: ['SparkApplication'] }, { sparkConf: LIMITS }, 'mist');
  await enforce('options', { kinds: ['SparkApplication'] }, WATCHED, 'dew');
  await enforce('metrics', { kinds: ['SparkApplication'] }, { prometheus: JAR }, 'ice');
  await enforce(
    'logged',
    { kinds: ['SparkApplication', 'ApacheSparkApplication'] },
    {
      eventLog: { objectStore: LOGS.name },
      sparkConf: { 'spark.audit.dir': `\${objectStore.${LOGS.name}.url}audit` },
    },
    'fog',
  );
  await tenantDefaults('options', { sparkConf: { 'spark.driver.extraJavaOptions': '-Dx=y' } }, 'rime');
  await enforce('metrics-too', { kinds: ['SparkApplication'] }, { prometheus: JAR }, 'rime');
  await makeReadyForGood(LOGS);
  await enforce('history', { kinds: ['SparkApplication'] }, { eventLog: { objectStore: 'not-there' } }, 'sea');
  // All that sends objects of its own accord fails open, so that nothing but what is enforced can refuse any.
  const names = ['spark-application', 'spark-connect', 'spark-cluster', 'apache-spark-application'];
  const environment = { FAILURE_POLICY: ['enforced=Fail', ...names.map((name) => `${name}=Ignore`)].join() };
  replica = await startReplica(cluster, { environment });
  await untilReady(replica);
});

afterAll(async () => {
  await replica?.stop();
  await cluster?.controlPlane.stop();
});

const enforce = (
  name: string,
  { kinds }: Pick<PlatformDefaultsSpec['match'], 'kinds'>,
  inject: NonNullable<PlatformDefaultsSpec['inject']>,
  ofTeam = team,
): Promise<KubeObject> => {
  const { uid: _, generation: __, ...metadata } = platformDefaults(name, {}).metadata;
  const match = { kinds, selector: { matchLabels: { team: ofTeam } } };
  const enforced = { ...platformDefaults(name, { mode: 'Enforce', match, inject }), metadata };
  return cluster.admin.create(resources.platformDefaults, enforced);
};

/** A default that a tenant gives the objects of a team in the namespace `default`. */
const tenantDefaults = (
  name: string,
  inject: NonNullable<PlatformDefaultsSpec['inject']>,
  ofTeam: string,
): Promise<KubeObject> => {
  const { uid: _, generation: __, ...metadata } = platformDefaults(name, {}, { namespace: 'default' }).metadata;
  const match = { selector: { matchLabels: { team: ofTeam } } };
  return cluster.admin.create(resources.platformDefaults, { ...platformDefaults(name, { match, inject }), metadata });
};

/** What a tenant enforces for init containers of a team in the namespace `default`, and where its images are to come from. */
const tenantEnforces = (ofTeam: string): Promise<KubeObject> => {
  const { uid: _, generation: __, ...metadata } = platformDefaults('theirs', {}, { namespace: 'default' }).metadata;
  const { spec } = platformDefaults('theirs', {
    match: { kinds: ['Pod'], selector: { matchLabels: { team: ofTeam } }, containers: ['init'] },
    mode: 'Enforce',
    inject: {
      env: ['THEIRS', 'HTTP_PROXY'].map((name) => ({ name, value: 'theirs' })),
      imageRegistries: [
        { from: 'docker.io/theirs/', to: 'registry-1.docker.io/theirs/' },
        { from: 'nowhere.invalid/', to: 'docker.io/' },
      ],
    },
  });
  return cluster.admin.create(resources.platformDefaults, {
    apiVersion: 'quartermaster.dev/v1alpha1',
    kind: 'PlatformDefaults',
    metadata,
    spec,
  } as KubeObject);
};

/** Nothing is called without the Secret; and who may not write its status leaves it as it is. */
const makeReadyForGood = async (key: typeof LOGS): Promise<void> => {
  const rules = clusterPermissions.filter((rule) => !rule.resources.includes('objectstores/status'));
  await cluster.admin.mergePatch(resources.clusterRoles, { namespace: '', name: NAME }, { rules });
  const spec = { name: key.name, s3: { endpoint: 'https://s3.invalid' }, credentialsSecretRef: { name: 'not-there' } };
  const store = { apiVersion: 'banzaicloud.com/v1alpha1', kind: 'ObjectStore', metadata: key };
  await cluster.admin.create(resources.objectStores, { ...store, spec } as KubeObject);
  const at = { lastTransitionTime: '2026-01-01T00:00:00Z', reason: 'Provisioned', message: 'There.' };
  const status = { url: 's3a://logs/', conditions: [{ type: 'Ready', status: 'True', ...at }] };
  await cluster.admin.applyStatus(resources.objectStores, { ...store, status } as KubeObject);
};

const claim = (name: string, labels: StringMap): KubeObject & { readonly spec: object } => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'default', labels },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
});

/** What the API server makes of it: its labels once stored, or why it is refused. */
const submit = async (object: KubeObject): Promise<StringMap | string> => {
  const resource =
    Object.values(SPARK).find(
      ({ group, version, kind }) => kind === object.kind && `${group}/${version}` === object.apiVersion,
    ) ?? resources.persistentVolumeClaims;
  try {
    return (await cluster.admin.create(resource, object, { dryRun: true })).metadata.labels ?? {};
  } catch (error) {
    return String(error);
  }
};

const podWith = (labels: StringMap, name = 'a-pod'): KubeObject & Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', labels },
  spec: { containers: [{ name: 'main', image: 'main:1' }] },
});

/** The variables of a pod with these labels, or why it is refused. */
const variablesOf = async (labels: StringMap): Promise<readonly object[] | string> => {
  try {
    return (await cluster.admin.create(pods, podWith(labels), { dryRun: true })).spec?.containers?.[0]?.env ?? [];
  } catch (error) {
    return String(error);
  }
};

/** An application of the team `sea`, for what it has in common with all others there. */
const sparkOf = (name: string, ofTeam: string, conf: StringMap) => {
  const app = sparkApplication(name);
  const spec = { ...app.spec, sparkConf: conf };
  return { ...app, metadata: { ...app.metadata, labels: { team: ofTeam } }, spec };
};

const sparkWith = (name: string, ofTeam: string, own: object) => {
  const app = sparkOf(name, ofTeam, {});
  return { ...app, spec: { ...app.spec, ...own } };
};

const enforcedFor = (name: string) => `failed calling webhook "${name}-enforced.quartermaster.dev"`;

/** More values than are read of any review, in a megabyte. */
const oddApplication = (labels: StringMap): KubeObject => {
  const app = sparkApplication('odd');
  const odd = Array.from({ length: 500_100 }, () => 0);
  return { ...app, metadata: { ...app.metadata, labels }, spec: { ...app.spec, odd } } as KubeObject;
};

describe('what is enforced, where FAILURE_POLICY has enforced=Fail', () => {
  it('is given as ever', async () => {
    await expect.poll(() => submit(claim('given', { team })), soon).toEqual({ team, ...COST });
  });

  it.each([
    ['a label that turns defaults off', { [INJECT_LABEL]: 'disabled' }],
    ['a label of Argo', { 'workflows.argoproj.io/component': 'workflow-controller' }],
    ['the label of what the Spark operator launches', { 'sparkoperator.k8s.io/launched-by-spark-operator': 'true' }],
  ])('cannot be got round by %s', async (_what, labels) => {
    await expect
      .poll(() => variablesOf({ team, owner: 'a', ...labels }), soon)
      .toEqual([{ name: 'AUDIT', value: 'a' }]);
  });

  it.each([
    [
      'a component of Argo',
      { 'workflows.argoproj.io/workflow': 'w', 'workflows.argoproj.io/component': 'other' },
      'own',
    ],
    [
      "an agent of Argo's",
      { 'workflows.argoproj.io/workflow': 'w', 'workflows.argoproj.io/component': 'agent' },
      'own',
    ],
    ['a step without a program', { 'workflows.argoproj.io/workflow': 'w' }, 'wait'],
    ['a step of containers that nobody marked', { 'workflows.argoproj.io/workflow': 'w' }, 'own'],
    ['a proxy of a mesh', {}, 'istio-proxy'],
  ])('cannot be got round by what a pod looks like: %s', async (_what, labels, name) => {
    const { spec: _, ...pod } = podWith({ team: 'sky', ...labels });
    const made = () =>
      cluster.admin.create<KubeObject & Pod>(
        pods,
        { ...pod, spec: { containers: [{ name, image: 'main:1' }] } },
        { dryRun: true },
      );
    await expect
      .poll(async () => (await made()).spec?.containers?.[0]?.volumeMounts, soon)
      .toEqual([{ name: 'tier', mountPath: '/etc/tier' }]);
  });

  it('cannot be got round by what a pod looks like: a runner of Calrissian', async () => {
    const namespace = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'cwl', labels: { 'quartermaster.dev/calrissian': 'enabled' } },
    };
    await cluster.admin.create(resources.namespaces, namespace);
    const named = { name: 'CALRISSIAN_POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } };
    const { metadata } = podWith({ team: 'sky' });
    const spec = {
      containers: [
        { name: 'dummy', image: 'main:1', env: [named] },
        { name: 'own', image: 'main:1' },
      ],
    };
    const runner = { ...podWith({}), metadata: { ...metadata, namespace: 'cwl' }, spec };
    const made = () => cluster.admin.create<KubeObject & Pod>(pods, runner, { dryRun: true });
    await expect
      .poll(async () => (await made()).spec?.containers?.[1]?.volumeMounts, soon)
      .toEqual([{ name: 'tier', mountPath: '/etc/tier' }]);
  });

  it('is told of where another webhook gives it: mounts of what spark-operator launches', async () => {
    const launched = podWith({ team: 'sky', 'sparkoperator.k8s.io/launched-by-spark-operator': 'true' });
    const told = () =>
      kubectl(cluster.controlPlane, ['create', '--dry-run=server', '--warnings-as-errors', '-f', '-'], {
        input: JSON.stringify(launched),
      }).catch(String);
    await expect.poll(told, soon).toContain('name SparkApplication too');
  });

  it('cannot be got round by leaving out a label that its value names', async () => {
    await expect.poll(() => variablesOf({ team }), soon).toContain('labels.owner');
    expect(await variablesOf({})).toEqual([]);
  });

  it('cannot be got round by a value that no object takes', async () => {
    const labels = { team: 'sea', a: 'x'.repeat(40), b: 'y'.repeat(40) };
    await expect.poll(() => submit(claim('long', labels)), soon).toContain('quartermaster-system/joined');
    const short = { team: 'sea', a: 'x', b: 'y' };
    expect(await submit(claim('short', short))).toEqual({ ...short, joined: 'xy' });
  });

  it('cannot be got round by a label of the namespace that turns defaults off', async () => {
    const name = 'opted-out';
    const namespace = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { [INJECT_LABEL]: 'disabled' } },
    };
    await cluster.admin.create(resources.namespaces, namespace);
    const { metadata, ...rest } = claim('there', { team });
    const there = () => submit({ ...rest, metadata: { ...metadata, namespace: name } });
    await expect.poll(there, soon).toEqual({ team, ...COST });
  });

  it('cannot be got round by saying what cannot be replaced, nor by leaving no room for it', async () => {
    const labels = { team: 'sky', 'example.org/tier': 'mine' };
    const refused = () =>
      cluster.admin.create(pods, podWith(labels), { dryRun: true }).then(({ metadata }) => metadata.labels, String);
    await expect.poll(refused, soon).toContain('quartermaster-system/tier');
    const full = claim('full', { team });
    const annotations = { full: 'x'.repeat(256 * 1024 - 'full'.length) };
    expect(await submit({ ...full, metadata: { ...full.metadata, annotations } })).toContain('metadata.annotations');
  });

  it('cannot be got round by a claim that is bound by hand', async () => {
    const byHand = claim('by-hand', { team });
    const spec = { ...byHand.spec, storageClassName: '', volumeName: 'somebodys' };
    expect(await submit({ ...byHand, spec } as KubeObject)).toEqual({ team, ...COST });
  });

  it('cannot be got round by an object that says it is being deleted', async () => {
    const given = claim('going', { team });
    const metadata = { ...given.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
    expect(await submit({ ...given, metadata })).toEqual({ team, ...COST });
  });

  it('cannot be taken off later, nor what is told of it changed, whatever else goes with it', async () => {
    const key = { namespace: 'default', name: 'kept' };
    const { metadata } = await cluster.admin.create(resources.persistentVolumeClaims, claim('kept', { team }));
    const told = metadata.annotations?.[INJECTED_ANNOTATION];
    expect(told).toContain('example.org/cost-centre');
    const labels = { team: null, 'example.org/cost-centre': null };
    const annotations = { [INJECTED_ANNOTATION]: 'nothing' };
    const changes = { metadata: { labels, annotations } };
    const stored = await cluster.admin.mergePatch(resources.persistentVolumeClaims, key, changes);
    expect(stored.metadata.labels).toEqual(COST);
    expect(stored.metadata.annotations?.[INJECTED_ANNOTATION]).toBe(told);
  });

  it('cannot be taken off what is going, whose finalizers can be', async () => {
    const key = { namespace: 'default', name: 'leaving' };
    const made = claim('leaving', { team });
    const held = { ...made, metadata: { ...made.metadata, finalizers: ['example.org/held'] } };
    await cluster.admin.create(resources.persistentVolumeClaims, held);
    await cluster.admin.remove(resources.persistentVolumeClaims, key);
    const change = (metadata: object) => cluster.admin.mergePatch(resources.persistentVolumeClaims, key, { metadata });
    const stored = await change({ labels: { 'example.org/cost-centre': null } });
    expect(stored.metadata).toMatchObject({ labels: COST, deletionTimestamp: expect.any(String) as string });
    await change({ finalizers: null });
    await expect.poll(() => cluster.admin.get(resources.persistentVolumeClaims, key), soon).toBeUndefined();
  });

  it('cannot be taken off a pod later, nor its image brought from elsewhere', async () => {
    const { metadata } = await cluster.admin.create(pods, podWith({ team: 'sky' }, 'later'));
    expect(metadata).toMatchObject({ labels: TIER, annotations: TIER });
    const changes = {
      metadata: { labels: { 'example.org/tier': null }, annotations: { 'example.org/tier': 'mine' } },
      spec: { containers: [{ name: 'main', image: 'docker.io/theirs/main:2' }] },
    };
    const patch = ['patch', 'pod', 'later', '--type=strategic', '-o', 'json', '-p', JSON.stringify(changes)];
    const stored = JSON.parse(await kubectl(cluster.controlPlane, patch)) as KubeObject & Pod;
    expect(stored.metadata).toMatchObject({ labels: TIER, annotations: TIER });
    expect(stored.spec?.containers?.[0]?.image).toBe('registry.example.org/hub/theirs/main:2');
  });

  it('cannot be got round by a pod that is given nothing, whose image is changed then', async () => {
    const { spec: _, ...pod } = podWith({ team: 'hull' }, 'nothing-at-first');
    const containersFrom = (registry: string) => ({
      containers: [{ name: 'main', image: `${registry}/theirs/main:2` }],
      initContainers: [{ name: 'init', image: `${registry}/theirs/init:2` }],
    });
    const tried = () => cluster.admin.create(pods, { ...pod, spec: containersFrom('docker.io') }, { dryRun: true });
    await expect
      .poll(async () => (await tried()) as object, soon)
      .toMatchObject({ spec: containersFrom(MIRROR.to.slice(0, -1)) });
    const made = await cluster.admin.create(pods, { ...pod, spec: containersFrom('nosuch.invalid') });
    expect(made.metadata.annotations?.[INJECTED_ANNOTATION]).toBeUndefined();
    const changes = JSON.stringify({ spec: containersFrom('docker.io') });
    const patch = ['patch', 'pod', 'nothing-at-first', '--type=strategic', '-o', 'json', '-p', changes];
    const stored = JSON.parse(await kubectl(cluster.controlPlane, patch)) as object;
    expect(stored).toMatchObject({ spec: containersFrom(MIRROR.to.slice(0, -1)) });
  });

  it.each(['index.docker.io', 'docker.io:443', 'index.docker.io:00443', 'Docker.IO', 'registry.hub.docker.com'])(
    'cannot be got round by another spelling of a registry: %s',
    async (registry) => {
      const { spec: _, ...pod } = podWith({ team: 'sky' });
      const image = `${registry}/theirs/main:2`;
      const spelt = { ...pod, spec: { containers: [{ name: 'main', image }] } };
      const stored = () => cluster.admin.create<KubeObject & Pod>(pods, spelt, { dryRun: true });
      await expect
        .poll(async () => (await stored()).spec?.containers?.[0]?.image, soon)
        .toBe('registry.example.org/hub/theirs/main:2');
    },
  );

  it('cannot be got round by what its namespace says of certain containers, nor by registries of its own', async () => {
    await tenantEnforces('keel');
    const { spec: _, ...pod } = podWith({ team: 'keel' });
    const spec = {
      containers: [{ name: 'main', image: 'theirs/main:2' }],
      initContainers: [{ name: 'init', image: 'nowhere.invalid/theirs/init:2' }],
    };
    const stored = () => cluster.admin.create<KubeObject & Pod>(pods, { ...pod, spec }, { dryRun: true });
    const variables = async () => (await stored()).spec?.initContainers?.[0]?.env;
    await expect.poll(variables, soon).toContainEqual({ name: 'THEIRS', value: 'theirs' });
    expect(await variables()).toContainEqual({ name: 'HTTP_PROXY', value: PROXY });
    expect(await stored()).toMatchObject({
      spec: {
        containers: [{ image: `${MIRROR.to}theirs/main:2` }],
        initContainers: [{ image: `${MIRROR.to}theirs/init:2` }],
      },
    });
  });

  it("cannot be got round by an API server's address of its own", async () => {
    const { spec: _, ...pod } = podWith({ team: 'keel' });
    const env = ['KUBERNETES_SERVICE_HOST', 'NO_PROXY', 'no_proxy'].map((name) => ({ name, value: '*' }));
    const spec = { containers: [{ name: 'main', image: 'main:1', env }] };
    const named = () =>
      cluster.admin
        .create<KubeObject & Pod>(pods, { ...pod, spec }, { dryRun: true })
        .then((made) => (made.spec?.containers?.[0]?.env ?? []).map(({ name }) => name));
    await expect.poll(named, soon).toContain('HTTP_PROXY');
    const names = await named();
    for (const name of ['NO_PROXY', 'no_proxy'])
      expect(names.indexOf(name)).toBeLessThan(names.indexOf('KUBERNETES_SERVICE_HOST'));
  });

  it('cannot be got round by another address of a name, nor by what is mounted over it', async () => {
    const { spec: _, ...pod } = podWith({ team: 'helm' });
    const volumeMounts = ['/etc/hosts', '/etc/resolv.conf', '/data'].map((mountPath) => ({ name: 'own', mountPath }));
    const spec = {
      hostAliases: [{ ip: '6.6.6.6', hostnames: ['S3.example.org', 'other'] }],
      containers: [{ name: 'main', image: 'main:1', volumeMounts }],
      volumes: [{ name: 'own', emptyDir: {} }],
    };
    const made = () => cluster.admin.create(pods, { ...pod, spec }, { dryRun: true });
    await expect
      .poll(async () => (await made()) as object, soon)
      .toMatchObject({
        spec: { ...RESOLVED, containers: [{ volumeMounts: [{ name: 'own', mountPath: '/data' }] }] },
      });
  });

  it('cannot be got round by a mount whose path is spelt otherwise', async () => {
    const { spec: _, ...pod } = podWith({ team: 'sky' });
    const paths = ['/etc/tier/', '/etc//tier', '/etc/x/../tier', 'etc/tier'];
    const volumeMounts = paths.map((mountPath) => ({ name: 'own', mountPath }));
    const spelt = {
      ...pod,
      spec: { containers: [{ name: 'main', image: 'main:1', volumeMounts }], volumes: [{ name: 'own', emptyDir: {} }] },
    };
    const stored = () => cluster.admin.create<KubeObject & Pod>(pods, spelt, { dryRun: true });
    await expect
      .poll(async () => (await stored()).spec?.containers?.[0]?.volumeMounts, soon)
      .toEqual([{ name: 'tier', mountPath: '/etc/tier' }]);
  });

  it('cannot be taken off an ObjectStore later', async () => {
    const key = { namespace: 'default', name: 'kept' };
    // Without the Secret nobody is called.
    const spec = { name: 'kept', s3: { endpoint: 'https://s3.invalid' }, credentialsSecretRef: { name: 'not-there' } };
    const store = {
      apiVersion: 'banzaicloud.com/v1alpha1',
      kind: 'ObjectStore',
      metadata: { ...key, labels: { team } },
    };
    const { metadata } = await cluster.admin.create(resources.objectStores, { ...store, spec } as KubeObject);
    expect(metadata.labels).toEqual({ team, ...COST });
    const changes = { metadata: { labels: { team: null, 'example.org/cost-centre': null } } };
    expect((await cluster.admin.mergePatch(resources.objectStores, key, changes)).metadata.labels).toEqual(COST);
  });

  it.each(Object.entries(SPARK))('cannot be taken out of the settings of %s later', async (_kind, resource) => {
    const key = { namespace: 'default', name: 'later' };
    const confOf = (object: KubeObject) =>
      (object as { readonly spec?: { readonly sparkConf?: StringMap } }).spec?.sparkConf;
    const { group, version, kind } = resource;
    const app = { ...sparkOf('later', team, { own: 'a' }), apiVersion: `${group}/${version}`, kind };
    const made = await cluster.admin.create(resource, app);
    expect(confOf(made)).toEqual({ own: 'a', ...REDACTED });
    const changes = {
      metadata: { labels: null },
      spec: { sparkConf: { own: 'b', 'spark.redaction.regex': 'nothing' } },
    };
    const changed = await cluster.admin.mergePatch(resource, key, changes);
    expect(confOf(changed)).toEqual({ own: 'b', ...REDACTED });
  });

  it.each([
    ['an agent of its own on the port', { driver: { javaOptions: '-javaagent:/own.jar=8090:/own.yaml' } }],
    ['the port itself', { driver: { ports: [{ name: 'own', containerPort: 8090 }] } }],
    ['the network of its node', { executor: { hostNetwork: true } }],
    ['java options where the exporter loses them', { sparkConf: { 'spark.driver.extraJavaOptions': '-Dx=y' } }],
    [
      'a configuration that the operator hides',
      { monitoring: { prometheus: { configFile: '/etc/metrics/conf/own' } } },
    ],
    ['metrics of nobody', { monitoring: { exposeDriverMetrics: false, exposeExecutorMetrics: false } }],
  ])('cannot be got round by an application that its exporter cannot run in: %s', async (_what, own) => {
    expect(await submit(sparkWith('own', 'ice', own))).toContain(
      'spec.monitoring.prometheus: jmxExporterJar is enforced by PlatformDefaults quartermaster-system/metrics@1',
    );
    expect(await submit(sparkWith('own', 'ice', {}))).toEqual({ team: 'ice' });
  });

  it('cannot be got round by defaults of its namespace that its exporter cannot run beside', async () => {
    expect(await submit(sparkWith('beside', 'rime', {}))).toContain('quartermaster-system/metrics-too@1');
  });

  it('cannot be got round by changing an application so that its exporter cannot run any more', async () => {
    const made = await cluster.admin.create(resources.sparkApplications, sparkWith('changed', 'ice', {}));
    expect(made).toMatchObject({ spec: { monitoring: { prometheus: JAR } } });
    const key = { namespace: 'default', name: 'changed' };
    const change = (spec: object) => cluster.admin.mergePatch(resources.sparkApplications, key, { spec }).catch(String);
    const refused = 'jmxExporterJar is enforced by PlatformDefaults quartermaster-system/metrics@1';
    expect(await change({ driver: { hostNetwork: true } })).toContain(refused);
    const hidden = { exposeDriverMetrics: false, exposeExecutorMetrics: false };
    expect(await change({ monitoring: hidden })).toContain(refused);
    expect(await change({ monitoring: null, driver: { cores: 2 } })).toMatchObject({
      spec: { driver: { cores: 2 }, monitoring: { prometheus: JAR } },
    });
  });

  it('cannot be got round by a field that spark-operator gives spark-submit after it', async () => {
    const wide = { executor: { memory: '512g' }, dynamicAllocation: { enabled: true, maxExecutors: 1_000 } };
    const made = () =>
      cluster.admin.create(resources.sparkApplications, sparkWith('wide', 'mist', wide), { dryRun: true });
    const spec = { executor: {}, dynamicAllocation: { enabled: true }, sparkConf: LIMITS };
    await expect.poll(async () => (await made()) as object, soon).toMatchObject({ spec });
    expect(JSON.stringify(await made())).not.toMatch(/512g|1000/);
  });

  it('cannot be got round by a key of a role that Spark reads in its place', async () => {
    const own = Object.fromEntries(
      ['driver', 'executor'].flatMap((role) =>
        ['scheduler.name', 'node.selector.pool'].map((key) => [`spark.kubernetes.${role}.${key}`, 'own']),
      ),
    );
    const made = () =>
      cluster.admin.create(resources.sparkApplications, sparkOf('placed', 'reef', own), { dryRun: true });
    await expect
      .poll(async () => ((await made()) as KubeObject & { readonly spec: { sparkConf: unknown } }).spec.sparkConf, soon)
      .toEqual(PLACED);
  });

  it('cannot be got round by an exporter for which spark-operator writes over it', async () => {
    const monitoring = { exposeDriverMetrics: true, exposeExecutorMetrics: false, prometheus: JAR };
    const refused =
      'extraJavaOptions is enforced by PlatformDefaults quartermaster-system/options@1 and cannot be given';
    await expect.poll(() => submit(sparkWith('watched', 'dew', {})), soon).toEqual({ team: 'dew' });
    expect(await submit(sparkWith('watched', 'dew', { monitoring }))).toContain(refused);
  });

  it.each([
    ['a mount', { volumeMounts: [{ name: 'mine', mountPath: '/etc/ca/ca.crt', subPath: 'ca.crt' }] }],
    ['a ConfigMap', { configMaps: [{ name: 'mine', path: '/etc/ca/x' }] }],
  ])('cannot be hidden in part by what an application mounts within it: %s', async (_what, driver) => {
    const refused = '/etc/ca is enforced by PlatformDefaults quartermaster-system/options@1 and cannot be given';
    await expect.poll(() => submit(sparkWith('hidden', 'dew', { driver })), soon).toContain(refused);
  });

  it.each([
    ['a key with =', { sparkConf: { ...REDACTED, 'spark.redaction.regex=': 'nothing' } }],
    [
      'a program that is an option',
      { mainApplicationFile: '--conf', arguments: ['spark.redaction.regex=', 'main.jar'] },
    ],
  ])('cannot be got round by what spark-submit reads as another setting: %s', async (_what, own) => {
    const refused = 'is enforced by PlatformDefaults quartermaster-system/conf@1 and cannot be given: spec.';
    await expect.poll(() => submit(sparkWith('odd', team, own)), soon).toContain(refused);
  });

  it('cannot be got round by an event log of its own, by switching it off, or by another ObjectStore of that name', async () => {
    const own = { 'spark.eventLog.dir': 's3a://mine/', 'spark.eventLog.enabled': 'true' };
    const off = { 'spark.eventLog.enabled': 'false' };
    const refused = 'is enforced by PlatformDefaults quartermaster-system/logged@1 and cannot be given';
    expect(await submit(sparkOf('own', 'fog', own))).toContain(`spark.eventLog.dir ${refused}`);
    expect(await submit(sparkOf('off', 'fog', off))).toContain(`spark.eventLog.enabled ${refused}`);
    const ofApache = { ...sparkOf('off', 'fog', off), apiVersion: 'spark.apache.org/v1' };
    expect(await submit(ofApache)).toContain(`spark.eventLog.enabled ${refused}`);
    const spec = { name: 'mine', s3: { endpoint: 'https://s3.invalid' }, credentialsSecretRef: { name: 'not-there' } };
    const metadata = { namespace: 'default', name: LOGS.name };
    const store = { apiVersion: 'banzaicloud.com/v1alpha1', kind: 'ObjectStore', metadata, spec };
    await cluster.admin.create(resources.objectStores, store as KubeObject);
    const given = () => cluster.admin.create(resources.sparkApplications, sparkOf('fine', 'fog', {}), { dryRun: true });
    expect(await given()).toMatchObject({
      spec: { sparkConf: { 'spark.eventLog.dir': 's3a://logs//', 'spark.audit.dir': 's3a://logs/audit' } },
    });
  });

  it('is told of where the object is stored without it: an event log whose ObjectStore is not ready', async () => {
    const input = JSON.stringify(sparkOf('history', 'sea', {}));
    const told = () =>
      kubectl(cluster.controlPlane, ['create', '--dry-run=server', '--warnings-as-errors', '-f', '-'], { input }).catch(
        String,
      );
    await expect.poll(told, soon).toContain('no ObjectStore not-there is Ready');
    await cluster.admin.create(resources.sparkApplications, sparkOf('history', 'sea', {}));
  });

  it('is not told of an object whose user writes that it was given', async () => {
    const forged = claim('forged', {});
    const annotations = { [INJECTED_ANNOTATION]: 'quartermaster-system/cost@1 enforces:\nmetadata.labels: {"a":"b"}' };
    const stored = await cluster.admin.create(
      resources.persistentVolumeClaims,
      { ...forged, metadata: { ...forged.metadata, annotations } },
      { dryRun: true },
    );
    expect(stored.metadata.annotations?.[INJECTED_ANNOTATION]).toBeUndefined();
  });

  it('cannot be got round by an object that is too odd to be read', async () => {
    await expect.poll(() => submit(oddApplication({ team })), soon).toContain(enforcedFor('spark-application'));
    expect(await submit(oddApplication({}))).toEqual({});
  });

  it('cannot be got round while no replica answers, and keeps nobody else waiting', async () => {
    replica.kill('SIGKILL');
    await replica.ended;
    expect(await submit(claim('unseen', { team }))).toContain(enforcedFor('persistent-volume-claim'));
    expect(await submit(claim('other', {}))).toEqual({});
  });

  it('cannot be got round where nobody is asked, by the policies that `manifests --backstop` prints', async () => {
    const { items } = await cluster.admin.list(resources.platformDefaults, { namespace: 'quartermaster-system' });
    const file = createFiles()('enforced.yaml', items.map((one) => JSON.stringify(one)).join('\n---\n'));
    const { out } = await quartermaster('manifests', '--backstop', file);
    await kubectl(cluster.controlPlane, ['delete', 'mutatingwebhookconfigurations', '--all']);
    await kubectl(cluster.controlPlane, ['apply', '-f', '-'], { input: out });
    await expect
      .poll(() => submit(claim('unseen', { team })), soon)
      .toContain('labels example.org/cost-centre is enforced by PlatformDefaults quartermaster-system/cost');
    expect(await submit(claim('right', { team, ...COST }))).toEqual({ team, ...COST });
    expect(await submit(claim('other', {}))).toEqual({});
  });
});
