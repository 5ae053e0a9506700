import { AppError, messageOf, type Reason } from '../api/errors.ts';

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
export const isConnectionFailure = (error: unknown): boolean =>
  error instanceof AppError && error.reason === 'Unavailable' && codeOf(error.cause) !== undefined;

export const isConnectionReset = (cause: unknown): boolean =>
  codeOf(cause) === 'ECONNRESET' || codeOf(cause) === 'EPIPE';

const codeOf = (cause: unknown): string | undefined =>
  cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : undefined;
