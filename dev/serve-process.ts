import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { closedClouds } from './closed-clouds.ts';

/** One `quartermaster serve` of its own process. */
export interface ServeProcess {
  readonly pid: number;
  readonly webhookUrl: string;
  readonly opsUrl: string;
  /** The lines it wrote to either stream, the last thousand of them. */
  readonly lines: () => readonly string[];
  /** What it ended with: its exit code, or the name of the signal that killed it. */
  readonly ended: Promise<number | string>;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** SIGTERM, and its end. */
  readonly stop: () => Promise<number | string>;
}

export interface ServeProcessOptions {
  /** Who it is to the API server. */
  readonly kubeconfig: string;
  readonly webhookPort: number;
  readonly opsPort: number;
  /** Over the settings that keep it on 127.0.0.1, where no metadata service answers either. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** What Node runs, with its own flags before it: the sources unless said otherwise. */
  readonly program?: readonly string[];
  /** A command that runs Node, with its arguments. */
  readonly prefix?: readonly string[];
}

const sources = ['src/main.ts'];
const root = `${import.meta.dirname}/..`;
const MOST_LINES = 1_000;
/** The kernel kills the child when we die, however that happens. */
const tied = existsSync('/usr/bin/setpriv') ? ['setpriv', '--pdeathsig', 'KILL'] : [];

/** Starts it on 127.0.0.1 and waits for nothing. */
export const startServe = (options: ServeProcessOptions): ServeProcess => {
  const { program = sources, args = [], prefix = [], webhookPort, opsPort } = options;
  const [command = '', ...rest] = [...tied, ...prefix, process.execPath, ...program, 'serve', ...args];
  const child = spawn(command, rest, { cwd: root, env: environmentOf(options), stdio: ['ignore', 'pipe', 'pipe'] });
  const lines = collectLines(child);
  const ended = new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? signal ?? ''));
  });
  return {
    pid: child.pid ?? 0,
    webhookUrl: `https://127.0.0.1:${webhookPort}/mutate`,
    opsUrl: `http://127.0.0.1:${opsPort}`,
    lines,
    ended,
    kill: (signal) => void child.kill(signal),
    stop: () => {
      child.kill('SIGTERM');
      return ended;
    },
  };
};

/** True when /readyz says ok; false when it says anything else, or nobody answers. */
export const isReady = ({ opsUrl }: Pick<ServeProcess, 'opsUrl'>): Promise<boolean> =>
  fetch(`${opsUrl}/readyz`, { signal: AbortSignal.timeout(1_000) }).then(
    ({ ok }) => ok,
    () => false,
  );

/** Resolves when it is ready. Throws with its last lines where it ends before, or is not ready within `withinMs`. */
export const untilReady = async (serve: ServeProcess, withinMs = 120_000): Promise<void> => {
  let end: number | string | undefined;
  void serve.ended.then((how) => {
    end = how;
  });
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; await sleep(20)) {
    if (await isReady(serve)) return;
    if (end !== undefined) break;
  }
  const why = end === undefined ? `was not ready within ${withinMs / 1_000} s` : `ended with ${end}`;
  throw new Error(`quartermaster serve at ${serve.opsUrl} ${why}:\n${serve.lines().slice(-20).join('\n')}`);
};

const environmentOf = ({ kubeconfig, webhookPort, opsPort, environment }: ServeProcessOptions) => ({
  PATH: process.env['PATH'],
  HOME: process.env['HOME'],
  KUBECONFIG: kubeconfig,
  ...closedClouds,
  METADATA_ENDPOINT: 'http://127.0.0.1:1',
  WEBHOOK_HOST: '127.0.0.1',
  WEBHOOK_PORT: String(webhookPort),
  WEBHOOK_URL: `https://127.0.0.1:${webhookPort}/mutate`,
  OPS_HOST: '127.0.0.1',
  OPS_PORT: String(opsPort),
  DRAIN_SECONDS: '0',
  ...environment,
});

const collectLines = (child: ChildProcess): (() => readonly string[]) => {
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue;
    createInterface(stream).on('line', (line) => {
      lines.push(line);
      if (lines.length > MOST_LINES) lines.shift();
    });
  }
  return () => lines;
};
