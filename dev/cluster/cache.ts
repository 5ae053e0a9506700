import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { withLock } from '../control-plane/build-lock.ts';

/** Called with one line per step that takes long. */
export type Progress = (line: string) => void;

/** What is kept between runs: its name, and all that its content depends on. */
export interface Cached {
  readonly name: string;
  readonly key: readonly string[];
  readonly progress: Progress;
}

/** Where everything built for the cluster is kept: under XDG_CACHE_HOME, or ~/.cache. */
export const cacheFolder = (environment: NodeJS.ProcessEnv = process.env): string => {
  const { XDG_CACHE_HOME: root } = environment;
  return join(root || join(homedir(), '.cache'), 'quartermaster', 'cluster');
};

/**
 * Gives the folder that `make` filled, now or in an earlier run with the same key. `make` works in a folder of another name that
 * becomes this one when it is done: a folder that exists is whole. What an interrupted run left and what another key made goes.
 */
export const cached = async (
  { name, key, progress }: Cached,
  make: (folder: string) => Promise<void>,
): Promise<string> => {
  const root = cacheFolder();
  const folder = join(root, `${name}-${digest(key)}`);
  if (existsSync(folder)) return folder;
  await mkdir(root, { recursive: true });
  const onWait = () => progress(`another run is preparing ${name}; waiting`);
  await withLock(join(root, `${name}.lock`), onWait, async () => {
    if (existsSync(folder)) return;
    const unfinished = join(root, `${name}-unfinished`);
    await removeTree(unfinished);
    await mkdir(unfinished);
    await make(unfinished);
    await removeOthers(root, name);
    await rename(unfinished, folder);
  });
  return folder;
};

const digest = (key: readonly string[]): string => hash('sha256', JSON.stringify(key)).slice(0, 12);

const removeOthers = async (root: string, name: string): Promise<void> => {
  const isOther = new RegExp(`^${name}-[0-9a-f]{12}$`);
  const others = (await readdir(root)).filter((entry) => isOther.test(entry));
  await Promise.all(others.map((entry) => removeTree(join(root, entry))));
};

/** Root file systems hold folders that nobody may write to; root removes them all the same. */
export const removeTree = (path: string): Promise<void> => rm(path, { recursive: true, force: true, maxRetries: 3 });
