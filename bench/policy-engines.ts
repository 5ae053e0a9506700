import { spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { goProgram, moduleFolder } from '../dev/cluster/go-program.ts';
import type { ControlPlane } from '../dev/control-plane/control-plane.ts';
import { kubectl } from '../dev/control-plane/kubectl.ts';
import { freePorts } from '../dev/free-ports.ts';
import type { PlatformDefaults } from '../src/api/platform-defaults.ts';
import { applyObjects } from './cluster.ts';
import { applyConfigurationOf } from './policies.ts';
import type { SubjectOptions } from './subject.ts';
import type { TlsFiles } from './tls.ts';

/** An engine that reads its policies from an API server: what it wants there, and how it is run. */
interface PolicyEngine {
  readonly program: {
    readonly name: string;
    readonly module: string;
    readonly version: string;
    readonly package: string;
  };
  /** Folders of its module with the definitions of its resources. */
  readonly definitions: readonly string[];
  readonly namespace: string;
  /** The same defaults in its own words. */
  readonly policies: (defaults: readonly PlatformDefaults[]) => readonly object[];
  readonly path: (defaults: readonly PlatformDefaults[]) => string;
  readonly command: (place: EnginePlace & { readonly ports: readonly number[] }) => readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** Where an engine runs: the API server that is its own, and the port of its webhook. */
export interface EnginePlace {
  readonly controlPlane: ControlPlane;
  readonly port: number;
  readonly tls: TlsFiles;
}

const kyverno = {
  program: { name: 'kyverno', module: 'github.com/kyverno/kyverno', version: '1.19.1', package: './cmd/kyverno' },
  definitions: ['kyverno', 'policies.kyverno.io', 'policyreport', 'reports'].map((folder) => `config/crds/${folder}`),
  namespace: 'kyverno',
  command: ({ port, controlPlane, ports: [metrics = 0] }) => [
    `--kubeconfig=${controlPlane.kubeconfig}`,
    '--serverIP=127.0.0.1',
    '--webhookServerHost=127.0.0.1',
    `--webhookServerPort=${port}`,
    '--caSecretName=kyverno-ca',
    '--tlsSecretName=kyverno-tls',
    '--backgroundServiceAccountName=system:serviceaccount:kyverno:background',
    '--reportsServiceAccountName=system:serviceaccount:kyverno:reports',
    `--metricsPort=${metrics}`,
    '--controllerRuntimeMetricsAddress=0',
  ],
  environment: {
    KYVERNO_NAMESPACE: 'kyverno',
    KYVERNO_POD_NAME: 'kyverno-bench',
    KYVERNO_DEPLOYMENT: 'kyverno',
    KYVERNO_SERVICEACCOUNT_NAME: 'kyverno',
    KYVERNO_SVC: 'kyverno',
    INIT_CONFIG: 'kyverno',
    METRICS_CONFIG: 'kyverno-metrics',
  },
} as const satisfies Partial<PolicyEngine>;

const pods = { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] };

/** What runs beside an API server of its own, by the name the tables give it. */
const engines = {
  'kyverno-mutatingpolicy': {
    ...kyverno,
    policies: (defaults) =>
      defaults.map((one) => ({
        apiVersion: 'policies.kyverno.io/v1',
        kind: 'MutatingPolicy',
        metadata: { name: one.metadata.name },
        spec: {
          autogen: { podControllers: { controllers: [] } },
          matchConstraints: { resourceRules: [pods], objectSelector: selectorOf(one) },
          mutations: [applyConfigurationOf(one)],
        },
      })),
    path: (defaults) => `/mpol/${defaults.map(({ metadata }) => metadata.name).join('/')}`,
  },
  'kyverno-clusterpolicy': {
    ...kyverno,
    policies: (defaults) =>
      defaults.map((one) => ({
        apiVersion: 'kyverno.io/v1',
        kind: 'ClusterPolicy',
        metadata: { name: one.metadata.name, annotations: { 'pod-policies.kyverno.io/autogen-controllers': 'none' } },
        spec: { background: false, rules: [clusterRuleOf(one)] },
      })),
    path: () => '/mutate/fail',
  },
  gatekeeper: {
    program: {
      name: 'gatekeeper',
      module: 'github.com/open-policy-agent/gatekeeper/v3',
      version: '3.23.1',
      package: '.',
    },
    definitions: ['charts/gatekeeper/crds'],
    namespace: 'gatekeeper-system',
    policies: (defaults) => defaults.flatMap(mutatorsOf),
    path: () => '/v1/mutate',
    command: ({ port, tls, ports: [metrics = 0, health = 0] }) => [
      '--operation=mutation-webhook',
      '--operation=mutation-controller',
      '--disable-cert-rotation',
      `--cert-dir=${tls.folder}`,
      '--host=127.0.0.1',
      `--port=${port}`,
      `--prometheus-port=${metrics}`,
      `--health-addr=127.0.0.1:${health}`,
    ],
    environment: { POD_NAME: 'gatekeeper-bench', POD_NAMESPACE: 'gatekeeper-system' },
  },
} as const satisfies Readonly<Record<string, PolicyEngine>>;

export type EngineName = keyof typeof engines;
export const engineNames = Object.keys(engines) as readonly EngineName[];
export const isEngine = (name: string): name is EngineName => name in engines;

/** Path of the program, built now where no earlier run did; undefined, with a word, where Go is not here. */
export const buildEngine = async (name: EngineName): Promise<string | undefined> => {
  const progress = (line: string): void => void process.stderr.write(`peers: ${line}\n`);
  if (spawnSync('go', ['version']).error === undefined) return goProgram(engines[name].program, progress);
  progress(`${name} is left out: there is no go here`);
  return undefined;
};

type EngineStart = Required<Pick<SubjectOptions, 'path' | 'command' | 'environment'>>;

/** Prepares the API server, and says how the engine is started beside it. */
export const startOf = async (
  name: EngineName,
  defaults: readonly PlatformDefaults[],
  place: EnginePlace,
): Promise<EngineStart> => {
  const engine: PolicyEngine = engines[name];
  const { controlPlane } = place;
  await applyDefinitions(engine, controlPlane);
  await applyObjects(controlPlane, [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: engine.namespace } },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'jobs' } },
    ...['kyverno', 'kyverno-metrics'].map((config) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: config, namespace: engine.namespace },
      data: {},
    })),
    podOf(engine),
    ...engine.policies(defaults),
  ]);
  const program = await buildEngine(name);
  if (program === undefined) throw new Error(`${name} cannot be built here`);
  return {
    path: engine.path(defaults),
    command: [program, ...engine.command({ ...place, ports: await freePorts(2) })],
    environment: { ...engine.environment, KUBECONFIG: controlPlane.kubeconfig },
  };
};

