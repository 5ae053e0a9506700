import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../until.ts';
import { nodeName } from './layout.ts';

const mountPoint = '/sys/fs/cgroup';
/** What the kernel removes from a group when its last process has gone takes a moment. */
const emptyWithinMs = 10_000;

/** The machine has one hierarchy (version 2). */
const isUnified = (): boolean => existsSync(join(mountPoint, 'cgroup.controllers'));

/** True where control groups are mounted and ours to make. */
export const hasControlGroups = (): boolean => isUnified() || existsSync(join(mountPoint, 'memory/cgroup.procs'));

/** Makes the group that everything of the node's pods is below, in each hierarchy. */
export const makeControlGroups = async (): Promise<void> => {
  for (const group of await groupsOf(nodeName)) await mkdir(group, { recursive: true });
  if (isUnified()) {
    const available = await readFile(join(mountPoint, nodeName, 'cgroup.controllers'), 'utf8');
    const wanted = available
      .trim()
      .split(' ')
      .map((controller) => `+${controller}`);
    await writeFile(join(mountPoint, nodeName, 'cgroup.subtree_control'), wanted.join(' '));
    return;
  }
  // A new cpuset has no processors, and nothing can run in it.
  for (const file of ['cpuset.cpus', 'cpuset.mems'])
    await writeFile(join(mountPoint, 'cpuset', nodeName, file), await readFile(join(mountPoint, 'cpuset', file)));
};

/** Removes the groups, of the node unless another is named, whose processes have all ended. Gone already is success. */
export const removeControlGroups = async (group = nodeName): Promise<void> => {
  for (const path of await groupsOf(group)) await until(emptyWithinMs, () => removeGroup(path));
};

const groupsOf = async (group: string): Promise<readonly string[]> => {
  if (isUnified()) return [join(mountPoint, group)];
  const entries = await readdir(mountPoint, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(mountPoint, name, group));
};

/** Groups are removed from the leaves up; the files in them are the kernel's. */
const removeGroup = async (group: string): Promise<void> => {
  if (!existsSync(group)) return;
  const entries = await readdir(group, { withFileTypes: true });
  for (const entry of entries) if (entry.isDirectory()) await removeGroup(join(group, entry.name));
  await rmdir(group);
};
