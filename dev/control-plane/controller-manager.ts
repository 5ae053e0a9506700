import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bindProgram } from './bound-program.ts';
import type { Credentials } from './credentials.ts';

/** What acts on objects by themselves. Nothing here runs pods, so what needs nodes is left out. */
const controllers = [
  'garbage-collector-controller',
  'persistentvolume-binder-controller',
  'persistentvolume-expander-controller',
  'persistentvolumeclaim-protection-controller',
  'persistentvolume-protection-controller',
  'namespace-controller',
  'clusterrole-aggregation-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'deployment-controller',
  'replicaset-controller',
  'statefulset-controller',
  'job-controller',
  'endpoints-controller',
];
const startMs = 60_000;

/** Where it runs, as whom, and how to see that it works. */
export type ControllerManagerOptions = {
  readonly directory: string;
  readonly program: string;
  readonly kubeconfig: string;
  readonly credentials: Credentials;
  readonly isReady: () => Promise<boolean>;
};

/** Starts kube-controller-manager, waits until it works, and gives the function that ends it. Throws with its last lines when it ends by itself. */
export async function startControllerManager(options: ControllerManagerOptions): Promise<() => Promise<void>> {
  const name = 'kube-controller-manager';
  const program = await bindProgram(options.directory, name, options.program);
  const logFile = join(options.directory, `${name}.log`);
  const log = await open(logFile, 'w');
  const child = spawn(program.path, flags(options), { stdio: ['ignore', log.fd, log.fd] });
  const ended = once(child, 'exit');
  await log.close();
  const deadline = Date.now() + startMs;
  while (!(await options.isReady())) {
    if (child.exitCode !== null || Date.now() > deadline) {
      child.kill('SIGKILL');
      throw new Error(`${name} does not work:\n${(await readFile(logFile, 'utf8')).slice(-4000)}`);
    }
    await delay(100);
  }
  return async () => {
    child.kill('SIGKILL');
    await ended;
  };
}

function flags({ kubeconfig, credentials }: ControllerManagerOptions): readonly string[] {
  return [
    `--kubeconfig=${kubeconfig}`,
    `--controllers=${controllers.join(',')}`,
    '--leader-elect=false',
    '--secure-port=0',
    // A claim that comes before its volume is in the cache waits for the next round, of 15 s otherwise.
    '--pvclaimbinder-sync-period=1s',
    `--root-ca-file=${credentials.files.caCert}`,
    `--service-account-private-key-file=${credentials.files.saPrivateKey}`,
  ];
}
