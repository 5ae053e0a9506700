import { describe, expect, it } from 'vitest';
import type { StringMap } from '../../src/api/kubernetes.ts';
import { admit, admitWithWarnings } from '../fixtures/admitting.ts';
import { platformDefaults } from '../fixtures/defaults.ts';

const JAR = { prometheus: { jmxExporterJar: '/prometheus/jmx.jar' } };
const app = {
  apiVersion: 'sparkoperator.k8s.io/v1beta2',
  kind: 'SparkApplication',
  metadata: { name: 'it', namespace: 'team-a' },
  spec: { driver: { hostNetwork: true }, executor: {} },
};
const why = 'spec.driver.hostNetwork makes two agents of one node share port 8090';

it.each(['Default', 'Enforce'] as const)(
  'an exporter that cannot run, with mode %s, is told of where what was given is told of and counted',
  (mode) => {
    const { denied, outcomes, application } = admitWithWarnings(app, [
      platformDefaults('metrics', { mode, inject: JAR }),
    ]);
    const by = 'quartermaster-system/metrics@1';
    expect(denied).toBeUndefined();
    expect(outcomes?.()).toContainEqual({
      ...{ by, mode, field: 'spec.monitoring.prometheus', key: 'jmxExporterJar', value: JAR.prometheus.jmxExporterJar },
      ...{ verdict: 'refused', why },
    });
    expect(application?.().notApplied).toEqual([{ by, field: 'spec.monitoring.prometheus jmxExporterJar', why }]);
  },
);

it('what a namespace enforces for itself, and cannot have, is left out with a warning', () => {
  const own = platformDefaults('metrics', { mode: 'Enforce', inject: JAR }, { namespace: 'team-a' });
  const { denied, warnings } = admit(app, [own]);
  expect(denied).toBeUndefined();
  expect(warnings).toEqual([`PlatformDefaults team-a/metrics@1: the JMX exporter was not injected: ${why}.`]);
});

it('a mount that is stored below what is read-only stays, as an earlier version gave it', () => {
  const volumes = [{ name: 'reference', persistentVolumeClaim: { claimName: 'reference', readOnly: true } }];
  const own = { volumeMounts: [{ name: 'reference', mountPath: '/reference' }] };
  const files = platformDefaults('files', { inject: { configMaps: [{ name: 'conf', mountPath: '/reference/conf' }] } });
  const before = admit({ ...app, spec: { volumes, driver: {}, executor: {} } } as never, [files]).object;
  const given = { configMaps: [{ name: 'conf', path: '/reference/conf' }] };
  const stored = { ...before, spec: { volumes, driver: { ...own, ...given }, executor: given } };
  const applied = { ...app, spec: { volumes, driver: own, executor: {} } };
  expect(admit(applied as never, [], stored as never).object).toEqual(stored);
  expect(admit(applied as never, [files]).object).not.toMatchObject({ spec: { driver: given } });
});

it('an event log that is enforced and whose ObjectStore is not Ready yet is told of, and counted', () => {
  const inject = { eventLog: { objectStore: 'nowhere' } };
  const spec = { driver: {}, executor: {} };
  const { denied, application } = admit({ ...app, spec } as never, [
    platformDefaults('log', { mode: 'Enforce', inject }),
  ]);
  expect(denied).toBeUndefined();
  expect(application?.().notApplied).toEqual([
    {
      by: 'quartermaster-system/log@1',
      field: 'spec.sparkConf spark.eventLog.dir',
      why: "no ObjectStore nowhere is Ready in this namespace or the platform's",
    },
  ]);
});

const enforcing = (sparkConf: StringMap) => platformDefaults('conf', { mode: 'Enforce', inject: { sparkConf } });
const appOf = (spec: object) => ({ ...app, spec: { driver: {}, executor: {}, ...spec } });

