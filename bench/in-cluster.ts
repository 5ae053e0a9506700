import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kubectl } from '../dev/control-plane/kubectl.ts';
import { type ServeProcess, untilReady } from '../dev/serve-process.ts';
import { type Bundle, startReplica } from '../test/fixtures/replica.ts';
import type { ShippedCluster } from '../test/fixtures/shipped-cluster.ts';

/** The bundle with what the image sets, as the image's user, with a service account's files where a pod has them. */
export interface InCluster {
  readonly start: (args?: readonly string[], environment?: Readonly<Record<string, string>>) => Promise<ServeProcess>;
}

const IMAGE_USER = '65532';
const PLACE = '/run/secrets/kubernetes.io/serviceaccount';
const SERVER_CORE = '0';

/** Needs root: a mount of its own, and another user, are not for everybody to have. */
export const inCluster = async ({
  cluster,
  bundle,
}: {
  cluster: ShippedCluster;
  bundle: Bundle;
}): Promise<InCluster> => {
  if (process.getuid?.() !== 0)
    throw new Error('measuring the program as it runs in its image takes root: run it with sudo');
  const { controlPlane } = cluster;
  const files = await mkdtemp(join(controlPlane.directory, 'account-'));
  const asked = ['create', 'token', 'quartermaster', '-n', 'quartermaster-system', '--duration=2h'];
  await writeFile(join(files, 'token'), (await kubectl(controlPlane, asked)).trim());
  await writeFile(join(files, 'ca.crt'), controlPlane.caPem);
  const mount = `mount -t tmpfs none /run && mkdir -p ${PLACE} && cp ${files}/* ${PLACE}/ && chmod -R a+rX /run && exec "$@"`;
  const user = ['setpriv', '--reuid', IMAGE_USER, '--regid', IMAGE_USER, '--clear-groups'];
  const prefix = ['taskset', '-c', SERVER_CORE, 'unshare', '-m', 'sh', '-c', mount, 'sh', ...user];
  const { hostname, port } = new URL(controlPlane.url);
  const home = {
    KUBERNETES_SERVICE_HOST: hostname,
    KUBERNETES_SERVICE_PORT: port,
    KUBECONFIG: '',
    HOME: '/nonexistent',
  };
  return {
    start: async (args = [], environment = {}) =>
      startReplica(cluster, {
        ...{ prefix, args, program: bundle.program },
        environment: { ...bundle.environment, ...home, ...environment },
      }),
  };
};

/** Starts it and says how many milliseconds pass until it is ready. */
export const startTimed = async (
  start: () => Promise<ServeProcess>,
): Promise<{ serve: ServeProcess; readyMs: number }> => {
  const startedAt = performance.now();
  const serve = await start();
  await untilReady(serve);
  return { serve, readyMs: performance.now() - startedAt };
};
