import type { BucketProvider, Feature } from './bucket.ts';

/** What is done around a call; `operation` is `observe`, `create`, …, and of a feature `check versioning`, `apply versioning`. */
export type Around = <T>(operation: string, bucket: string, call: () => Promise<T>) => Promise<T>;

/** The same provider, with something done around every call. */
export const around = (provider: BucketProvider, wrap: Around): BucketProvider => ({
  name: provider.name,
  observe: (bucket, signal) => wrap('observe', bucket.name, () => provider.observe(bucket, signal)),
  create: (bucket, signal) => wrap('create', bucket.name, () => provider.create(bucket, signal)),
  mark: (bucket, signal) => wrap('mark', bucket.name, () => provider.mark(bucket, signal)),
  unmark: (bucket, signal) => wrap('unmark', bucket.name, () => provider.unmark(bucket, signal)),
  features: (bucket) => provider.features(bucket).map((feature) => aroundFeature(feature, bucket.name, wrap)),
  remove: (bucket, force, signal) => wrap('remove', bucket.name, () => provider.remove(bucket, force, signal)),
  connection: (bucket) => provider.connection(bucket),
});

const aroundFeature = ({ name, isApplied, apply }: Feature, bucket: string, wrap: Around): Feature => ({
  name,
  isApplied: (signal) => wrap(`check ${name}`, bucket, () => isApplied(signal)),
  apply: (signal) => wrap(`apply ${name}`, bucket, () => apply(signal)),
});
