import type { KubeObject } from '../../api/kubernetes.ts';
import { type Patience, restAfter } from './object-store-retry.ts';
import type { Halt, HaltReason } from './state.ts';

/** An ObjectStore that was seen to, and until when there is nothing to do. */
export interface Rest {
  /** What of the ObjectStore it was seen to for: another text, and there is something to do. */
  readonly for: string;
  /** Milliseconds of the clock; infinite where only a change can help. */
  readonly until: number;
  /** Why it stands still; undefined where all is as it should be. */
  readonly reason: HaltReason | undefined;
  /** How many times in a row it stood still for that reason before. */
  readonly strikes: number;
  /** Versions of what it refers to; undefined where it refers to nothing. */
  readonly references: string | undefined;
  /** When to look at them next, as milliseconds of the clock; infinite where there is nothing to look at. */
  readonly lookAt: number;
  /** How many times they were looked at since. */
  readonly looks: number;
}

/** What an ObjectStore asks for: its own status and others' labels do not change this text. */
export const askedBy = ({ metadata }: KubeObject): string =>
  `${metadata.uid} ${metadata.generation} ${metadata.deletionTimestamp ? 'going' : ''}`;

const FIRST_LOOK_MS = 2_000;
const LAST_LOOK_MS = 30_000;
/** Looks between two comparisons with the bucket, where all is well: a minute apart where those are ten. */
const CALM_LOOKS = 10;

/** The rest after one more look at what it refers to: a Secret that is made is noticed in seconds, one that never comes costs little. */
export const lookAgain = (rest: Rest, { now, resyncMs, random }: Moment): Rest => {
  const wantedMs = Math.min(LAST_LOOK_MS, FIRST_LOOK_MS * 2 ** Math.min(rest.looks, 10));
  const pauseMs = (rest.reason === undefined ? resyncMs / CALM_LOOKS : wantedMs) * (0.8 + random() * 0.4);
  return { ...rest, lookAt: now + pauseMs, looks: rest.looks + 1 };
};

/** When there is something to do next, if nothing changes. */
export const wakeAt = ({ until, lookAt }: Rest): number => Math.min(until, lookAt);

interface SeenTo {
  readonly store: KubeObject;
  readonly isFulfilled: boolean;
  readonly halts: readonly Halt[];
  readonly references: string | undefined;
}

type Moment = Omit<Patience, 'strikes'> & { readonly now: number };

/** How long to leave an ObjectStore alone that was just seen to. `before` is its last rest. */
export const restFor = (
  { store, isFulfilled, halts, references }: SeenTo,
  before: Rest | undefined,
  { now, ...patience }: Moment,
): Rest => {
  const asked = askedBy(store);
  const reason = halts[0]?.reason;
  const isAgain = before !== undefined && before.for === asked && before.reason === reason;
  const strikes = isAgain ? before.strikes + 1 : 0;
  const waits = halts.map((halt) => restAfter(halt, { ...patience, strikes }));
  // What of the spec cannot be applied does not keep the rest of it from being compared.
  if (isFulfilled) waits.push(restAfter(undefined, { ...patience, strikes }));
  const rest = {
    for: asked,
    until: now + Math.min(...waits),
    reason,
    strikes,
    references,
    lookAt: Number.POSITIVE_INFINITY,
    looks: 0,
  };
  return references === undefined ? rest : lookAgain(rest, { now, ...patience });
};
