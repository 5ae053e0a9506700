import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Subject } from './subject.ts';

const run = promisify(execFile);
const LOAD_CORE = '1';

/** One run of one subject with one input. */
export interface Sample {
  readonly cpuMicroseconds: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

/** Sends `requests` of one body over `connections`, the load on a core of its own. Throws where any answer is not 200. */
export const measure = async (
  subject: Subject,
  bodyFile: string,
  connections: number,
  requests: number,
): Promise<Sample> => {
  const load = [
    `${import.meta.dirname}/load.ts`,
    String(subject.port),
    subject.path,
    bodyFile,
    String(connections),
    String(requests),
  ];
  const before = subject.cpuMicroseconds();
  const { stdout } = await run('taskset', ['-c', LOAD_CORE, process.execPath, ...load], { timeout: 120_000 });
  const cpu = subject.cpuMicroseconds() - before;
  const { wrong, seconds, p50, p99 } = JSON.parse(stdout) as {
    wrong: number;
    seconds: number;
    p50: number;
    p99: number;
  };
  if (wrong > 0)
    throw new Error(`${subject.name} answered ${wrong} of ${requests} requests with something other than 200`);
  return { cpuMicroseconds: cpu / requests, perSecond: requests / seconds, p50, p99 };
};

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
};
