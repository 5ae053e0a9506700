import { BucketError } from './bucket.ts';
import { failure, type Verdict } from './failure.ts';
import { networkFailure } from './network-trouble.ts';

/** What a call is about, and what ends it early. */
export interface About {
  readonly bucket: string;
  readonly signal: AbortSignal;
}

/** What an HTTP status means to one call, where that differs from what it means to the vendor's others. */
export type Meaning = Readonly<Record<number, Pick<Verdict, 'reason' | 'advice'>>>;

/** Makes one call to a vendor. Throws BucketError only, at the latest when its time or the caller's signal is over. */
export type VendorCall = <T>(
  operation: string,
  call: (signal: AbortSignal) => Promise<T>,
  about: About,
  meaning?: Meaning,
) => Promise<T>;

interface VendorCallOptions {
  readonly target: string;
  readonly timeoutMs: number;
  /** What the vendor's error means; it is asked only where the network did not fail. */
  readonly read: (error: unknown) => Verdict;
}

/** The one way out of here: bounded in time, every error translated, what it says kept as its cause. */
export const createVendorCall =
  ({ target, timeoutMs, read }: VendorCallOptions): VendorCall =>
  async (operation, call, { bucket, signal }, meaning: Meaning = {}) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    try {
      return await untilAborted(call, limit);
    } catch (error) {
      if (error instanceof BucketError) throw error;
      const stopped = limit.aborted ? stoppedBy(signal, timeoutMs) : undefined;
      const verdict = stopped ?? networkFailure(error) ?? read(error);
      const known = { ...verdict, ...meaning[verdict.status ?? 0] };
      throw failure({ operation, bucket, target }, known, withoutRequest(error));
    }
  };

const stoppedBy = (signal: AbortSignal, timeoutMs: number): Verdict => ({
  reason: 'EndpointUnreachable',
  advice: signal.aborted ? 'the call was stopped before it was answered' : `no answer within ${timeoutMs / 1000} s`,
});

/** Vendors hang request and answer on their errors, tokens and all: a log that prints the cause must not print those. */
const withoutRequest = (error: unknown): Error | undefined => {
  if (!(error instanceof Error)) return undefined;
  const { name, message, stack = message, cause } = error;
  return Object.assign(new Error(message, { cause: withoutRequest(cause) }), { name, stack });
};

/** Not every vendor's client listens to a signal, and some only between two attempts. */
const untilAborted = async <T>(call: (signal: AbortSignal) => Promise<T>, limit: AbortSignal): Promise<T> => {
  limit.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(new Error('aborted', { cause: limit.reason }));
  limit.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([call(limit), promise]);
  } finally {
    limit.removeEventListener('abort', stop);
  }
};
