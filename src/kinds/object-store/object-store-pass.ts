import { giveUp } from './object-store-deletion.ts';
import { BucketError } from './providers/bucket.ts';
import { applyStep, type StepContext } from './reconciler.ts';
import { type Blocked, blocked, type ObservedState, type Step, toBlocked } from './state.ts';
import { nextStep, unreachableBucket } from './steps.ts';

/** Enough for the longest way there is, twice over. */
const MAX_STEPS = 60;

export interface StepsRun {
  readonly context: StepContext;
  /** Asked before each step: how long the rate limiter has it wait, in milliseconds; 0 where it may be done now. */
  readonly waitMs: (step: Step) => number;
  /** Told of each step that was done. */
  readonly onStep: (step: Step, before: ObservedState, after: ObservedState) => void;
}

/** How the steps ended. `ready` and `blocked` tell what is observed by now. */
export type StepsResult =
  | { readonly kind: 'ready'; readonly observed: ObservedState }
  | { readonly kind: 'blocked'; readonly observed: ObservedState; readonly blocked: Blocked }
  | { readonly kind: 'limited'; readonly waitMs: number }
  | { readonly kind: 'gone' };

/**
 * Does one step after the other until nothing is left to do, or it is blocked, which is told in status.
 * Throws AppError where the API server failed: all that was done stays done, and the next reconciliation goes on from there.
 */
export const runSteps = async (first: ObservedState, run: StepsRun): Promise<StepsResult> => {
  let observed = first;
  let step = nextStep(observed);
  for (let done = 0; done < MAX_STEPS; done++) {
    const waitMs = run.waitMs(step);
    if (waitMs > 0) return { kind: 'limited', waitMs };
    const after = await attempt(step, observed, run);
    if (after instanceof BucketError) {
      [observed, step] = afterFailure(step, observed, toBlocked(after), run.context);
      continue;
    }
    run.onStep(step, observed, after);
    const result = resultOf(step, after);
    if (result !== undefined) return result;
    observed = after;
    step = nextStep(observed);
  }
  return {
    kind: 'blocked',
    observed,
    blocked: { reason: 'ProviderError', message: 'The provider does not keep what it takes.' },
  };
};

const attempt = async (
  step: Step,
  observed: ObservedState,
  { context }: StepsRun,
): Promise<ObservedState | BucketError> => {
  try {
    return { ...observed, ...(await applyStep(step, observed, context)) };
  } catch (error) {
    // A call that we gave up ourselves says nothing about the provider.
    if (error instanceof BucketError && !context.signal.aborted) return error;
    throw error;
  }
};

/** A create call may fail when the bucket is there already, and only its mark is not. */
const afterFailure = (
  step: Step,
  observed: ObservedState,
  reported: Blocked,
  { now }: StepContext,
): readonly [ObservedState, Step] => {
  const failure = reported.reason === 'NameTaken' ? unreachableBucket(observed.store, reported.message) : reported;
  const { deletionTimestamp } = observed.store.metadata;
  if (deletionTimestamp)
    return [observed, giveUp(observed, failure, Date.parse(now()) - Date.parse(deletionTimestamp))];
  if (step.do !== 'create') return [observed, blocked(observed.creationFailure ?? failure)];
  const uncertain = { ...observed, bucket: 'unobserved', creationFailure: failure } as const;
  return [uncertain, nextStep(uncertain)];
};

const resultOf = (step: Step, observed: ObservedState): StepsResult | undefined => {
  if (step.do === 'finish') return { kind: 'ready', observed };
  if (step.do === 'block') return { kind: 'blocked', observed, blocked: step.blocked };
  return step.do === 'release' || step.do === 'none' ? { kind: 'gone' } : undefined;
};
