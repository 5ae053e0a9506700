import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build, type Metafile } from 'esbuild';
import { plainBuiltins } from './plain-builtins.ts';

const root = join(import.meta.dirname, '../..');

/** Packages written as CommonJS ask for `require`, which an ES module does not have. */
const requireShim =
  "import { createRequire as createRequireHere } from 'node:module'; const require = createRequireHere(import.meta.url);";

/**
 * Bundles the program, or another of this project, into `directory`: `main.mjs`, and a chunk for everything that is imported only when it is used (each cloud's
 * SDK, the certificate library, each command). What is there goes first. Needs nothing but Node 24 to run.
 */
export const bundle = async (directory: string, entryPoint = 'src/main.ts'): Promise<Metafile> => {
  await rm(directory, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { main: entryPoint },
    outdir: directory,
    outExtension: { '.js': '.mjs' },
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    // Names stay as they are: a stack trace is to be read.
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'linked',
    banner: { js: requireShim },
    plugins: [plainBuiltins],
    metafile: true,
    logLevel: 'warning',
  });
  return metafile;
};

/** The packages that are loaded as soon as `main.mjs` is. */
export const packagesAtStart = ({ outputs }: Metafile): ReadonlySet<string> => {
  const main = Object.keys(outputs).find((path) => path.endsWith('main.mjs')) ?? '';
  const seen = new Set([main]);
  for (const path of seen) {
    for (const { path: next, kind } of outputs[path]?.imports ?? []) if (kind === 'import-statement') seen.add(next);
  }
  return new Set([...seen].flatMap((path) => Object.keys(outputs[path]?.inputs ?? {}).flatMap(packageOf)));
};

const packageOf = (input: string): readonly string[] => {
  const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules)/.exec(input) ?? [];
  return name === undefined ? [] : [name];
};
