import { existsSync, readdirSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ExportList } from '../../src/nfs-server/export-list.ts';
import { openVolumes } from '../../src/nfs-server/volumes.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quartermaster-nfs-'));
  await mkdir(join(folder, 'disk'));
});
afterEach(() => rm(folder, { recursive: true }));

const open = () => {
  const onError = (error: unknown): void => {
    throw error;
  };
  return openVolumes({ disk: join(folder, 'disk'), exportsFile: join(folder, 'exports.conf'), onError });
};
const list = (paths: readonly string[], more: Partial<ExportList> = {}): ExportList => ({
  clients: [],
  exports: paths.map((path) => ({ path, squash: 'root' })),
  removed: [],
  ...more,
});
const exported = async (): Promise<readonly string[]> => {
  const config = await readFile(join(folder, 'exports.conf'), 'utf8');
  return [...config.matchAll(/Export_Id = (\d+);.*? Path = (\S+);/g)].map(([, id, path]) => `${id} ${path}`);
};
const [one, two, three] = ['/export/volumes/a/one', '/export/volumes/b/two', '/export/volumes/b/three'] as const;

test('a folder is there for everybody to write to before it is exported, and one that is there is left as it is', async () => {
  const volumes = await open();
  await volumes.apply(list([one]));
  const made = join(folder, 'disk/volumes/a/one');
  expect((await stat(made)).mode & 0o7777).toBe(0o777);
  await writeFile(join(made, 'file'), 'kept');
  await volumes.apply(list([one, two]));
  expect(await readFile(join(made, 'file'), 'utf8')).toBe('kept');
  expect(await exported()).toEqual([`1 ${one}`, `2 ${two}`]);
});

const modeOf = async (path: string): Promise<number> => (await stat(join(folder, 'disk', path))).mode & 0o7777;

test('no folder is there before it is as it is to be, so that a server that is killed leaves none half made', async () => {
  const volumes = await open();
  const names = Array.from({ length: 100 }, (_, at) => `pvc-${at}`);
  const modes = new Map<string, number>();
  let isMaking = true;
  const look = async (): Promise<void> => {
    const parent = join(folder, 'disk/volumes/a');
    for (; isMaking; await nextTurn()) {
      const news = existsSync(parent) ? readdirSync(parent).filter((name) => !modes.has(name)) : [];
      for (const name of news) modes.set(name, statSync(join(parent, name)).mode & 0o7777);
    }
  };
  const looking = look();
  await volumes.apply(list(names.map((name) => `/export/volumes/a/${name}`)));
  isMaking = false;
  await looking;
  expect(new Set(modes.values())).toEqual(new Set([0o777]));
});

test('what a server that was killed was making is gone when it starts again', async () => {
  await (await open()).apply(list([one]));
  await mkdir(join(folder, 'disk/.quartermaster/new/volume'), { recursive: true });
  await (await open()).apply(list([one, two]));
  expect(await readdir(join(folder, 'disk/.quartermaster/new'))).toEqual([]);
  expect(await modeOf('volumes/b/two')).toBe(0o777);
});

test('a folder that an earlier version left half made is made whole; nobody can have had it so, or put anything in it', async () => {
  const halfMade = async (path: string, mode = 0o755): Promise<void> => {
    await mkdir(join(folder, 'disk', path), { recursive: true });
    await chmod(join(folder, 'disk', path), mode);
  };
  await halfMade('volumes/a/one');
  await halfMade('volumes/b/two/file');
  await halfMade('volumes/b/three', 0o750);
  await halfMade('volumes/b/as-root');
  const asRoot = { path: '/export/volumes/b/as-root', squash: 'none' } as const;
  const volumes = await open();
  await volumes.apply({ ...list([one, two, three]), exports: [...list([one, two, three]).exports, asRoot] });
  expect(await modeOf('volumes/a/one')).toBe(0o777);
  expect(await modeOf('volumes/b/two')).toBe(0o755);
  expect(await modeOf('volumes/b/three')).toBe(0o750);
  expect(await modeOf('volumes/b/as-root')).toBe(0o755);
});

