import fc from 'fast-check';
import type { TargetKind } from '../../src/api/inject-spec.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { validateDefaults } from '../../src/defaults/validation/spec.ts';
import { platformDefaults, system } from '../fixtures/defaults.ts';

// Few names for many things, so that what is given and what is there meet often.
const variable = fc.constantFrom('A', 'B', 'HTTP_PROXY', 'ÄÖ');
const text = fc.constantFrom('x', 'y', '', 'naïve ☕', '/~1~0');
const label = fc.constantFrom('team', 'example.org/tier', 'prometheus.io/port');
const path = fc.constantFrom('/data', '/data/', '/opt/x', '/opt/x/deep', '/etc/site', '/opt/spark', '/home');
const volumeName = fc.constantFrom('v', 'w', 'cm-vol');
const fileName = fc.constantFrom('cm', 'other', 'cm.dotted');
const confKey = fc.constantFrom(
  'spark.x',
  'spark.a/b~c',
  'spark.driver.extraJavaOptions',
  'spark.eventLog.dir',
  'spark.eventLog.enabled',
  'spark.metrics.conf',
  'spark.ui.enabled',
  'spark.hadoop.fs.x',
  'spark.kubernetes.driverEnv.A',
  'spark.executorEnv.B',
  'spark.kubernetes.executor.label.team',
  'spark.kubernetes.driver.volumes.emptyDir.v.mount.path',
  'spark.kubernetes.node.selector.pool',
);
const hadoopKey = fc.constantFrom('fs.x', 'fs.y', 'fs.s3a.access.key');
const nodeKey = fc.constantFrom('pool', 'disk');

const volumeSource = fc.constantFrom(
  { emptyDir: {} },
  { hostPath: { path: '/h' } },
  { persistentVolumeClaim: { claimName: 'claim' } },
  { persistentVolumeClaim: { claimName: 'other-claim' } },
);
const env = fc.oneof(
  fc.record({ name: variable, value: text }),
  fc.record({ name: variable, valueFrom: fc.constant({ fieldRef: { fieldPath: 'metadata.name' } }) }),
);
const envFrom = fc.constantFrom(
  { configMapRef: { name: 'proxy' } },
  { configMapRef: { name: 'proxy', optional: false } },
  { secretRef: { name: 'keys' } },
  { prefix: 'P_', secretRef: { name: 'keys' } },
);
const sourceName = (source: object): string => JSON.stringify(source).replace(',"optional":false', '');
const toleration = fc.constantFrom(
  { key: 'gpu', operator: 'Exists' },
  { key: 'gpu', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'gone', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 },
);
const strings = (key: fc.Arbitrary<string>): fc.Arbitrary<Record<string, string>> =>
  fc.dictionary(key, text, { maxKeys: 3 });
const unique = <T>(item: fc.Arbitrary<T>, by: (item: T) => unknown, maxLength = 3): fc.Arbitrary<T[]> =>
  fc.uniqueArray(item, { maxLength, selector: by });
const sources = unique(envFrom, sourceName);
const bare = (mountPath: string): string => mountPath.replace(/(?<=.)\/+$/, '');

const prometheus = fc.record(
  {
    scrape: fc.boolean(),
    port: fc.constantFrom(8090, 9404),
    jmxExporterJar: fc.constant('/opt/jmx.jar'),
    configFile: fc.constant('/opt/jmx.yaml'),
    exposeDriverMetrics: fc.boolean(),
    fallback: fc.constantFrom('None', 'PrometheusServlet'),
  },
  { requiredKeys: [] },
);

const volumesWithMounts = fc
  .record({ volumes: unique(fc.tuple(volumeName, volumeSource), ([name]) => name), paths: unique(path, bare) })
  .map(({ volumes, paths }) => ({
    volumes: volumes.map(([name, source]) => ({ name, ...source })),
    volumeMounts:
      volumes.length === 0
        ? []
        : paths.map((mountPath, at) => ({ name: volumes[at % volumes.length]?.[0], mountPath })),
  }));
const files = unique(fc.record({ name: fileName, mountPath: path }), ({ mountPath }) => bare(mountPath));

const forPods = {
  labels: strings(fc.constantFrom('team', 'example.org/tier')),
  annotations: strings(label),
  env: unique(env, ({ name }) => name),
  envFrom: sources,
  configMaps: files,
  secrets: files,
  nodeSelector: strings(nodeKey),
  tolerations: unique(toleration, ({ key, effect }) => [key, effect].join()),
  imagePullSecrets: unique(fc.record({ name: fc.constantFrom('reg', 'reg2') }), ({ name }) => name),
};
const forSpark = {
  sparkConf: strings(confKey),
  hadoopConf: strings(hadoopKey),
};
const forApps = {
  ...forPods,
  ...forSpark,
  prometheus,
  eventLog: fc.constant({ objectStore: 'history' }),
  serviceAccountName: fc.constant('platform'),
};

const injectFor = (kind: TargetKind) => {
  const fields = { SparkApplication: forApps, SparkConnect: forSpark }[kind as string] ?? forPods;
  const withoutVolumes = fc.record(fields as Record<string, fc.Arbitrary<unknown>>, { requiredKeys: [] });
  if (kind === 'SparkConnect') return withoutVolumes;
  return fc
    .tuple(withoutVolumes, fc.option(volumesWithMounts, { nil: {} }))
    .map(([fieldsGiven, volumes]) => ({ ...fieldsGiven, ...volumes }));
};

