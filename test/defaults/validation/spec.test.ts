import { describe, expect, it } from 'vitest';
import { INJECT_KEYS, TARGET_KINDS, type TargetKind } from '../../../src/api/inject-spec.ts';
import type { PlatformDefaults, PlatformDefaultsSpec } from '../../../src/api/platform-defaults.ts';
import { validateDefaults } from '../../../src/defaults/validation/spec.ts';
import { platformDefaults, system } from '../../fixtures/defaults.ts';

type Spec = Parameters<typeof platformDefaults>[1];
type Inject = NonNullable<PlatformDefaultsSpec['inject']>;

const violationsOf = (spec: Spec, where: Parameters<typeof platformDefaults>[2] = {}): readonly string[] =>
  validateDefaults(platformDefaults('it', spec, where), system);

/** As read from a file: no compiler has seen it. */
const violationsOfText = (spec: string): readonly string[] =>
  validateDefaults({ ...platformDefaults('it', {}), spec: JSON.parse(spec) as PlatformDefaultsSpec }, system);

const whole: Spec = {
  match: {
    selector: { matchLabels: { 'example.org/app': 'prod' } },
    namespaceSelector: { matchLabels: { team: 'a' } },
    clouds: ['aws'],
  },
  mode: 'Enforce',
  priority: -1,
  variables: { domain: 'example.org', bucket: 'logs-${account}' },
  inject: {
    labels: { 'example.org/domain': '${domain}' },
    annotations: { 'prometheus.io/scrape': 'true' },
    env: [
      { name: 'A', value: '$${not} a variable' },
      { name: 'B', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
    ],
    envFrom: [{ configMapRef: { name: 'proxy' } }, { prefix: 'S3_', secretRef: { name: 's3', optional: false } }],
    volumes: [{ name: 'eodata', hostPath: { path: '/eodata' } }],
    volumeMounts: [
      { name: 'eodata', mountPath: '/eodata' },
      { name: 'eodata', mountPath: '/vsis3/eodata', readOnly: true },
    ],
    configMaps: [{ name: 'prometheus-jmx-config', mountPath: '/opt/prometheus_config' }],
    secrets: [{ name: 'http-credentials', mountPath: '/opt/credentials' }],
    nodeSelector: { pool: 'spark' },
    tolerations: [{ key: 'spark', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 }],
    imagePullSecrets: [{ name: 'registry' }],
    hostAliases: [{ ip: '10.0.0.1', hostnames: ['archive.example.org'] }],
    proxy: { http: 'http://proxy.${domain}:3128', noProxy: ['.example.org'] },
    caBundle: { configMap: 'platform-ca', trustStoreKey: 'truststore.p12' },
    serviceAccountName: 'spark',
    prometheus: {
      port: 8090,
      jmxExporterJar: '/opt/jmx.jar',
      configFile: '/opt/prometheus_config/prometheus.yaml',
      fallback: 'None',
    },
    sparkConf: { 'spark.ui.prometheus.enabled': 'true' },
    hadoopConf: { 'fs.s3a.endpoint': 'https://s3.${region}.example.org' },
    eventLog: { objectStore: 'sparkhistory' },
  },
  provision: {
    configMaps: [
      { name: 'proxy', data: { HTTP_PROXY: 'http://proxy.${domain}' } },
      { name: 'prometheus-jmx-config', copyFrom: 'jmx' },
    ],
    secrets: [{ name: 's3', copyFrom: 's3' }],
    persistentVolumeClaims: [
      { name: 'vcity-pvc', spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } } } },
    ],
  },
};

describe('a PlatformDefaults', () => {
  it('can use every key at once', () => {
    expect(violationsOf(whole)).toEqual([]);
  });

  it('can give a PersistentVolumeClaim its StorageClass', () => {
    const storageClass = {
      provisioner: 'efs.csi.aws.com',
      parameters: { basePath: '/${region}' },
      mountOptions: ['tls'],
    };
    expect(violationsOf({ match: { kinds: ['PersistentVolumeClaim'] }, inject: { storageClass } })).toEqual([]);
  });

  it('of a tenant can inject what they could write themselves', () => {
    const { serviceAccountName: _, ...inject } = whole.inject ?? {};
    expect(
      violationsOf({ variables: { domain: 'example.org' }, inject, mode: 'Enforce' }, { namespace: 'team-a' }),
    ).toEqual([]);
  });
});

