import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';

/** A server under measurement, on a core of its own. */
export interface Subject {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  /** CPU the process and its threads have used so far, in microseconds (10 ms steps). */
  readonly cpuMicroseconds: () => number;
  readonly rssBytes: () => number;
  readonly stop: () => void;
}

export interface SubjectOptions {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly port: number;
  readonly path: string;
  /** What it prints when it listens; left out: it is asked until it accepts. */
  readonly readyLine?: string;
}

const TICK_MICROSECONDS = 1_000_000 / Number(execFileSync('getconf', ['CLK_TCK']).toString());
const SERVER_CORE = '0';

export const startSubject = async ({
  name,
  command,
  port,
  path,
  readyLine = 'ready',
}: SubjectOptions): Promise<Subject> => {
  const child = spawn('taskset', ['-c', SERVER_CORE, ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} did not start`);
  const stop = (): void => void child.kill('SIGKILL');
  process.once('exit', stop);
  const line = once(child.stdout, 'data').then(([chunk]) => String(chunk));
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${name} ended with ${code}`)));
  ended.catch(() => undefined);
  const said = await Promise.race([line, ended]);
  if (!said.includes(readyLine)) throw new Error(`${name} said ${said}`);
  return {
    name,
    port,
    path,
    stop,
    cpuMicroseconds: () => ticksOf(pid) * TICK_MICROSECONDS,
    rssBytes: () => rssOf(pid),
  };
};

/** utime and stime of the whole process, fields 14 and 15 of /proc/<pid>/stat. */
const ticksOf = (pid: number): number => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
};

const rssOf = (pid: number): number => {
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(resident) * 1024;
};
