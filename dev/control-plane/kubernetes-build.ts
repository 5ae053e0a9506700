import { existsSync } from 'node:fs';
import { mkdir, rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { run } from './command.ts';
import { fetchKubernetesSource } from './debian-packages.ts';
import { mendMapIteration } from './map-iteration.ts';

/** The version built from Debian's source package, as `kubectl version` says it. */
export const kubernetesVersion = 'v1.20.2';

const module = 'k8s.io/kubernetes';
const mainPackages = {
  'kube-apiserver': 'cmd/kube-apiserver',
  kubectl: 'cmd/kubectl',
  'kube-controller-manager': 'cmd/kube-controller-manager',
  agnhost: 'test/images/agnhost',
} as const;
const openApi = {
  folder: 'pkg/generated/openapi',
  file: 'zz_generated.openapi',
  generator: 'vendor/k8s.io/kube-openapi/cmd/openapi-gen',
  boilerplate: 'vendor/k8s.io/code-generator/hack/boilerplate.go.txt',
};
const minuteMs = 60_000;

/** What can be built from the source tree. */
export type BuiltTool = keyof typeof mainPackages;

/** True for a tool that is built from the source tree. */
export function isBuiltTool(tool: string): tool is BuiltTool {
  return Object.hasOwn(mainPackages, tool);
}

/**
 * Builds the tools into `cache`/bin, where a file that exists is whole: each is moved there once built. The unpacked
 * source and Go's build cache stay in `cache` (about 1.5 GB), so that a tool asked for later takes a fraction of the time.
 * Call it under the lock: whatever an interrupted build left behind is removed first.
 */
export async function buildKubernetes(
  cache: string,
  tools: readonly BuiltTool[],
  { codename, progress }: { readonly codename: string; readonly progress: (line: string) => void },
): Promise<void> {
  const unfinished = join(cache, 'unfinished');
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(join(unfinished, 'bin'), { recursive: true });
  await mkdir(join(cache, 'bin'), { recursive: true });
  if (!existsSync(join(cache, 'gopath'))) await prepareSource(cache, { codename, progress });
  const duration = existsSync(join(cache, 'bin', 'kube-apiserver')) ? 'less than a minute' : 'about 3 minutes';
  progress(`building ${tools.join(' and ')} ${kubernetesVersion}, once: ${duration} on 2 cores`);
  const packages = tools.map((tool) => `${module}/${mainPackages[tool]}`);
  const built = join(unfinished, 'bin');
  await go(cache, join(cache, 'gopath'), [
    'build',
    '-trimpath',
    '-ldflags',
    linkerFlags(),
    '-o',
    `${built}/`,
    ...packages,
  ]);
  for (const tool of tools) await rename(join(built, tool), join(cache, 'bin', tool));
  await rm(unfinished, { recursive: true });
}

/** Puts a name for a program of the system beside the built ones. */
export async function linkTool(cache: string, tool: string, path: string): Promise<void> {
  const link = join(cache, 'bin', tool);
  await rm(link, { force: true });
  await symlink(path, link);
}

async function prepareSource(
  cache: string,
  { codename, progress }: { readonly codename: string; readonly progress: (line: string) => void },
): Promise<void> {
  progress(`fetching the source of Kubernetes ${kubernetesVersion} from Debian's archive (34 MB)`);
  const tarball = await fetchKubernetesSource(join(cache, 'unfinished', 'apt'), codename);
  progress('unpacking it and generating its OpenAPI definitions');
  const gopath = join(cache, 'unfinished', 'gopath');
  const tree = join(gopath, 'src', module);
  await mkdir(tree, { recursive: true });
  await run('tar', ['-xzf', tarball, '-C', tree, '--strip-components=1'], { timeoutMs: 5 * minuteMs });
  await mendMapIteration(tree);
  await generateOpenApi(cache, gopath);
  await rename(gopath, join(cache, 'gopath'));
}

/** The one generated file that is not in the tarball. Its generator reads Go's own sources, which -trimpath would hide from it. */
async function generateOpenApi(cache: string, gopath: string): Promise<void> {
  const tree = join(gopath, 'src', module);
  const generator = join(cache, 'unfinished', 'openapi-gen');
  await go(cache, gopath, ['build', '-o', generator, `${module}/${openApi.generator}`]);
  const marked = ['-rl', '--include=*.go', '+k8s:openapi-gen=', 'staging/src/k8s.io', 'pkg', 'cmd'];
  const files = await run('grep', marked, { cwd: tree, timeoutMs: minuteMs });
  const output = ['-p', `${module}/${openApi.folder}`, '-O', openApi.file, '-h', openApi.boilerplate];
  const report = join(cache, 'unfinished', 'violations.report');
  await run(generator, ['-i', openApiPackages(files.split('\n')).join(','), ...output, '-r', report], {
    cwd: tree,
    env: goEnvironment(cache, gopath),
    timeoutMs: 5 * minuteMs,
  });
}

/** The packages of the marked files, as Kubernetes' own Makefile.generated_files picks and writes them. */
export function openApiPackages(files: readonly string[]): readonly string[] {
  const folders = files
    .filter((file) => file !== '' && !/zz_generated|_test\.go$|\/code-generator\/|\/sample-apiserver\//.test(file))
    .map((file) => dirname(file).replace(/^staging\/src\//, 'vendor/'));
  return [...new Set(folders)].toSorted().map((folder) => `${module}/${folder}`);
}

/** A build that outlived an interrupted run would write where the next one does: the kernel ends it with us. */
async function go(cache: string, gopath: string, args: readonly string[]): Promise<void> {
  const cwd = join(gopath, 'src', module);
  const bound = ['--pdeathsig', 'KILL', '/usr/bin/go', ...args];
  await run('setpriv', bound, { cwd, env: goEnvironment(cache, gopath), timeoutMs: 40 * minuteMs });
}

function goEnvironment(cache: string, gopath: string): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env;
  return {
    PATH,
    HOME,
    GOPATH: gopath,
    GOCACHE: join(cache, 'go-build'),
    GOTMPDIR: join(cache, 'unfinished'),
    GO111MODULE: 'off',
    CGO_ENABLED: '0',
    GOFLAGS: '',
    GOENV: 'off',
  };
}

/** What `hack/lib/version.sh` sets in a release, so that `/version` and `kubectl version` tell the truth. */
function linkerFlags(): string {
  const [, major = '', minor = ''] = /^v(\d+)\.(\d+)/.exec(kubernetesVersion) ?? [];
  const values = { gitVersion: kubernetesVersion, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  const places = ['client-go/pkg/version', 'component-base/version'];
  const flags = places.flatMap((place) =>
    Object.entries(values).map(([name, value]) => `-X ${module}/vendor/k8s.io/${place}.${name}=${value}`),
  );
  return ['-s', '-w', ...flags].join(' ');
}
