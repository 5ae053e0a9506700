import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { type Quartermaster, startQuartermaster } from '../../dev/demo/quartermaster.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { type GcsStub, startGcsStub } from '../../dev/stubs/gcs.ts';
import { startMetadataStub } from '../../dev/stubs/metadata.ts';
import type { KubeObject, StringMap } from '../../src/api/kubernetes.ts';
import { defaults } from '../../src/install/options.ts';
import { quartermaster as convertCommand, createFiles, quartermasterWith } from '../fixtures/command-line.ts';
import { createDryRunner } from '../fixtures/dry-run.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { sparkOperatorWebhook } from '../fixtures/spark-operator-webhook.ts';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/recipes.md'), 'utf8');
/** Each recipe by its title: what to apply. */
const recipes = new Map(
  page
    .split(/^## \d+\. /m)
    .slice(1)
    .map((section) => [
      section.slice(0, section.indexOf('\n')),
      [...section.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, yaml]) => yaml).join('---\n'),
    ]),
);
const soon = { timeout: 30_000, interval: 100 };
const TEAM = 'team-geo';

let cluster: ShippedCluster;
let quartermaster: Quartermaster;
let metadata: Awaited<ReturnType<typeof startMetadataStub>>;
let storage: GcsStub;
let dryRun: Awaited<ReturnType<typeof createDryRunner>>;

const run = (...args: readonly string[]): Promise<string> => kubectl(cluster.controlPlane, args);
const apply = (input: string): Promise<string> => kubectl(cluster.controlPlane, ['apply', '-f', '-'], { input });

beforeAll(async () => {
  cluster = await startShippedCluster();
  metadata = await startMetadataStub('gcp');
  storage = await startGcsStub('demo-project');
  await run('apply', '-f', join(root, 'test/schemas'));
  await run('wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s');
  await apply(JSON.stringify(sparkOperatorWebhook));
  await apply(JSON.stringify(driver('pd.csi.storage.gke.io')));
  const labels = { workloads: 'data', team: 'geo', 'cost-centre': '4711' };
  await apply(JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: TEAM, labels } }));
  const [webhookPort = 0, opsPort = 0] = await freePorts(2);
  quartermaster = await startQuartermaster({
    kubeconfig: await cluster.controlPlane.serviceAccountKubeconfig(defaults.namespace, 'quartermaster'),
    metadataUrl: metadata.url,
    webhookPort,
    opsPort,
    environment: { STORAGE_EMULATOR_HOST: `${storage.endpoint}/storage/v1` },
  });
  dryRun = await createDryRunner(cluster.controlPlane.kubeconfig);
  for (const manifest of recipes.values()) await apply(manifest);
});

afterAll(async () => {
  dryRun?.close();
  await quartermaster?.stop();
  await metadata?.stop();
  await storage?.stop();
  await cluster?.controlPlane.stop();
});

const driver = (name: string) => ({ apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', metadata: { name }, spec: {} });

interface PodLike extends KubeObject {
  readonly spec: Readonly<Record<string, unknown>> & {
    readonly containers: readonly (Readonly<Record<string, unknown>> & {
      readonly name: string;
      readonly env?: readonly { readonly name: string; readonly value?: string }[];
    })[];
  };
}

const pod = (labels: StringMap = {}, container: Readonly<Record<string, unknown>> = {}): PodLike => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'job', labels },
  spec: { containers: [{ name: 'job', image: 'tiles:1', ...container }] },
});

const application = {
  apiVersion: 'sparkoperator.k8s.io/v1beta2',
  kind: 'SparkApplication',
  metadata: { name: 'spark-pi' },
  spec: {
    type: 'Scala',
    mode: 'cluster',
    image: 'spark:3.5.0',
    sparkVersion: '3.5.0',
    mainClass: 'org.apache.spark.examples.SparkPi',
    mainApplicationFile: 'local:///opt/spark/examples/jars/spark-examples.jar',
    driver: {},
    executor: {},
  },
} as KubeObject;

/** What the API server would store, as soon as `check` holds of it. */
const stored = <T extends KubeObject>(object: KubeObject, check: (stored: T) => void): Promise<void> =>
  vi.waitFor(async () => {
    const answer = await dryRun(object, TEAM);
    expect(answer.status, answer.message).toBe(201);
    check(answer.object as T);
  }, soon);

