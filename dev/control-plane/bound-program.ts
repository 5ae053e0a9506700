import { existsSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A program that dies with us: `path` starts it, `kill` ends it with the signal given, if it runs. */
export type BoundProgram = {
  readonly path: string;
  readonly kill: (signal: NodeJS.Signals) => Promise<void>;
};

/**
 * Writes a starter beside the data: it notes its process id and becomes the program, with the kernel told to kill it when
 * the process that started it dies, even by -9 (setpriv --pdeathsig, Linux; elsewhere a plain exec).
 */
export async function bindProgram(directory: string, name: string, program: string): Promise<BoundProgram> {
  const path = join(directory, name);
  const pidFile = `${path}.pid`;
  await writeFile(path, starter(pidFile, program));
  await chmod(path, 0o700);
  return { path, kill: (signal) => killNoted(pidFile, signal) };
}

function starter(pidFile: string, program: string): string {
  const setpriv = existsSync('/usr/bin/setpriv') ? '/usr/bin/setpriv --pdeathsig KILL ' : '';
  return `#!/bin/sh\necho $$ >${quote(pidFile)}\nexec ${setpriv}${quote(program)} "$@"\n`;
}

async function killNoted(pidFile: string, signal: NodeJS.Signals): Promise<void> {
  if (!existsSync(pidFile)) return;
  try {
    process.kill(Number(await readFile(pidFile, 'utf8')), signal);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
