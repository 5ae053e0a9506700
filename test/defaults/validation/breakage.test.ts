import { describe, expect, it } from 'vitest';
import type { TargetKind } from '../../../src/api/inject-spec.ts';
import { POD_KINDS } from '../../../src/api/target-kinds.ts';
import { validateDefaults } from '../../../src/defaults/validation/spec.ts';
import { platformDefaults, system } from '../../fixtures/defaults.ts';

type Spec = Parameters<typeof platformDefaults>[1];

const flawsOf = (spec: Spec): readonly string[] => validateDefaults(platformDefaults('it', spec), system);

const forKinds = (...kinds: TargetKind[]) => ({ match: { kinds } });
const pods = forKinds('CalrissianPod', 'WorkflowPod');
const volume = (name: string, source: object = { emptyDir: {} }) => ({ name, ...source });
const claim = (name: string) => volume(name, { persistentVolumeClaim: { claimName: name } });

describe('what belongs to the machinery of a kind', () => {
  const cases: readonly (readonly [Spec, string])[] = [
    ...[
      '/etc/metrics/conf',
      '/etc/spark/conf/x',
      '/etc/hadoop/conf',
      '/opt/spark/conf',
      '/opt/spark/pod-template/',
      '/var/data/spark-1',
    ].map((mountPath): readonly [Spec, string] => [
      { inject: { configMaps: [{ name: 'a', mountPath }] } },
      `mountPath: "${mountPath}" is reserved in a SparkApplication`,
    ]),
    ...['/var/run/argo', '/argo/x', '/argo-bin', '/mainctrfs'].map((mountPath): readonly [Spec, string] => [
      { ...pods, inject: { configMaps: [{ name: 'a', mountPath }] } },
      `mountPath: "${mountPath}" is reserved in a WorkflowPod`,
    ]),
    [
      { ...pods, inject: { secrets: [{ name: 'a', mountPath: '/tmp/x' }] } },
      'mountPath: "/tmp/x" is reserved in a CalrissianPod',
    ],
    ...[
      'spark-configmap-volume',
      'hadoop-configmap-volume',
      'spark-conf-volume-driver',
      'spark-local-dir-1',
      'pod-template-volume',
      'pi-prom-conf-vol',
    ].map((name): readonly [Spec, string] => [
      { inject: { volumes: [volume(name)] } },
      `"${name}" is reserved in a SparkApplication`,
    ]),
    ...['var-run-argo', 'tmp-dir-argo', 'argo-staging', 'input-artifacts', 'argo-env-config', 'argoexec-bin'].map(
      (name): readonly [Spec, string] => [
        { ...pods, inject: { volumes: [volume(name)] } },
        `"${name}" is reserved in a WorkflowPod`,
      ],
    ),
    [{ ...pods, inject: { volumes: [volume('tmpdir')] } }, '"tmpdir" is reserved in a CalrissianPod'],
    ...['spark-role', 'spark-app-selector', 'spark-version', 'spark-exec-id', 'sparkoperator.k8s.io/app-name'].map(
      (key): readonly [Spec, string] => [
        { inject: { labels: { [key]: 'x' } } },
        `spec.inject.labels: "${key}" is reserved on a SparkApplication`,
      ],
    ),
    ...POD_KINDS.flatMap((kind) =>
      ['workflows.argoproj.io/workflow', 'sparkoperator.k8s.io/launched-by-spark-operator'].map(
        (key): readonly [Spec, string] => [
          { ...forKinds(kind), inject: { labels: { [key]: 'true' } } },
          `spec.inject.labels: "${key}" is reserved on a ${kind}`,
        ],
      ),
    ),
    [
      { inject: { annotations: { 'quartermaster.dev/injected': '{}' } } },
      'spec.inject.annotations: "quartermaster.dev/injected" is reserved',
    ],
    [
      { inject: { labels: { 'app.kubernetes.io/managed-by': 'quartermaster' } } },
      '"app.kubernetes.io/managed-by" is reserved',
    ],
    [
      {
        ...forKinds('PersistentVolumeClaim'),
        inject: { annotations: { 'volume.beta.kubernetes.io/storage-class': 'x' } },
      },
      'is reserved on a PersistentVolumeClaim',
    ],
    [
      { ...pods, inject: { env: [{ name: 'HOME', value: '/' }] } },
      'spec.inject.env[0].name: HOME belongs to the machinery of a CalrissianPod',
    ],
    [
      { ...pods, mode: 'Enforce', inject: { env: [{ name: 'AWS_REGION' }] } },
      'AWS_REGION cannot be enforced on a CalrissianPod; use mode Default',
    ],
    ...[
      'spark.master',
      'spark.kubernetes.driver.master',
      'spark.kubernetes.namespace',
      'spark.kubernetes.container.image',
      'spark.kubernetes.driver.container.image',
      'spark.kubernetes.executor.container.image',
      'spark.kubernetes.authenticate.driver.serviceAccountName',
      'spark.kubernetes.authenticate.submission.oauthToken',
      'spark.kubernetes.authenticate.oauthTokenFile',
    ].map((key): readonly [Spec, string] => [
      { ...forKinds('SparkConnect'), inject: { sparkConf: { [key]: 'x' } } },
      `spec.inject.sparkConf: ${key} is refused by spark-operator; remove it`,
    ]),
  ];
  it.each(cases)('%j: %s', (spec, expected) => {
    expect(flawsOf(spec).join('\n')).toContain(expected);
  });
});

