import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { ensureAptPackages } from '../../apt-packages.ts';
import { cached, type Progress } from '../../cluster/cache.ts';
import { javaHome } from '../../cluster/engines/spark-image.ts';
import { jarsLayer } from '../../cluster/images/jars.ts';
import { versions } from '../../cluster/versions.ts';
import { run } from '../../control-plane/command.ts';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { type Daemon, startDaemon } from '../../daemon.ts';
import { freePorts } from '../../free-ports.ts';
import { accountToken } from './controller.ts';

/** Flink's own client and JobManager on this machine, which make the pods of a native session cluster of that name. */
export interface Flink {
  /** What `kubernetes-session.sh` does: makes the Deployment of the JobManager, and ends. */
  readonly deploy: () => Promise<void>;
  /** A JobManager that runs here: makes pods of TaskManagers, two more than it knows to work. */
  readonly startJobManager: () => Daemon;
}

const DEPLOY_WITHIN_MS = 120_000;
const UNPACK_WITHIN_MS = 60_000;

export const installFlink = async (
  controlPlane: ControlPlane,
  { namespace, name }: { readonly namespace: string; readonly name: string },
  progress: Progress,
): Promise<Flink> => {
  const artifacts = ['flink-kubernetes', 'flink-clients'].map((part) => `org.apache.flink:${part}:${versions.flink}`);
  const classpath = ['-cp', `${await flinkJars({ name: 'flink', artifacts }, progress)}/*`];
  const configuration = await writeConfiguration(controlPlane, { namespace, name });
  const java = join(javaHome, 'bin/java');
  const env = { FLINK_CONF_DIR: configuration, HOME: controlPlane.directory };
  return {
    deploy: async () => {
      const main = ['org.apache.flink.kubernetes.cli.KubernetesSessionCli', '-Dexecution.attached=false'];
      await run(java, [...classpath, ...main], { env: { ...process.env, ...env }, timeoutMs: DEPLOY_WITHIN_MS });
    },
    startJobManager: () => {
      const main = ['org.apache.flink.kubernetes.entrypoint.KubernetesSessionClusterEntrypoint'];
      return startDaemon(java, [...classpath, ...main, '--configDir', configuration], env);
    },
  };
};

/** Folder of these artifacts and all that they need, by the name that it is cached under. */
export const flinkJars = async (
  { name, artifacts }: { readonly name: string; readonly artifacts: readonly string[] },
  progress: Progress,
): Promise<string> => {
  const packages = { [`${javaHome}/bin/jar`]: 'openjdk-17-jdk-headless' };
  await ensureAptPackages({ packages, user: "Flink's own programs of the tests", progress });
  const layer = await jarsLayer({ name: `${name}-jars`, artifacts, folder: name }, progress);
  const folder = await cached({ name, key: [layer], progress }, async (unfinished) => {
    await run('tar', ['-xf', layer], { cwd: unfinished, timeoutMs: UNPACK_WITHIN_MS });
  });
  return join(folder, name);
};

const writeConfiguration = async (
  controlPlane: ControlPlane,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<string> => {
  const [rpc = 0, blobs = 0, web = 0] = await freePorts(3);
  const folder = join(controlPlane.directory, 'flink');
  await mkdir(folder);
  const kubeconfig = join(folder, 'kubeconfig');
  await writeFile(
    kubeconfig,
    stringify(kubeconfigOf(controlPlane, await accountToken(controlPlane, namespace, 'flink'))),
  );
  const settings = {
    'kubernetes.cluster-id': name,
    'kubernetes.namespace': namespace,
    'kubernetes.config.file': kubeconfig,
    'kubernetes.service-account': 'flink',
    'kubernetes.container.image.ref': `flink:${versions.flink}`,
    'kubernetes.rest-service.exposed.type': 'ClusterIP',
    'jobmanager.memory.process.size': '1600m',
    'taskmanager.memory.process.size': '1728m',
    'taskmanager.rpc.port': 6122,
    'slotmanager.number-of-slots.min': 2,
    'jobmanager.bind-host': '127.0.0.1',
    'jobmanager.rpc.port': rpc,
    'blob.server.port': blobs,
    'rest.bind-address': '127.0.0.1',
    'rest.port': web,
  };
  await writeFile(join(folder, 'config.yaml'), stringify(settings));
  return folder;
};

/** Its client reads no elliptic keys, which those of administrators are here. */
export const kubeconfigOf = ({ url, caPem }: ControlPlane, token: string): object => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'here',
  contexts: [{ name: 'here', context: { cluster: 'here', user: 'flink' } }],
  clusters: [
    { name: 'here', cluster: { server: url, 'certificate-authority-data': Buffer.from(caPem).toString('base64') } },
  ],
  users: [{ name: 'flink', user: { token } }],
});