test.skipIf(process.getuid?.() !== 0)('a folder that cannot be given to its group is not there', async () => {
  const volumes = await open();
  const of = (gid: string): ExportList => ({ ...list([]), exports: [{ path: one, squash: 'root', gid }] });
  for (let tries = 0; tries < 2; tries += 1) await expect(volumes.apply(of('9999999999'))).rejects.toThrow();
  await volumes.apply(of('2000'));
  expect(await modeOf('volumes/a/one')).toBe(0o2770);
  expect((await stat(join(folder, 'disk/volumes/a/one'))).gid).toBe(2000);
});

test('a folder keeps its number through restarts and whatever else comes and goes', async () => {
  await (await open()).apply(list([one, two]));
  await rm(join(folder, 'exports.conf'));
  const again = await open();
  expect(await exported()).toEqual([`1 ${one}`, `2 ${two}`]);
  await again.apply(list([two, three]));
  expect(await exported()).toEqual([`2 ${two}`, `3 ${three}`]);
  await again.apply(list([one, two, three]));
  expect(await exported()).toEqual([`1 ${one}`, `2 ${two}`, `3 ${three}`]);
});

test('what is removed goes with all that it holds, and nothing that it points to', async () => {
  const volumes = await open();
  await volumes.apply(list([one, two]));
  await writeFile(join(folder, 'disk/volumes/b/two/mine'), 'kept');
  await symlink(join(folder, 'disk/volumes/b/two'), join(folder, 'disk/volumes/a/one/link'));
  await volumes.apply(list([two], { removed: [one] }));
  await volumes.remove([one]);
  await volumes.remove([one]);
  await volumes.swept();
  expect(await readdir(join(folder, 'disk/volumes/a'))).toEqual([]);
  expect(await readdir(join(folder, 'disk/.quartermaster/removed'))).toEqual([]);
  expect(await readFile(join(folder, 'disk/volumes/b/two/mine'), 'utf8')).toBe('kept');
});

test('what is told again has Ganesha read nothing anew, unless a folder, its squash or who may mount it is another', async () => {
  const volumes = await open();
  expect(await volumes.apply(list([one]))).toBe(true);
  expect(await volumes.apply(list([one]))).toBe(false);
  expect(await volumes.apply(list([one, two]))).toBe(true);
  expect(await volumes.apply(list([one, two], { clients: ['10.0.0.0/8'] }))).toBe(true);
  expect(await volumes.apply(list([one], { clients: ['10.0.0.0/8'] }))).toBe(true);
});

test('only those may mount that the list names', async () => {
  await (await open()).apply(list([one], { clients: ['10.0.0.0/8', 'fd00::/64'] }));
  expect(await readFile(join(folder, 'exports.conf'), 'utf8')).toContain(
    'CLIENT { Clients = 10.0.0.0/8, fd00::/64; Access_Type = RW; Squash = Root_Squash; }',
  );
});

test('what nfs-provisioner exported is served again under its numbers, before anybody says so', async () => {
  const block = (id: number, squash: string): string =>
    `\nEXPORT\n{\n\tExport_Id = ${id};\n\tPath = /export/pvc-${id};\n\tPseudo = /export/pvc-${id};\n\tAccess_Type = RW;\n\tSquash = ${squash};\n\tSecType = sys;\n\tFilesystem_id = ${id}.${id};\n\tFSAL {\n\t\tName = VFS;\n\t}\n}\n`;
  const unused =
    '\nEXPORT\n{\n\tExport_Id = 0;\n\tPath = /nonexistent;\n\tPseudo = /nonexistent;\n\tFSAL {\n\t\tName = VFS;\n\t}\n}\n';
  await writeFile(join(folder, 'disk/vfs.conf'), unused + block(3, 'no_root_squash') + block(7, 'root_id_squash'));
  const volumes = await open();
  expect(await exported()).toEqual(['3 /export/pvc-3', '7 /export/pvc-7']);
  expect(await readFile(join(folder, 'exports.conf'), 'utf8')).toMatch(
    /pvc-3; Access_Type = RW; Squash = No_Root_Squash;/,
  );
  expect(await readFile(join(folder, 'exports.conf'), 'utf8')).toMatch(
    /pvc-7; Access_Type = RW; Squash = Root_Squash;/,
  );
  await volumes.apply(list([one, '/export/pvc-3', '/export/pvc-7']));
  expect(await exported()).toEqual([`1 ${one}`, '3 /export/pvc-3', '7 /export/pvc-7']);
});