describe('what breaks a job though Kubernetes takes it', () => {
  const twice = [
    { name: 'a', mountPath: '/a' },
    { name: 'a', mountPath: '/b' },
  ];
  const cases: readonly (readonly [Spec, string])[] = [
    [
      { inject: { configMaps: twice } },
      'spec.inject.configMaps[1].name: "a" is there twice, which a SparkApplication cannot mount',
    ],
    [
      { inject: { configMaps: twice.slice(1), volumes: [volume('a-vol')] } },
      '"a-vol" is what spark-operator calls the volume of a ConfigMap here',
    ],
    [{ inject: { secrets: twice } }, 'spec.inject.secrets[1].name: "a" is there twice'],
    [
      { inject: { secrets: twice.slice(1), volumes: [volume('a-volume')] } },
      '"a-volume" is what Spark calls the volume of a Secret here',
    ],
    [
      {
        inject: {
          prometheus: { configFile: '/opt/prometheus_config' },
          configMaps: [{ name: 'p', mountPath: '/opt/prometheus_config' }],
        },
      },
      'spec.inject.prometheus.configFile: "/opt/prometheus_config" is a directory; name the file in it, such as /opt/prometheus_config/prometheus.yaml',
    ],
    [
      { inject: { prometheus: { configFile: '/etc/metrics/conf/prometheus.yaml' } } },
      'spec.inject.prometheus.configFile: Spark or its operator mounts its own files over "/etc/metrics/conf/prometheus.yaml"; choose another path',
    ],
    [
      { inject: { prometheus: { configFile: '/opt/spark/conf/jmx.yaml' } } },
      'spec.inject.prometheus.configFile: Spark or its operator mounts its own files over "/opt/spark/conf/jmx.yaml"; choose another path',
    ],
    [
      { inject: { prometheus: { jmxExporterJar: '/j.jar' }, sparkConf: { 'spark.driver.extraJavaOptions': '-X' } } },
      'spark.driver.extraJavaOptions would be lost beside prometheus.jmxExporterJar',
    ],
    [
      { inject: { eventLog: { objectStore: 'a' }, sparkConf: { 'spark.eventLog.dir': 's3a://b/' } } },
      'spec.inject.sparkConf: spark.eventLog.dir is what eventLog sets',
    ],
    [
      { inject: { hadoopConf: { 'spark.hadoop.fs.s3a.endpoint': 'x' } } },
      'spec.inject.hadoopConf: spark.hadoop.fs.s3a.endpoint is written without',
    ],
    [
      { ...pods, inject: { volumes: [claim('a.b')].map((it) => ({ ...it, name: 'a' })) } },
      'claimName: "a.b" names a volume in Calrissian',
    ],
    [
      {
        ...pods,
        inject: {
          volumes: [claim('a')],
          volumeMounts: [
            { name: 'a', mountPath: '/a' },
            { name: 'a', mountPath: '/b' },
          ],
        },
      },
      'spec.inject.volumeMounts[1]: claim "a" is mounted twice',
    ],
    [
      {
        ...pods,
        inject: {
          volumes: [claim('a'), claim('b')],
          volumeMounts: [
            { name: 'a', mountPath: '/data' },
            { name: 'b', mountPath: '/database' },
          ],
        },
      },
      'spec.inject.volumeMounts[1].mountPath: "/database" and "/data" begin alike',
    ],
  ];
  it.each(cases)('%j: %s', (spec, expected) => {
    expect(flawsOf(spec).join('\n')).toContain(expected);
  });
});
