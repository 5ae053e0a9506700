import { chmod, chown, lstat, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { choice, integer, list, map, object, required, text } from '../api/schema.ts';
import { decodeAs } from '../api/schema-validation.ts';
import type { Export, ExportList } from './export-list.ts';
import { type Exported, exportedByProvisioner, exportOther, exportsConfig, nothingExported } from './ganesha.ts';

/** The folders of one disk, and what of them is exported. */
export interface Volumes {
  /** Makes it so on the disk: folders that are missing, then what Ganesha is to read. True where that is other than before. */
  readonly apply: (list: ExportList) => Promise<boolean>;
  /** After Ganesha has read it: puts folders aside that nobody can reach any more, and deletes them some time. */
  readonly remove: (paths: readonly string[]) => Promise<void>;
  /** Resolves when all that was put aside is deleted. */
  readonly swept: () => Promise<void>;
}

export interface VolumesOptions {
  /** Of the disk. */
  readonly disk: string;
  /** What Ganesha reads of the exports. */
  readonly exportsFile: string;
  readonly onError: (error: unknown) => void;
}

const savedSchema = object('What is exported, as it is kept on the disk.', {
  clients: required(list('CIDRs.', text('One.'))),
  exports: required(
    list(
      'Folders.',
      object('One.', {
        path: required(text('Its path.')),
        squash: required(choice('Of whom.', 'root', 'none')),
        gid: text('Its group.'),
      }),
    ),
  ),
  ids: required(map('Number of each folder.', integer('One.', { minimum: 1, maximum: 65_535 }))),
});

/** Where the server keeps what it must not forget, on the disk itself: no volume's folder begins with a dot. */
export const stateFolderOf = (disk: string): string => join(disk, '.quartermaster');

/** Opens a disk: what it exported before is what Ganesha reads when it starts. */
export const openVolumes = async ({ disk, exportsFile, onError }: VolumesOptions): Promise<Volumes> => {
  const state = stateFolderOf(disk);
  const removedFolder = join(state, 'removed');
  const newFolder = join(state, 'new');
  const savedFile = join(state, 'exports.json');
  for (const path of [removedFolder, newFolder]) await mkdir(path, { recursive: true, mode: 0o700 });
  await emptyFolder(newFolder);
  let exported = await readExported(savedFile, join(disk, 'vfs.conf'));
  await write(exportsFile, exportsConfig(exported));
  let sweeping: Promise<void> = Promise.resolve();
  const onDisk = (path: string): string => join(disk, path.slice('/export'.length));
  const sweep = (): void => {
    sweeping = sweeping.then(() => emptyFolder(removedFolder)).catch(onError);
  };
  sweep();
  return {
    apply: async (wanted) => {
      const next = exportOther(exported, wanted);
      const isOther = exportsConfig(next) !== exportsConfig(exported);
      for (const wish of wanted.exports) await makeFolder(onDisk(wish.path), newFolder, wish);
      await write(savedFile, JSON.stringify(next));
      await write(exportsFile, exportsConfig(next));
      exported = next;
      return isOther;
    },
    remove: async (paths) => {
      for (const path of paths)
        await rename(onDisk(path), join(removedFolder, path.replaceAll('/', '_'))).catch(unlessAbsent);
      if (paths.length > 0) sweep();
    },
    swept: () => sweeping,
  };
};

const readExported = async (savedFile: string, provisionersFile: string): Promise<Exported> => {
  const saved = await readFile(savedFile, 'utf8').catch(absent);
  if (saved !== undefined) return decodeAs(savedSchema, JSON.parse(saved)) ?? nothingExported;
  const config = await readFile(provisionersFile, 'utf8').catch(absent);
  return config === undefined ? nothingExported : exportedByProvisioner(config);
};

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);
const unlessAbsent = (error: unknown): void => void absent(error);
const absent = (error: unknown): undefined => {
  if (codeOf(error) !== 'ENOENT') throw error;
};

/**
 * A folder that is there stays as its users have it. A new one is made elsewhere: whoever is killed meanwhile leaves none that nobody
 * may write to.
 */
const makeFolder = async (path: string, newFolder: string, { gid, squash }: Export): Promise<void> => {
  if (await isThere(path)) {
    if (squash === 'root' && (await isHalfMade(path))) await finish(path, gid);
    return;
  }
  await mkdir(join(path, '..'), { recursive: true, mode: 0o755 });
  const made = join(newFolder, 'volume');
  await rm(made, { recursive: true, force: true });
  await mkdir(made);
  await finish(made, gid);
  await rename(made, path);
};

const finish = async (path: string, gid: string | undefined): Promise<void> => {
  if (gid !== undefined) await chown(path, 0, Number(gid));
  await chmod(path, gid === undefined ? 0o777 : 0o2770);
};

const isThere = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    (error: unknown) => absent(error) ?? false,
  );

/** Earlier versions made folders in place. No client has one of root's with this mode where its root is nobody. */
const isHalfMade = async (path: string): Promise<boolean> => {
  const { uid, mode } = await lstat(path);
  return uid === process.getuid?.() && (mode & 0o7777) === 0o755 && (await readdir(path)).length === 0;
};

/** Whole or not at all, whatever happens meanwhile. */
const write = async (path: string, content: string): Promise<void> => {
  const file = await open(`${path}.new`, 'w', 0o600);
  await file.writeFile(content);
  await file.sync();
  await file.close();
  await rename(`${path}.new`, path);
};

const emptyFolder = async (folder: string): Promise<void> => {
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true });
};
