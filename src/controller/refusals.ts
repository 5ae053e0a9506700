/** Keys that are blocked: they could not be given what they ask for. With the reason their owners were told. */
export interface BlockedKeys {
  /** Notes that `key` is blocked for `reason`; true where that is not the reason told last. */
  readonly add: (key: string, reason: string) => boolean;
  readonly forget: (key: string) => void;
  readonly has: (key: string) => boolean;
  /** Something changed that may unblock a key: soon hands every blocked key to who listens, once for many calls (debounced). */
  readonly recheck: () => void;
  /** Answers how to stop listening. */
  readonly onRecheck: (listener: (key: string) => void) => () => void;
}

/** Long enough to gather what changes together, such as the drivers of an install. */
const DEBOUNCE_MS = 250;

export const createBlockedKeys = (): BlockedKeys => {
  const reasons = new Map<string, string>();
  const listeners = new Set<(key: string) => void>();
  let isDue = false;
  const recheckAll = (): void => {
    isDue = false;
    for (const key of reasons.keys()) for (const listener of listeners) listener(key);
  };
  return {
    add: (key, reason) => {
      const isChanged = reasons.get(key) !== reason;
      reasons.set(key, reason);
      return isChanged;
    },
    forget: (key) => void reasons.delete(key),
    has: (key) => reasons.has(key),
    recheck: () => {
      if (!isDue) setTimeout(recheckAll, DEBOUNCE_MS);
      isDue = true;
    },
    onRecheck: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
};
