import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { downloadModule, findGo, type Go, type GoModule, goFor, goVersion, runGo } from './go.ts';
import { etcdVersion } from './versions.ts';

const kubernetes = 'k8s.io/kubernetes';
const etcd = 'go.etcd.io/etcd/server/v3';
const unfinished = 'building-';

/** Each program's main package, and how long it takes on two cores where Go has compiled nothing yet. */
const programs = {
  'kube-apiserver': { main: `${kubernetes}/cmd/kube-apiserver`, minutes: 5 },
  kubectl: { main: `${kubernetes}/cmd/kubectl`, minutes: 1 },
  'kube-controller-manager': { main: `${kubernetes}/cmd/kube-controller-manager`, minutes: 2 },
  'kube-scheduler': { main: `${kubernetes}/cmd/kube-scheduler`, minutes: 1 },
  agnhost: { main: `${kubernetes}/test/images/agnhost`, minutes: 2 },
  etcd: { main: '.', minutes: 1 },
} as const;

/** What can be built from Go modules. */
export type Program = keyof typeof programs;

/** `cache` is one version's folder; `progress` gets a line per step; `environment` is the one that Go and its caches are looked up in. */
export type BuildOptions = {
  readonly cache: string;
  readonly version: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly progress: (line: string) => void;
};

type Workshop = BuildOptions & { readonly go: Go; readonly directory: string };

/**
 * Builds the programs into `cache`/bin, where a file that exists is whole: each is made in a folder of this run's own and
 * moved there when it is done, so that a run that was killed in the middle leaves nothing to mistake, and what it had
 * finished. Call it under the lock: what a killed run left behind is removed first. Throws an Error where there is no Go,
 * or with Go's last lines.
 */
export async function buildPrograms(wanted: readonly Program[], options: BuildOptions): Promise<void> {
  const { cache } = options;
  await mkdir(join(cache, 'bin'), { recursive: true });
  await removeUnfinished(cache);
  const go = await findGo(options);
  const directory = await mkdtemp(join(cache, unfinished));
  try {
    await buildIn({ ...options, go, directory }, wanted);
  } finally {
    await removeFolder(directory);
  }
}

async function removeUnfinished(cache: string): Promise<void> {
  const left = (await readdir(cache)).filter((name) => name.startsWith(unfinished));
  await Promise.all(left.map((name) => removeFolder(join(cache, name))));
}

/** The compiler that a killed Go had started may write there for some seconds more. */
function removeFolder(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
}

async function buildIn(workshop: Workshop, wanted: readonly Program[]): Promise<void> {
  const { version, progress } = workshop;
  const minutes = wanted.reduce((sum, program) => sum + programs[program].minutes, 0);
  const duration = minutes === 1 ? 'about a minute' : `up to ${minutes} minutes`;
  progress(`building ${wanted.join(', ')} of Kubernetes ${version} from Go modules, once: ${duration} on 2 cores`);
  const ofKubernetes = wanted.filter((program) => program !== 'etcd');
  if (ofKubernetes.length > 0) await buildKubernetes(workshop, ofKubernetes);
  if (wanted.includes('etcd')) await buildEtcd(workshop);
}

async function buildKubernetes(workshop: Workshop, wanted: readonly Program[]): Promise<void> {
  const { directory, version } = workshop;
  const module = await download(workshop, `${kubernetes}@v${version}`);
  const go = await goFor(workshop.go, directory, module);
  const home = join(directory, 'module-kubernetes');
  await mkdir(home);
  await writeFile(join(home, 'go.mod'), kubernetesModule(module.goMod, version));
  for (const program of wanted) await buildProgram({ ...workshop, go }, program, home);
}

/** etcd's own command is in a module of its own that nobody publishes: its public package takes a main of one line. */
async function buildEtcd(workshop: Workshop): Promise<void> {
  const { directory } = workshop;
  const module = await download(workshop, `${etcd}@v${etcdVersion}`);
  const go = await goFor(workshop.go, directory, module);
  const home = join(directory, 'module-etcd');
  await mkdir(home);
  const goMod = ['module etcd', `go ${goVersion(module.goMod)}`, `require ${etcd} v${etcdVersion}`];
  await writeFile(join(home, 'go.mod'), `${goMod.join('\n')}\n`);
  const main = ['package main', `import ("os"; "${etcd}/etcdmain")`, 'func main() { etcdmain.Main(os.Args) }'];
  await writeFile(join(home, 'main.go'), `${main.join('\n')}\n`);
  await buildProgram({ ...workshop, go }, 'etcd', home);
}

function download({ go, directory, progress }: Workshop, name: string): Promise<GoModule> {
  progress(`fetching ${name}`);
  return downloadModule(go, directory, name);
}

async function buildProgram({ cache, version, go, directory, progress }: Workshop, program: Program, home: string) {
  const start = performance.now();
  const built = join(directory, program);
  const flags = ['-s', '-w', ...(program === 'etcd' ? [] : versionFlags(version))].join(' ');
  await runGo(go, home, ['build', '-mod=mod', '-ldflags', flags, '-o', built, programs[program].main]);
  await rename(built, join(cache, 'bin', program));
  progress(`${program} is built, in ${Math.round((performance.now() - start) / 1000)} s`);
}

/**
 * A go.mod under which Kubernetes' commands build. Its own asks for its staging repositories, which are folders of the
 * same tree there, at v0.0.0; they are published as v0.MINOR.PATCH of Kubernetes' 1.MINOR.PATCH.
 */
export function kubernetesModule(goMod: string, version: string): string {
  const staged = version.replace(/^1/, 'v0');
  const siblings = [...goMod.matchAll(/^\s+(k8s\.io\/[a-z0-9-]+) v0\.0\.0$/gm)].map(([, name]) => name);
  const [godebug] = /^godebug .*$/m.exec(goMod) ?? [];
  return [
    'module controlplane',
    `go ${goVersion(goMod)}`,
    ...(godebug === undefined ? [] : [godebug]),
    `require ${kubernetes} v${version}`,
    ...siblings.map((name) => `replace ${name} => ${name} ${staged}`),
    '',
  ].join('\n');
}

/** What `hack/lib/version.sh` sets in a release, so that `/version` and `kubectl version` tell the truth. */
function versionFlags(version: string): readonly string[] {
  const [major, minor] = version.split('.');
  const values = { gitVersion: `v${version}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  const places = ['k8s.io/client-go/pkg/version', 'k8s.io/component-base/version'];
  return places.flatMap((place) => Object.entries(values).map(([name, value]) => `-X ${place}.${name}=${value}`));
}