/** PlatformDefaults for one kind that are valid, with names of their own. */
export const defaultsFor = (
  kind: TargetKind,
  modes: readonly ('Default' | 'Enforce')[] = ['Default', 'Enforce'],
): fc.Arbitrary<readonly PlatformDefaults[]> => {
  const one = fc
    .record({ mode: fc.constantFrom(...modes), inject: injectFor(kind), priority: fc.nat(2) })
    .map((spec) =>
      platformDefaults('it', { match: { kinds: [kind] }, ...spec } as Parameters<typeof platformDefaults>[1]),
    )
    .filter((defaults) => validateDefaults(defaults, system).length === 0);
  return fc
    .array(one, { minLength: 1, maxLength: 3 })
    .map((list) => list.map((each, at) => ({ ...each, metadata: { ...each.metadata, name: `d${at}` } })));
};

const nullable = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null | undefined> =>
  fc.oneof({ weight: 4, arbitrary: value }, { weight: 1, arbitrary: fc.constantFrom(null, undefined) });
const given = (fields: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** An object without what came out as undefined: JSON has no such thing. */
const record = (fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Record<string, unknown>> =>
  fc.record(Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, nullable(value)]))).map(given);

const mount = fc.record({ name: volumeName, mountPath: path });
const template = record({
  metadata: record({ labels: strings(label) }),
  spec: record({
    containers: fc.array(
      record({
        name: fc.constant('spark-kubernetes-driver'),
        env: fc.array(env, { maxLength: 1 }),
        volumeMounts: fc.array(mount, { maxLength: 1 }),
      }),
      { maxLength: 1 },
    ),
    nodeSelector: strings(nodeKey),
  }),
});
const role = record({
  env: unique(env, ({ name }) => name),
  envVars: strings(variable),
  envFrom: sources,
  labels: strings(label),
  annotations: strings(label),
  volumeMounts: unique(mount, ({ mountPath }) => bare(mountPath)),
  configMaps: unique(
    fc.record({ name: fc.constantFrom('cm', 'own'), path: fc.constantFrom('/data', '/own') }),
    ({ name }) => name,
    1,
  ),
  tolerations: unique(toleration, ({ key, effect }) => [key, effect].join()),
  nodeSelector: strings(nodeKey),
  ports: fc.constantFrom([{ name: 'jmx-exporter', containerPort: 8090 }], []),
  javaOptions: fc.constantFrom('-Dx=y', '-javaagent:/a.jar=8090:/a.yaml'),
  hostNetwork: fc.boolean(),
  template,
});
const metadata = record({ labels: strings(label), annotations: strings(label) }).map((fields) => ({
  name: 'it',
  namespace: 'team-a',
  ...fields,
}));
const volumes = unique(fc.tuple(volumeName, volumeSource), ([name]) => name).map((list) =>
  list.map(([name, source]) => ({ name, ...source })),
);

const app = fc
  .record({
    metadata,
    spec: record({
      sparkConf: strings(confKey),
      hadoopConf: strings(hadoopKey),
      volumes,
      nodeSelector: strings(nodeKey),
      imagePullSecrets: unique(fc.constantFrom('reg', 'own'), String),
      monitoring: fc.constantFrom(
        { exposeDriverMetrics: true, exposeExecutorMetrics: false },
        { prometheus: { jmxExporterJar: '/own.jar' } },
      ),
      driver: role,
      executor: role,
    }),
  })
  .map((fields) => ({ apiVersion: 'sparkoperator.k8s.io/v1beta2', kind: 'SparkApplication', ...fields }));

const connect = fc
  .record({ metadata, spec: record({ sparkConf: strings(confKey), hadoopConf: strings(hadoopKey) }) })
  .map((fields) => ({ apiVersion: 'sparkoperator.k8s.io/v1alpha1', kind: 'SparkConnect', ...fields }));

const container = (name: string) =>
  record({
    args: fc.constantFrom(['-c', 'true'], []),
    workingDir: fc.constantFrom('/var/spool/cwl', '/'),
    resources: fc.constant({ requests: { cpu: '1', memory: '1Gi' } }),
    env: unique(env, (item) => item.name),
    envFrom: sources,
    volumeMounts: unique(mount, ({ mountPath }) => bare(mountPath)),
  }).map((fields) => ({ name, ...fields }));

const podSpec = (containers: fc.Arbitrary<unknown>) =>
  record({
    volumes,
    nodeSelector: strings(nodeKey),
    tolerations: unique(toleration, ({ key, effect }) => [key, effect].join()),
    imagePullSecrets: fc.constantFrom([{ name: 'reg' }], []),
    initContainers: fc.tuple(container('init')),
  }).chain((fields) => containers.map((list) => ({ ...fields, containers: list })));

const pod = (labels: Record<string, string>, containers: fc.Arbitrary<unknown>) =>
  fc.tuple(metadata, podSpec(containers)).map(([meta, spec]) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...meta, labels: { ...(meta as { labels?: object }).labels, ...labels } },
    spec,
  }));

const runner = container('calrissian').map((fields) => ({ command: ['calrissian'], ...fields }));

/** As JSON brings it: nothing is shared between two places. */
const parsed = (object: fc.Arbitrary<KubeObject>): fc.Arbitrary<KubeObject> =>
  object.map((value) => JSON.parse(JSON.stringify(value)) as KubeObject);

/** One object of each kind that is mutated: with nulls, gaps and rivals. */
export const objectsOf: Readonly<Record<string, fc.Arbitrary<KubeObject>>> = {
  SparkApplication: parsed(app),
  SparkConnect: parsed(connect),
  WorkflowPod: parsed(pod({ 'workflows.argoproj.io/workflow': 'w' }, fc.tuple(container('wait'), container('main')))),
  CalrissianPod: parsed(pod({}, fc.tuple(runner))),
};