describe('what no schema has checked yet', () => {
  const match = '"match": {"kinds": ["SparkApplication"]}';
  const cases: readonly (readonly [string, string])[] = [
    ['null', 'spec: is required'],
    ['[]', 'spec: must be an object'],
    ['{}', 'spec.match: is required'],
    ['{"match": {}}', 'spec.match.kinds: is required'],
    ['{"match": {"kinds": "SparkApplication"}}', 'spec.match.kinds: must be a list'],
    ['{"match": {"kinds": []}}', 'spec.match.kinds: must have at least 1 items'],
    [
      '{"match": {"kinds": ["Pods"]}}',
      'spec.match.kinds[0]: "Pods" is not one of PersistentVolumeClaim, SparkApplication',
    ],
    ['{"match": {"kinds": ["ObjectStore", "ObjectStore"]}}', 'spec.match.kinds: "ObjectStore" is there more than once'],
    [`{${match}, "mode": "Force"}`, 'spec.mode: "Force" is not one of Default, Enforce'],
    [`{${match}, "priority": 1.5}`, 'spec.priority: must be a whole number'],
    [`{${match}, "priority": 10000000}`, 'spec.priority: must be at most 1000000'],
    [
      `{${match}, "inject": {"sparkConf": {"spark.executor.instances": 3}}}`,
      'spec.inject.sparkConf.spark.executor.instances: must be a string; quote it',
    ],
    [`{${match}, "inject": {"volume": []}}`, 'spec.inject.volume: there is no such field'],
    [
      `{${match}, "inject": {"annotations": {"__proto__": "x"}}}`,
      'spec.inject.annotations.__proto__: is a key that not every reader keeps; rename it',
    ],
    [`{${match}, "inject": {"env": [{"value": "x"}]}}`, 'spec.inject.env[0].name: is required'],
    [`{${match}, "inject": {"env": [{"name": ""}]}}`, 'spec.inject.env[0].name: must not be empty'],
    [`{${match}, "inject": {"env": [{"name": "A"}, {"name": "A"}]}}`, 'spec.inject.env: "A" is there more than once'],
    [
      `{${match}, "inject": {"prometheus": {"configuration": "/opt/prometheus_config"}}}`,
      'spec.inject.prometheus.configuration: there is no such field',
    ],
    [`{${match}, "inject": {"prometheus": {"port": 80}}}`, 'spec.inject.prometheus.port: must be at least 1024'],
    [
      `{${match}, "inject": {"configMaps": [{"name": "a", "mountPath": "opt"}]}}`,
      'spec.inject.configMaps[0].mountPath: "opt" must match ^/',
    ],
    [`{${match}, "inject": {"prometheus": {"scrape": "yes"}}}`, 'spec.inject.prometheus.scrape: must be true or false'],
    [`{${match}, "inject": {"s3aCommitter": "Magic"}}`, 'spec.inject.s3aCommitter is how Spark writes to objectStore'],
    [`{${match}}`, 'spec: gives nothing; add inject, provision, variables or templates'],
  ];
  it.each(cases)('%s: %s', (spec, expected) => {
    expect(violationsOfText(spec).join('\n')).toContain(expected);
  });

  it('counts null as absent, as the API server does', () => {
    expect(
      violationsOfText(`{${match}, "mode": null, "inject": {"labels": null, "env": [{"name": "A", "value": null}]}}`),
    ).toEqual([]);
  });
});

describe('keys of inject', () => {
  const samples: Readonly<Record<keyof Inject, Inject>> = {
    ...Object.fromEntries(Object.entries(whole.inject ?? {}).map(([key, value]) => [key, { [key]: value }])),
    volumeMounts: { volumes: whole.inject?.volumes ?? [], volumeMounts: whole.inject?.volumeMounts ?? [] },
    storageClass: { storageClass: { provisioner: 'p' } },
    forExecutors: { forExecutors: true },
    objectStore: { objectStore: 'lake' },
    s3aCommitter: { objectStore: 'lake', s3aCommitter: 'Magic' },
    priorityClassName: { priorityClassName: 'batch' },
    schedulerName: { schedulerName: 'bin-packing' },
    runtimeClassName: { runtimeClassName: 'gvisor' },
    terminationGracePeriodSeconds: { terminationGracePeriodSeconds: 60 },
    affinity: { affinity: { podAffinity: {} } },
    topologySpreadConstraints: {
      topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'ScheduleAnyway' }],
    },
    dnsConfig: { dnsConfig: { searches: ['example.org'] } },
    securityContext: { securityContext: { runAsNonRoot: true } },
    containerSecurityContext: { containerSecurityContext: { privileged: false } },
    resources: { resources: { requests: { cpu: '500m' } } },
    imagePullPolicy: { imagePullPolicy: 'Always' },
    initContainers: { initContainers: [{ name: 'fetch', image: 'curl:8' }] },
    sidecars: { sidecars: [{ name: 'shipper', image: 'shipper:1' }] },
    imageRegistries: { imageRegistries: [{ from: 'docker.io/', to: 'registry.example.org/hub/' }] },
  } as unknown as Readonly<Record<keyof Inject, Inject>>;

  it.each(Object.entries(INJECT_KEYS))(
    '%s is taken by %j and refused by all other kinds',
    (key, takers: readonly TargetKind[]) => {
      for (const kind of TARGET_KINDS) {
        const violations = violationsOf({
          match: { kinds: [kind] },
          ...(key.startsWith('image') && key !== 'imagePullSecrets' && { mode: 'Enforce' }),
          variables: { domain: 'a' },
          inject: samples[key as keyof Inject],
        });
        const refusals = violations.filter((violation) =>
          violation.startsWith(`spec.inject.${key}: ${kind} takes no ${key}; remove it or match `),
        );
        expect([kind, refusals.length]).toEqual([kind, takers.includes(kind) ? 0 : 1]);
      }
    },
  );
});

