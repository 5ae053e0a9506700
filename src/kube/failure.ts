import { AppError, hasReason, messageOf, type Reason } from '../api/errors.ts';

/** The parts of a meta/v1 Status that say what went wrong. */
interface Status {
  readonly reason?: string;
  readonly message?: string;
  readonly code?: number;
}

const reasonByStatus: Readonly<Record<number, Reason>> = {
  400: 'InvalidInput',
  401: 'Forbidden',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'InvalidInput',
  406: 'InvalidInput',
  409: 'Conflict',
  410: 'Gone',
  413: 'TooLarge',
  415: 'InvalidInput',
  422: 'InvalidInput',
  429: 'Unavailable',
  502: 'Unavailable',
  503: 'Unavailable',
  504: 'Timeout',
};

/** Where Status.reason says more than its code (apimachinery, meta/v1 types.go). */
const reasonByName: Readonly<Record<string, Reason>> = {
  AlreadyExists: 'AlreadyExists',
  Expired: 'Gone',
  ServerTimeout: 'Timeout',
  Timeout: 'Timeout',
};

/** What the API server refused, as one sentence with method, path, status and its own words. */
export const refusal = (what: string, code: number, body: unknown): AppError => {
  const status = statusOf(body);
  const reason = reasonByName[status.reason ?? ''] ?? reasonByStatus[code] ?? 'Internal';
  return new AppError(reason, `${what} was answered ${code}: ${status.message ?? 'no message'}`);
};

/** The ERROR event of a watch. */
export const watchError = (what: string, body: unknown): AppError => refusal(what, statusOf(body).code ?? 500, body);

const statusOf = (body: unknown): Status => (typeof body === 'object' && body !== null ? (body as Status) : {});

/** No answer at all, or one that broke off: refused, reset, not resolved, not trusted. */
export const connectionFailure = (what: string, cause: unknown): AppError =>
  new AppError('Unavailable', `${what} failed: ${messageOf(cause) || codeOf(cause) || 'connection lost'}.`, { cause });

/** True for `connectionFailure`: nobody answered, so that asking again soon is no burden to anyone. */
const isConnectionFailure = (error: unknown): boolean =>
  hasReason(error, 'Unavailable') && codeOf(error.cause) !== undefined;

export const isConnectionReset = (cause: unknown): boolean =>
  codeOf(cause) === 'ECONNRESET' || codeOf(cause) === 'EPIPE';

const codeOf = (cause: unknown): string | undefined =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;

export interface BackoffLimits {
  readonly firstMs: number;
  readonly mostMs: number;
  /** Nobody answers at all: asking costs nobody anything, and the server's return should be noticed soon. */
  readonly mostWhileDownMs: number;
}

export const defaultBackoff: BackoffLimits = { firstMs: 100, mostMs: 30_000, mostWhileDownMs: 1_000 };

/** Doubles from try to try, with a jitter of up to half. */
export const delayMs = (failures: number, firstMs: number, mostMs: number): number =>
  Math.min(firstMs * 2 ** Math.min(failures, 30), mostMs) * (0.5 + Math.random() / 2);

/** Waiting times after failures in a row; time without an answer does not count towards those after refusals. */
export const createBackoff = (limits: BackoffLimits) => {
  let down = 0;
  let refused = 0;
  return {
    reset: (): void => {
      down = 0;
      refused = 0;
    },
    next: (error: unknown): number => {
      if (isConnectionFailure(error)) return delayMs(down++, limits.firstMs, limits.mostWhileDownMs);
      down = 0;
      return delayMs(refused++, limits.firstMs, limits.mostMs);
    },
  };
};

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
