import { BucketError, type BucketProvider, type BucketReason, type Feature } from './bucket.ts';

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
  const timed = async <T>(operation: string, call: () => Promise<T>): Promise<T> => {
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
  const timedFeature = ({ name, isApplied, apply }: Feature): Feature => ({
    name,
    isApplied: (signal) => timed(`check ${name}`, () => isApplied(signal)),
    apply: (signal) => timed(`apply ${name}`, () => apply(signal)),
  });
  return {
    name: provider.name,
    observe: (bucket, signal) => timed('observe', () => provider.observe(bucket, signal)),
    create: (bucket, signal) => timed('create', () => provider.create(bucket, signal)),
    mark: (bucket, signal) => timed('mark', () => provider.mark(bucket, signal)),
    unmark: (bucket, signal) => timed('unmark', () => provider.unmark(bucket, signal)),
    features: (bucket) => provider.features(bucket).map(timedFeature),
    remove: (bucket, force, signal) => timed('remove', () => provider.remove(bucket, force, signal)),
    connection: (bucket) => provider.connection(bucket),
  };
};
