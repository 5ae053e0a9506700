import { existsSync, globSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { layout, nodeName } from '../../dev/cluster/node/layout.ts';

/** A process in the node's namespaces. */
export interface NodeProcess {
  readonly pid: number;
  /** What it was started with, its words separated by blanks. */
  readonly command: string;
}

/** The namespace of processes that a node has, known by the one process in it whose id is recorded. */
export const namespaceOf = async (): Promise<string> => {
  const { pid } = JSON.parse(await readFile(layout().holder, 'utf8')) as { readonly pid: number };
  return readlink(`/proc/${pid}/ns/pid`);
};

/** All processes of this machine in that namespace, and all in control groups of the node, as those of its pods are. */
export const processesIn = async (namespace: string): Promise<readonly NodeProcess[]> => {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0);
  return (await Promise.all(pids.map((pid) => describeIn(namespace, pid)))).flat();
};

const describeIn = async (namespace: string, pid: number): Promise<readonly NodeProcess[]> => {
  try {
    const isInside = (await readlink(`/proc/${pid}/ns/pid`)) === namespace;
    const isOfPod = (await readFile(`/proc/${pid}/cgroup`, 'utf8')).includes(`/${nodeName}/`);
    const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).replaceAll('\0', ' ').trim();
    return isInside || isOfPod ? [{ pid, command }] : [];
  } catch {
    // It has ended meanwhile.
    return [];
  }
};

/** What a run leaves on the machine: control groups, folder, mounts and interfaces that were not there. */
export const traces = async () => {
  const groups = globSync(`/sys/fs/cgroup/{,*/}${nodeName}`);
  const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
    .trim()
    .split('\n')
    .map((line) => line.split(' ')[4]);
  return { groups, folder: existsSync(layout().root), mounts, interfaces: Object.keys(networkInterfaces()) };
};
