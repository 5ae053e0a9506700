/** Gives back what was made for a key, or makes it. */
export type Memory<V> = (key: string, make: () => V) => V;

/** Counts for what every entry takes besides its key and its value. */
const ENTRY_WEIGHT = 16 * 1024;

/**
 * Remembers what was made lately, up to a weight of `most` in all, keys included: those who submit objects choose the keys, and
 * some of what is kept. The oldest is forgotten; what is heavier than everything together may be is not kept at all.
 */
export const createMemory = <V>(most: number, weigh: (value: V) => number): Memory<V> => {
  const kept = new Map<string, { readonly value: V; readonly weight: number }>();
  let total = 0;
  const forgetOldest = (): void => {
    for (const [key, { weight }] of kept) {
      kept.delete(key);
      total -= weight;
      return;
    }
  };
  return (key, make) => {
    const held = kept.get(key);
    if (held !== undefined) return held.value;
    const value = make();
    const weight = ENTRY_WEIGHT + key.length + weigh(value);
    if (weight > most) return value;
    while (total + weight > most) forgetOldest();
    kept.set(key, { value, weight });
    total += weight;
    return value;
  };
};
