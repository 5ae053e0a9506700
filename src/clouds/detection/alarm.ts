export type Trigger = 'due' | 'change' | 'stopped';

/** Wakes one waiter, after a time or when something changed. */
export interface Debouncer {
  /** `due` after `ms` (never, where undefined), `change` once changes have settled, `stopped` for good. */
  readonly wait: (ms: number | undefined) => Promise<Trigger>;
  /** Something changed. Many calls within the settling time count as one; none is lost between two waits. */
  readonly notifyChange: () => void;
  readonly stop: () => void;
}

export const createDebouncer = (debounceMs: number): Debouncer => {
  let wakeUp = Promise.withResolvers<Trigger>();
  let isStopped = false;
  let debounceTimer: NodeJS.Timeout | undefined;

  return {
    wait: async (ms) => {
      const timer = ms === undefined ? undefined : setTimeout(() => wakeUp.resolve('due'), ms);
      const cause = await wakeUp.promise;
      clearTimeout(timer);
      if (isStopped) return 'stopped';
      wakeUp = Promise.withResolvers<Trigger>();
      return cause;
    },
    notifyChange: () => {
      if (isStopped) return;
      debounceTimer ??= setTimeout(() => {
        debounceTimer = undefined;
        wakeUp.resolve('change');
      }, debounceMs);
    },
    stop: () => {
      isStopped = true;
      clearTimeout(debounceTimer);
      wakeUp.resolve('stopped');
    },
  };
};
