import type { KubeObject } from '../../api/kubernetes.ts';
import { LEAVE_ACCESS_ANNOTATION } from '../../api/names.ts';
import type { Blocked, BlockedReason } from './state.ts';

/** When an ObjectStore that was reconciled is due again, and why. */
export interface RequeueState {
  /** What of the ObjectStore was reconciled: another text, and there is something to do. */
  readonly askedRevision: string;
  /** Milliseconds of the clock. */
  readonly dueAt: number;
  /** Why it is blocked; undefined where all is as it should be. */
  readonly reason: BlockedReason | undefined;
  /** How many times in a row it was blocked for that reason before. */
  readonly attempts: number;
  /** Versions of what it refers to; undefined where it refers to nothing. */
  readonly references: string | undefined;
  /** When to check them next, as milliseconds of the clock; infinite where there is nothing to check. */
  readonly referencesDueAt: number;
  /** How many times they were checked since. */
  readonly referenceChecks: number;
}

/** What an ObjectStore asks for: its own status and others' labels do not change this text. */
export const revisionOf = ({ metadata }: KubeObject): string =>
  `${metadata.uid} ${metadata.generation} ${metadata.deletionTimestamp ? 'going' : ''} ${metadata.annotations?.[LEAVE_ACCESS_ANNOTATION] ?? ''}`;

const FIRST_CHECK_MS = 2_000;
const MAX_CHECK_MS = 30_000;
/** Checks of references between two comparisons with the bucket, where all is well: a minute apart where those are ten. */
const CHECKS_PER_RESYNC = 10;

/** The state after one more check of what it refers to: a Secret that is made is noticed in seconds, one that never comes costs little. */
export const afterReferenceCheck = (state: RequeueState, { now, resyncMs, random }: RequeueContext): RequeueState => {
  const backoffMs = Math.min(MAX_CHECK_MS, FIRST_CHECK_MS * 2 ** Math.min(state.referenceChecks, 10));
  const delayMs = (state.reason === undefined ? resyncMs / CHECKS_PER_RESYNC : backoffMs) * (0.8 + random() * 0.4);
  return { ...state, referencesDueAt: now + delayMs, referenceChecks: state.referenceChecks + 1 };
};

/** When there is something to do next, if nothing changes. */
export const requeueAt = ({ dueAt, referencesDueAt }: RequeueState): number => Math.min(dueAt, referencesDueAt);

interface Reconciled {
  readonly store: KubeObject;
  readonly isReady: boolean;
  readonly blockedBy: readonly Blocked[];
  readonly references: string | undefined;
  /** Milliseconds until keys are to be replaced or taken away; infinite where none are. */
  readonly keysDueMs: number;
}

type RequeueContext = Omit<RetryContext, 'attempts'> & { readonly now: number };

/** When to requeue an ObjectStore that was just reconciled. `before` is its last state. */
export const requeueStateFor = (
  { store, isReady, blockedBy, references, keysDueMs }: Reconciled,
  before: RequeueState | undefined,
  { now, ...context }: RequeueContext,
): RequeueState => {
  const revision = revisionOf(store);
  const reason = blockedBy[0]?.reason;
  const isRepeated = before !== undefined && before.askedRevision === revision && before.reason === reason;
  const attempts = isRepeated ? before.attempts + 1 : 0;
  const waits = [keysDueMs, ...blockedBy.map((blocked) => retryDelayMs(blocked, { ...context, attempts }))];
  // What of the spec cannot be applied does not keep the others from being compared.
  if (isReady) waits.push(retryDelayMs(undefined, { ...context, attempts }));
  const state = {
    askedRevision: revision,
    dueAt: now + Math.min(...waits),
    reason,
    attempts,
    references,
    referencesDueAt: Number.POSITIVE_INFINITY,
    referenceChecks: 0,
  };
  return references === undefined ? state : afterReferenceCheck(state, { now, ...context });
};

type RetryPolicy = 'rare' | 'slow' | 'backoff';

/**
 * How each reason is retried: seldom, at a slow interval, or with exponential backoff. Never not at all: what a provider says once may be
 * a load balancer's word, and what is wrong with a spec depends on settings, the cloud and the labels of its namespace, too.
 */
export const retryPolicies: Readonly<Record<BlockedReason, RetryPolicy>> = {
  InvalidName: 'rare',
  InvalidSpec: 'rare',
  UnsupportedFeature: 'rare',
  NameTaken: 'slow',
  NotOwned: 'slow',
  LocationMismatch: 'slow',
  PermissionDenied: 'backoff',
  QuotaExceeded: 'slow',
  CredentialsMissing: 'slow',
  CredentialsInvalid: 'slow',
  ConnectionTaken: 'slow',
  NotGranted: 'slow',
  StillShared: 'backoff',
  ProviderUnknown: 'slow',
  Throttled: 'backoff',
  EndpointUnreachable: 'backoff',
  ProviderError: 'backoff',
  BucketNotEmpty: 'backoff',
};

const RARE_MS = 600_000;
const SLOW_MS = 300_000;
/** Facts come from memory: asking them often costs nobody anything. */
const UNKNOWN_MS = 15_000;
const BASE_BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 300_000;

interface RetryContext {
  /** How many reconciliations in a row ended in the same reason before this one. */
  readonly attempts: number;
  /** How often a bucket is observed that is as it should be. */
  readonly resyncMs: number;
  readonly random: () => number;
}

/** Milliseconds until the provider is asked again, jittered so that what failed together does not return together. */
export const retryDelayMs = (blocked: Blocked | undefined, { attempts, resyncMs, random }: RetryContext): number => {
  const jitter = 0.8 + random() * 0.4;
  if (blocked === undefined) return Math.round(resyncMs * jitter);
  if (blocked.reason === 'ProviderUnknown') return Math.min(UNKNOWN_MS, resyncMs) * jitter;
  switch (retryPolicies[blocked.reason]) {
    case 'rare':
      return Math.min(RARE_MS, resyncMs) * jitter;
    case 'slow':
      return Math.min(SLOW_MS, resyncMs) * jitter;
    case 'backoff':
      return (
        Math.max(
          blocked.retryAfterMs ?? 0,
          Math.min(MAX_BACKOFF_MS, resyncMs, BASE_BACKOFF_MS * 2 ** Math.min(attempts, 20)),
        ) * jitter
      );
  }
};