const containerOf = (given: PodLike) => given.spec.containers[0];
const valuesOf = (env: readonly { readonly name: string; readonly value?: string }[] = []) =>
  Object.fromEntries(env.map(({ name, value }) => [name, value]));
const envOf = (given: PodLike) => valuesOf(containerOf(given)?.env);
const including = (...items: readonly object[]): unknown =>
  expect.arrayContaining(items.map((item) => expect.objectContaining(item) as unknown));

/** Whether each recipe does what its title asks for. */
const effects: Readonly<Record<string, () => Promise<unknown>>> = {
  'Everything must trust our private CA': async () => {
    await stored<PodLike>(pod(), (given) => {
      expect(envOf(given)).toMatchObject({ SSL_CERT_FILE: '/etc/platform-ca/ca-bundle.crt' });
      expect(containerOf(given)?.['volumeMounts']).toEqual(including({ mountPath: '/etc/platform-ca' }));
    });
    await vi.waitFor(() => run('get', 'configmap', 'platform-ca', '-n', TEAM), soon);
  },
  'What leaves the cluster goes through a proxy': () =>
    stored<PodLike>(pod(), (given) => {
      expect(envOf(given)).toMatchObject({
        HTTPS_PROXY: 'http://proxy.example.org:3128',
        no_proxy: expect.stringContaining('.svc,.cluster.local,10.0.0.0/8,.example.org') as unknown,
      });
    }),
  "One team's work runs on spot nodes": () =>
    stored<PodLike>(pod(), ({ spec }) =>
      expect(spec['tolerations']).toEqual(including({ key: 'example.org/spot', effect: 'NoSchedule' })),
    ),
  'Pods that ask for a GPU by a label': () =>
    stored<PodLike>(pod({ 'example.org/gpu': 'a100' }), (given) => {
      expect(given.spec['nodeSelector']).toEqual({ 'nvidia.com/gpu.product': 'NVIDIA-A100-SXM4-80GB' });
      expect(containerOf(given)?.['resources']).toMatchObject({ limits: { 'nvidia.com/gpu': '1' } });
    }),
  'Keys for S3 in every job, and in no manifest': async () => {
    await stored<PodLike>(pod(), (given) =>
      expect(containerOf(given)?.['envFrom']).toEqual([{ secretRef: { name: 's3-keys', optional: true } }]),
    );
    await vi.waitFor(() => run('get', 'secret', 's3-keys', '-n', TEAM), soon);
  },
  'JMX metrics of every Spark application': () =>
    stored(application, (given) =>
      expect(given).toMatchObject({
        spec: {
          monitoring: {
            exposeDriverMetrics: true,
            prometheus: { jmxExporterJar: '/opt/spark/jars/jmx_prometheus_javaagent.jar', port: 8090 },
          },
        },
      }),
    ),
  'Event logs of Spark in one bucket': async () => {
    await stored(application, (given) =>
      expect(given).toMatchObject({
        spec: {
          sparkConf: { 'spark.eventLog.enabled': 'true', 'spark.eventLog.dir': 'gs://example-org-spark-history//' },
        },
      }),
    );
    expect(storage.resource('example-org-spark-history')).toBeDefined();
  },
  'Images come from our mirror': () =>
    stored<PodLike>(pod({}, { image: 'quay.io/team/tiles@sha256:'.padEnd(90, '0') }), (given) =>
      expect(containerOf(given)?.['image']).toMatch(/^mirror\.example\.org\/quay\.io\/team\/tiles@sha256:0+$/),
    ),
  'Requests and limits for those who say none': () =>
    stored<PodLike>(pod({}, { resources: { requests: { memory: '1Gi' } } }), (given) =>
      expect(containerOf(given)?.['resources']).toEqual({
        requests: { cpu: '250m', memory: '1Gi' },
        limits: { memory: '4Gi' },
      }),
    ),
  'A priority for each team': () =>
    stored<PodLike>(pod(), ({ spec }) =>
      expect(spec).toMatchObject({ priorityClassName: 'research', priority: 100, preemptionPolicy: 'Never' }),
    ),
  'Every container in our timezone': async () => {
    await stored<PodLike>(pod(), (given) => expect(envOf(given)).toMatchObject({ TZ: 'Europe/Warsaw' }));
    await stored<PodLike>(pod({}, { env: [{ name: 'TZ', value: 'UTC' }] }), (given) =>
      expect(envOf(given)).toMatchObject({ TZ: 'UTC' }),
    );
  },
  'One cache of conda packages for a team': async () => {
    await vi.waitFor(() => run('get', 'pvc', 'conda-cache', '-n', TEAM), soon);
    await stored<PodLike>(pod(), (given) => {
      expect(envOf(given)).toMatchObject({ CONDA_PKGS_DIRS: '/opt/conda-cache' });
      expect(given.spec['volumes']).toEqual(including({ persistentVolumeClaim: { claimName: 'conda-cache' } }));
    });
  },
  'A notebook finds the home of its owner': async () => {
    await apply(JSON.stringify(claim('home-ada')));
    await stored<PodLike>(pod({ 'notebook-name': 'ada', statefulset: 'ada' }), (given) => {
      expect(given.spec['volumes']).toEqual(including({ persistentVolumeClaim: { claimName: 'home-ada' } }));
      expect(containerOf(given)?.['volumeMounts']).toEqual(including({ name: 'home', mountPath: '/home/shared' }));
    });
  },
  'What each team costs': async () => {
    const told = { 'example.org/cost-centre': '4711' };
    const scratch = claim('scratch');
    for (const object of [pod(), { ...scratch, spec: { ...scratch.spec, storageClassName: 'fast' } }]) {
      await stored(object, ({ metadata: { labels, annotations } }) => {
        expect(labels).toMatchObject(told);
        expect(annotations).toHaveProperty(['example.org/asked-by']);
      });
    }
    await stored(application, (given) =>
      expect(given).toMatchObject({ spec: { driver: { labels: told }, executor: { labels: told } } }),
    );
  },
  'Nobody runs as root, whatever they say': () =>
    stored<PodLike>(pod({ 'example.org/trust': 'none' }, { securityContext: { privileged: true } }), (given) => {
      expect(given.spec['securityContext']).toMatchObject({ runAsNonRoot: true });
      expect(containerOf(given)?.['securityContext']).toEqual({ allowPrivilegeEscalation: false, privileged: false });
    }),
  'Executors of Spark are spread over zones': () =>
    stored<PodLike>(pod({ 'spark-role': 'executor', 'spark-app-selector': 'spark-1' }), ({ spec }) =>
      expect(spec['topologySpreadConstraints']).toEqual(including({ topologyKey: 'topology.kubernetes.io/zone' })),
    ),
  'Names that our DNS does not know, and fewer look-ups': () =>
    stored<PodLike>(pod(), ({ spec }) => {
      expect(spec['hostAliases']).toEqual([{ ip: '192.0.2.10', hostnames: ['licences.example.org'] }]);
      expect(spec['dnsConfig']).toEqual({ options: [{ name: 'ndots', value: '2' }] });
    }),
  "Tasks of Airflow, KubernetesPodOperator's too": async () => {
    for (const label of ['kubernetes_executor', 'kubernetes_pod_operator']) {
      await stored<PodLike>(pod({ [label]: 'True' }), (given) => {
        expect(envOf(given)).toMatchObject({ MLFLOW_TRACKING_URI: 'http://mlflow.ml.svc:5000' });
        expect(given.metadata.annotations).toHaveProperty(['cluster-autoscaler.kubernetes.io/safe-to-evict'], 'false');
      });
    }
  },
  'Prometheus finds Ray, and no RayCluster is touched': () =>
    stored<PodLike>(pod({ 'ray.io/is-ray-node': 'yes', 'ray.io/cluster': 'ray' }), ({ metadata: { annotations } }) =>
      expect(annotations).toMatchObject({ 'prometheus.io/scrape': 'true', 'prometheus.io/port': '8080' }),
    ),
  'Flink has time to save its state': () =>
    stored<PodLike>(pod({ component: 'taskmanager', type: 'flink-native-kubernetes' }), ({ spec }) =>
      expect(spec['terminationGracePeriodSeconds']).toBe(300),
    ),
  'Private images without a word in any manifest': async () => {
    await stored<PodLike>(pod(), ({ spec }) => expect(spec['imagePullSecrets']).toEqual([{ name: 'registry' }]));
    await vi.waitFor(() => run('get', 'secret', 'registry', '-n', TEAM), soon);
  },
  'Disks that outlive their claims': async () => {
    const kept = claim('kept', { 'example.org/keep': 'true' });
    await apply(JSON.stringify({ ...kept, spec: { ...kept.spec, storageClassName: 'fast-kept' } }));
    const policy = await run('get', 'storageclass', 'fast-kept', '-o', 'jsonpath={.reclaimPolicy}');
    expect(policy).toBe('Retain');
  },
};

