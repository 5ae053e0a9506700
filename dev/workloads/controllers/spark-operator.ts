import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments, stringify } from 'yaml';
import type { Progress } from '../../cluster/cache.ts';
import { javaHome, spark3, sparkClientFolder } from '../../cluster/engines/spark-image.ts';
import { type GoProgram, goProgram, moduleFolder } from '../../cluster/go-program.ts';
import { versions } from '../../cluster/versions.ts';
import { run } from '../../control-plane/command.ts';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { kubectl } from '../../control-plane/kubectl.ts';
import { type Daemon, startDaemon } from '../../daemon.ts';
import { freePorts } from '../../free-ports.ts';
import { ensureHelm, helmVersions } from '../../helm.ts';
import { applyDefinitions, replaceIn, startController } from './controller.ts';
import { webhooksAt } from './webhooks.ts';

/** Kubeflow's spark-operator, each part as the account and with the arguments that its chart gives it. */
export interface SparkOperator {
  /** Submits applications with Spark's own client. */
  readonly startController: () => Promise<Daemon>;
  /** What `webhook.enable` is in the chart: ends when the API server is told of its webhooks, and whom to trust. */
  readonly startWebhooks: () => Promise<Daemon>;
  /** What would run in a driver's pod, here: makes executor pods, and waits for them until it is stopped. */
  readonly startDriver: (pod: string) => Promise<Daemon>;
}

const SYSTEM = 'spark-operator';
const RENDER_WITHIN_MS = 60_000;
const EXAMPLE = ['--class', 'org.apache.spark.examples.SparkPi'];
const JAR = 'examples/jars/spark-examples.jar';

/** It listens on every address: here on 127.0.0.1. */
export const oldestSparkOperator: GoProgram = {
  name: 'spark-operator-oldest',
  module: 'github.com/kubeflow/spark-operator/v2',
  version: versions.oldestSparkOperator,
  package: './cmd/operator',
  revision: 'on this machine',
  mend: (source) =>
    replaceIn(join(source, 'cmd/operator/webhook/start.go'), [
      [/\bPort: +webhookPort/, 'Host: "127.0.0.1", Port: webhookPort'],
    ]),
};

/** The account of drivers in a namespace that the operator is for. */
export const driverAccount = 'spark-operator-spark';

/** Gives an API server the definitions and the accounts of the chart, for the applications of one namespace, which is there. */
export const installSparkOperator = async (
  controlPlane: ControlPlane,
  namespace: string,
  progress: Progress,
): Promise<SparkOperator> => {
  const program = await goProgram(oldestSparkOperator, progress);
  const sparkHome = await sparkClientFolder(spark3, progress);
  const chart = join(
    await moduleFolder(`${oldestSparkOperator.module}@v${oldestSparkOperator.version}`),
    'charts/spark-operator-chart',
  );
  const manifests = await rendered(controlPlane, { chart, namespace }, progress);
  await applyDefinitions(controlPlane, join(chart, 'crds'));
  await kubectl(controlPlane, ['create', 'namespace', SYSTEM]);
  await kubectl(controlPlane, ['apply', '-f', '-'], { input: accountsOf(manifests) });
  const start = async (part: 'controller' | 'webhook', flags: readonly string[], env: NodeJS.ProcessEnv = {}) => {
    const [probePort = 0] = await freePorts(1);
    const kubeconfig = await tokenKubeconfig(controlPlane, SYSTEM, `spark-operator-${part}`);
    const probe = `--health-probe-bind-address=127.0.0.1:${probePort}`;
    const all = [...argumentsOf(manifests, part), '--metrics-bind-address=0', probe, ...flags];
    return startController(controlPlane, { program, flags: all, probePort, env: { ...env, KUBECONFIG: kubeconfig } });
  };
  const spark = { SPARK_HOME: sparkHome, JAVA_HOME: javaHome, SPARK_LOCAL_IP: '127.0.0.1' };
  return {
    startController: () => {
      const { hostname, port } = new URL(controlPlane.url);
      const master = { KUBERNETES_SERVICE_HOST: hostname, KUBERNETES_SERVICE_PORT: port };
      return start('controller', [], { ...master, ...spark });
    },
    startWebhooks: async () => {
      const [port = 0] = await freePorts(1);
      const certificates = join(controlPlane.directory, 'spark-operator-webhook');
      const webhook = await start('webhook', [`--webhook-port=${port}`, `--webhook-cert-dir=${certificates}`]);
      // Its certificate is for this name too.
      const input = webhooksAt(`https://localhost:${port}`, manifests);
      await kubectl(controlPlane, ['apply', '-f', '-'], { input });
      const trusted = '--for=jsonpath={.webhooks[0].clientConfig.caBundle}';
      await kubectl(controlPlane, ['wait', trusted, '--timeout=50s', '-f', '-'], { input });
      return webhook;
    },
    startDriver: async (pod) => {
      const file = (volume: string, key: string) => mountedFile(controlPlane, { namespace, pod, volume, key });
      const settings = Object.entries({
        'spark.kubernetes.executor.podTemplateFile': await file('pod-template-volume', 'podspec-configmap-key'),
        'spark.kubernetes.submitInDriver': 'false',
        'spark.driver.host': '127.0.0.1',
        'spark.driver.bindAddress': '127.0.0.1',
        'spark.driver.port': '0',
        'spark.driver.blockManager.port': '0',
        // An agent would be in the image.
        'spark.driver.extraJavaOptions': '',
        'spark.ui.enabled': 'false',
      }).flatMap(([key, value]) => ['--conf', `${key}=${value}`]);
      const properties = await file('spark-conf-volume-driver', 'spark.properties');
      const args = ['--deploy-mode', 'client', '--properties-file', properties, ...settings, ...EXAMPLE];
      const KUBECONFIG = await tokenKubeconfig(controlPlane, namespace, driverAccount);
      const env = { ...spark, KUBECONFIG, HOME: controlPlane.directory };
      return startDaemon(join(sparkHome, 'bin/spark-submit'), [...args, join(sparkHome, JAR)], env);
    },
  };
};

