/** Gives back what is cached for a key, or makes it. */
export type Cache<V> = (key: string, make: () => V) => V;

/** The weight of every entry besides its key and its value. */
const ENTRY_OVERHEAD = 16 * 1024;

/**
 * Caches what was made lately, up to a weight of `maxWeight` in all, keys included: those who submit objects choose the keys, and
 * some of what is kept. The oldest is evicted; what is heavier than everything together may be is not cached at all.
 */
export const createCache = <V>(maxWeight: number, weigh: (value: V) => number): Cache<V> => {
  const cached = new Map<string, { readonly value: V; readonly weight: number }>();
  let total = 0;
  const evictOldest = (): void => {
    for (const [key, { weight }] of cached) {
      cached.delete(key);
      total -= weight;
      return;
    }
  };
  return (key, make) => {
    const hit = cached.get(key);
    if (hit !== undefined) return hit.value;
    const value = make();
    const weight = ENTRY_OVERHEAD + key.length + weigh(value);
    if (weight > maxWeight) return value;
    while (total + weight > maxWeight) evictOldest();
    cached.set(key, { value, weight });
    total += weight;
    return value;
  };
};
