import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Progress } from '../../cluster/cache.ts';
import { javaHome } from '../../cluster/engines/spark-image.ts';
import { versions } from '../../cluster/versions.ts';
import { run } from '../../control-plane/command.ts';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { kubectl } from '../../control-plane/kubectl.ts';
import { type Daemon, startDaemon } from '../../daemon.ts';
import { freePorts } from '../../free-ports.ts';
import { until } from '../../until.ts';
import { accountToken, applyDefinitions, type FrameworkController } from './controller.ts';
import { flinkJars, kubeconfigOf } from './flink.ts';

/** Flink's Kubernetes operator. */
export interface FlinkOperator extends FrameworkController {
  /** What the session cluster says as `flinkConfiguration`, so that it can be reached on this machine. */
  readonly configuration: Readonly<Record<string, string>>;
  /** The JobManager of the session cluster, with the configuration that the operator made for its pod, which nobody runs. */
  readonly startJobManager: () => Promise<Daemon>;
  /** How often the operator has found, since it was started last, that a FlinkDeployment is as it should be. */
  readonly timesReconciled: (name: string) => Promise<number>;
}

/** Whose FlinkDeployments it looks after, and which of them is the session cluster with a JobManager. */
export interface FlinkOperatorWanted {
  readonly namespace: string;
  readonly sessionCluster: string;
}

const UNPACK_WITHIN_MS = 60_000;
const START_WITHIN_MS = 60_000;
const version = versions.flinkOperator;
const artifacts = ['operator', 'standalone'].map((part) => `org.apache.flink:flink-kubernetes-${part}:${version}`);
const definitions = ['flinkdeployments', 'flinksessionjobs'].map(
  (plural) => `META-INF/fabric8/${plural}.flink.apache.org-v1.yml`,
);

export const installFlinkOperator = async (
  controlPlane: ControlPlane,
  wanted: FlinkOperatorWanted,
  progress: Progress,
): Promise<FlinkOperator> => {
  const jars = await flinkJars({ name: 'flink-operator', artifacts }, progress);
  const folder = join(controlPlane.directory, 'flink-operator');
  await mkdir(folder);
  const api = join(jars, `flink-kubernetes-operator-api-${version}.jar`);
  const unpack = ['--extract', '--file', api, ...definitions];
  await run(join(javaHome, 'bin/jar'), unpack, { cwd: folder, timeoutMs: UNPACK_WITHIN_MS });
  await applyDefinitions(controlPlane, join(folder, 'META-INF/fabric8'));
  await writeConfiguration(controlPlane, wanted, folder);
  const [web = 0, rpc = 0, blobs = 0] = await freePorts(3);
  const java = (configuration: string, ...args: readonly string[]): Daemon => {
    const env = { FLINK_CONF_DIR: configuration, KUBECONFIG: join(folder, 'kubeconfig'), HOME: controlPlane.directory };
    return startDaemon(join(javaHome, 'bin/java'), [...optionsIn(folder), '-cp', `${jars}/*`, ...args], env);
  };
  return {
    configuration: { 'rest.port': `${web}`, 'jobmanager.rpc.port': `${rpc}`, 'blob.server.port': `${blobs}` },
    start: async () => {
      await rm(join(folder, LOG), { force: true });
      const logging = `-Dlog4j.configurationFile=${join(folder, 'log4j.properties')}`;
      const operator = java(folder, logging, 'org.apache.flink.kubernetes.operator.FlinkOperator');
      await untilItWatches(operator, folder);
      return operator;
    },
    startJobManager: async () => {
      const main = 'org.apache.flink.kubernetes.entrypoint.KubernetesSessionClusterEntrypoint';
      const mounted = await mountConfiguration(controlPlane, wanted, folder);
      const here = ['-Djobmanager.bind-host=127.0.0.1', '-Drest.bind-address=127.0.0.1'];
      return java(mounted, main, '--configDir', mounted, ...here);
    },
    timesReconciled: async (name) =>
      (await linesOfLog(folder)).filter((line) => line.startsWith(`${name}: Resource fully reconciled`)).length,
  };
};

const LOG = 'operator.log';

