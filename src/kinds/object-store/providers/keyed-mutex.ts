/** Runs work on the same key one after the other, each whole before the next begins, whether it failed or not. Holds in this process alone. */
export type KeyedMutex = <T>(key: string, work: () => Promise<T>) => Promise<T>;

export const createKeyedMutex = (): KeyedMutex => {
  const last = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    const done = (last.get(key) ?? Promise.resolve()).then(work);
    const settled = done.catch(() => undefined);
    last.set(key, settled);
    try {
      return await done;
    } finally {
      if (last.get(key) === settled) last.delete(key);
    }
  };
};
