import { copyFile, mkdir, mkdtemp, readFile, realpath } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../../bundle/bundle.ts';
import { compile } from '../../bundle/compile.ts';
import { type Progress, removeTree } from '../cache.ts';
import { debianLayer, digestOf, folderLayer, type ImageConfig, imageTarball } from './image.ts';

const root = join(import.meta.dirname, '../../..');
/** What the base image of the Dockerfile's last stage holds besides Node. */
const basePackages = ['ca-certificates', 'libssl3', 'libstdc++6', 'netbase', 'tzdata'];

/**
 * Path of the product's image: the Dockerfile's stages without Docker. What the first does is done in this checkout; the last is
 * made of Debian's packages and this project's own Node in place of the base image, configured as the Dockerfile says.
 */
export const productImage = async (reference: string, progress: Progress): Promise<string> => {
  const base = await debianLayer('product', basePackages, progress);
  const config = lastStage(await readFile(join(root, 'Dockerfile'), 'utf8'));
  const made = await mkdtemp(join(tmpdir(), 'quartermaster-image-'));
  try {
    const program = join(made, 'bundle', config.WorkingDir ?? '/');
    await bundle(program);
    const node = await realpath(join(root, 'node_modules/node/bin/node'));
    const bundled = await folderLayer(join(made, 'bundle'), join(made, 'bundle.tar'));
    const key = [base, await digestOf(node), await digestOf(bundled)];
    const layers = async (folder: string) => {
      await compile(program, flagsOf(config), node);
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
