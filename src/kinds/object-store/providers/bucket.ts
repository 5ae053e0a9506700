import type { StringMap } from '../../../api/kubernetes.ts';
import type { BucketProviderName, LifecycleRule } from '../../../api/object-store.ts';
import type { AccessProvider, IdentityProvider } from './access.ts';

/** Why a provider call failed, whatever the vendor calls it. Retry policy hangs on this alone. */
export type BucketReason =
  | 'InvalidName'
  | 'NameTaken'
  | 'NotOwned'
  | 'PermissionDenied'
  | 'CredentialsMissing'
  | 'CredentialsInvalid'
  | 'QuotaExceeded'
  | 'Throttled'
  | 'EndpointUnreachable'
  | 'UnsupportedFeature'
  | 'BucketNotEmpty'
  | 'LocationMismatch'
  | 'ProviderError';

/** Every failure of a provider. The message is one sentence, without any secret; what the vendor's error said is the cause. */
export class BucketError extends Error {
  readonly reason: BucketReason;
  readonly retryAfterMs: number | undefined;

  constructor(
    reason: BucketReason,
    message: string,
    options?: { readonly cause?: unknown; readonly retryAfterMs?: number },
  ) {
    super(message, { cause: options?.cause });
    this.name = 'BucketError';
    this.reason = reason;
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/** What the bucket should be. Undefined fields are not managed and never compared. */
export interface DesiredBucket {
  readonly name: string;
  readonly location: string | undefined;
  /**
   * The mark that says the bucket is this ObjectStore's: its UID and the cluster's. Written in the create call where the
   * provider takes it. Keys: a-z, 0-9 and `-`, a letter first; values: a-z, 0-9, `-` and `_`, at most 63: what every provider can hold.
   */
  readonly owner: StringMap;
  readonly storageClass: string | undefined;
  readonly versioning: boolean | undefined;
  readonly lifecycle: readonly LifecycleRule[] | undefined;
  readonly retentionDays: number | undefined;
  /** `Default`: the spec says nothing. Blocked on AWS, GCS and Azure; left alone at other S3 endpoints, many of which have no such thing. */
  readonly publicAccess: 'Blocked' | 'Default' | 'Unmanaged';
  readonly encryptionKey: string | undefined;
  readonly labels: StringMap;
  /** On Ceph alone. -1: as much as one likes. */
  readonly quota?: { readonly bytes: number; readonly objects: number } | undefined;
}

/** What is there. */
export interface ObservedBucket {
  /** Carries our mark, whole. */
  readonly isOurs: boolean;
  /** Carries the mark of another ObjectStore, of this cluster or of another. */
  readonly isOthers: boolean;
  /** False where the provider has no place for a mark (Swift's S3): ownership then depends on the intent in status and `isSameAccount`. */
  readonly canCarryMark: boolean;
  /** In an account or project that our credentials own, whatever the mark says. */
  readonly isSameAccount: boolean;
  /** In lower case. Undefined where the provider does not tell it, or its endpoint alone decides it. */
  readonly location: string | undefined;
  /** When it was made; told where a bucket may be there without the mark that it was made with. */
  readonly createdAt?: Date | undefined;
}

/** One thing the spec asks for beyond existence; applied one by one so that one failing loses no other. */
export interface Feature {
  readonly name:
    | 'versioning'
    | 'lifecycle'
    | 'retention'
    | 'publicAccess'
    | 'encryption'
    | 'storageClass'
    | 'labels'
    | 'quota';
  /** True where the bucket already is as the spec says. */
  readonly isApplied: (signal: AbortSignal) => Promise<boolean>;
  /** UnsupportedFeature where the provider refuses it, or takes it and does not keep it. */
  readonly apply: (signal: AbortSignal) => Promise<void>;
}

/**
 * A place where buckets are made. Every method throws BucketError only, ends by its signal, and can be repeated.
 */
export interface BucketProvider {
  readonly name: BucketProviderName;
  /** The bucket as it is, undefined where there is none; NameTaken where it is another account's. */
  readonly observe: (bucket: DesiredBucket, signal: AbortSignal) => Promise<ObservedBucket | undefined>;
  /** Whether the bucket holds no object and no version; absent where a bucket is never without its mark. */
  readonly isEmpty?: (bucket: DesiredBucket, signal: AbortSignal) => Promise<boolean>;
  /** Makes the bucket with the owner mark. Already there throws NameTaken or NotOwned, never succeeds silently. */
  readonly create: (bucket: DesiredBucket, signal: AbortSignal) => Promise<void>;
  /** Puts our mark on a bucket that is there (adoption, or a create that could not carry it). */
  readonly mark: (bucket: DesiredBucket, signal: AbortSignal) => Promise<void>;
  /** Takes our mark off again (Retain). */
  readonly unmark: (bucket: DesiredBucket, signal: AbortSignal) => Promise<void>;
  /** The features this spec asks for, in the order to apply them. */
  readonly features: (bucket: DesiredBucket) => readonly Feature[];
  /** Deletes the bucket; BucketNotEmpty where it holds anything and `force` is false; already gone is success. */
  readonly remove: (bucket: DesiredBucket, force: boolean, signal: AbortSignal) => Promise<void>;
  /** Users for workloads, each for one bucket alone. */
  readonly access: AccessProvider;
  /** Access of service accounts, where the provider knows them; absent where it knows none. */
  readonly identities?: IdentityProvider;
  /** Where it is reached: for the connection ConfigMap and Spark. */
  readonly connection: (bucket: DesiredBucket) => BucketConnection;
}

export interface BucketConnection {
  /** gs://, s3a:// or abfss://. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly region: string;
  readonly endpoint: string | undefined;
  /** Whether buckets stand in the path of the endpoint, as they do where nothing is said. */
  readonly forcePathStyle?: boolean;
  /** Where it speaks S3 to the keys of `spec.access`, if it is not S3 by itself. */
  readonly s3?: { readonly endpoint: string; readonly region: string };
}

/** Whose mark these labels, tags or metadata carry. `owner` is our mark in the same spelling. */
export const markOwnership = (
  owner: StringMap,
  found: StringMap,
): { readonly isOurs: boolean; readonly isOthers: boolean } => {
  const keys = Object.keys(owner);
  return {
    isOurs: keys.every((key) => found[key] === owner[key]),
    isOthers: keys.some((key) => found[key] !== undefined && found[key] !== owner[key]),
  };
};

/** True where every pair of `wanted` is in `found`. */
export const includesAll = (found: StringMap, wanted: StringMap): boolean =>
  Object.entries(wanted).every(([key, value]) => found[key] === value);

export const without = (found: StringMap, keys: readonly string[]): StringMap =>
  Object.fromEntries(Object.entries(found).filter(([key]) => !keys.includes(key)));
