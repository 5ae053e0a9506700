/** Keys are few, but whoever submits an object chooses some of them (the index of a container). */
const MAX_MEMOS = 32;

type Memos = Map<string, unknown>;

const cache = new WeakMap<object, Map<object, Memos>>();

/**
 * Memoizes what a maker makes of a source for one key, until its source is collected or there are too many keys. For sources that
 * outlive the decision: what is kept by weak keys outlives the young generation, and an object under review is gone by then.
 */
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

const memosOf = (source: object, maker: object): Memos => {
  const memos = cache.get(source)?.get(maker);
  if (memos !== undefined) return memos;
  const made: Memos = new Map();
  cache.set(source, (cache.get(source) ?? new Map<object, Memos>()).set(maker, made));
  return made;
};

/** By maker, then by source. Decisions are made one after the other, each in one go. */
type Passing = Map<object, Map<object, unknown>>;

/** What `invalidate` is told to forget or to update. */
let passing: Passing = new Map();
/** What whoever changes a source updates themselves. */
let kept: Passing = new Map();

const memosBy = <T>(memosOfAll: Passing, maker: object): Map<object, T> => {
  // Only this very maker puts anything here.
  const memos = memosOfAll.get(maker) as Map<object, T> | undefined;
  if (memos !== undefined) return memos;
  const made = new Map<object, T>();
  memosOfAll.set(maker, made);
  return made;
};

/** What a maker keeps of the parts of the object that is being decided, and keeps right itself where they change. */
export const keptMemos = <T>(maker: object): Map<object, T> => memosBy(kept, maker);

/** Memoizes what a maker makes of a part of the object that is being decided, until that is over or the part changes. */
export const memoizePassing = <T>(source: object, maker: object, make: () => T): T => {
  const memos = memosBy<T>(passing, maker);
  const cached = memos.get(source);
  if (cached !== undefined) return cached;
  const made = make();
  memos.set(source, made);
  return made;
};

/** To be called when an object is decided. */
export const forgetPassing = (): void => {
  if (passing.size > 0) passing = new Map();
  if (kept.size > 0) kept = new Map();
};

/** A memo of a decision that is updated in place where a field of its source changes. */
export interface Incremental {
  readonly onChange: (key: string) => void;
}

/** To be called for a field that is changed in place, and for what is put into a list; not for what is taken out of one. */
export const invalidate = (source: object, key: string): void => {
  for (const memos of passing.values()) {
    const made = memos.get(source);
    if (made === undefined) continue;
    if (isIncremental(made)) made.onChange(key);
    else memos.delete(source);
  }
};

const isIncremental = (made: unknown): made is Incremental =>
  typeof made === 'object' && made !== null && 'onChange' in made;