describe('enforced sparkConf', () => {
  it.each([
    ['spark.driver.cores', '1', { driver: { cores: 64 } }],
    ['spark.driver.memory', '1g', { driver: { memory: '512g' } }],
    ['spark.driver.memoryOverhead', '1g', { driver: { memoryOverhead: '512g' } }],
    ['spark.driver.extraJavaOptions', '-Da=b', { driver: { javaOptions: '-Dc=d' } }],
    ['spark.kubernetes.driver.request.cores', '1', { driver: { coreRequest: '64' } }],
    ['spark.kubernetes.driver.limit.cores', '1', { driver: { coreLimit: '64' } }],
    ['spark.kubernetes.driver.service.label.a', 'b', { driver: { serviceLabels: { a: 'c' } } }],
    ['spark.kubernetes.driver.service.annotation.a', 'b', { driver: { serviceAnnotations: { a: 'c' } } }],
    ['spark.executor.cores', '1', { executor: { cores: 64 } }],
    ['spark.executor.instances', '2', { executor: { instances: 2_000 } }],
    ['spark.executor.memory', '1g', { executor: { memory: '512g' } }],
    ['spark.executor.memoryOverhead', '1g', { executor: { memoryOverhead: '512g' } }],
    ['spark.executor.extraJavaOptions', '-Da=b', { executor: { javaOptions: '-Dc=d' } }],
    ['spark.kubernetes.executor.request.cores', '1', { executor: { coreRequest: '64' } }],
    ['spark.kubernetes.executor.limit.cores', '1', { executor: { coreLimit: '64' } }],
    ['spark.kubernetes.executor.deleteOnTermination', 'true', { executor: { deleteOnTermination: false } }],
    ['spark.dynamicAllocation.enabled', 'false', { dynamicAllocation: { enabled: true } }],
    ['spark.dynamicAllocation.initialExecutors', '1', { dynamicAllocation: { initialExecutors: 1_000 } }],
    ['spark.dynamicAllocation.minExecutors', '1', { dynamicAllocation: { minExecutors: 1_000 } }],
    ['spark.dynamicAllocation.maxExecutors', '10', { dynamicAllocation: { maxExecutors: 1_000 } }],
    [
      'spark.dynamicAllocation.shuffleTracking.enabled',
      'true',
      { dynamicAllocation: { shuffleTrackingEnabled: false } },
    ],
    ['spark.dynamicAllocation.shuffleTracking.timeout', '1', { dynamicAllocation: { shuffleTrackingTimeout: 9_999 } }],
    ['spark.jars', 'a', { deps: { jars: ['b'] } }],
    ['spark.jars.packages', 'a', { deps: { packages: ['b'] } }],
    ['spark.jars.excludes', 'a', { deps: { excludePackages: ['b'] } }],
    ['spark.jars.repositories', 'a', { deps: { repositories: ['b'] } }],
    ['spark.submit.pyFiles', 'a', { deps: { pyFiles: ['b'] } }],
    ['spark.files', 'a', { deps: { files: ['b'] } }],
    ['spark.archives', 'a', { deps: { archives: ['b'] } }],
  ])('takes out the field that spark-operator gives spark-submit after %s', (key, value, said) => {
    const { denied, object } = admit(appOf(said) as never, [enforcing({ [key]: value })]);
    expect(denied).toBeUndefined();
    const [place, fields] = Object.entries(said)[0] as [string, object];
    const [field, content] = Object.entries(fields)[0] as [string, unknown];
    const emptied =
      typeof content === 'object' && !Array.isArray(content) ? { [place]: { [field]: {} } } : { [place]: {} };
    expect(object).toEqual({
      ...object,
      spec: { ...appOf({}).spec, ...emptied, sparkConf: { [key]: value } },
    });
    expect(admit(object, [enforcing({ [key]: value })]).patch).toEqual([]);
    expect(admit(appOf(said) as never, [enforcing({ [key]: value })], object).object).toEqual(object);
  });

  it('is told beside a label of the application, which stays', () => {
    const labelled = { ...appOf({}), metadata: { ...app.metadata, labels: { team: 'its-own' } } };
    const enforced = platformDefaults('team', { mode: 'Enforce', inject: { labels: { team: 'data' } } });
    const { object, outcomes } = admitWithWarnings(labelled as never, [enforced]);
    expect(object.metadata.labels).toEqual({ team: 'its-own' });
    const why = 'it is enforced, though metadata.labels team says it too';
    for (const field of ['spec.driver.labels', 'spec.executor.labels'])
      expect(outcomes?.()).toContainEqual(expect.objectContaining({ field, verdict: 'applied', over: 'its-own', why }));
  });

  it.each([
    ['a key that spark-submit reads as another', { sparkConf: { 'spark.redaction.regex=': 'x' } }],
    ['a key of Hadoop that it does', { hadoopConf: { 'fs.s3a.endpoint=x': 'y' } }],
    ['a program that spark-submit takes for an option', { mainApplicationFile: '--conf', arguments: ['a=b', 'c'] }],
    ['arguments that it does, where no program is named', { arguments: ['--conf', 'a=b', 'c'] }],
  ])('has an application refused that has %s, whatever else it says', (_what, said) => {
    const enforced = enforcing({ 'spark.redaction.regex': 'x' });
    const refused = 'is enforced by PlatformDefaults quartermaster-system/conf@1 and cannot be given: spec.';
    expect(admit(appOf(said) as never, [enforced]).denied).toContain(refused);
    const conf = { 'spark.redaction.regex': 'x' };
    const same = { ...said, sparkConf: { ...('sparkConf' in said ? said.sparkConf : {}), ...conf } };
    expect(admit(appOf(same) as never, [enforced]).denied).toContain(refused);
    const stored = admit(appOf({}) as never, [enforced]).object;
    expect(admit(appOf(same) as never, [enforced], stored).denied).toContain(refused);
    expect(
      admit(appOf(said) as never, [platformDefaults('conf', { inject: { sparkConf: conf } })]).denied,
    ).toBeUndefined();
  });

  const monitoring = {
    exposeDriverMetrics: true,
    exposeExecutorMetrics: true,
    prometheus: { jmxExporterJar: '/its.jar' },
  };

  it.each([
    'spark.driver.extraJavaOptions',
    'spark.executor.extraJavaOptions',
    'spark.metrics.conf',
    'spark.metrics.namespace',
    'spark.kubernetes.driver.annotation.prometheus.io/port',
  ])('has an application refused whose exporter of metrics has spark-operator write over %s', (key) => {
    const enforced = enforcing({ [key]: 'x' });
    const why = 'cannot be given: spark-operator writes over it for spec.monitoring.prometheus';
    expect(admit(appOf({ monitoring }) as never, [enforced]).denied).toContain(why);
    const stored = admit(appOf({}) as never, [enforced]).object as never as { readonly spec: object };
    const changed = { ...stored, spec: { ...stored.spec, monitoring } };
    expect(admit(changed as never, [enforced], stored as never).denied).toContain(why);
    const hidden = { ...monitoring, exposeDriverMetrics: false, exposeExecutorMetrics: false };
    const isOfRole = key.includes('driver') || key.includes('executor');
    expect(admit(appOf({ monitoring: hidden }) as never, [enforced]).denied === undefined).toBe(isOfRole);
  });

  it('stands beside an exporter that the platform gives, changed or not', () => {
    const options = { 'spark.driver.extraJavaOptions': '-Da=b' };
    const both = [enforcing(options), platformDefaults('jar', { mode: 'Enforce', inject: JAR })];
    const { denied, object } = admit(appOf({}) as never, both);
    expect(denied).toBeUndefined();
    const changed = { ...object, spec: { ...(object as never as { spec: object }).spec, arguments: ['1'] } };
    expect(admit(changed as never, both, object).denied).toBeUndefined();
  });

  it('has a SparkConnect refused that has a key which its server reads as another', () => {
    const connect = {
      ...{ apiVersion: 'sparkoperator.k8s.io/v1alpha1', kind: 'SparkConnect', metadata: app.metadata },
      spec: { sparkConf: { 'spark.redaction.regex=': 'x' } },
    };
    const match = { kinds: ['SparkConnect'] } as const;
    const enforced = platformDefaults('conf', {
      match,
      mode: 'Enforce',
      inject: { sparkConf: { 'spark.ui.port': '1' } },
    });
    expect(admit(connect, [enforced]).denied).toContain('conf@1 and cannot be given: spec.sparkConf');
  });
});

