import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasReason, messageOf } from '../api/errors.ts';
import type { Log } from '../ops/log.ts';

/** Does it again and again until the signal. What fails is logged, and tried at the next turn. */
export const keepDoing = async (
  what: string,
  turn: (signal: AbortSignal) => Promise<unknown>,
  { everyMs, log }: { readonly everyMs: number; readonly log: Log },
  signal: AbortSignal,
): Promise<void> => {
  while (!signal.aborted) {
    await turn(signal).catch((error: unknown) => {
      const isExpected = hasReason(error, 'Conflict', 'AlreadyExists');
      if (!signal.aborted && !isExpected) log.warn({ error: messageOf(error) }, what);
    });
    await sleep(everyMs, undefined, { signal }).catch(() => undefined);
  }
};

/** Resolves when all are there, or at the signal: what may not be listed is never there. */
export const untilSynced = async (
  stores: readonly { readonly synced: Promise<unknown> }[],
  signal: AbortSignal,
): Promise<void> => {
  await Promise.race([Promise.all(stores.map(({ synced }) => synced)), aborted(signal)]);
};

/** Resolves when the signal is aborted; at once where it was. */
export const aborted = async (signal: AbortSignal): Promise<void> => {
  if (!signal.aborted) await once(signal, 'abort');
};