const claim = (name: string, labels: StringMap = {}) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: TEAM, labels },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
});

const GENTLE = `Object{spec: Object.spec{
  securityContext: Object.spec.securityContext{runAsNonRoot: true},
  containers: object.spec.containers.map(c, Object.spec.containers{
    name: c.name,
    imagePullPolicy: "Never",
    env: [Object.spec.containers.env{name: "TZ", value: "CET"}, Object.spec.containers.env{name: "LANG", value: "C"}]
  })
}}`;

/** A pod's spec; the token's volume has a name by chance. */
const withoutToken = ({ spec }: PodLike): unknown =>
  JSON.parse(JSON.stringify(spec).replace(/kube-api-access-\w+/g, 'kube-api-access'));

describe('docs/recipes.md', () => {
  it('has no recipe that is not looked at here', () => {
    expect([...recipes.keys()]).toEqual(Object.keys(effects));
  });

  it('has only PlatformDefaults that are in force, all of them together', async () => {
    await run('wait', '--for=condition=Ready', 'platformdefaults', '--all', '-A', '--timeout=60s');
  });

  it('can be previewed on a cluster, as the page says', async () => {
    const file = createFiles();
    const job = file('job.yaml', JSON.stringify(pod()));
    for (const [title, recipe] of recipes) {
      const { code, err } = await quartermasterWith(
        { KUBECONFIG: cluster.controlPlane.kubeconfig },
        ...['preview', '--live', '-f', job, '-n', TEAM, '--defaults', file('recipe.yaml', recipe), '-o', 'diff'],
      );
      expect(code, `${title}: ${err}`).toBe(0);
    }
  });

  it('gives pods what a MutatingAdmissionPolicy does, once converted', async ({ skip }) => {
    const served = await run('api-resources', '--api-group=admissionregistration.k8s.io');
    skip(
      !/^mutatingadmissionpolicies .*\.k8s\.io\/v1 /m.test(served),
      'this API server has no MutatingAdmissionPolicy in admissionregistration.k8s.io/v1',
    );
    const policy = [
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'MutatingAdmissionPolicy',
        metadata: { name: 'gentle' },
        spec: {
          reinvocationPolicy: 'Never',
          matchConstraints: {
            namespaceSelector: { matchLabels: { by: 'policy' } },
            resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
          },
          mutations: [{ patchType: 'ApplyConfiguration', applyConfiguration: { expression: GENTLE } }],
        },
      },
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'MutatingAdmissionPolicyBinding',
        metadata: { name: 'gentle' },
        spec: { policyName: 'gentle' },
      },
    ];
    for (const by of ['policy', 'defaults'])
      await apply(
        JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: `by-${by}`, labels: { by } } }),
      );
    const file = createFiles()('policy.json', policy.map((object) => JSON.stringify(object)).join('\n---\n'));
    const { out, err } = await convertCommand('convert', '--strict', file);
    expect(err).toContain('0 left out');
    await apply(policy.map((object) => JSON.stringify(object)).join('\n'));
    await apply(out.replace('by: policy', 'by: defaults'));
    const given = { env: [{ name: 'TZ', value: 'UTC' }], imagePullPolicy: 'Always' };
    await vi.waitFor(async () => {
      const [policies, converted] = await Promise.all(
        ['by-policy', 'by-defaults'].map((namespace) => dryRun(pod({}, given), namespace)),
      );
      for (const answer of [policies, converted]) expect(answer?.message).toBe('');
      const specs = [policies, converted].map((answer) => withoutToken(answer?.object as PodLike));
      expect(specs[0]).toMatchObject({
        securityContext: { runAsNonRoot: true },
        containers: [{ imagePullPolicy: 'Never' }],
      });
      expect(specs[1]).toEqual(specs[0]);
    }, soon);
  });

  it.each(Object.entries(effects))('%s', async (_title, effect) => {
    await effect();
  });
});
