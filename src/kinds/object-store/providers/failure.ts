import { BucketError, type BucketReason } from './bucket.ts';

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
export interface FailedCall {
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
export const failure = (call: FailedCall, verdict: Verdict, cause?: unknown): BucketError => {
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
