import { type Around, around } from './around.ts';
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
  const timed: Around = async (operation, _bucket, call) => {
    const started = performance.now();
    const tell = (outcome: MeasuredCall['outcome']) =>
      onCall({ provider: provider.name, operation, outcome, durationMs: performance.now() - started });
    try {
      const result = await call();
      tell('ok');
      return result;
    } catch (error) {
      tell(error instanceof BucketError ? error.reason : 'ProviderError');
      throw error;
    }
  };
  return around(provider, timed);
};
