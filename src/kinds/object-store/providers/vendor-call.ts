import type { DesiredAccess } from './access.ts';
import { BucketError, type BucketReason, type DesiredBucket, type Feature } from './bucket.ts';

/** What a call is about, and what ends it early. */
export interface About {
  readonly bucket: string;
  readonly signal: AbortSignal;
}

export const aboutBucket = ({ name: bucket }: DesiredBucket, signal: AbortSignal): About => ({ bucket, signal });
export const aboutAccess = ({ bucket }: DesiredAccess, signal: AbortSignal): About => ({ bucket, signal });

/** What an HTTP status means to one call, where that differs from what it means to the vendor's others. */
export type Meaning = Readonly<Record<number, Pick<Verdict, 'reason' | 'advice'>>>;

/** Makes one call to a vendor. Throws BucketError only, at the latest when its time or the caller's signal is over. */
export type VendorCall = <T>(
  operation: string,
  call: (signal: AbortSignal) => Promise<T>,
  about: About,
  meaning?: Meaning,
) => Promise<T>;

/** A vendor's answer is waited for so long where nothing else is said. */
export const CALL_TIMEOUT_MS = 10_000;

interface VendorCallOptions {
  readonly target: string;
  readonly timeoutMs?: number | undefined;
  /** What the vendor's error means; it is asked only where the network did not fail. */
  readonly read: (error: unknown) => Verdict;
}

/** The one way out of here: bounded in time, every error translated, what it says kept as its cause. */
export const createVendorCall =
  ({ target, timeoutMs = CALL_TIMEOUT_MS, read }: VendorCallOptions): VendorCall =>
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

/** What a vendor's answer means to us, with what may be told of it. */
export interface Verdict {
  readonly reason: BucketReason;
  readonly status?: number;
  /** The vendor's code (`BucketAlreadyExists`, `ECONNREFUSED`). */
  readonly code?: string;
  readonly retryAfterMs?: number;
  /** Says more than the reason alone; the end of a sentence. */
  readonly advice?: string;
}

/** The call that failed. */
interface FailedCall {
  /** As the vendor names it, since permissions are named alike: `CreateBucket`, `storage.buckets.insert`. */
  readonly operation: string;
  readonly bucket: string;
  /** For a person: an endpoint's address, `AWS S3 in eu-west-1`. */
  readonly target: string;
}

const adviceFor: Readonly<Record<BucketReason, string>> = {
  InvalidName: 'the provider takes no bucket of this name; choose another spec.name',
  NameTaken: 'the name belongs to another account; choose another spec.name',
  NotOwned: "it is there already and does not carry this ObjectStore's mark; see spec.adopt",
  PermissionDenied: 'the credentials are good but lack a permission for this',
  CredentialsMissing:
    'there are no credentials; name a Secret in spec.credentialsSecretRef or give the platform an identity',
  CredentialsInvalid: 'the credentials are not accepted; put valid ones in the Secret',
  QuotaExceeded: 'a quota of the account is used up; raise it or delete what is not needed',
  Throttled: 'the provider asks for fewer calls; it is tried again later',
  EndpointUnreachable: 'it cannot be reached',
  UnsupportedFeature: 'the provider does not support what the spec asks for here',
  BucketNotEmpty: 'it holds objects; empty it or set spec.forceDelete',
  LocationMismatch: 'the location is not one this provider, account or bucket takes; see spec.location',
  ProviderError: 'the provider failed; it is tried again later',
};

/** Vendors' codes are words; anything else came from a server that is none. */
const isCode = (text: string | undefined): text is string => text !== undefined && /^[\w.-]{1,64}$/.test(text);

