import { chmod, copyFile, mkdir, mkdtemp, readFile, realpath, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../../bundle/bundle.ts';
import { compile } from '../../bundle/compile.ts';
import { type Progress, removeTree } from '../cache.ts';
import { debianLayer, digestOf, folderLayer, type ImageConfig, imageTarball } from './image.ts';

const root = join(import.meta.dirname, '../../..');
/** What the base image of the Dockerfile's last stage holds besides Node. */
const basePackages = ['ca-certificates', 'libssl3', 'libstdc++6', 'netbase', 'tzdata'];

interface ProgramImage {
  readonly reference: string;
  /** Of the checkout. */
  readonly dockerfile: string;
  /** What the last stage's base holds, and what it installs. */
  readonly packages: readonly string[];
  /** As `debianLayer` has it. */
  readonly name: string;
  /** Where the Dockerfile has V8 compile ahead. */
  readonly isCompiled?: boolean;
  /** What else the last stage makes, in this folder. */
  readonly prepare?: (root: string) => Promise<void>;
}

/**
 * Path of the product's image: the Dockerfile's stages without Docker. What the first does is done in this checkout; the last is
 * made of Debian's packages and this project's own Node in place of the base image, configured as the Dockerfile says.
 */
export const productImage = (reference: string, progress: Progress): Promise<string> =>
  programImage(
    { reference, dockerfile: 'Dockerfile', packages: basePackages, name: 'product', isCompiled: true },
    progress,
  );

/** Path of the image of NFS servers, in the same way. */
export const nfsServerImage = (reference: string, progress: Progress): Promise<string> =>
  programImage(
    {
      reference,
      dockerfile: 'images/nfs-server/Dockerfile',
      packages: ['nfs-ganesha', 'nfs-ganesha-vfs', 'rpcbind'],
      name: 'nfs',
      prepare: async (folder) => {
        for (const name of ['export', 'etc']) await mkdir(join(folder, name));
        await symlink('/proc/self/mounts', join(folder, 'etc/mtab'));
      },
    },
    progress,
  );

const programImage = async (
  { reference, dockerfile, packages, name, isCompiled, prepare = () => Promise.resolve() }: ProgramImage,
  progress: Progress,
): Promise<string> => {
  const base = await debianLayer(name, packages, progress);
  const config = lastStage(await readFile(join(root, dockerfile), 'utf8'));
  const made = await mkdtemp(join(tmpdir(), 'quartermaster-image-'));
  // The image's user runs the program there once, to compile it.
  await chmod(made, 0o755);
  try {
    const program = join(made, 'bundle', config.WorkingDir ?? '/');
    await bundle(program);
    await prepare(join(made, 'bundle'));
    const node = await realpath(join(root, 'node_modules/node/bin/node'));
    const bundled = await folderLayer(join(made, 'bundle'), join(made, 'bundle.tar'));
    const key = [base, await digestOf(node), await digestOf(bundled)];
    const layers = async (folder: string) => {
      if (isCompiled) await compile(program, flagsOf(config), node);
      return [base, await nodeLayer(node, folder), await folderLayer(join(made, 'bundle'), join(folder, 'bundle.tar'))];
    };
    return await imageTarball({ reference, key, config, layers }, progress);
  } finally {
    await removeTree(made);
  }
};

/** How a Dockerfile's last stage has the process run. Throws an Error where one of the instructions is missing. */
export const lastStage = (dockerfile: string): ImageConfig => {
  const stage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
  const said = (instruction: string): string => {
    const [, value] = new RegExp(`^${instruction} (.+)$`, 'm').exec(stage) ?? [];
    if (value === undefined) throw new Error(`The last stage of the Dockerfile has no ${instruction}.`);
    return value;
  };
  return {
    WorkingDir: said('WORKDIR'),
    Env: said('ENV').split(' '),
    User: said('USER'),
    Entrypoint: JSON.parse(said('ENTRYPOINT')) as readonly string[],
    Cmd: JSON.parse(said('CMD')) as readonly string[],
  };
};

const nodeLayer = async (node: string, folder: string): Promise<string> => {
  const layer = join(folder, 'node');
  await mkdir(join(layer, 'nodejs/bin'), { recursive: true });
  await copyFile(node, join(layer, 'nodejs/bin/node'));
  return folderLayer(layer, join(folder, 'node.tar'));
};

/** What its entry point gives Node. */
export const flagsOf = ({ Entrypoint = [] }: ImageConfig): readonly string[] =>
  Entrypoint.filter((word) => word.startsWith('--'));
