import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Progress } from '../../cluster/cache.ts';
import type { ControlPlane } from '../../control-plane/control-plane.ts';
import { kubectl } from '../../control-plane/kubectl.ts';
import { type Daemon, startDaemon } from '../../daemon.ts';
import { until } from '../../until.ts';

/** A framework's own controller, as the administrator of an API server of one's own. No node has to run what it makes. */
export interface FrameworkController {
  readonly start: () => Promise<Daemon>;
}

/** Gives an API server a framework's definitions, and whatever else it needs, and says how its controller is started there. */
export type InstallController = (controlPlane: ControlPlane, progress: Progress) => Promise<FrameworkController>;

/** Why none can be built or bound to this process here; undefined where it can. */
export const controllerObstacle = ({ PATH = '' } = process.env): string | undefined => {
  const missing = ['go', 'setpriv'].find(
    (program) => !PATH.split(delimiter).some((folder) => existsSync(join(folder, program))),
  );
  return missing && `Controllers of frameworks are built and run with ${missing}, which is not on PATH.`;
};

const START_WITHIN_MS = 60_000;
const ASK_WITHIN_MS = 5_000;
const ESTABLISH_WITHIN_MS = 50_000;

interface Run {
  readonly program: string;
  readonly flags: readonly string[];
  /** The port on 127.0.0.1 where it says that it is ready. */
  readonly probePort: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts the program and waits until it is ready. Throws with its last lines where it does not get there. */
export const startController = async (
  { kubeconfig, directory }: ControlPlane,
  { program, flags, probePort, env }: Run,
): Promise<Daemon> => {
  const controller = startDaemon(program, flags, { KUBECONFIG: kubeconfig, HOME: directory, ...env });
  try {
    await until(START_WITHIN_MS, () => askWhetherReady(probePort));
    return controller;
  } catch (cause) {
    await controller.stop();
    throw new Error(`${program} is not ready: ${controller.lastWords()}`, { cause });
  }
};

const askWhetherReady = async (port: number): Promise<void> => {
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(ASK_WITHIN_MS) });
  if (!answer.ok) throw new Error(`it answers ${answer.status}`);
};

/** Applies definitions, a file or a folder of them, and waits until they are served. Server-side: some are longer than an annotation may be. */
export const applyDefinitions = async (controlPlane: ControlPlane, path: string): Promise<void> => {
  await kubectl(controlPlane, ['apply', '--server-side', '-f', path]);
  const established = ['wait', '--for=condition=Established', `--timeout=${ESTABLISH_WITHIN_MS / 1000}s`, '-f', path];
  // It fails at once, where it should wait, on a definition that the API server has given no conditions yet.
  await until(ESTABLISH_WITHIN_MS, () => kubectl(controlPlane, established));
};

/** Of an account that is made here, which may do in its namespace all that namespaces let people edit. */
export const accountToken = async (controlPlane: ControlPlane, namespace: string, name: string): Promise<string> => {
  const inNamespace = (...args: readonly string[]) => kubectl(controlPlane, ['-n', namespace, ...args]);
  await inNamespace('create', 'serviceaccount', name);
  await inNamespace('create', 'rolebinding', name, '--clusterrole=edit', `--serviceaccount=${namespace}:${name}`);
  return (await inNamespace('create', 'token', name)).trim();
};

/** Changes a file of a source. Throws where it has not what is to be changed. */
export const replaceIn = async (
  file: string,
  changes: readonly (readonly [string | RegExp, string])[],
): Promise<void> => {
  let text = await readFile(file, 'utf8');
  for (const [from, to] of changes) {
    const changed = text.replace(from, to);
    if (changed === text) throw new Error(`${file} has no ${from}`);
    text = changed;
  }
  await writeFile(file, text);
};