/** One sentence that holds only what we know and the vendor's code: nothing a server wrote, so nothing it could plant there. */
const failure = (call: FailedCall, verdict: Verdict, cause?: unknown): BucketError => {
  const { reason, status, code, retryAfterMs, advice = adviceFor[reason] } = verdict;
  const answer = [status, isCode(code) ? code : undefined].filter((part) => part !== undefined).join(' ');
  const evidence = answer === '' ? call.operation : `${call.operation}: ${answer}`;
  const message = `Bucket ${JSON.stringify(call.bucket)} at ${call.target}: ${advice} (${evidence}).`;
  return new BucketError(reason, message, { cause, ...(retryAfterMs !== undefined && { retryAfterMs }) });
};

/** Milliseconds in a Retry-After header: seconds or a date. Undefined where it holds neither. */
export const retryAfterMs = (header: string | null | undefined): number | undefined => {
  if (header === null || header === undefined || header === '') return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined;
};

const certificate =
  "the endpoint's certificate is not trusted; the authority of an S3 endpoint goes into a ConfigMap that spec.s3.caBundleRef names";

const adviceByCode: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the endpoint refuses connections',
  ECONNRESET: 'the endpoint closed the connection before it answered',
  EPIPE: 'the endpoint closed the connection before it answered',
  ETIMEDOUT: 'the endpoint did not answer in time',
  ESOCKETTIMEDOUT: 'the endpoint did not answer in time',
  TimeoutError: 'the endpoint did not answer in time',
  EHOSTUNREACH: 'there is no route to the endpoint',
  ENETUNREACH: 'there is no route to the endpoint',
  ENOTFOUND: "the endpoint's host name is not known",
  EAI_AGAIN: "the endpoint's host name cannot be looked up at the moment",
  EFORBIDDENADDRESS:
    "the endpoint's host name leads to a loopback, link-local or metadata address, which is not allowed",
  EBODYTOOLONG: "the endpoint's answer is too long to be read",
  EPROTO: 'the endpoint does not speak TLS as expected; see whether the address begins with http:// or https://',
  ERR_TLS_CERT_ALTNAME_INVALID: "the endpoint's certificate is for another host name",
  CERT_HAS_EXPIRED: "the endpoint's certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: certificate,
  SELF_SIGNED_CERT_IN_CHAIN: certificate,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: certificate,
  UNABLE_TO_GET_ISSUER_CERT: certificate,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: certificate,
};

const adviceOf = (code: string): string | undefined => {
  if (code.startsWith('HPE_')) return 'the endpoint does not answer as an HTTP server does';
  if (code.startsWith('ERR_SSL_')) return adviceByCode['EPROTO'];
  return adviceByCode[code];
};

/** The error and its causes, outermost first; vendors wrap what Node threw, some of them several times. */
const chain = (error: unknown): readonly Error[] => {
  const errors: Error[] = [];
  for (let each = error; each instanceof Error && errors.length < 5; each = each.cause) errors.push(each);
  return errors;
};

const codesOf = (error: Error): readonly string[] => {
  const code = 'code' in error && typeof error.code === 'string' ? [error.code] : [];
  return [...code, error.name];
};

/** What kept a call from being answered at all; undefined where it was not the network. */
const networkFailure = (error: unknown): Verdict | undefined => {
  for (const code of chain(error).flatMap(codesOf)) {
    const advice = adviceOf(code);
    if (advice !== undefined) return { reason: 'EndpointUnreachable', code, advice };
  }
  return undefined;
};

/** A feature of whatever bucket it is told. */
export interface Setting {
  readonly name: Feature['name'];
  readonly isApplied: (about: About) => Promise<boolean>;
  readonly apply: (about: About) => Promise<void>;
}

/** The settings a spec asks for, as features of one bucket; `false` stands for what it does not ask for. */
export const featuresOf = (bucket: string, settings: readonly (Setting | false)[]): readonly Feature[] =>
  settings
    .filter((setting) => setting !== false)
    .map(({ name, isApplied, apply }) => ({
      name,
      isApplied: (signal) => isApplied({ bucket, signal }),
      apply: (signal) => apply({ bucket, signal }),
    }));
