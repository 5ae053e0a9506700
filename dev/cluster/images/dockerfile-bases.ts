import { chmod, copyFile, mkdir, realpath, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../control-plane/command.ts';
import type { Progress } from '../cache.ts';
import { versions } from '../versions.ts';
import { debianLayer, digestOf, folderLayer, imageTarball } from './image.ts';
import { linkApplets, unpackPackages } from './node-images.ts';

const minuteMs = 60_000;
/** The npm that comes with Node 24. */
const NPM = 'npm@11';
/** What distroless lists for its `cc`, by Debian's names. */
const DISTROLESS = [
  ...['base-files', 'ca-certificates', 'libc6', 'libgcc-s1', 'libgomp1', 'libssl3', 'libstdc++6', 'media-types'],
  ...['netbase', 'tzdata'],
];
const architecture = process.arch === 'x64' ? 'x86-64' : 'aarch64';
/** `strip`, with what it needs. */
const STRIP = [
  'binutils-common',
  `binutils-${architecture}-linux-gnu`,
  'binutils',
  'libbinutils',
  'libzstd1',
  'zlib1g',
];

/** Paths of tarballs of the images that the Dockerfile starts from, by its names for them, made of Debian's packages and this project's Node. */
export const productBases = async (progress: Progress): Promise<readonly string[]> => [
  await buildBase(progress),
  await lastBase(progress),
];

/** The same for that of the NFS servers. */
export const nfsServerBases = async (progress: Progress): Promise<readonly string[]> => [
  await buildBase(progress),
  await debianBase(progress),
];

/** Debian with what it cannot do without, and apt to install more. */
const debianBase = async (progress: Progress): Promise<string> => {
  const base = await debianLayer('slim', [], progress);
  const layers = (): Promise<readonly string[]> => Promise.resolve([base]);
  return imageTarball(
    { reference: 'docker.io/library/debian:bookworm-slim', key: [base], config: {}, layers },
    progress,
  );
};

/** Busybox for a shell, `strip`, and Node with npm where Node's own image has them. */
const buildBase = async (progress: Progress): Promise<string> => {
  const node = await realpath(join(import.meta.dirname, '../../../node_modules/node/bin/node'));
  const packages = [...DISTROLESS, ...STRIP, 'busybox-static'];
  const layers = async (folder: string): Promise<readonly string[]> => {
    const root = join(folder, 'root');
    const prefix = join(root, 'usr/local');
    for (const name of ['bin', 'tmp', 'root', 'proc', 'dev', 'etc', 'usr/bin', 'usr/local/bin'])
      await mkdir(join(root, name), { recursive: true });
    await chmod(join(root, 'tmp'), 0o1777);
    await writeFile(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
    await unpackPackages(packages, root, folder);
    await linkApplets(root);
    await symlink('/bin/busybox', join(root, 'usr/bin/env'));
    await copyFile(node, join(prefix, 'bin/node'));
    await run('npm', ['install', '--global', '--no-audit', '--prefix', prefix, NPM], { timeoutMs: 5 * minuteMs });
    return [await folderLayer(root, join(folder, 'root.tar'))];
  };
  const key = [versions.debian, ...packages, await digestOf(node), NPM];
  return imageTarball({ reference: 'docker.io/library/node:24-bookworm', key, config: {}, layers }, progress);
};

/** The files of those packages and nothing else: no shell, as in the image it stands for. */
const lastBase = (progress: Progress): Promise<string> => {
  const layers = async (folder: string): Promise<readonly string[]> => {
    const root = join(folder, 'root');
    await mkdir(root);
    await unpackPackages(DISTROLESS, root, folder);
    return [await folderLayer(root, join(folder, 'base.tar'))];
  };
  const key = [versions.debian, ...DISTROLESS];
  const reference = 'gcr.io/distroless/cc-debian12:nonroot';
  return imageTarball({ reference, key, config: { User: '65532' }, layers }, progress);
};
