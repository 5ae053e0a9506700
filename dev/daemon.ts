import { type ChildProcess, spawn } from 'node:child_process';

/** A running program. */
export interface Daemon {
  readonly hasEnded: () => boolean;
  /** The end of what it wrote to stderr, or why it did not start. */
  readonly lastWords: () => string;
  /** Asks it to end, waits for that, and kills it where it takes longer than 10 s. Ended already is success. */
  readonly stop: () => Promise<void>;
}

const giveUpAfterMs = 10_000;
const mostWords = 2_000;

/** Starts a program in the foreground. The kernel kills it when this process dies, however that happens (setpriv's --pdeathsig). */
export function startDaemon(program: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Daemon {
  const env = { ...process.env, ...environment };
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', program, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env,
  });
  let words = '';
  const say = (text: string) => {
    words = `${words}${text}`.slice(-mostWords);
  };
  child.stderr.setEncoding('utf8').on('data', say);
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', (error) => {
      say(error.message);
      resolve();
    });
  });
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
  return { hasEnded, lastWords: () => words, stop: () => (hasEnded() ? Promise.resolve() : end(child, ended)) };
}

async function end(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), giveUpAfterMs);
  await ended;
  clearTimeout(timer);
}
