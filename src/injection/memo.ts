/** Keys are few, but whoever submits an object chooses some of them (the index of a container). */
const MAX_MEMOS = 32;

type Memos = Map<string, unknown>;

const cache = new WeakMap<object, Map<object, Memos>>();

/** Memoizes what a maker makes of a source for one key, until its source is collected or there are too many keys. */
export const memoize = <T>(source: object, maker: object, memoKey: string, make: () => T): T => {
  const memos = memosOf(source, maker);
  // Only this very maker puts anything here.
  const cached = memos.get(memoKey) as T | undefined;
  if (cached !== undefined) return cached;
  if (memos.size === MAX_MEMOS) memos.clear();
  const made = make();
  memos.set(memoKey, made);
  return made;
};

/** A memo that is updated in place where a field of its source changes. */
export interface Incremental {
  readonly onChange: (key: string) => void;
}

/** To be called for a field that is changed in place, and for what is put into a list; not for what is taken out of one. */
export const invalidate = (source: object, key: string): void => {
  for (const memos of cache.get(source)?.values() ?? [])
    for (const [memoKey, made] of memos)
      if (isIncremental(made)) made.onChange(key);
      else memos.delete(memoKey);
};

const isIncremental = (made: unknown): made is Incremental =>
  typeof made === 'object' && made !== null && 'onChange' in made;

const memosOf = (source: object, maker: object): Memos => {
  const memos = cache.get(source)?.get(maker);
  if (memos !== undefined) return memos;
  const made: Memos = new Map();
  cache.set(source, (cache.get(source) ?? new Map<object, Memos>()).set(maker, made));
  return made;
};