describe('what only pods have', () => {
  it.each([{ owner: { kind: 'RayCluster' } }, { containers: ['main'] }])('%j is refused for other kinds', (given) => {
    const [field = ''] = Object.keys(given);
    const violations = violationsOf({
      match: { kinds: ['RayNode', 'SparkApplication'], ...given },
      inject: { labels: { a: 'b' } },
    });
    expect(violations).toEqual([
      `spec.match.${field}: SparkApplication is no kind of pods; remove ${field} or match kinds of pods only`,
    ]);
  });
});

const forKinds = (...kinds: TargetKind[]) => ({ match: { kinds } });
const tenant = { namespace: 'team-a' };
const volume = (name: string, source: object = { emptyDir: {} }) => ({ name, ...source });

describe('what a schema cannot say', () => {
  const cases: readonly (readonly [Spec, string])[] = [
    [
      { inject: { annotations: Object.fromEntries(Array.from({ length: 1_001 }, (_, at) => [`a${at}`, ''])) } },
      'spec.inject: has 1001 values, of which one object is given 1000 at most; remove some',
    ],
    [{ inject: { labels: { '-a': 'b' } } }, 'spec.inject.labels: "-a" is not a label key'],
    [{ inject: { labels: { a: 'b c' } } }, 'spec.inject.labels[a]: "b c" is not a label value'],
    [{ inject: { annotations: { 'a/b/c': '' } } }, 'spec.inject.annotations: "a/b/c" is not a label key'],
    [{ inject: { env: [{ name: '1A' }] } }, 'spec.inject.env[0].name: "1A" is not the name of an environment variable'],
    [
      { inject: { env: [{ name: 'A', value: 'x', valueFrom: {} }] } },
      'spec.inject.env[0]: give value or valueFrom, not both',
    ],
    [{ inject: { envFrom: [{}] } }, 'spec.inject.envFrom[0]: give exactly one of configMapRef and secretRef'],
    [{ inject: { envFrom: [{ secretRef: { name: 'A' } }] } }, 'spec.inject.envFrom[0]: "A" is not a DNS subdomain'],
    [{ inject: { volumes: [volume('a.b')] } }, 'spec.inject.volumes[0].name: "a.b" is not a DNS label'],
    [{ inject: { volumes: [{ name: 'a' }] } }, 'spec.inject.volumes[0]: give exactly one source beside its name'],
    [
      { inject: { volumes: [{ name: 'a', emptyDir: {}, nfs: {} }] } },
      'spec.inject.volumes[0]: give exactly one source',
    ],
    [
      { inject: { volumeMounts: [{ name: 'a', mountPath: '/a' }] } },
      'spec.inject.volumeMounts[0].name: "a" is none of spec.inject.volumes',
    ],
    [
      { inject: { configMaps: [{ name: 'a', mountPath: '/a:b' }] } },
      'spec.inject.configMaps[0].mountPath: "/a:b" is not an absolute path',
    ],
    [{ inject: { configMaps: [{ name: 'a', mountPath: '/a/../b' }] } }, 'mountPath: "/a/../b" is not an absolute path'],
    [{ inject: { configMaps: [{ name: 'a', mountPath: '/' }] } }, 'mountPath: "/" is not an absolute path below /'],
    [
      { inject: { configMaps: [{ name: 'a', mountPath: '/a' }], secrets: [{ name: 'b', mountPath: '/a/' }] } },
      'spec.inject.secrets[0].mountPath: "/a/" is mounted twice',
    ],
    [
      { inject: { tolerations: [{ operator: 'Equal' }] } },
      'spec.inject.tolerations[0].key: may be empty with operator Exists only',
    ],
    [
      { inject: { tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] } },
      'spec.inject.tolerations[0].value: operator Exists takes no value',
    ],
    [
      { inject: { tolerations: [{ key: 'a', tolerationSeconds: 1 }] } },
      'spec.inject.tolerations[0].tolerationSeconds: needs effect NoExecute',
    ],
    [
      { inject: { envFrom: [{ prefix: '1 x=', configMapRef: { name: 'a' } }] } },
      'spec.inject.envFrom[0].prefix: "1 x=" cannot begin the name of an environment variable',
    ],
    ...['/x', '../x', 'a/../../x'].map((subPath): readonly [Spec, string] => [
      { inject: { volumes: [volume('a')], volumeMounts: [{ name: 'a', mountPath: '/a', subPath }] } },
      `spec.inject.volumeMounts[0].subPath: "${subPath}" is no path within the volume`,
    ]),
    ...['cpus', 'me mory', 'requests.cpu', 'a b/c'].map((name): readonly [Spec, string] => [
      { inject: { resources: { requests: { [name]: '1' } } } },
      `spec.inject.resources.requests: "${name}" is none of cpu, memory, ephemeral-storage, hugepages-<size> and devices`,
    ]),
    [
      { inject: { resources: { limits: { 'nvidia.com/gpu': '0.5' } } } },
      'spec.inject.resources.limits.nvidia.com/gpu: of a device there is a whole number, not 0.5',
    ],
    [
      { inject: { resources: { requests: { 'nvidia.com/gpu': '1' } } } },
      'spec.inject.resources.limits: has no nvidia.com/gpu, of which what is asked for is the limit too; add it',
    ],
    [
      { inject: { resources: { requests: { memory: '4Gi' }, limits: { memory: '1Gi' } } } },
      'spec.inject.resources.requests.memory: 4Gi is not within the limit, 1Gi',
    ],
    [
      { inject: { sidecars: [{ name: 'a', image: 'i', resources: { requests: { cpus: '1' } } }] } },
      'spec.inject.sidecars[0].resources.requests: "cpus" is none of',
    ],
    [
      {
        inject: {
          volumes: [volume('a')],
          initContainers: [{ name: 'a', image: 'i', volumeMounts: [{ name: 'a', mountPath: '/a', subPath: '/x' }] }],
        },
      },
      'spec.inject.initContainers[0].volumeMounts[0].subPath: "/x" is no path within the volume',
    ],
    [
      { inject: { hostAliases: [{ ip: 'a.example.org', hostnames: ['b'] }] } },
      'spec.inject.hostAliases[0].ip: "a.example.org" is no IP address',
    ],
    [
      { inject: { hostAliases: [{ ip: '::1', hostnames: ['a', 'b_'] }] } },
      'spec.inject.hostAliases[0].hostnames[1]: "b_" is not a DNS subdomain',
    ],
    [
      { match: { kinds: ['Pod'] }, inject: { imagePullPolicy: 'Always' } },
      'spec.inject.imagePullPolicy: is on every pod already; use mode Enforce',
    ],
    [
      {
        match: { kinds: ['Pod'] },
        mode: 'Enforce',
        inject: { imageRegistries: [{ from: 'docker.io/', to: 'docker.io/mirror/' }] },
      },
      'spec.inject.imageRegistries[0].to: "docker.io/mirror/" would be replaced again',
    ],
    [{ inject: { caBundle: { configMap: 'CA' } } }, 'spec.inject.caBundle.configMap: "CA" is not a DNS subdomain'],
    [
      { inject: { caBundle: { configMap: 'ca', mountPath: '/opt/spark/conf' } } },
      'spec.inject.caBundle.mountPath: "/opt/spark/conf" is reserved in a SparkApplication',
    ],
    [
      { match: { selector: { matchLabels: { 'a b': '' } } }, inject: {} },
      'spec.match.selector: "a b" is not a label key',
    ],
    [
      { match: { kinds: ['Pod'], selector: { matchLabels: { team: 'geo team' } } }, inject: {} },
      'spec.match.selector: team has "geo team", which is not a label value',
    ],
    [
      {
        match: { namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'NotIn', values: ['b', 'c/d'] }] } },
        inject: {},
      },
      'spec.match.namespaceSelector: a has "c/d", which is not a label value',
    ],
    [
      { match: { selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }, inject: {} },
      'spec.match.selector: a In needs values',
    ],
    [
      {
        match: { namespaceSelector: { matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] } },
        inject: {},
      },
      'spec.match.namespaceSelector: a Exists takes no values',
    ],
  ];
  it.each(cases)('%j: %s', (spec, expected) => {
    expect(violationsOf(spec).join('\n')).toContain(expected);
  });
});

