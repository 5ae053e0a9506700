import { hash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, realpath, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundle } from '../../bundle/bundle.ts';
import { cached, type Progress, removeTree } from '../cache.ts';
import { buildDockerfile, openBuildah } from './buildah.ts';
import { dockerfileBases } from './dockerfile-bases.ts';
import { debianLayer, digestOf, folderLayer, type ImageConfig, imageTarball } from './image.ts';

const root = join(import.meta.dirname, '../../..');
/** What .dockerignore lets the Dockerfile have, and the Dockerfile. */
const CONTEXT = [
  'Dockerfile',
  '.dockerignore',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'src',
  'dev/bundle',
];

/**
 * Path of the product's image as `docker load` and `ctr images import` read it: what buildah makes of this checkout's Dockerfile,
 * from bases made of Debian's packages, or made of the same files in an earlier run. Takes root.
 */
export const productImage = async (reference: string, progress: Progress): Promise<string> => {
  const bases = await dockerfileBases(progress);
  const key = [reference, ...bases, await digestOfContext()];
  const folder = await cached({ name: 'product-image', key, progress }, async (unfinished) => {
    await using buildah = await openBuildah(progress);
    for (const base of bases) await buildah.run('pull', '--quiet', `docker-archive:${base}`);
    progress('building the Dockerfile: npm ci, the bundle, and a run of it; some minutes');
    await buildDockerfile(buildah, { context: root, dockerfile: 'Dockerfile', reference });
    const target = `docker-archive:${join(unfinished, 'image.tar')}:${reference}`;
    await buildah.run('push', '--quiet', reference, target);
  });
  return join(folder, 'image.tar');
};

const digestOfContext = async (): Promise<string> => {
  const files = await Promise.all(CONTEXT.map((path) => filesBelow(path)));
  const digests = files.flat().map(async (file) => `${file} ${await digestOf(join(root, file))}`);
  return hash('sha256', (await Promise.all(digests)).join('\n'));
};

/** Paths from the root, sorted; a file is itself. */
const filesBelow = async (path: string): Promise<readonly string[]> => {
  if (/\.[a-z]+$|file$/.test(path)) return [path];
  const entries = await readdir(join(root, path), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return files.map((file) => file.slice(root.length + 1)).toSorted();
};

/**
 * Path of the image of NFS servers: its Dockerfile's stages without Docker, which cannot be built without a registry's Debian to
 * install packages in. What the first does is done in this checkout; the last is made of Debian's packages and this project's own Node.
 */
export const nfsServerImage = async (reference: string, progress: Progress): Promise<string> => {
  const base = await debianLayer('nfs', ['nfs-ganesha', 'nfs-ganesha-vfs', 'rpcbind'], progress);
  const config = lastStage(await readFile(join(root, 'images/nfs-server/Dockerfile'), 'utf8'));
  const made = await mkdtemp(join(tmpdir(), 'quartermaster-image-'));
  try {
    await bundle(join(made, 'bundle', config.WorkingDir ?? '/'));
    for (const name of ['export', 'etc']) await mkdir(join(made, 'bundle', name));
    await symlink('/proc/self/mounts', join(made, 'bundle/etc/mtab'));
    const node = await realpath(join(root, 'node_modules/node/bin/node'));
    const bundled = await folderLayer(join(made, 'bundle'), join(made, 'bundle.tar'));
    const key = [base, await digestOf(node), await digestOf(bundled)];
    const layers = async (folder: string) => [base, await nodeLayer(node, folder), bundled];
    return await imageTarball({ reference, key, config, layers }, progress);
  } finally {
    await removeTree(made);
  }
};

const nodeLayer = async (node: string, folder: string): Promise<string> => {
  const layer = join(folder, 'node');
  await mkdir(join(layer, 'nodejs/bin'), { recursive: true });
  await copyFile(node, join(layer, 'nodejs/bin/node'));
  return folderLayer(layer, join(folder, 'node.tar'));
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

/** What its entry point gives Node. */
export const flagsOf = ({ Entrypoint = [] }: ImageConfig): readonly string[] =>
  Entrypoint.filter((word) => word.startsWith('--'));
