/** Which keys gave which value: one secondary index of a store. */
export interface Index<T> {
  readonly keys: (value: string) => ReadonlySet<string>;
  /** Moves `key` from the values of `old` to those of `object`; undefined stands for none. */
  readonly update: (key: string, object: T | undefined, old: T | undefined) => void;
}

const none: ReadonlySet<string> = new Set();

/** An empty index over what `valuesOf` gives. A value without keys takes no memory. */
export const createIndex = <T>(valuesOf: (object: T) => readonly string[]): Index<T> => {
  const keysByValue = new Map<string, Set<string>>();
  const add = (value: string, key: string): void => {
    const keys = keysByValue.get(value);
    if (keys) keys.add(key);
    else keysByValue.set(value, new Set([key]));
  };
  const drop = (value: string, key: string): void => {
    const keys = keysByValue.get(value);
    keys?.delete(key);
    if (keys?.size === 0) keysByValue.delete(value);
  };
  return {
    keys: (value) => keysByValue.get(value) ?? none,
    update: (key, object, old) => {
      if (old) for (const value of valuesOf(old)) drop(value, key);
      if (object) for (const value of valuesOf(object)) add(value, key);
    },
  };
};
