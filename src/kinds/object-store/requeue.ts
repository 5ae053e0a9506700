import type { KubeObject } from '../../api/kubernetes.ts';
import { type RetryContext, retryDelayMs } from './object-store-retry.ts';
import type { Blocked, BlockedReason } from './state.ts';

/** When an ObjectStore that was reconciled is due again, and why. */
export interface RequeueState {
  /** What of the ObjectStore was reconciled: another text, and there is something to do. */
  readonly askedRevision: string;
  /** Milliseconds of the clock; infinite where only a change can help. */
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
  `${metadata.uid} ${metadata.generation} ${metadata.deletionTimestamp ? 'going' : ''}`;

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
}

type RequeueContext = Omit<RetryContext, 'attempts'> & { readonly now: number };

/** When to requeue an ObjectStore that was just reconciled. `before` is its last state. */
export const requeueStateFor = (
  { store, isReady, blockedBy, references }: Reconciled,
  before: RequeueState | undefined,
  { now, ...context }: RequeueContext,
): RequeueState => {
  const revision = revisionOf(store);
  const reason = blockedBy[0]?.reason;
  const isRepeated = before !== undefined && before.askedRevision === revision && before.reason === reason;
  const attempts = isRepeated ? before.attempts + 1 : 0;
  const waits = blockedBy.map((blocked) => retryDelayMs(blocked, { ...context, attempts }));
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
