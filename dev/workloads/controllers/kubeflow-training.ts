import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from '../../cluster/cache.ts';
import { type GoProgram, goProgram, moduleFolder } from '../../cluster/go-program.ts';
import { versions } from '../../cluster/versions.ts';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { kubectl } from '../../control-plane/kubectl.ts';
import type { Daemon } from '../../daemon.ts';
import { freePorts } from '../../free-ports.ts';
import { until } from '../../until.ts';
import { type InstallController, replaceIn, startController } from './controller.ts';

interface Changed {
  readonly main: string;
  readonly certificates: string;
}

/** Both listen on every address, and wait for a certificate in one folder of the machine: here on 127.0.0.1, and for one in TMPDIR. */
const onThisMachine =
  ({ main, certificates }: Changed) =>
  async (source: string): Promise<void> => {
    const folder = 'filepath.Join(os.TempDir(), "k8s-webhook-server", "serving-certs")';
    await replaceIn(join(source, main), [['Port: ', 'Host: "127.0.0.1", Port: ']]);
    await replaceIn(join(source, certificates), [
      ['"os"', '"os"\n\t"path/filepath"'],
      [/CertDir: +certDir,/, `CertDir: ${folder},`],
    ]);
  };

export const trainingOperator: GoProgram = {
  name: 'training-operator',
  module: 'github.com/kubeflow/training-operator',
  version: versions.trainingOperator,
  package: './cmd/training-operator.v1',
  revision: 'on this machine',
  mend: onThisMachine({ main: 'cmd/training-operator.v1/main.go', certificates: 'pkg/cert/cert.go' }),
};

export const trainer: GoProgram = {
  name: 'trainer',
  module: 'github.com/kubeflow/trainer/v2',
  version: versions.trainer,
  package: './cmd/trainer-controller-manager',
  revision: 'on this machine',
  mend: onThisMachine({ main: 'cmd/trainer-controller-manager/main.go', certificates: 'pkg/util/cert/cert.go' }),
};

/** Kubeflow's training-operator 1: makes the pods of PyTorchJobs and their like. */
export const installTrainingOperator: InstallController = async (controlPlane, progress) =>
  install(controlPlane, progress, {
    program: trainingOperator,
    namespace: 'kubeflow',
    secret: 'training-operator-webhook-cert',
  });

/** Kubeflow's Trainer 2 with the runtimes that it ships: makes JobSets of TrainJobs, for the controller of JobSets. */
export const installTrainer: InstallController = async (controlPlane, progress) => {
  const controller = await install(controlPlane, progress, {
    program: trainer,
    namespace: 'kubeflow-system',
    secret: 'kubeflow-trainer-webhook-cert',
  });
  const runtimes = join(await sourceOf(trainer), 'manifests/base/runtimes');
  await kubectl(controlPlane, ['apply', '--server-side', '-k', runtimes]);
  return controller;
};

interface Installed {
  readonly program: GoProgram;
  readonly namespace: string;
  /** Where it keeps its certificate: it is there, and empty, before it starts. */
  readonly secret: string;
}

const sourceOf = ({ module, version }: GoProgram): Promise<string> => moduleFolder(`${module}@v${version}`);

/** Their webhooks look at their own resources alone, and are left out. */
const install = async (
  controlPlane: ControlPlane,
  progress: Progress,
  { program: wanted, namespace, secret }: Installed,
): Promise<{ readonly start: () => Promise<Daemon> }> => {
  const program = await goProgram(wanted, progress);
  await kubectl(controlPlane, ['apply', '--server-side', '-k', join(await sourceOf(wanted), 'manifests/base/crds')]);
  await kubectl(controlPlane, ['wait', '--for=condition=Established', '--timeout=50s', 'crd', '--all']);
  await kubectl(controlPlane, ['create', 'namespace', namespace]);
  await kubectl(controlPlane, ['-n', namespace, 'create', 'secret', 'generic', secret]);
  const folder = join(controlPlane.directory, wanted.name);
  const [webhookPort = 0, probePort = 0] = await freePorts(2);
  const flags = [
    '--metrics-bind-address=0',
    `--health-probe-bind-address=127.0.0.1:${probePort}`,
    `--webhook-server-port=${webhookPort}`,
  ];
  const start = async (): Promise<Daemon> => {
    const [controller] = await Promise.all([
      startController(controlPlane, { program, flags, probePort, env: { TMPDIR: folder } }),
      mountSecret(controlPlane, { namespace, secret, folder: join(folder, 'k8s-webhook-server/serving-certs') }),
    ]);
    return controller;
  };
  return { start };
};

interface Mount {
  readonly namespace: string;
  readonly secret: string;
  readonly folder: string;
}

const MOUNT_WITHIN_MS = 60_000;

/** What a kubelet would do: a Secret's keys as files, once it has any. */
const mountSecret = async (controlPlane: ControlPlane, { namespace, secret, folder }: Mount): Promise<void> => {
  const data = await until(MOUNT_WITHIN_MS, async () => {
    const text = await kubectl(controlPlane, ['-n', namespace, 'get', 'secret', secret, '-o', 'json']);
    const { data: keys } = JSON.parse(text) as { readonly data?: Readonly<Record<string, string>> };
    if (keys === undefined) throw new Error(`Secret ${secret} is still empty.`);
    return keys;
  });
  await mkdir(folder, { recursive: true });
  for (const [key, value] of Object.entries(data)) await writeFile(join(folder, key), Buffer.from(value, 'base64'));
};
