import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CommandOptions, run } from '../../control-plane/command.ts';
import { until } from '../../until.ts';
import { removeTree } from '../cache.ts';
import { makeControlGroups, removeControlGroups } from './control-groups.ts';
import { addresses, type Layout, nodeName } from './layout.ts';

/** A program that runs in the node's namespaces. */
export interface NodeProgram {
  readonly name: string;
  /** Process id of the program itself, as this side sees it. */
  readonly pid: () => Promise<number>;
  readonly hasEnded: () => boolean;
  /** SIGTERM, or another signal; waits until it has ended. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
}

/** Namespaces of one's own - network, mounts, processes, host name - that end with the process that made them, whatever ends that. */
export interface Sandbox {
  /** Runs a command in them to its end. */
  readonly run: (command: string, args: readonly string[], options: CommandOptions) => Promise<string>;
  /** Starts a program in them; it writes to `<logs>/<name>.log`. */
  readonly start: (name: string, command: string, args: readonly string[]) => NodeProgram;
}

interface Holder {
  readonly pid: number;
  /** When it started, in the kernel's ticks: process ids are used again. */
  readonly startedAt: string;
}

const endsWithinMs = 20_000;
const minuteMs = 60_000;

/**
 * Opens the namespaces. Process 1 in them is tini; when it dies, the kernel kills all others, and mounts and interfaces are gone with
 * the last of them. It dies with its parent, and that with us: a run killed with -9 leaves only control groups and a folder.
 */
export const openSandbox = async (layout: Layout): Promise<Sandbox> => {
  for (const name of [
    'root',
    'keys',
    'logs',
    'config',
    'etcd',
    'containerd',
    'kubelet',
    'podLogs',
    'cni',
    'sysctls',
    'images',
    'programs',
  ] as const)
    await mkdir(layout[name], { recursive: true, mode: 0o755 });
  const namespaces = ['--net', '--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'];
  const bound = ['--pdeathsig', 'KILL', 'unshare', ...namespaces, '--propagation', 'private', 'tini', '--'];
  const outer = spawn('setpriv', [...bound, 'sleep', 'infinity'], { stdio: 'ignore' });
  const pid = await until(endsWithinMs, () => onlyChild(outer, 'tini'));
  await writeFile(layout.holder, JSON.stringify({ pid, startedAt: (await startOf(pid)) ?? '' } satisfies Holder));
  await makeControlGroups();
  const sandbox = await joinSandbox(layout);
  await configure(sandbox, layout);
  return sandbox;
};

/** The namespaces that another process of this run opened. Throws an Error where there are none. */
export const joinSandbox = async (layout: Layout): Promise<Sandbox> => {
  const holder = await recordedHolder(layout);
  if (holder === undefined) throw new Error('No cluster is running here.');
  const enter = ['--target', String(holder.pid), '--net', '--mount', '--uts', '--ipc', '--pid', '--wd=/', '--'];
  return {
    run: (command, args, options) => run('nsenter', [...enter, command, ...args], options),
    start: (name, command, args) => startIn(layout, { name, enter, command: [command, ...args] }),
  };
};

/**
 * Ends what a run left, by the process it recorded: mounts and interfaces go with the namespaces, then control groups and folder are
 * removed. Nothing to do is success. Call it under the lock.
 */
export const clearSandbox = async (layout: Layout): Promise<void> => {
  const holder = await recordedHolder(layout);
  if (holder !== undefined && (await startOf(holder.pid)) === holder.startedAt) {
    process.kill(holder.pid, 'SIGKILL');
    await until(endsWithinMs, () => hasGone(holder));
  }
  await removeControlGroups();
  await removeTree(layout.root);
};

const recordedHolder = async (layout: Layout): Promise<Holder | undefined> => {
  try {
    return JSON.parse(await readFile(layout.holder, 'utf8')) as Holder;
  } catch (error) {
    // A run killed before it wrote this whole has started nothing else yet.
    if (error instanceof SyntaxError || isMissing(error)) return undefined;
    throw error;
  }
};

const hasGone = async ({ pid, startedAt }: Holder): Promise<void> => {
  if ((await startOf(pid)) === startedAt) throw new Error(`The node's process ${pid} does not end.`);
};

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH');

/** The start time of a process, undefined where there is none (field 22 of its stat, the 20th after the name in brackets). */
const startOf = async (pid: number): Promise<string | undefined> => {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
};

/** The child of a process that forks once, when it is there and runs what it is to. */
const onlyChild = async ({ pid }: ChildProcess, program?: string): Promise<number> => {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  const child = Number.parseInt(children, 10);
  if (Number.isNaN(child)) throw new Error(`Process ${pid} has no child.`);
  const name = (await readFile(`/proc/${child}/comm`, 'utf8')).trim();
  if (program !== undefined && name !== program) throw new Error(`Process ${child} is still ${name}.`);
  return child;
};

interface Started {
  readonly name: string;
  readonly enter: readonly string[];
  readonly command: readonly string[];
}

const startIn = (layout: Layout, { name, enter, command }: Started): NodeProgram => {
  const log = openSync(join(layout.logs, `${name}.log`), 'a');
  const bound = ['--pdeathsig', 'KILL', 'nsenter', ...enter, ...command];
  const outer = spawn('setpriv', bound, { stdio: ['ignore', log, log] });
  const ended = once(outer, 'exit');
  const hasEnded = () => outer.exitCode !== null || outer.signalCode !== null;
  const pid = () => until(endsWithinMs, () => onlyChild(outer));
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (hasEnded()) return;
    process.kill(await pid(), signal);
    await ended;
  };
  return { name, pid, hasEnded, stop };
};

