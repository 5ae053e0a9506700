import { type CallWrapper, wrapProvider } from './around.ts';
import { BucketError, type BucketProvider } from './bucket.ts';

/**
 * The same provider, whose every failure is a BucketError: an answer may hold anything at all, and what reads it may
 * throw anything.
 */
export const guarded = (provider: BucketProvider): BucketProvider => {
  const translated: CallWrapper = async (operation, bucket, call) => {
    try {
      return await call();
    } catch (cause) {
      if (cause instanceof BucketError) throw cause;
      const message = `Bucket ${JSON.stringify(bucket)}: what the provider answered cannot be read (${operation}); it is asked again later.`;
      throw new BucketError('ProviderError', message, { cause });
    }
  };
  return wrapProvider(provider, translated);
};
