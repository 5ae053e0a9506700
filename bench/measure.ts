import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Subject } from './subject.ts';

const LOAD_CORE = '1';
const WITHIN_MS = 300_000;

/** One run of one subject with one input. Milliseconds, but for the first. */
export interface Sample {
  readonly cpuMicroseconds: number;
  readonly requests: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export interface Load {
  readonly bodyFile: string;
  readonly connections: number;
  /** How many, or for how long: `6s`. */
  readonly requests: number | `${number}s`;
  /** Requests before those that count. */
  readonly warmUp: number;
}

interface LoadResult extends Omit<Sample, 'cpuMicroseconds' | 'perSecond'> {
  readonly wrong: number;
  readonly seconds: number;
}

/** Sends one body again and again, from a core of its own. Handshakes and the warm-up are not counted. Throws where any answer is not 200. */
export const measure = (subject: Subject, { bodyFile, connections, requests, warmUp }: Load): Promise<Sample> =>
  runLoad(subject, 'load.ts', [bodyFile, connections, requests, warmUp]);

/** Requests that come at a fixed rate, whether or not the last are answered. */
export interface OpenLoad {
  readonly bodyFile: string;
  readonly connections: number;
  readonly rate: number;
  readonly seconds: number;
}

/** The same for an open loop: latencies count from when a request was due. */
export const measureOpen = (subject: Subject, { bodyFile, connections, rate, seconds }: OpenLoad): Promise<Sample> =>
  runLoad(subject, 'open-loop.ts', [bodyFile, connections, rate, seconds]);

const runLoad = async (subject: Subject, program: string, rest: readonly (string | number)[]): Promise<Sample> => {
  const args = [subject.port, subject.path, ...rest].map(String);
  const command = ['-c', LOAD_CORE, process.execPath, `${import.meta.dirname}/${program}`, ...args];
  const child = spawn('taskset', command, { stdio: ['pipe', 'pipe', 'inherit'], timeout: WITHIN_MS });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`the load for ${subject.name} ended early`)));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = (): Promise<string> => Promise.race([lines.next().then(({ value }) => value ?? ended), ended]);
  await nextLine();
  const before = subject.cpuMicroseconds();
  child.stdin.write('go\n');
  const { wrong, seconds, requests, ...latencies } = JSON.parse(await nextLine()) as LoadResult;
  const cpu = subject.cpuMicroseconds() - before;
  ended.catch(() => undefined);
  if (wrong > 0)
    throw new Error(`${subject.name} answered ${wrong} of ${requests} requests with something other than 200`);
  return { cpuMicroseconds: cpu / requests, requests, perSecond: requests / seconds, ...latencies };
};

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};
