import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTls } from '../../bench/tls.ts';

/** The webhook server under test, and what it takes. */
export interface ServerProcess {
  readonly port: number;
  /** PEM of the authority behind its certificate. */
  readonly authority: string;
  readonly rssBytes: () => number;
  /** Undefined while it runs; afterwards how it ended. */
  readonly ended: () => string | undefined;
  readonly stop: () => Promise<void>;
}

export const startServerProcess = async (): Promise<ServerProcess> => {
  const folder = mkdtempSync(join(tmpdir(), 'quartermaster-fuzz-'));
  const { cert, key, authority } = await writeTls(folder);
  const child = fork(`${import.meta.dirname}/server.ts`, [cert, key], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    // As in the image: see Dockerfile.
    execArgv: ['--max-semi-space-size=4'],
    env: { ...process.env, MALLOC_ARENA_MAX: '1' },
  });
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
  let ending: string | undefined;
  exited.then(([code, signal]) => {
    ending = `the server ended with ${code ?? signal}`;
  }, String);
  const [port] = (await Promise.race([
    once(child, 'message'),
    exited.then(() => Promise.reject(new Error('the server did not start'))),
  ])) as [number];
  return {
    port,
    authority,
    rssBytes: () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) * 1024,
    ended: () => ending,
    stop: async () => {
      process.off('exit', kill);
      kill();
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
};
