import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../../dev/bundle/bundle.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { type ServeProcess, type ServeProcessOptions, startServe } from '../../dev/serve-process.ts';
import type { ShippedCluster } from '../fixtures/shipped-cluster.ts';

export interface Bundle {
  /** What Node runs. */
  readonly program: readonly string[];
  readonly remove: () => Promise<void>;
}

/** The program as it goes into the image, in a temporary directory, run with the flags of the image. */
export const makeBundle = async (): Promise<Bundle> => {
  const directory = await mkdtemp(join(tmpdir(), 'quartermaster-bundle-'));
  await bundle(directory);
  const program = [...(await imageFlags()), join(directory, 'main.mjs')];
  return { program, remove: () => rm(directory, { recursive: true, force: true }) };
};

const imageFlags = async (): Promise<readonly string[]> => {
  const [, entry = '[]'] = /^ENTRYPOINT (.*)$/m.exec(await readFile('Dockerfile', 'utf8')) ?? [];
  return (JSON.parse(entry) as readonly string[]).filter((word) => word.startsWith('--'));
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
