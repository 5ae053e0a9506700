import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../../dev/bundle/bundle.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { type ServeProcess, type ServeProcessOptions, startServe } from '../../dev/serve-process.ts';
import type { ShippedCluster } from '../fixtures/shipped-cluster.ts';

/** What `startReplica` takes to run the program as the image does. */
export interface Bundle extends Required<Pick<ServeProcessOptions, 'program' | 'environment'>> {
  readonly remove: () => Promise<void>;
}

/** The program as it goes into the image, in a temporary directory, with the flags and the environment of the image. */
export const makeBundle = async (): Promise<Bundle> => {
  const directory = await mkdtemp(join(tmpdir(), 'quartermaster-bundle-'));
  await bundle(directory);
  const dockerfile = await readFile('Dockerfile', 'utf8');
  const [, entry = '[]'] = /^ENTRYPOINT (.*)$/m.exec(dockerfile) ?? [];
  const flags = (JSON.parse(entry) as readonly string[]).filter((word) => word.startsWith('--'));
  const [, variables = ''] = /^ENV (.*)$/m.exec(dockerfile) ?? [];
  return {
    program: [...flags, join(directory, 'main.mjs')],
    environment: Object.fromEntries(variables.split(' ').map((pair) => pair.split('='))) as Record<string, string>,
    remove: () => rm(directory, { recursive: true, force: true }),
  };
};

/** The kubeconfig of the shipped service account, or of the same reaching the API server at `server`. */
export const shippedKubeconfig = async ({ controlPlane }: ShippedCluster, server?: URL): Promise<string> => {
  const path = await controlPlane.serviceAccountKubeconfig('quartermaster-system', 'quartermaster');
  if (server === undefined) return path;
  const moved = `${path}.${server.port}`;
  await writeFile(moved, (await readFile(path, 'utf8')).replaceAll(controlPlane.url, server.origin), { mode: 0o600 });
  return moved;
};

/** Starts one on ports of its own, as the shipped service account unless said otherwise, and waits for nothing. */
export const startReplica = async (
  cluster: ShippedCluster,
  options: Partial<ServeProcessOptions> = {},
): Promise<ServeProcess> => {
  const [webhookPort = 0, opsPort = 0] = await freePorts(2);
  const kubeconfig = options.kubeconfig ?? (await shippedKubeconfig(cluster));
  const environment = { CLOUD: 'local', ...options.environment };
  return startServe({ webhookPort, opsPort, ...options, kubeconfig, environment });
};