/** The pod that an engine is told it runs in: Gatekeeper writes its state down as owned by it. */
const podOf = ({ namespace, environment }: PolicyEngine): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: environment['POD_NAME'] ?? environment['KYVERNO_POD_NAME'], namespace },
  spec: { containers: [{ name: 'engine', image: 'registry.example.org/engine:1' }] },
});

const applyDefinitions = async (engine: PolicyEngine, controlPlane: ControlPlane): Promise<void> => {
  const { module, version } = engine.program;
  const source = await moduleFolder(`${module}@v${version}`);
  for (const folder of engine.definitions) {
    for (const file of await readdir(join(source, folder))) {
      const input = await readFile(join(source, folder, file), 'utf8');
      await kubectl(controlPlane, ['apply', '--server-side', '-f', '-'], { input });
    }
  }
  await kubectl(controlPlane, ['wait', '--for=condition=established', '--timeout=60s', 'crd', '--all']);
};

const selectorOf = ({ spec }: PlatformDefaults) => ({ matchLabels: spec.match.selector?.matchLabels ?? {} });

/** `+(key)` adds what is not there. */
const clusterRuleOf = (one: PlatformDefaults) => {
  const { labels = {}, annotations = {}, volumes = [], volumeMounts = [] } = one.spec.inject ?? {};
  const added = (map: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(map).map(([key, value]) => [`+(${key})`, value]));
  return {
    name: 'give',
    match: { any: [{ resources: { kinds: ['Pod'], operations: ['CREATE'], selector: selectorOf(one) } }] },
    mutate: {
      patchStrategicMerge: {
        metadata: { labels: added(labels), annotations: added(annotations) },
        spec: { volumes, containers: [{ '(name)': 'main', volumeMounts }] },
      },
    },
  };
};

const mutatorsOf = (one: PlatformDefaults): readonly object[] => {
  const { labels = {}, annotations = {}, volumes = [], volumeMounts = [] } = one.spec.inject ?? {};
  const match = { scope: 'Namespaced', kinds: [{ apiGroups: [''], kinds: ['Pod'] }], labelSelector: selectorOf(one) };
  const metadata = Object.entries({ labels, annotations }).flatMap(([field, map]) =>
    Object.entries(map).map(([key, value]) => ({
      kind: 'AssignMetadata',
      spec: { match, location: `metadata.${field}."${key}"`, parameters: { assign: { value } } },
    })),
  );
  const lists = [
    ...volumes.map((volume) => ({ location: `spec.volumes[name: ${volume.name}]`, value: volume })),
    ...volumeMounts.map((mount) => ({
      location: `spec.containers[name: main].volumeMounts[mountPath: "${mount.mountPath}"]`,
      value: mount,
    })),
  ].map(({ location, value }) => ({
    kind: 'Assign',
    spec: {
      applyTo: [{ groups: [''], kinds: ['Pod'], versions: ['v1'] }],
      match,
      location,
      parameters: { assign: { value } },
    },
  }));
  return [...metadata, ...lists].map((mutator, index) => ({
    apiVersion: 'mutations.gatekeeper.sh/v1',
    ...mutator,
    metadata: { name: `${one.metadata.name}-${index}` },
  }));
};

/** What is pinned here, for the page. */
export const engineVersions = (): readonly string[] => [
  `Kyverno ${engines['kyverno-mutatingpolicy'].program.version}`,
  `Gatekeeper ${engines.gatekeeper.program.version}`,
];
