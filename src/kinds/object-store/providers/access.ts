import type { BucketError } from './bucket.ts';

/** Who is to have what of one bucket. */
export interface DesiredAccess {
  /** Name of the user at the provider, derived from the ObjectStore's UID: a-z, 0-9 and `-`, at most 64. */
  readonly user: string;
  /** `namespace/name` of the ObjectStore, for people who look at the provider. */
  readonly title: string;
  readonly bucket: string;
  readonly mode: 'ReadWrite' | 'ReadOnly';
  /** The key that the bucket is encrypted with, as `spec.encryption.keyRef` names it. */
  readonly encryptionKey: string | undefined;
  /** Who gets it by their own identity; undefined where keys are asked for. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string } | undefined;
}

/** A user that is there. */
export interface ObservedUser {
  /** True where its permissions are exactly those that are desired. */
  readonly isGranted: boolean;
  /** IDs of its keys. */
  readonly keys: readonly string[];
  /** What a service account is annotated with to be it, where that takes an annotation. */
  readonly identity?: string | undefined;
}

/** A key that was just made: the one moment at which its secret is known everywhere. */
export interface IssuedKey {
  readonly id: string;
  readonly secret: string;
}

/** What AWS lets one user have, and all that a rotation needs. */
export const MAX_KEYS = 2;

/**
 * Users of a provider, each for one bucket. Every method throws BucketError only, ends by its signal, and can be repeated:
 * what is there already and what is gone already is success.
 */
export interface AccessProvider {
  /** Undefined where there is no such user. */
  readonly observe: (access: DesiredAccess, signal: AbortSignal) => Promise<ObservedUser | undefined>;
  /** Makes the user, and gives it its permissions and no others. */
  readonly grant: (access: DesiredAccess, signal: AbortSignal) => Promise<void>;
  readonly issueKey: (access: DesiredAccess, signal: AbortSignal) => Promise<IssuedKey>;
  readonly revokeKey: (access: DesiredAccess, id: string, signal: AbortSignal) => Promise<void>;
  /** Takes the user away, its keys and permissions with it. */
  readonly revoke: (access: DesiredAccess, signal: AbortSignal) => Promise<void>;
}

/** Access of service accounts by their own identity: the same promises, and no keys. */
export type IdentityProvider = Pick<AccessProvider, 'observe' | 'grant' | 'revoke'>;

/** Stands for the users of a provider that gives none: every call says what is missing. */
export const noAccess = (missing: () => BucketError): AccessProvider => {
  const refuse = (): Promise<never> => Promise.reject(missing());
  return {
    observe: refuse,
    grant: refuse,
    issueKey: refuse,
    revokeKey: refuse,
    // Nobody was made, so nobody has to go.
    revoke: () => Promise.resolve(),
  };
};
