import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureAptPackages } from '../apt-packages.ts';
import {
  type AptSource,
  debianArchives,
  parseDeb822Sources,
  parseOneLineSources,
  sourcePackages,
} from './apt-sources.ts';
import { run } from './command.ts';

const minuteMs = 60_000;
/** The last release whose source package carries Kubernetes whole, with its vendored tree. */
const suite = 'bookworm';
const tarball = 'kubernetes_1.20.5+really1.20.2.orig.tar.gz';
const packages = { '/usr/bin/go': 'golang-go', '/usr/bin/etcd': 'etcd-server' };

/** The release's code name ("bookworm") on Debian itself, otherwise undefined: derivatives have other archives. */
export async function debianCodename(): Promise<string | undefined> {
  const release = existsSync('/etc/os-release') ? await readFile('/etc/os-release', 'utf8') : '';
  if (!/^ID=debian$/m.test(release)) return undefined;
  return /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1] ?? 'sid';
}

/** Has Go and etcd installed: by apt-get where we are root, otherwise throws an Error that names the packages. */
export async function ensurePackages(progress: (line: string) => void): Promise<void> {
  const otherwise = 'or set KUBEBUILDER_ASSETS to a directory that holds kube-apiserver, etcd and kubectl';
  await ensureAptPackages({ packages, user: 'The control plane', otherwise, progress });
}

/**
 * Downloads the source of Kubernetes from the Debian archive this system already uses, and gives the tarball's path.
 * apt checks the signatures; its lists, cache and sources all live in the directory, and the system's are not touched.
 */
export async function fetchKubernetesSource(directory: string, codename: string): Promise<string> {
  const archives = debianArchives(await systemSources(), codename);
  const failures: unknown[] = [];
  for (const archive of archives) {
    try {
      return await fetchFrom(archive, directory);
    } catch (cause) {
      failures.push(cause);
    }
  }
  const why = failures.length === 0 ? 'no source in /etc/apt names it' : failures.map(String).join('; ');
  throw new Error(`Kubernetes' source package cannot be had from Debian's archive: ${why}`, { cause: failures });
}

async function fetchFrom(archive: AptSource, directory: string): Promise<string> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(join(directory, 'lists', 'partial'), { recursive: true });
  await mkdir(join(directory, 'cache', 'archives', 'partial'), { recursive: true });
  await mkdir(join(directory, 'sources'));
  await writeFile(join(directory, 'sources', 'debian.sources'), sourcePackages(archive, suite));
  const options = { cwd: directory, timeoutMs: 10 * minuteMs };
  const own = ownConfiguration(directory);
  await run('apt-get', [...own, 'update', '-q'], options);
  await run('apt-get', [...own, 'source', '-q', '--download-only', 'kubernetes'], options);
  const path = join(directory, tarball);
  if (!existsSync(path)) throw new Error(`${suite} has no ${tarball}, found ${(await readdir(directory)).join(', ')}`);
  return path;
}

function ownConfiguration(directory: string): readonly string[] {
  const settings = {
    'Dir::Etc::sourcelist': '/dev/null',
    'Dir::Etc::sourceparts': join(directory, 'sources'),
    'Dir::State::Lists': join(directory, 'lists'),
    'Dir::Cache': join(directory, 'cache'),
    'Acquire::Languages': 'none',
    'Acquire::http::Timeout': '20',
    'Acquire::https::Timeout': '20',
    'APT::Sandbox::User': 'root',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

async function systemSources(): Promise<readonly AptSource[]> {
  const parts = '/etc/apt/sources.list.d';
  const files = existsSync(parts) ? (await readdir(parts)).toSorted().map((name) => join(parts, name)) : [];
  const read = ['/etc/apt/sources.list', ...files].filter((file) => existsSync(file)).map(readSources);
  return (await Promise.all(read)).flat();
}

async function readSources(file: string): Promise<readonly AptSource[]> {
  if (file.endsWith('.sources')) return parseDeb822Sources(await readFile(file, 'utf8'));
  if (file.endsWith('.list')) return parseOneLineSources(await readFile(file, 'utf8'));
  return [];
}
