import { giveUp } from './object-store-deletion.ts';
import { BucketError } from './providers/bucket.ts';
import { act, type Tools } from './reconciler.ts';
import { type Halt, halt, haltOf, type Seen, type Step } from './state.ts';
import { nextStep, takenFrom } from './steps.ts';

/** Enough for the longest way there is, twice over. */
const MOST_STEPS = 60;

export interface Pass {
  readonly tools: Tools;
  /** Asked before each step: how long it has to wait for its turn, in milliseconds; 0 where it may be done now. */
  readonly waitMs: (step: Step) => number;
  /** Told of each step that was done. */
  readonly onStep: (step: Step, before: Seen, after: Seen) => void;
}

/** How a pass ended. Each but `gone` tells what is known by now. */
export type PassEnd =
  | { readonly kind: 'fulfilled'; readonly seen: Seen }
  | { readonly kind: 'halted'; readonly seen: Seen; readonly halt: Halt }
  | { readonly kind: 'paced'; readonly waitMs: number }
  | { readonly kind: 'gone' };

/**
 * Does one step after the other until nothing is left to do, or something stands in the way that is told in status.
 * Throws AppError where the API server failed: all that was done stays done, and the next pass goes on from there.
 */
export const runPass = async (first: Seen, pass: Pass): Promise<PassEnd> => {
  let seen = first;
  let step = nextStep(seen);
  for (let done = 0; done < MOST_STEPS; done++) {
    const waitMs = pass.waitMs(step);
    if (waitMs > 0) return { kind: 'paced', waitMs };
    const after = await attempt(step, seen, pass);
    if (after instanceof BucketError) {
      [seen, step] = afterFailure(step, seen, haltOf(after), pass.tools);
      continue;
    }
    pass.onStep(step, seen, after);
    const end = endOf(step, after);
    if (end !== undefined) return end;
    seen = after;
    step = nextStep(seen);
  }
  return {
    kind: 'halted',
    seen,
    halt: { reason: 'ProviderError', message: 'The provider does not keep what it takes.' },
  };
};

const attempt = async (step: Step, seen: Seen, { tools }: Pass): Promise<Seen | BucketError> => {
  try {
    return { ...seen, ...(await act(step, seen, tools)) };
  } catch (error) {
    // A call that we gave up ourselves says nothing about the provider.
    if (error instanceof BucketError && !tools.signal.aborted) return error;
    throw error;
  }
};

/** A create call may fail when the bucket is there already, and only its mark is not. */
const afterFailure = (step: Step, seen: Seen, told: Halt, { now }: Tools): readonly [Seen, Step] => {
  const failure = told.reason === 'NameTaken' ? takenFrom(seen.store, told.message) : told;
  const { deletionTimestamp } = seen.store.metadata;
  if (deletionTimestamp) return [seen, giveUp(seen, failure, Date.parse(now()) - Date.parse(deletionTimestamp))];
  if (step.do !== 'create') return [seen, halt(seen.creationFailure ?? failure)];
  const unsure = { ...seen, bucket: 'unseen', creationFailure: failure } as const;
  return [unsure, nextStep(unsure)];
};

const endOf = (step: Step, seen: Seen): PassEnd | undefined => {
  if (step.do === 'finish') return { kind: 'fulfilled', seen };
  if (step.do === 'halt') return { kind: 'halted', seen, halt: step.halt };
  return step.do === 'letGo' || step.do === 'rest' ? { kind: 'gone' } : undefined;
};
