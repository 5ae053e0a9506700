import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, removeTree } from '../dev/cluster/cache.ts';
import { run } from '../dev/control-plane/command.ts';

/** A peer of ours to build: a main of our own, and the libraries of its lockfile. */
interface Source {
  readonly name: string;
  /** Its folder here, and what is built there; the program is written to `output`. */
  readonly build: (folder: string, output: string) => Promise<unknown>;
  readonly tool: string;
}

const limitMs = 40 * 60_000;

const sources = {
  'kube-rs': {
    name: 'kube-rs',
    tool: 'cargo',
    build: async (folder, output) => {
      const target = join(folder, 'target');
      await run('nice', ['cargo', 'build', '--release', '--locked', '--target-dir', target], {
        cwd: folder,
        timeoutMs: limitMs,
      });
      await cp(join(target, 'release', 'kube-rs-webhook'), output);
    },
  },
  'controller-runtime': {
    name: 'controller-runtime',
    tool: 'go',
    build: (folder, output) =>
      run('nice', ['go', 'build', '-trimpath', '-ldflags=-s -w', '-o', output, '.'], {
        cwd: folder,
        env: { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' },
        timeoutMs: limitMs,
      }),
  },
} as const satisfies Readonly<Record<string, Source>>;

export type BuiltPeer = keyof typeof sources;
export const builtPeers = Object.keys(sources) as readonly BuiltPeer[];

const isThere = (tool: string): boolean => spawnSync(tool, ['--version']).error === undefined;
const progress = (line: string): void => void process.stderr.write(`peers: ${line}\n`);

/** Path of the program, built now where no earlier run did; undefined, with a word, where its compiler is not here. */
export const buildPeer = async (peer: BuiltPeer): Promise<string | undefined> => {
  const { name, tool, build }: Source = sources[peer];
  if (!isThere(tool)) {
    progress(`${name} is left out: there is no ${tool} here`);
    return undefined;
  }
  const here = join(import.meta.dirname, 'peers', name);
  const files = (await readdir(here, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name)).sort();
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  const folder = await cached({ name, key: [...texts, process.arch], progress }, async (unfinished) => {
    progress(`building ${name}, once`);
    const copy = join(unfinished, 'source');
    await cp(here, copy, { recursive: true });
    await build(copy, join(unfinished, name));
    await removeTree(copy);
  });
  return join(folder, name);
};

/** What the lockfiles pin, for the page. */
export const peerVersions = (): readonly string[] => {
  const read = (path: string): string => readFileSync(join(import.meta.dirname, 'peers', path), 'utf8');
  const locked = (text: string, pattern: RegExp): string => pattern.exec(text)?.[1] ?? 'unknown';
  return [
    `kube-rs ${locked(read('kube-rs/Cargo.lock'), /name = "kube"\nversion = "([^"]+)"/)}`,
    `controller-runtime ${locked(read('controller-runtime/go.mod'), /controller-runtime v(\S+)/)}`,
  ];
};
