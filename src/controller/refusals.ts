/** Keys that could not be given what they ask for, and what their owners were told about it. */
export interface Refusals {
  /** Notes that `key` is refused because of `why`; true where that is not what it was told last. */
  readonly add: (key: string, why: string) => boolean;
  readonly forget: (key: string) => void;
  readonly has: (key: string) => boolean;
  /** Something changed that may make a refusal untrue: soon hands every refused key to who listens, once for many calls. */
  readonly recheck: () => void;
  /** Answers how to stop listening. */
  readonly onRecheck: (look: (key: string) => void) => () => void;
}

/** Long enough to gather what changes together, such as the drivers of an install. */
const GATHER_MS = 250;

export const createRefusals = (): Refusals => {
  const reasons = new Map<string, string>();
  const listeners = new Set<(key: string) => void>();
  let isDue = false;
  const handOut = (): void => {
    isDue = false;
    for (const key of reasons.keys()) for (const look of listeners) look(key);
  };
  return {
    add: (key, why) => {
      const isNews = reasons.get(key) !== why;
      reasons.set(key, why);
      return isNews;
    },
    forget: (key) => void reasons.delete(key),
    has: (key) => reasons.has(key),
    recheck: () => {
      if (!isDue) setTimeout(handOut, GATHER_MS);
      isDue = true;
    },
    onRecheck: (look) => {
      listeners.add(look);
      return () => void listeners.delete(look);
    },
  };
};