describe('an enforced ConfigMap', () => {
  const enforced = platformDefaults('ca', {
    mode: 'Enforce',
    inject: { configMaps: [{ name: 'ca', mountPath: '/etc/ca' }] },
  });
  const within = { name: 'mine', mountPath: '/etc/ca/ca.crt', subPath: 'ca.crt' };

  it.each([
    ['a mount of its own', { driver: { volumeMounts: [within] } }],
    ['a ConfigMap of its own', { driver: { configMaps: [{ name: 'mine', path: '/etc//ca/x' }] } }],
    ['a Secret of its own', { driver: { secrets: [{ name: 'mine', path: '/etc/ca/x', secretType: 'Generic' }] } }],
    ['a mount of its template', { driver: { template: { spec: { containers: [{ volumeMounts: [within] }] } } } }],
    ['sparkConf', { sparkConf: { 'spark.kubernetes.driver.secrets.mine': '/etc/ca/x' } }],
    [
      'another volume of sparkConf',
      { sparkConf: { 'spark.kubernetes.driver.volumes.hostPath.mine.mount.path': '/etc/ca/x' } },
    ],
  ])('has an application refused that hides a part of it by %s', (_, said) => {
    expect(admit(appOf(said) as never, [enforced]).denied).toMatch(
      /cannot be given: the driver mounts something at \/etc\/ca\/\S+, within it/,
    );
    const beside = JSON.parse(JSON.stringify(said).replace(/\/etc\/+ca\//, '/etc/ca-of-its-own/')) as object;
    expect(admit(appOf(beside) as never, [enforced]).denied).toBeUndefined();
  });
});

describe('sparkConf by default', () => {
  it.each([
    ['spark.driver.memory', { driver: { memory: '512g' } }, 'spec.driver memory'],
    ['spark.executor.instances', { executor: { instances: 3 } }, 'spec.executor instances'],
    [
      'spark.dynamicAllocation.maxExecutors',
      { dynamicAllocation: { maxExecutors: 3 } },
      'spec.dynamicAllocation maxExecutors',
    ],
    ['spark.jars.packages', { deps: { packages: ['b'] } }, 'spec.deps packages'],
    [
      'spark.kubernetes.driver.service.label.a',
      { driver: { serviceLabels: { a: 'c' } } },
      'spec.driver.serviceLabels a',
    ],
    ['spark.kubernetes.container.image.pullPolicy', { imagePullPolicy: 'Never' }, 'spec imagePullPolicy'],
    ['spark.kubernetes.pyspark.pythonVersion', { pythonVersion: '3' }, 'spec pythonVersion'],
    ['spark.kubernetes.memoryOverheadFactor', { memoryOverheadFactor: '0.4' }, 'spec memoryOverheadFactor'],
    ['spark.executor.memoryOverheadFactor', { memoryOverheadFactor: '0.4' }, 'spec memoryOverheadFactor'],
  ])('gives way to the field of the application that says what %s does', (key, said, place) => {
    const before = appOf(said);
    const { object, outcomes } = admitWithWarnings(before as never, [
      platformDefaults('conf', { inject: { sparkConf: { [key]: 'ours' } } }),
    ]);
    expect(object).toEqual(before);
    expect(outcomes?.()).toMatchObject([
      { field: 'spec.sparkConf', key, verdict: 'kept back', why: `the object says it in ${place}` },
    ]);
  });

  it('gives way to a label that the application has itself, which the operator copies to its pods', () => {
    const labelled = { ...appOf({}), metadata: { ...app.metadata, labels: { team: 'its-own' } } };
    const sparkConf = { 'spark.kubernetes.driver.label.team': 'data' };
    expect(admit(labelled as never, [platformDefaults('conf', { inject: { sparkConf } })]).object).toEqual(labelled);
  });
});
