import { type CallWrapper, wrapProvider } from './around.ts';
import { BucketError, type BucketProvider, type BucketReason } from './bucket.ts';

/** One call to a provider that has ended. */
export interface MeasuredCall {
  readonly provider: BucketProvider['name'];
  /** `observe`, `create`, …; of a feature `check versioning`, `apply versioning`. */
  readonly operation: string;
  readonly outcome: 'ok' | BucketReason;
  readonly durationMs: number;
}

export type OnCall = (call: MeasuredCall) => void;

/** The same provider, telling of every call how long it took and how it ended. */
export const measured = (provider: BucketProvider, onCall: OnCall): BucketProvider => {
  const timed: CallWrapper = async (operation, _bucket, call) => {
    const started = performance.now();
    const report = (outcome: MeasuredCall['outcome']) =>
      onCall({ provider: provider.name, operation, outcome, durationMs: performance.now() - started });
    try {
      const result = await call();
      report('ok');
      return result;
    } catch (error) {
      report(error instanceof BucketError ? error.reason : 'ProviderError');
      throw error;
    }
  };
  return wrapProvider(provider, timed);
};
