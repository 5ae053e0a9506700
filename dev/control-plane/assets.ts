import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { withLock } from './build-lock.ts';
import { cachedByEnvtest, downloadByEnvtest } from './envtest-download.ts';
import { buildPrograms } from './kubernetes-build.ts';
import { etcdVersion, minorOf, supported, wantedVersion } from './versions.ts';

/** What every control plane needs. */
export const baseTools = ['kube-apiserver', 'etcd', 'kubectl'] as const;
/** What only some tests need: garbage collection and volume binding; a node's pods; Kubernetes' own reference webhook. */
export const extraTools = ['kube-controller-manager', 'kube-scheduler', 'agnhost'] as const;

type BaseTool = (typeof baseTools)[number];
type ExtraTool = (typeof extraTools)[number];
/** A program of the control plane, by its file's name. */
export type Tool = BaseTool | ExtraTool;
/** Where each program is; the extra ones where they were asked for. */
export type Assets = Readonly<Record<BaseTool, string>> & Readonly<Partial<Record<ExtraTool, string>>>;
type Found = Readonly<Partial<Record<Tool, string>>>;
type Progress = (line: string) => void;

/** `progress` gets a line per step (default: stderr); `environment` is where the variables are read (default: the process's). */
export type AssetOptions = {
  readonly progress?: Progress;
  readonly tools?: readonly Tool[];
  readonly environment?: NodeJS.ProcessEnv;
};

/**
 * Gives the paths of a real control plane's programs, and gets them first where they are not here yet. Looked for in turn:
 * TEST_ASSET_<TOOL> and KUBEBUILDER_ASSETS, our cache, envtest-js's cache, its download, and a build from Go modules. The
 * version is the newest supported one, or what KUBERNETES_VERSION says. Throws an Error saying in one sentence what is
 * missing and what to do: a run without a control plane fails, in CI and elsewhere.
 */
export async function ensureAssets(options: AssetOptions = {}): Promise<Assets> {
  const { environment = process.env, progress = toStderr } = options;
  const tools = [...new Set<Tool>([...baseTools, ...(options.tools ?? [])])];
  const cache = cacheDirectory(environment);
  const named = namedByEnvironment(environment, tools);
  const present = { ...inDirectory(join(cache, 'bin'), tools), ...named };
  if (isComplete(present, tools)) return present;
  const fetched = { ...(await fromEnvtest(present, tools, environment, progress)), ...present };
  if (isComplete(fetched, tools)) return fetched;
  await build(cache, missingFrom(fetched, tools), { environment, progress });
  const built = { ...fetched, ...inDirectory(join(cache, 'bin'), tools), ...named };
  if (isComplete(built, tools)) return built;
  throw new Error(
    `The control plane is not complete: ${missingFrom(built, tools).join(' and ')} missing in ${cache}; remove it and run again.`,
  );
}

/** Where what we build is kept: a folder for each version, under XDG_CACHE_HOME or ~/.cache. */
export function cacheDirectory(environment: NodeJS.ProcessEnv): string {
  const { XDG_CACHE_HOME: root } = environment;
  const key = `${wantedVersion(environment)}-etcd-${etcdVersion}-${process.platform}-${process.arch}`;
  return join(root || join(homedir(), '.cache'), 'quartermaster', 'control-plane', key);
}

/**
 * The programs the environment names, as Go's envtest reads it: TEST_ASSET_KUBE_APISERVER and its like, else the file in
 * KUBEBUILDER_ASSETS. Throws where a named one does not exist; only agnhost may be missing from KUBEBUILDER_ASSETS, since
 * it need not be of the cluster's version.
 */
export function namedByEnvironment(environment: NodeJS.ProcessEnv, tools: readonly Tool[]): Found {
  return Object.fromEntries(tools.flatMap((tool) => nameTool(environment, tool)));
}

function nameTool(environment: NodeJS.ProcessEnv, tool: Tool): readonly (readonly [Tool, string])[] {
  const variable = `TEST_ASSET_${tool.toUpperCase().replaceAll('-', '_')}`;
  const { KUBEBUILDER_ASSETS: directory } = environment;
  const path = environment[variable] || (directory ? join(directory, tool) : undefined);
  if (path === undefined) return [];
  if (existsSync(path)) return [[tool, path]];
  if (tool === 'agnhost' && !environment[variable]) return [];
  const source = environment[variable] ? variable : 'KUBEBUILDER_ASSETS';
  throw new Error(`${source} names ${path}, which does not exist: correct it, or set ${variable}.`);
}

function inDirectory(directory: string, tools: readonly Tool[]): Found {
  const present = tools.filter((tool) => existsSync(join(directory, tool)));
  return Object.fromEntries(present.map((tool) => [tool, join(directory, tool)]));
}

/** envtest's archives hold the base tools alone. */
async function fromEnvtest(
  present: Found,
  tools: readonly Tool[],
  environment: NodeJS.ProcessEnv,
  progress: Progress,
): Promise<Found> {
  const missing = missingFrom(present, baseTools);
  if (missing.length === 0) return {};
  const range = envtestRange(environment, tools);
  try {
    return inDirectory((await cachedByEnvtest(range)) ?? (await downloadByEnvtest(range, progress)), missing);
  } catch (cause) {
    progress(`envtest's download cannot be had (${reasonOf(cause)})`);
    return {};
  }
}

/**
 * Any supported version will do where nobody names one and its programs are all that is wanted. What is built besides has
 * to be of the API server's minor.
 */
export function envtestRange(environment: NodeJS.ProcessEnv, tools: readonly Tool[]): string {
  const isOpen = !environment['KUBERNETES_VERSION'] && tools.every(isBaseTool);
  if (!isOpen) return `${minorOf(wantedVersion(environment))}.x`;
  return `${minorOf(supported.oldest)}.x - ${minorOf(supported.newest)}.x`;
}

function isBaseTool(tool: Tool): boolean {
  return baseTools.some((base) => base === tool);
}

async function build(
  cache: string,
  tools: readonly Tool[],
  options: { readonly environment: NodeJS.ProcessEnv; readonly progress: Progress },
): Promise<void> {
  const { environment, progress } = options;
  await mkdir(cache, { recursive: true });
  const onWait = () => progress('another run is preparing it; waiting');
  await withLock(join(dirname(cache), 'lock'), onWait, async () => {
    const unbuilt = missingFrom(inDirectory(join(cache, 'bin'), tools), tools);
    if (unbuilt.length === 0) return;
    await buildPrograms(unbuilt, { ...options, cache, version: wantedVersion(environment) });
    progress(`ready in ${cache}`);
  });
}

function isComplete(found: Found, tools: readonly Tool[]): found is Assets {
  return missingFrom(found, tools).length === 0;
}

function missingFrom(found: Found, tools: readonly Tool[]): readonly Tool[] {
  return tools.filter((tool) => found[tool] === undefined);
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
}

function toStderr(line: string): void {
  process.stderr.write(`control plane: ${line}\n`);
}
