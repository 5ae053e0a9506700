import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

const patienceMs = 300;

/**
 * Does the work while holding an exclusive lock on the file; `onWait` is called when another process holds it.
 * The kernel keeps the lock (flock(1)), held by a child that ends when our end of its stdin closes: a holder killed
 * with -9 lets go at once, and there is no stale lock to tell from a live one.
 */
export async function withLock<T>(file: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  const holder = spawn('flock', ['--exclusive', file, 'sh', '-c', 'echo held; exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(holder, 'exit');
  const held = Promise.race([once(holder.stdout, 'data'), ended.then(() => refuse(file))]);
  const isHeld = await Promise.race([held.then(() => true), delay(patienceMs, false)]);
  if (!isHeld) onWait();
  await held;
  try {
    return await work();
  } finally {
    holder.stdin.end();
    await ended;
  }
}

function refuse(file: string): never {
  throw new Error(`flock(1) could not lock ${file}; is it ours to write?`);
}
