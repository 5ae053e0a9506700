import { hash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, type Progress } from '../cache.ts';
import { buildDockerfile, openBuildah } from './buildah.ts';
import { nfsServerBases, productBases } from './dockerfile-bases.ts';
import { digestOf, type ImageConfig } from './image.ts';

const root = join(import.meta.dirname, '../../..');
/** What .dockerignore lets a Dockerfile have. */
const CONTEXT = ['.dockerignore', 'package.json', 'package-lock.json', 'tsconfig.json', 'src', 'dev/bundle'];

/**
 * Path of the product's image as `docker load` and `ctr images import` read it: what buildah makes of this checkout's Dockerfile,
 * from bases made of Debian's packages, or made of the same files in an earlier run. Takes root.
 */
export const productImage = async (reference: string, progress: Progress): Promise<string> =>
  dockerImage({ dockerfile: 'Dockerfile', reference, bases: await productBases(progress) }, progress);

/** The same of the image of NFS servers, whose packages are installed as its Dockerfile says it. */
export const nfsServerImage = async (reference: string, progress: Progress): Promise<string> =>
  dockerImage(
    { dockerfile: 'images/nfs-server/Dockerfile', reference, bases: await nfsServerBases(progress) },
    progress,
  );

interface DockerImage {
  readonly dockerfile: string;
  readonly reference: string;
  /** Paths of tarballs. */
  readonly bases: readonly string[];
}

const dockerImage = async ({ dockerfile, reference, bases }: DockerImage, progress: Progress): Promise<string> => {
  const key = [reference, ...bases, await digestOfFiles([dockerfile, ...CONTEXT])];
  const [, name = ''] = /([^/]+):/.exec(reference) ?? [];
  const folder = await cached({ name: `${name}-image`, key, progress }, async (unfinished) => {
    await using buildah = await openBuildah(progress);
    for (const base of bases) await buildah.run('pull', '--quiet', `docker-archive:${base}`);
    progress(`building ${dockerfile}: npm ci, the bundle, and a run of it; some minutes`);
    await buildDockerfile(buildah, { context: root, dockerfile, reference });
    const target = `docker-archive:${join(unfinished, 'image.tar')}:${reference}`;
    await buildah.run('push', '--quiet', reference, target);
  });
  return join(folder, 'image.tar');
};

const digestOfFiles = async (paths: readonly string[]): Promise<string> => {
  const files = await Promise.all(paths.map((path) => filesBelow(path)));
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
