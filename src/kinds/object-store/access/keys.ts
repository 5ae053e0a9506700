import type { ObjectStore, ObjectStoreSpec } from '../../../api/object-store.ts';
import { type DesiredAccess, MAX_KEYS, type ObservedUser } from '../providers/access.ts';

/** The Secret as it was found, with what was noted on it. */
export interface ObservedSecret {
  /** The key that workloads use. */
  readonly keyId: string;
  /** RFC 3339. */
  readonly issuedAt: string;
  /** `spec.access.rotation` that the key was made for; empty where there was none. */
  readonly rotation: string;
  /** Keys that workloads may use still, and until when (RFC 3339). */
  readonly formerKeys: readonly string[];
  readonly formerUntil: string;
  /** False where something of it is not as it should be, the key aside. */
  readonly isCurrent: boolean;
}

/** What is known of an ObjectStore's access. */
export interface ObservedAccess {
  readonly user: ObservedUser | 'absent';
  readonly secret: ObservedSecret | 'absent';
}

export type AccessStep =
  | { readonly do: 'grantAccess' }
  /** `formerKeys` stay valid for the overlap. */
  | { readonly do: 'issueKey'; readonly formerKeys: readonly string[] }
  | { readonly do: 'revokeKey'; readonly key: string }
  | { readonly do: 'writeAccessSecret' };

type AccessSpec = NonNullable<ObjectStoreSpec['access']>;

/** A day: pods that have their keys as variables see new ones only when they are started again. */
const OVERLAP_SECONDS = 86_400;
/** IAM shows a new key a moment after it was made, and not before. */
const UNSEEN_SECONDS = 60;

/**
 * Pure: what to do next about the user, its keys and the Secret; undefined where all is in place. A key that is in no
 * Secret was made just before we were killed, and nobody has it. Where there is no Secret, any key may be in use; `recordedKey`, of which
 * status tells, is the newer one of two.
 */
export const nextAccessStep = (
  spec: AccessSpec,
  observed: ObservedAccess,
  now: Date,
  recordedKey?: string,
): AccessStep | undefined => {
  const { user, secret } = observed;
  if (user === 'absent' || !user.isGranted) return { do: 'grantAccess' };
  if (spec.serviceAccount !== undefined) return undefined;
  const { keys } = user;
  if (secret === 'absent') return issue(keys, keys, recordedKey);
  const stray = keys.find((key) => key !== secret.keyId && !secret.formerKeys.includes(key));
  if (stray !== undefined) return { do: 'revokeKey', key: stray };
  if (!isValid(keys, secret, now)) return issue(keys, keys, recordedKey);
  if (secret.formerKeys.length > 0) return settleFormer(spec, keys, secret, now);
  if (isRotationDue(spec, secret, now)) return issue(keys, [secret.keyId], secret.keyId);
  return secret.isCurrent ? undefined : { do: 'writeAccessSecret' };
};

/** Providers list keys in any order: one that is not `kept` makes room. */
const issue = (keys: readonly string[], formerKeys: readonly string[], kept: string | undefined): AccessStep => {
  const older = keys.find((key) => key !== kept);
  return older !== undefined && keys.length >= MAX_KEYS
    ? { do: 'revokeKey', key: older }
    : { do: 'issueKey', formerKeys };
};

const isValid = (keys: readonly string[], { keyId, issuedAt }: ObservedSecret, now: Date): boolean =>
  keys.includes(keyId) || now.getTime() - Date.parse(issuedAt) < UNSEEN_SECONDS * 1000;

const settleFormer = (
  spec: AccessSpec,
  keys: readonly string[],
  secret: ObservedSecret,
  now: Date,
): AccessStep | undefined => {
  if (formerEndOf(spec, secret) > now.getTime()) return secret.isCurrent ? undefined : { do: 'writeAccessSecret' };
  const former = secret.formerKeys.find((key) => keys.includes(key));
  return former === undefined ? { do: 'writeAccessSecret' } : { do: 'revokeKey', key: former };
};

/** Milliseconds of the clock at which former keys cease to work: a shorter overlap than that they were replaced under holds at once. */
const formerEndOf = ({ overlapSeconds = OVERLAP_SECONDS }: AccessSpec, secret: ObservedSecret): number =>
  Math.min(Date.parse(secret.formerUntil), Date.parse(secret.issuedAt) + overlapSeconds * 1000);

const isRotationDue = (spec: AccessSpec, secret: ObservedSecret, now: Date): boolean =>
  secret.rotation !== (spec.rotation ?? '') || ageLimitOf(spec, secret) <= now.getTime();

/** Milliseconds of the clock at which the key has its age; infinite where it may become any. */
const ageLimitOf = ({ rotateAfterDays }: AccessSpec, { issuedAt }: ObservedSecret): number =>
  rotateAfterDays === undefined ? Number.POSITIVE_INFINITY : Date.parse(issuedAt) + rotateAfterDays * 86_400_000;

/** Milliseconds until there is something to do about the keys; infinite where nothing is. */
export const accessDueMs = (spec: AccessSpec, { secret }: ObservedAccess, now: Date): number => {
  if (spec.serviceAccount !== undefined) return Number.POSITIVE_INFINITY;
  if (secret === 'absent') return 0;
  const at = secret.formerKeys.length > 0 ? formerEndOf(spec, secret) : ageLimitOf(spec, secret);
  return Math.max(0, at - now.getTime());
};

/** When keys that are replaced now cease to work, as RFC 3339. */
export const formerUntilOf = ({ overlapSeconds = OVERLAP_SECONDS }: AccessSpec, now: Date): string =>
  new Date(now.getTime() + overlapSeconds * 1000).toISOString();

/** Name of an ObjectStore's user at every provider: of its UID alone, which nobody chooses. */
const userOf = ({ metadata }: Pick<ObjectStore, 'metadata'>): string => `quartermaster-${metadata.uid ?? ''}`;

/** What the workload of an ObjectStore is to have. */
export const desiredAccess = (
  { metadata, spec }: ObjectStore,
  {
    mode,
    encryptionKey,
    serviceAccount,
  }: Pick<DesiredAccess, 'mode' | 'encryptionKey'> & { readonly serviceAccount: string | undefined },
): DesiredAccess => ({
  user: userOf({ metadata }),
  title: `${metadata.namespace ?? ''}/${metadata.name ?? ''}`,
  bucket: spec.name,
  mode,
  encryptionKey,
  ...(serviceAccount !== undefined && {
    serviceAccount: { namespace: metadata.namespace ?? '', name: serviceAccount },
  }),
});

/** Whether the workload of an ObjectStore has keys in a Secret. */
export const hasKeys = ({ spec }: Pick<ObjectStore, 'spec'>): boolean =>
  spec.access !== undefined && spec.access.serviceAccount === undefined;
