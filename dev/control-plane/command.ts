import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Where and how long a command runs; `env` replaces the environment whole, `input` goes to its stdin. */
export type CommandOptions = {
  readonly timeoutMs: number;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly input?: string;
};

/** Runs a command to its end and gives its stdout. Throws an Error with the last lines of its stderr when it fails or takes too long. */
export async function run(command: string, args: readonly string[], options: CommandOptions): Promise<string> {
  const { timeoutMs, input = '', ...rest } = options;
  const started = execute(command, args, { ...rest, timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 2 ** 27 });
  started.child.stdin?.on('error', ignoreClosedPipe).end(input);
  try {
    return (await started).stdout;
  } catch (cause) {
    throw new Error(`${command} failed: ${explain(cause, timeoutMs)}`, { cause });
  }
}

/** A command that ends without reading its stdin is no failure; its exit code tells. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

function explain(cause: unknown, timeoutMs: number): string {
  if (!(cause instanceof Error)) return String(cause);
  if ('killed' in cause && cause.killed === true) return `took longer than ${timeoutMs / 1000} s`;
  const stderr = 'stderr' in cause && typeof cause.stderr === 'string' ? cause.stderr.trim() : '';
  return stderr === '' ? cause.message : stderr.split('\n').slice(-12).join('\n');
}
