import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { withLock } from '../control-plane/build-lock.ts';
import { until } from '../until.ts';
import { cacheFolder, type Progress } from './cache.ts';
import { coreDnsImage, coreDnsReference, pauseImage, toolsImage } from './images/node-images.ts';
import { createKubectl, type Kubectl, offerProgram } from './kubectl.ts';
import {
  lastLines,
  type Parts,
  startApiServer,
  startContainerd,
  startControllerManager,
  startEtcd,
  startKubelet,
  startProxy,
  startScheduler,
} from './node/components.ts';
import { hasControlGroups } from './node/control-groups.ts';
import { makeKeys } from './node/keys.ts';
import { addresses, containerdSocket, layout, nodeName } from './node/layout.ts';
import { clearSandbox, joinSandbox, openSandbox, type Sandbox } from './node/sandbox.ts';
import { ensurePrograms } from './programs.ts';

/** A running Kubernetes of one node. */
export interface Cluster {
  readonly kubectl: Kubectl;
  /** `kubectl apply` of manifests given as text. */
  readonly apply: (manifests: string) => Promise<string>;
  /** Gives the node images, from tarballs; once is enough. */
  readonly load: (...tarballs: readonly string[]) => Promise<void>;
  /** Runs a command on the node, in its namespaces. */
  readonly run: Sandbox['run'];
  /** Starts a program on the node, in its namespaces; it ends with the node. */
  readonly start: Sandbox['start'];
}

const minuteMs = 60_000;

/** In one sentence why no cluster can run on this machine; undefined where it can. */
export const obstacle = (): string | undefined => {
  if (process.platform !== 'linux') return 'A Kubernetes node needs Linux.';
  if (process.getuid?.() !== 0)
    return 'A Kubernetes node needs root, for namespaces, mounts and control groups of its own.';
  if (!existsSync('/usr/bin/apt-get'))
    return 'The Kubernetes node of the tests is made from Debian packages, which need apt-get.';
  if (!hasControlGroups()) return 'A Kubernetes node needs control groups, and none are mounted here.';
  return undefined;
};

/** Runs `work` on a cluster of its own. One at a time on a machine; what an earlier run left goes first, and nothing is left behind. */
export const withCluster = async (progress: Progress, work: (cluster: Cluster) => Promise<void>): Promise<void> => {
  const paths = layout();
  await mkdir(cacheFolder(), { recursive: true });
  await withLock(
    paths.lock,
    () => progress('another cluster is running here; waiting for its end'),
    async () => {
      await clearSandbox(paths);
      try {
        await work(await startCluster(progress));
      } finally {
        await clearSandbox(paths);
      }
    },
  );
};

/** The cluster that another process of this machine keeps running. Throws an Error where there is none. */
export const joinCluster = async (): Promise<Cluster> => describe(await joinSandbox(layout()));

const describe = (sandbox: Sandbox): Cluster => {
  const kubectl = createKubectl(sandbox, layout());
  const apply = (manifests: string) => kubectl.withInput(manifests, 'apply', '-f', '-');
  const load = async (...tarballs: readonly string[]): Promise<void> => {
    const importing = ['--address', containerdSocket, '--namespace', 'k8s.io', 'images', 'import'];
    for (const tarball of tarballs) {
      // A tarball lies in a folder that is named by what it was made from.
      const loaded = join(layout().images, basename(dirname(tarball)));
      if (existsSync(loaded)) continue;
      await sandbox.run('ctr', [...importing, tarball], { timeoutMs: 10 * minuteMs });
      await writeFile(loaded, '');
    }
  };
  return { kubectl, apply, load, ...sandbox };
};

const startCluster = async (progress: Progress): Promise<Cluster> => {
  const programs = await ensurePrograms(progress);
  const images = [
    await pauseImage(progress),
    await coreDnsImage(programs.coredns, progress),
    await toolsImage(progress),
  ];
  const paths = layout();
  const sandbox = await openSandbox(paths);
  await offerProgram(paths, 'kubectl', programs.kubectl);
  const parts: Parts = { sandbox, layout: paths, programs, keys: await makeKeys(paths) };
  const cluster = describe(sandbox);
  const { kubectl } = cluster;
  await startContainerd(parts);
  startEtcd(parts);
  startApiServer(parts);
  await waitFor(parts, 'kube-apiserver', () => kubectl('get', '--raw', '/readyz'));
  progress('the API server is ready');
  startControllerManager(parts);
  startScheduler(parts);
  await waitFor(parts, 'containerd', () => cluster.load(...images));
  await startKubelet(parts);
  await startProxy(parts);
  await waitFor(parts, 'kubelet', () => kubectl('wait', '--for=condition=Ready', `node/${nodeName}`, '--timeout=10s'));
  progress('the node is ready');
  await startDns(cluster);
  progress('its DNS is ready');
  return cluster;
};

/** Tries until it works, or throws with what the component said last. */
const waitFor = async (parts: Parts, name: string, attempt: () => Promise<unknown>): Promise<void> => {
  try {
    await until(2 * minuteMs, attempt);
  } catch (cause) {
    throw new Error(`The node's ${name} does not come up:\n${await lastLines(parts.layout, name)}`, { cause });
  }
};

const startDns = async ({ kubectl, apply }: Cluster): Promise<void> => {
  const manifests = await readFile(join(import.meta.dirname, 'node/coredns.yaml'), 'utf8');
  await apply(manifests.replace('COREDNS_IMAGE', coreDnsReference).replace('DNS_ADDRESS', addresses.dns));
  await kubectl('-n', 'kube-system', 'rollout', 'status', 'deployment/coredns', '--timeout=60s');
};
