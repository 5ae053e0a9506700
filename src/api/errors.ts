/**
 * Why something failed, as the caller must tell it apart: what to say, whether to try again.
 * Vendor codes are translated to one of these in clouds/ and kinds/object-store/providers/ and go no further.
 */
export type Reason =
  | 'InvalidInput'
  | 'InvalidSetting'
  | 'NotFound'
  | 'Conflict'
  | 'AlreadyExists'
  | 'Forbidden'
  | 'Unavailable'
  | 'Timeout'
  | 'TooLarge'
  | 'Gone'
  | 'Internal';

/** An error whose message is one sentence for a person, naming the field, file or address and what to do. */
export class AppError extends Error {
  readonly reason: Reason;

  constructor(reason: Reason, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'AppError';
    this.reason = reason;
  }
}

/** True of an AppError with one of these reasons. */
export const hasReason = (thrown: unknown, ...reasons: readonly Reason[]): thrown is AppError =>
  thrown instanceof AppError && reasons.includes(thrown.reason);

/** The message of anything thrown, for a log field or a sentence. Never a stack. */
export const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
