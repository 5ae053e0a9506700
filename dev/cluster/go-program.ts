import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../control-plane/command.ts';
import { cached, type Progress, removeTree } from './cache.ts';
import { versions } from './versions.ts';

/** A program of a Go module that is built as the module's own main package, with its own go.mod. */
export interface GoProgram {
  readonly name: string;
  readonly module: string;
  /** Without the v. */
  readonly version: string;
  /** Its folder in the module: `./cmd/controller`, or `.`. */
  readonly package: string;
  /** Of `go build`; to the linker -s -w where nothing is said. */
  readonly flags?: readonly string[];
  /** Changes the module's source before it is built; what it does belongs into `flags` or `revision`. */
  readonly mend?: (source: string) => Promise<void>;
  readonly revision?: string;
}

const minuteMs = 60_000;
const limitMs = 40 * minuteMs;
const staging = `v0.${versions.kubernetes.slice(2)}`;

/** Path of the program, built now where no earlier run did. */
export const goProgram = async (wanted: GoProgram, progress: Progress): Promise<string> => {
  const { name, module, version, flags = ['-ldflags=-s -w'], revision = '' } = wanted;
  const key = [module, version, wanted.package, revision, ...(wanted.flags ?? []), process.arch];
  const folder = await cached({ name, key, progress }, async (unfinished) => {
    progress(`building ${name} ${version}, once`);
    const source = join(unfinished, 'source');
    await copyModule(`${module}@v${version}`, source);
    await wanted.mend?.(source);
    await go(source, ['build', '-mod=mod', ...flags, '-o', join(unfinished, name), wanted.package]);
    await removeTree(source);
  });
  return join(folder, name);
};

/** Paths of programs of Kubernetes itself, all built from one module of ours that asks for it. */
export const kubernetesPrograms = async <Name extends string>(
  names: readonly Name[],
  progress: Progress,
): Promise<Readonly<Record<Name, string>>> => {
  const version = versions.kubernetes;
  const folder = await cached(
    { name: 'kubernetes', key: [version, ...names, process.arch], progress },
    async (unfinished) => {
      progress(`building ${names.join(', ')} ${version}, once: about two minutes after the control plane`);
      const source = join(unfinished, 'source');
      await mkdir(source);
      await writeKubernetesModule(source, names);
      for (const name of names) {
        const output = join(unfinished, name);
        await go(source, ['build', `-ldflags=${kubernetesFlags()}`, '-o', output, `k8s.io/kubernetes/cmd/${name}`]);
      }
      await removeTree(source);
    },
  );
  return Object.fromEntries(names.map((name) => [name, join(folder, name)])) as Record<Name, string>;
};

/** The folder that Go keeps a module's source in, read-only. */
export const moduleFolder = async (moduleAtVersion: string): Promise<string> => {
  const answer = await run('go', ['mod', 'download', '-json', moduleAtVersion], { timeoutMs: 10 * minuteMs, cwd: '/' });
  const { Dir: folder } = JSON.parse(answer) as { readonly Dir?: string };
  if (folder === undefined) throw new Error(`The Go module ${moduleAtVersion} cannot be had.`);
  return folder;
};

/** Runs Go in a folder. A build that outlived an interrupted run would write where the next one does: the kernel ends it with us. */
export const go = async (folder: string, args: readonly string[]): Promise<void> => {
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' };
  await run('setpriv', ['--pdeathsig', 'KILL', 'go', ...args], { cwd: folder, env, timeoutMs: limitMs });
};

const copyModule = async (moduleAtVersion: string, folder: string): Promise<void> => {
  await cp(await moduleFolder(moduleAtVersion), folder, { recursive: true });
  await run('chmod', ['-R', 'u+w', folder], { timeoutMs: minuteMs });
};

/** Kubernetes asks for its staging modules at v0.0.0, which its own workspace supplies; they are released as v0.MINOR.PATCH. */
const writeKubernetesModule = async (folder: string, programs: readonly string[]): Promise<void> => {
  const kubernetes = `k8s.io/kubernetes`;
  const theirs = await readFile(join(await moduleFolder(`${kubernetes}@v${versions.kubernetes}`), 'go.mod'), 'utf8');
  const lines = theirs.split('\n');
  const kept = lines.filter((line) => /^(go|godebug) /.test(line));
  const replaced = lines.flatMap((line) => /^\s+(k8s\.io\/[a-z0-9-]+) v0\.0\.0$/.exec(line)?.[1] ?? []);
  const replaces = replaced.map((module) => `replace ${module} => ${module} ${staging}`);
  const require = `require ${kubernetes} v${versions.kubernetes}`;
  await writeFile(join(folder, 'go.mod'), ['module node', ...kept, require, ...replaces, ''].join('\n'));
  const imports = programs.map((program) => `import _ "${kubernetes}/cmd/${program}/app"`);
  await writeFile(join(folder, 'tools.go'), ['//go:build tools', 'package tools', ...imports, ''].join('\n'));
  // Tests of modules that are not served are missing; what is built is not (-e).
  await go(folder, ['mod', 'tidy', '-e']);
};

/** What a release sets, so that the node tells its version. */
const kubernetesFlags = (): string => {
  const [major = '', minor = ''] = versions.kubernetes.split('.');
  const values = { gitVersion: `v${versions.kubernetes}`, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  const settings = Object.entries(values).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  return ['-s', '-w', ...settings].join(' ');
};
