import { type ChildProcess, spawn } from 'node:child_process';

/** A running program of the cluster. */
export interface Daemon {
  readonly hasEnded: () => boolean;
  /** Asks it to end, waits for that, and kills it where it takes longer than 10 s. Ended already is success. */
  readonly stop: () => Promise<void>;
}

const giveUpAfterMs = 10_000;

/** Starts a program in the foreground. The kernel kills it when this process dies, however that happens (setpriv's --pdeathsig). */
export function startDaemon(program: string, args: readonly string[]): Daemon {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  return { hasEnded, stop: () => (hasEnded() ? Promise.resolve() : end(child, ended)) };
}

async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), giveUpAfterMs);
  await ended;
  clearTimeout(timer);
}
