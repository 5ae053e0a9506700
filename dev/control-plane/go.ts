import { existsSync } from 'node:fs';
import { chmod, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureAptPackages } from '../apt-packages.ts';
import { run } from './command.ts';

const minuteMs = 60_000;
/** The first Go that fetches by itself the version which a module asks for. */
const firstToSwitch = 21;
const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

/** A Go compiler that can be asked; `environment` is all that it sees. */
export type Go = { readonly program: string; readonly environment: NodeJS.ProcessEnv };

/** A module as it lies in Go's module cache. */
export type GoModule = { readonly directory: string; readonly goMod: string };

type FindOptions = { readonly environment: NodeJS.ProcessEnv; readonly progress: (line: string) => void };

/**
 * The Go on PATH, else where Go's own archive installs it, else on Debian the distribution's, installed where we are root.
 * Throws an Error that says in one sentence what to install.
 */
export async function findGo({ environment, progress }: FindOptions): Promise<Go> {
  const present = presentGo(environment);
  if (present === undefined) await installGo(progress);
  return { program: present ?? '/usr/bin/go', environment: buildEnvironment(environment) };
}

function presentGo({ PATH = '' }: NodeJS.ProcessEnv): string | undefined {
  const folders = [...PATH.split(':').filter((folder) => folder !== ''), '/usr/local/go/bin'];
  return folders.map((folder) => join(folder, 'go')).find((path) => existsSync(path));
}

async function installGo(progress: (line: string) => void): Promise<void> {
  const instead = 'set KUBEBUILDER_ASSETS to a directory that holds its programs';
  const release = existsSync('/etc/os-release') ? await readFile('/etc/os-release', 'utf8') : '';
  if (!/^ID=debian$/m.test(release)) {
    throw new Error(
      `The control plane cannot be downloaded, and building it takes Go: install Go 1.24 or newer, or ${instead}.`,
    );
  }
  const packages = { '/usr/bin/go': 'golang-go' };
  await ensureAptPackages({ packages, user: 'The control plane', otherwise: `or ${instead}`, progress });
}

/** What the user set for proxies and caches holds; what would make the programs others than usual does not. */
function buildEnvironment(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const plain = { GOFLAGS: '', GOWORK: 'off', GO111MODULE: 'on', GOROOT: '', GOOS: '', GOARCH: '', CGO_ENABLED: '0' };
  return { ...environment, ...plain, GOTOOLCHAIN: 'auto' };
}

/** Runs Go in the directory, for at most 40 minutes. It is ended when we are: one that outlived us would write where the next run does. */
export function runGo({ program, environment }: Go, directory: string, args: readonly string[]): Promise<string> {
  const setpriv = '/usr/bin/setpriv';
  const bound = existsSync(setpriv) ? [setpriv, '--pdeathsig', 'KILL', program] : [program];
  const [command = program, ...first] = bound;
  const env = { ...environment, GOTMPDIR: directory };
  return run(command, [...first, ...args], { cwd: directory, env, timeoutMs: 40 * minuteMs });
}

/** Has the module in Go's cache. `directory` is any place to run in that is no module's. */
export async function downloadModule(go: Go, directory: string, name: string): Promise<GoModule> {
  await runGo(go, directory, ['mod', 'download', name]);
  const described = JSON.parse(await runGo(go, directory, ['mod', 'download', '-json', name])) as {
    readonly Dir: string;
    readonly GoMod: string;
  };
  return { directory: described.Dir, goMod: await readFile(described.GoMod, 'utf8') };
}

/**
 * A Go that can build what a module asks for: this one where it is new enough to fetch another by itself, else the
 * toolchain that the module names, which is a module too.
 */
export async function goFor(go: Go, directory: string, { goMod }: GoModule): Promise<Go> {
  const [, minor] = /go1\.(\d+)/.exec(await runGo(go, directory, ['version'])) ?? [];
  if (Number(minor) >= firstToSwitch) return go;
  const name = `golang.org/toolchain@v0.0.1-go${goVersion(goMod)}.${process.platform}-${architecture}`;
  const toolchain = await downloadModule(go, directory, name);
  await makeExecutable(toolchain.directory);
  return { ...go, program: join(toolchain.directory, 'bin', 'go') };
}

/** The version after `go` in a go.mod, as a toolchain is named: 1.24 is 1.24.0. */
export function goVersion(goMod: string): string {
  const [, minor, patch = '.0'] = /^go (1\.\d+)(\.\d+)?$/m.exec(goMod) ?? [];
  if (minor === undefined) throw new Error(`a go.mod names no version of Go: ${goMod.slice(0, 200)}`);
  return `${minor}${patch}`;
}

/** Modules have no executable files: Go sets that on the toolchains that it fetches by itself, and here nobody else does. */
async function makeExecutable(toolchain: string): Promise<void> {
  for (const folder of [join(toolchain, 'bin'), join(toolchain, 'pkg', 'tool')]) {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => entry.isFile());
    await Promise.all(files.map((file) => chmod(join(file.parentPath, file.name), 0o555)));
  }
}
