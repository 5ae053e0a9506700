import type { Storage } from '@google-cloud/storage';

/** One entry of a list of Cloud Storage: a bucket or a version of an object. */
export interface ListedItem {
  readonly name: string;
  readonly generation?: string;
}

/**
 * One page of a list. The client's own getBuckets and getFiles throw outside of any promise where the answer is not what
 * they expect, which would end the process; this throws to its caller.
 */
export const listItems = async (
  storage: Storage,
  uri: string,
  qs: Readonly<Record<string, string | number | boolean>>,
): Promise<readonly ListedItem[]> => {
  const page = await new Promise<unknown>((resolve, reject) => {
    storage.request({ uri, qs: { ...qs } }, (error, body: unknown) => (error ? reject(error) : resolve(body)));
  });
  if (typeof page !== 'object' || page === null) throw new Error('the answer is no list');
  const items = 'items' in page ? page.items : [];
  if (Array.isArray(items) && items.every(isListedItem)) return items;
  throw new Error('the list holds something else than buckets or objects');
};

const isListedItem = (value: unknown): value is ListedItem => {
  if (typeof value !== 'object' || value === null || !('name' in value)) return false;
  const generation = 'generation' in value ? value.generation : undefined;
  return typeof value.name === 'string' && value.name !== '' && ['string', 'undefined'].includes(typeof generation);
};