const linesOfLog = async (folder: string): Promise<readonly string[]> =>
  (await readFile(join(folder, LOG), 'utf8')).split('\n');

/** A JVM whose main thread has failed lives on. */
const untilItWatches = async (operator: Daemon, folder: string): Promise<void> => {
  try {
    await until(START_WITHIN_MS, async () => {
      const lines = await linesOfLog(folder);
      if (!lines.includes(": 'flinkdeploymentcontroller' controller started")) throw new Error(lines.at(-2));
    });
  } catch (cause) {
    await operator.stop();
    throw new Error(`Flink's operator is not ready: ${operator.lastWords()}`, { cause });
  }
};

/** No name server is asked: the names of the file are all there are, and all of this machine. */
const optionsIn = (folder: string): readonly string[] => [
  // Flink 1.17 reads addresses with a class that Java 17 keeps to itself.
  '--add-exports=java.base/sun.net.util=ALL-UNNAMED',
  `-Djdk.net.hosts.file=${join(folder, 'hosts')}`,
  `-Djava.io.tmpdir=${folder}`,
];

const writeConfiguration = async (
  controlPlane: ControlPlane,
  { namespace, sessionCluster }: FlinkOperatorWanted,
  folder: string,
): Promise<void> => {
  const settings = {
    'kubernetes.operator.watched.namespaces': namespace,
    'kubernetes.operator.reconcile.interval': '2 s',
    'kubernetes.operator.observer.progress-check.interval': '1 s',
    'kubernetes.operator.observer.rest-ready.delay': '1 s',
    // It would listen on every address.
    'kubernetes.operator.health.probe.enabled': false,
  };
  const services = [sessionCluster, `${sessionCluster}-rest`].map((service) => `${service}.${namespace}`);
  const token = await operatorToken(controlPlane, namespace);
  const files = {
    'flink-conf.yaml': stringify(settings),
    hosts: `127.0.0.1 localhost ${services.join(' ')}\n`,
    kubeconfig: stringify(kubeconfigOf(controlPlane, token)),
    'log4j.properties': loggingTo(join(folder, LOG)),
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
};

/** Begun anew by each operator that is started. */
const loggingTo = (file: string): string =>
  Object.entries({
    'rootLogger.level': 'INFO',
    'rootLogger.appenderRef.file.ref': 'file',
    'appender.file.name': 'file',
    'appender.file.type': 'File',
    'appender.file.fileName': file,
    'appender.file.append': 'false',
    'appender.file.layout.type': 'PatternLayout',
    'appender.file.layout.pattern': '%X{resource.name}: %m%n',
  })
    .map(([key, value]) => `${key} = ${value}\n`)
    .join('');

/** Beside what people may edit it may do what its chart lets it do. */
const operatorToken = async (controlPlane: ControlPlane, namespace: string): Promise<string> => {
  const name = 'flink-operator';
  const token = await accountToken(controlPlane, namespace, name);
  const everything = (apiGroup: string, resource: string) => ({
    apiGroups: [apiGroup],
    resources: [resource],
    verbs: ['*'],
  });
  const role = {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name },
    rules: [everything('flink.apache.org', '*'), everything('', 'events')],
  };
  const inNamespace = ['-n', namespace, 'create'];
  await kubectl(controlPlane, [...inNamespace, '-f', '-'], { input: stringify(role) });
  const binding = [`--role=${name}`, `--serviceaccount=${namespace}:${name}`];
  await kubectl(controlPlane, [...inNamespace, 'rolebinding', `${name}-own`, ...binding]);
  return token;
};

/** What a kubelet would do: the ConfigMap of the session cluster as files in a folder. */
const mountConfiguration = async (
  controlPlane: ControlPlane,
  { namespace, sessionCluster }: FlinkOperatorWanted,
  folder: string,
): Promise<string> => {
  const key = 'flink-conf.yaml';
  const path = `jsonpath={.data.${key.replace('.', '\\.')}}`;
  const configMap = ['configmap', `flink-config-${sessionCluster}`];
  const text = await kubectl(controlPlane, ['-n', namespace, 'get', ...configMap, '-o', path]);
  const mounted = join(folder, sessionCluster);
  await mkdir(mounted);
  await writeFile(join(mounted, key), text);
  return mounted;
};
