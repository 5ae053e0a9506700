import type { BucketProvider } from './providers/bucket.ts';

/** Enough for every endpoint and Secret in use at a time; a client is some hundred KB. */
const MAX_PROVIDERS = 64;

/**
 * Opened providers by what they were opened with, so that ObjectStores of one Secret share its connections. The one that
 * was not asked for longest goes first; a failure to open is not kept.
 */
export const createProviderCache = () => {
  const opened = new Map<string, Promise<BucketProvider>>();
  return (identity: string, open: () => Promise<BucketProvider>): Promise<BucketProvider> => {
    const provider = opened.get(identity) ?? open();
    opened.delete(identity);
    opened.set(identity, provider);
    provider.catch(() => opened.delete(identity));
    const [oldest] = opened.keys();
    if (opened.size > MAX_PROVIDERS && oldest !== undefined) opened.delete(oldest);
    return provider;
  };
};