interface Mounted {
  readonly namespace: string;
  readonly pod: string;
  readonly volume: string;
  readonly key: string;
}

/** What a kubelet would do: a key of a pod's ConfigMap as a file; its path. */
const mountedFile = async (controlPlane: ControlPlane, { namespace, pod, volume, key }: Mounted): Promise<string> => {
  const get = (...args: readonly string[]) => kubectl(controlPlane, ['-n', namespace, 'get', ...args]);
  const name = await get('pod', pod, '-o', `jsonpath={.spec.volumes[?(@.name=="${volume}")].configMap.name}`);
  const text = await get('configmap', name, '-o', 'json');
  const { data = {} } = JSON.parse(text) as { readonly data?: Readonly<Record<string, string>> };
  const path = join(controlPlane.directory, name);
  await writeFile(path, data[key] ?? '');
  return path;
};

/** Path of a kubeconfig with a token, as in a pod: Spark's client takes no certificates with keys on elliptic curves. */
const tokenKubeconfig = async (controlPlane: ControlPlane, namespace: string, account: string): Promise<string> => {
  const { url, caPem, directory } = controlPlane;
  const token = (await kubectl(controlPlane, ['-n', namespace, 'create', 'token', account])).trim();
  const path = join(directory, `${account}.kubeconfig`);
  const cluster = { server: url, 'certificate-authority-data': Buffer.from(caPem).toString('base64') };
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: SYSTEM, cluster }],
    users: [{ name: account, user: { token } }],
    contexts: [{ name: account, context: { cluster: SYSTEM, user: account } }],
    'current-context': account,
  };
  await writeFile(path, stringify(kubeconfig), { mode: 0o600 });
  return path;
};

interface Chart {
  readonly chart: string;
  readonly namespace: string;
}

const rendered = async (
  { directory }: ControlPlane,
  { chart, namespace }: Chart,
  progress: Progress,
): Promise<string> => {
  const helm = await ensureHelm(helmVersions[0], progress);
  const values = ['--set', `spark.jobNamespaces={${namespace}}`];
  const args = ['template', 'spark-operator', chart, '--namespace', SYSTEM, ...values];
  return run(helm, args, { timeoutMs: RENDER_WITHIN_MS, env: { HOME: directory } });
};

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: {
    readonly template?: { readonly spec: { readonly containers: readonly { readonly args: readonly string[] }[] } };
  };
}

const documentsOf = (manifests: string): readonly Manifest[] =>
  parseAllDocuments(manifests)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);

const accountsOf = (manifests: string): string =>
  documentsOf(manifests)
    .filter(({ kind }) => kind === 'ServiceAccount' || /Role(Binding)?$/.test(kind))
    .map((manifest) => stringify(manifest))
    .join('---\n');

const argumentsOf = (manifests: string, part: string): readonly string[] => {
  const name = `spark-operator-${part}`;
  const deployment = documentsOf(manifests).find(
    ({ kind, metadata }) => kind === 'Deployment' && metadata.name === name,
  );
  const [container] = deployment?.spec?.template?.spec.containers ?? [];
  if (container === undefined) throw new Error(`The chart has no Deployment ${name}.`);
  return container.args;
};
