import { AppError } from '../api/errors.ts';

/**
 * Runs `work` with a signal that fires after `ms` or with `outer`, whichever is first.
 * Throws AppError('Timeout') then, whatever the work itself threw. Listens to `outer` no longer than the work takes.
 */
export const withDeadline = async <T>(
  what: string,
  ms: number,
  outer: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => {
  const controller = new AbortController();
  const expire = (): void => controller.abort(new AppError('Timeout', `${what} got no answer within ${ms} ms.`));
  const cancel = (): void =>
    controller.abort(new AppError('Timeout', `${what} was given up.`, { cause: outer?.reason }));
  const timer = setTimeout(expire, ms);
  outer?.addEventListener('abort', cancel, { once: true });
  if (outer?.aborted) cancel();
  try {
    return await work(controller.signal);
  } catch (error) {
    controller.signal.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', cancel);
  }
};
