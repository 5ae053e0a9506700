export type Cause = 'due' | 'change' | 'stopped';

/** Wakes one waiter, after a time or when something changed. */
export interface Alarm {
  /** `due` after `ms` (never, where undefined), `change` once changes have settled, `stopped` for good. */
  readonly wait: (ms: number | undefined) => Promise<Cause>;
  /** Something changed. Many calls within the settling time count as one; none is lost between two waits. */
  readonly noteChange: () => void;
  readonly stop: () => void;
}

export const createAlarm = (settleMs: number): Alarm => {
  let ring = Promise.withResolvers<Cause>();
  let isStopped = false;
  let settling: NodeJS.Timeout | undefined;

  return {
    wait: async (ms) => {
      const timer = ms === undefined ? undefined : setTimeout(() => ring.resolve('due'), ms);
      const cause = await ring.promise;
      clearTimeout(timer);
      if (isStopped) return 'stopped';
      ring = Promise.withResolvers<Cause>();
      return cause;
    },
    noteChange: () => {
      if (isStopped) return;
      settling ??= setTimeout(() => {
        settling = undefined;
        ring.resolve('change');
      }, settleMs);
    },
    stop: () => {
      isStopped = true;
      clearTimeout(settling);
      ring.resolve('stopped');
    },
  };
};