/** Kernel settings that the kubelet would write: it is shown files that hold its values already. */
const sysctls = {
  'vm/overcommit_memory': '1',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
};

const configure = async (sandbox: Sandbox, layout: Layout): Promise<void> => {
  const binds: string[] = [];
  for (const [name, value] of Object.entries(sysctls)) {
    const file = join(layout.sysctls, name.replaceAll('/', '.'));
    await writeFile(file, `${value}\n`);
    binds.push(`mount --bind ${file} /proc/sys/${name}`);
  }
  await writeFile(join(layout.config, 'resolv.conf'), '');
  await writeFile(join(layout.config, 'hosts'), `127.0.0.1 localhost ${nodeName}\n`);
  const script = [...mounts(layout), ...binds, ...network(), `hostname ${nodeName}`].join('\n');
  await sandbox.run('sh', ['-ec', script], { timeoutMs: minuteMs });
};

const mounts = (layout: Layout): readonly string[] => [
  'mount --make-rshared /',
  'mount -t tmpfs -o mode=755 tmpfs /run',
  'mkdir -p /run/lock /var/lib/kubelet',
  `mount --bind ${layout.kubelet} /var/lib/kubelet`,
  'mount --make-rshared /var/lib/kubelet',
  `mount --bind ${layout.podLogs} /var/log`,
  `mount --bind ${join(layout.config, 'resolv.conf')} /etc/resolv.conf`,
  `mount --bind ${join(layout.config, 'hosts')} /etc/hosts`,
  `mount -t overlay -o lowerdir=${layout.programs}:/usr/sbin overlay /usr/sbin`,
];

/**
 * One interface whose other end is in the same namespace: the node has an address and no way out. A missing image fails at once, and
 * no metadata service can be asked.
 */
const network = (): readonly string[] => [
  'ip link set lo up',
  'ip link add eth0 type veth peer name eth0-end',
  `ip addr add ${addresses.node}/24 dev eth0`,
  'ip link set eth0 up',
  'ip link set eth0-end up',
  `ip route add ${addresses.services} dev eth0`,
  'ip route add unreachable default',
  'echo 1 > /proc/sys/net/ipv4/ip_forward',
];