describe('what only the platform team may do', () => {
  const cases: readonly (readonly [Spec, string])[] = [
    [{ provision: { configMaps: [{ name: 'a', data: {} }] } }, 'spec.provision'],
    [{ match: { namespaceSelector: {} }, inject: {} }, 'spec.match.namespaceSelector'],
    [{ inject: { serviceAccountName: 'admin' } }, 'spec.inject.serviceAccountName'],
    [
      { ...forKinds('PersistentVolumeClaim'), inject: { storageClass: { provisioner: 'p' } } },
      'spec.inject.storageClass',
    ],
  ];
  it.each(cases)('%j is refused in a namespace of a tenant', (spec, field) => {
    expect(violationsOf(spec)).toEqual([]);
    expect(violationsOf(spec, tenant)).toEqual([
      `${field}: is allowed in namespace quartermaster-system only; remove it or ask the platform team`,
    ]);
  });
});

describe('variables', () => {
  const cases: readonly (readonly [Spec, string])[] = [
    [{ variables: { 'a b': '' } }, 'spec.variables.a b: a name is a letter, then letters, digits, _, - and .'],
    [{ variables: { region: 'x' } }, 'spec.variables.region: is built in and cannot be defined'],
    [{ variables: { 'labels.a': 'x' } }, 'spec.variables.labels.a: is built in'],
    [
      { variables: { a: '${b}', b: 'x' } },
      'spec.variables.a: ${b} cannot be used here; a definition can use cloud, region,',
    ],
    [{ variables: { a: '${a}' } }, 'spec.variables.a: ${a} cannot be used here'],
    [
      { inject: { annotations: { a: 'x ${unclosed' } } },
      'spec.inject.annotations.a: "${unclosed" is not a variable; write $${ where ${ is meant',
    ],
    [{ inject: { env: [{ name: 'A', value: '${A:=b}' }] } }, 'spec.inject.env[0].value: "${A:=b}" is not a variable'],
    [
      { inject: { sparkConf: { [`spark.${'x'.repeat(1_100)}`]: 'x' } } },
      `spec.inject.sparkConf: spark.${'x'.repeat(54)}… has more than 1024 characters; shorten it`,
    ],
    [
      { inject: { sparkConf: { 'spark.${a}': 'x' } } },
      'spec.inject.sparkConf: "spark.${a}" is a key, and variables are filled in values only',
    ],
    [
      { provision: { configMaps: [{ name: 'a', data: { 'run.sh': 'echo ${}' } }] } },
      'spec.provision.configMaps[0].data.run.sh: "${}" is not a variable',
    ],
  ];
  it.each(cases)('%j: %s', (spec, expected) => {
    expect(violationsOf(spec).join('\n')).toContain(expected);
  });
});

