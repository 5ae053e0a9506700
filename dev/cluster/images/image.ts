import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from '../../control-plane/command.ts';
import { cached, type Progress } from '../cache.ts';
import { versions } from '../versions.ts';

/** The part of an image's configuration that is used here, by the names the format has. */
export interface ImageConfig {
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Env?: readonly string[];
  readonly User?: string;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

/** An image to be: `key` is all that its layers depend on besides their packages; `layers` fills the folder with tarballs and names them, lowest first. */
export interface ImageSource {
  /** The reference in manifests, registry included. */
  readonly reference: string;
  readonly key: readonly string[];
  readonly config: ImageConfig;
  readonly layers: (folder: string) => Promise<readonly string[]>;
}

const minuteMs = 60_000;
/** Images are compared by what they hold, so nothing in them may come from the clock. */
const epoch = '2020-01-01T00:00:00Z';
const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Path of the image as a tarball that `ctr images import` and `docker load` read; made now where no earlier run did. */
export const imageTarball = async (source: ImageSource, progress: Progress): Promise<string> => {
  const { reference, config } = source;
  const name = `image-${reference.replaceAll(/[^a-z0-9]+/g, '-')}`;
  const folder = await cached({ name, key: [...source.key, JSON.stringify(config)], progress }, async (unfinished) => {
    progress(`making the image ${reference}`);
    await mkdir(join(unfinished, 'layers'));
    const layers = await source.layers(join(unfinished, 'layers'));
    await packImage(join(unfinished, 'image.tar'), { reference, config, layers });
    await run('rm', ['-r', join(unfinished, 'layers')], { timeoutMs: minuteMs });
  });
  return join(folder, 'image.tar');
};

/** Path of a tarball, in the cache, of Debian with these packages and what they need. */
export const debianLayer = async (name: string, packages: readonly string[], progress: Progress): Promise<string> => {
  const release = versions.debian;
  const folder = await cached({ name: `debian-${name}`, key: [release, ...packages], progress }, async (unfinished) => {
    progress(`making Debian's root file system for ${name}: about half a minute`);
    const options = ['--quiet', '--variant=minbase', '--skip=output/dev', '--aptopt=APT::Install-Recommends "false"'];
    const without = ['/usr/share/doc/*', '/usr/share/locale/*', '/usr/share/info/*'];
    const excluded = without.map((pattern) => `--dpkgopt=path-exclude=${pattern}`);
    const included = packages.length === 0 ? [] : [`--include=${packages.join(',')}`];
    const output = join(unfinished, 'root.tar');
    await run('mmdebstrap', [...options, ...excluded, ...included, release, output], { timeoutMs: 15 * minuteMs });
  });
  return join(folder, 'root.tar');
};

/** Path of a tarball of a folder, which root owns in it. */
export const folderLayer = async (root: string, tarball: string): Promise<string> => {
  const fixed = ['--numeric-owner', '--owner=0', '--group=0', '--sort=name', `--mtime=${epoch}`];
  await run('tar', ['-C', root, ...fixed, '-cf', tarball, '.'], { timeoutMs: 10 * minuteMs });
  return tarball;
};

interface Packed {
  readonly reference: string;
  readonly config: ImageConfig;
  readonly layers: readonly string[];
}

/** Writes the format of `docker save`: layers, a configuration named by its digest, and a manifest. */
const packImage = async (tarball: string, { reference, config, layers }: Packed): Promise<void> => {
  const folder = `${tarball}.parts`;
  await mkdir(folder);
  const digests = await Promise.all(layers.map(digestOf));
  const names = digests.map((digest) => `${digest}.tar`);
  for (const [index, layer] of layers.entries()) await copyFile(layer, join(folder, names[index] ?? ''));
  const document = JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    created: epoch,
    config: { ...config, Env: [path, ...(config.Env ?? [])] },
    rootfs: { type: 'layers', diff_ids: digests.map((digest) => `sha256:${digest}`) },
    history: layers.map(() => ({ created: epoch })),
  });
  const configName = `${hash('sha256', document)}.json`;
  await writeFile(join(folder, configName), document);
  const manifest = [{ Config: configName, RepoTags: [reference], Layers: names }];
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  const members = ['manifest.json', configName, ...new Set(names)];
  await run('tar', ['-C', folder, '-cf', `${tarball}.part`, ...members], { timeoutMs: 10 * minuteMs });
  await run('rm', ['-r', folder], { timeoutMs: minuteMs });
  await rename(`${tarball}.part`, tarball);
};

/** The SHA-256 of a file, in hex. */
export const digestOf = async (file: string): Promise<string> => {
  const sum = createHash('sha256');
  await pipeline(createReadStream(file), sum);
  return sum.digest('hex');
};
