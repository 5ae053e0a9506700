import type { Metrics } from './metrics.ts';

/** One controller of this process. */
export interface ControllerStatus {
  readonly name: string;
  /** Keys to be reconciled now, and those whose last reconcile failed. */
  readonly waiting: number;
  readonly failing: number;
  /** RFC 3339; when a reconcile last failed. */
  readonly failedAt?: string;
}

/** The same metrics, and what they were last told about controllers. */
export const watchQueues = (
  metrics: Metrics,
  now: () => Date,
): { readonly metrics: Metrics; readonly controllers: () => readonly ControllerStatus[] } => {
  const known = new Map<string, ControllerStatus>();
  const put = (name: string, change: Partial<ControllerStatus>): void => {
    known.set(name, { name, waiting: 0, failing: 0, ...known.get(name), ...change });
  };
  return {
    metrics: {
      ...metrics,
      countReconcile: (controller, result, seconds) => {
        if (result === 'failed') put(controller, { failedAt: now().toISOString() });
        metrics.countReconcile(controller, result, seconds);
      },
      setQueue: (controller, waiting, failing) => {
        put(controller, { waiting, failing });
        metrics.setQueue(controller, waiting, failing);
      },
    },
    controllers: () => [...known.values()].toSorted((one, other) => (one.name < other.name ? -1 : 1)),
  };
};
