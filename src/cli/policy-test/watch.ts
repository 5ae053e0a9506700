import { watch } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** In milliseconds: editors write a file in several steps. */
const SETTLED_AFTER_MS = 100;

/** Runs, and again after each change within one of the folders that the last run named, until the signal. */
export const runOnChange = async (run: () => Promise<readonly string[]>, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    const folders = await run();
    await nextChange(folders, signal);
    await setTimeout(SETTLED_AFTER_MS);
  }
};

const nextChange = (folders: readonly string[], signal: AbortSignal): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const watchers = [...new Set(folders)].map((folder) => watch(folder, { recursive: true }, () => resolve()));
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise.finally(() => {
    for (const watcher of watchers) watcher.close();
  });
};
