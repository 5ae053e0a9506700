import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
