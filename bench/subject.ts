import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server under measurement, on a core of its own. */
export interface Subject {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  /** CPU the process and its threads have used so far, in microseconds. */
  readonly cpuMicroseconds: () => number;
  readonly rssBytes: () => number;
  readonly stop: () => void;
}

export interface SubjectOptions {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
  readonly port: number;
  readonly path: string;
  /** A review it answers with 200 once it is ready. */
  readonly review: string;
  /** What its patch holds by then, where it reads what it is to do after it listens. */
  readonly gives?: readonly string[];
  /** Its log is what it writes to standard error. */
  readonly logsToError?: true;
}

const SERVER_CORE = '0';
const READY_WITHIN_MS = 60_000;

/** Starts a server and waits until it answers. Its log goes to /dev/null: writing it is part of what is measured. */
export const startSubject = async (options: SubjectOptions): Promise<Subject> => {
  const { name, command, environment = {}, port, path, logsToError } = options;
  const child = spawn('taskset', ['-c', SERVER_CORE, ...command], {
    stdio: ['ignore', 'ignore', logsToError ? 'ignore' : 'inherit'],
    env: { ...process.env, ...environment },
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${name} did not start`);
  const stop = (): void => {
    process.off('exit', stop);
    child.kill('SIGKILL');
  };
  process.once('exit', stop);
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${name} ended with ${String(code)}`)));
  await Promise.race([untilReady(options), ended]);
  ended.catch(() => undefined);
  return { ...subjectOf(name, pid, { port, path }), stop };
};

/** A server that runs already. */
export const subjectOf = (name: string, pid: number, { port, path }: Pick<Subject, 'port' | 'path'>): Subject => ({
  name,
  port,
  path,
  stop: () => void process.kill(pid),
  cpuMicroseconds: () => microsecondsOf(pid),
  rssBytes: () => rssOf(pid),
});

const untilReady = async ({ name, port, path, review, gives = [] }: SubjectOptions): Promise<void> => {
  const deadline = Date.now() + READY_WITHIN_MS;
  const isAnswering = (): Promise<boolean> =>
    ask({ port, path }, review).then(
      ({ status, body }) => status === 200 && gives.every((text) => patchIn(body).includes(text)),
      () => false,
    );
  while (!(await isAnswering())) {
    if (Date.now() > deadline) throw new Error(`${name} does not answer reviews at ${path}`);
    await sleep(100);
  }
};

/** The patch of an answer, as text. */
const patchIn = (answer: string): string => {
  const { response } = JSON.parse(answer) as { readonly response?: { readonly patch?: string } };
  return Buffer.from(response?.patch ?? '', 'base64').toString();
};

/** Sends one review over a connection of its own. Rejects while nothing listens. */
export const ask = (
  { port, path }: Pick<Subject, 'port' | 'path'>,
  body: string,
): Promise<{ readonly status: number; readonly body: string }> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const options = { host: '127.0.0.1', port, path, method: 'POST', headers, rejectUnauthorized: false, agent: false };
    const call = request(options, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject);
    });
    call.on('error', reject).end(body);
  });

/** The first field of /proc/<pid>/task/<tid>/schedstat, nanoseconds on a CPU, of all threads. */
const microsecondsOf = (pid: number): number => {
  let nanoseconds = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`))
    nanoseconds += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ', 1)[0]);
  return nanoseconds / 1_000;
};

const rssOf = (pid: number): number => {
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(resident) * 1024;
};