describe('provision', () => {
  const cases: readonly (readonly [Spec, string])[] = [
    [
      { provision: { configMaps: [{ name: 'a' }] } },
      'spec.provision.configMaps[0]: give exactly one of data and copyFrom',
    ],
    [{ provision: { configMaps: [{ name: 'a', data: {}, copyFrom: 'b' }] } }, 'give exactly one of data and copyFrom'],
    [
      { provision: { configMaps: [{ name: 'A', data: {} }] } },
      'spec.provision.configMaps[0].name: "A" is not a DNS subdomain',
    ],
    [
      { provision: { configMaps: [{ name: 'a', data: { 'b/c': '' } }] } },
      'spec.provision.configMaps[0].data: "b/c" is not a key of a ConfigMap',
    ],
    [
      { provision: { secrets: [{ name: 'a', copyFrom: 'a' }] } },
      'spec.provision.secrets: would go to every namespace; say which in spec.match.namespaceSelector',
    ],
    [
      { ...whole, match: {}, provision: { persistentVolumeClaims: whole.provision?.persistentVolumeClaims ?? [] } },
      'spec.provision.persistentVolumeClaims: would go to every namespace',
    ],
  ];
  it.each(cases)('%j: %s', (spec, expected) => {
    expect(violationsOf(spec).join('\n')).toContain(expected);
  });
});

it('is not upset by an object without anything', () => {
  const bare = { apiVersion: 'v1', kind: 'PlatformDefaults', metadata: {} } as unknown as PlatformDefaults;
  expect(validateDefaults(bare, system)).toEqual(['spec: is required']);
});
