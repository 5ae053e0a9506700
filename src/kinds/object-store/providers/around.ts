import type { BucketProvider, Feature } from './bucket.ts';

/** Wraps a call; `operation` is `observe`, `create`, …, and of a feature `check versioning`, `apply versioning`. */
export type CallWrapper = <T>(operation: string, bucket: string, call: () => Promise<T>) => Promise<T>;

/** The same provider, with every call wrapped. */
export const wrapProvider = (provider: BucketProvider, wrap: CallWrapper): BucketProvider => ({
  name: provider.name,
  observe: (bucket, signal) => wrap('observe', bucket.name, () => provider.observe(bucket, signal)),
  create: (bucket, signal) => wrap('create', bucket.name, () => provider.create(bucket, signal)),
  mark: (bucket, signal) => wrap('mark', bucket.name, () => provider.mark(bucket, signal)),
  unmark: (bucket, signal) => wrap('unmark', bucket.name, () => provider.unmark(bucket, signal)),
  features: (bucket) => provider.features(bucket).map((feature) => wrapFeature(feature, bucket.name, wrap)),
  remove: (bucket, force, signal) => wrap('remove', bucket.name, () => provider.remove(bucket, force, signal)),
  connection: (bucket) => provider.connection(bucket),
});

const wrapFeature = ({ name, isApplied, apply }: Feature, bucket: string, wrap: CallWrapper): Feature => ({
  name,
  isApplied: (signal) => wrap(`check ${name}`, bucket, () => isApplied(signal)),
  apply: (signal) => wrap(`apply ${name}`, bucket, () => apply(signal)),
});
