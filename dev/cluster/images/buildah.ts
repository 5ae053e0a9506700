import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { ensureAptPackages } from '../../apt-packages.ts';
import { run } from '../../control-plane/command.ts';
import { cacheFolder, type Progress, removeTree } from '../cache.ts';

/** Debian's buildah with a storage of its own, which goes when this does. */
export interface Buildah extends AsyncDisposable {
  /** Gives its stdout. Throws an Error with the end of its stderr. */
  readonly run: (...args: readonly string[]) => Promise<string>;
  /** A folder for what is given to it and comes of it. */
  readonly folder: string;
}

const minuteMs = 60_000;
/** Dies with us, and with it whatever it started and mounted. */
const alone = ['--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];

/** In one sentence why nothing can be built on this machine; undefined where it can. */
export const buildObstacle = (): string | undefined => {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return 'Building the image without Docker takes root on Linux.';
  if (!existsSync('/usr/bin/apt-get')) return 'Building the image without Docker takes Debian packages, by apt-get.';
  return undefined;
};

export const openBuildah = async (progress: Progress): Promise<Buildah> => {
  const packages = { '/usr/bin/buildah': 'buildah' };
  await ensureAptPackages({ packages, user: 'Building the image without Docker', progress });
  await mkdir(cacheFolder(), { recursive: true });
  await removeAbandoned();
  const folder = await mkdtemp(join(cacheFolder(), `buildah-${process.pid}-`));
  // Plain copies: a file system over another is not to be had everywhere.
  const storage = ['--root', join(folder, 'storage'), '--runroot', join(folder, 'run'), '--storage-driver', 'vfs'];
  return {
    folder,
    run: (...args) => run('setpriv', [...alone, 'buildah', ...storage, ...args], { timeoutMs: 20 * minuteMs }),
    [Symbol.asyncDispose]: () => removeTree(folder),
  };
};

/** What a process left that was killed. */
const removeAbandoned = async (): Promise<void> => {
  for (const name of await readdir(cacheFolder())) {
    const [, owner] = /^buildah-(\d+)-/.exec(name) ?? [];
    if (owner !== undefined && !existsSync(`/proc/${owner}`)) await removeTree(join(cacheFolder(), name));
  }
};

/** Builds a Dockerfile of the checkout `context` as `reference`, from images that are in its storage and no others. */
export const buildDockerfile = async (
  { run: buildah, folder }: Buildah,
  { context, dockerfile, reference }: { context: string; dockerfile: string; reference: string },
): Promise<void> => {
  const volumes = [...(await npmOfThisMachine(folder)), await aptOfThisMachine(folder)].flatMap((volume) => [
    '--volume',
    volume,
  ]);
  const how = ['--isolation', 'chroot', '--pull=never', '--format', 'oci', ...volumes];
  await buildah('build', ...how, '--file', join(context, dockerfile), '--tag', reference, context);
};

/** What decides how npm reaches its registry, besides whom it trusts. */
const REACH = ['registry', 'strict-ssl', 'proxy', 'https-proxy', 'noproxy'];

/** Volumes for the build: how npm gets packages on this machine, whom it trusts for that, and what it fetched before. */
const npmOfThisMachine = async (folder: string): Promise<readonly string[]> => {
  const configured = async (name: string): Promise<string> =>
    (await run('npm', ['config', 'get', name], { timeoutMs: minuteMs })).trim();
  const isSet = (value: string): boolean => !['', 'null', 'undefined'].includes(value);
  const authorities = await configured('cafile');
  const own = isSet(authorities) ? [await readFile(authorities, 'utf8')] : [];
  await writeFile(join(folder, 'authorities.pem'), [...getCACertificates('default'), ...own].join('\n'));
  const lines = ['prefer-offline=true', 'cafile=/etc/npm-authorities.pem'];
  for (const name of REACH) {
    const value = await configured(name);
    if (isSet(value)) lines.push(`${name}=${value}`);
  }
  await writeFile(join(folder, 'npmrc'), `${lines.join('\n')}\n`);
  return [
    `${join(folder, 'npmrc')}:/root/.npmrc:ro`,
    `${join(folder, 'authorities.pem')}:/etc/npm-authorities.pem:ro`,
    `${await configured('cache')}:/root/.npm`,
  ];
};

/** The same for apt: by which proxies, and how often. */
const aptOfThisMachine = async (folder: string): Promise<string> => {
  const dump = ['dump', '--format', '%F "%v";%n', 'Acquire::http', 'Acquire::https', 'Acquire::Retries'];
  await writeFile(join(folder, 'apt.conf'), await run('apt-config', dump, { timeoutMs: minuteMs }));
  return `${join(folder, 'apt.conf')}:/etc/apt/apt.conf.d/99this-machine:ro`;
};
