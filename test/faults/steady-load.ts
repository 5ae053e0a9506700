import { setTimeout as sleep } from 'node:timers/promises';

/** What became of a load that never waits for its answers. */
export interface LoadReport {
  readonly sent: number;
  /** What came of the rate asked for. */
  readonly perSecond: number;
  readonly failures: readonly string[];
  /** Of the answers, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  readonly slowest: number;
}

export interface SteadyLoad {
  /** Sends no more, waits for the last answer and reports. */
  readonly stop: () => Promise<LoadReport>;
}

/** Past so many without an answer nothing more is sent: a machine that is too slow for the load is not buried under it. */
const MOST_OPEN = 50;

/** Calls `send` so many times a second, however long it takes; a rejection counts as a failure. */
export const startSteadyLoad = (perSecond: number, send: (index: number) => Promise<void>): SteadyLoad => {
  const ending = new AbortController();
  const failures: string[] = [];
  const durations: number[] = [];
  const open = new Set<Promise<void>>();
  const beganAt = performance.now();
  let sent = 0;

  const one = async (index: number): Promise<void> => {
    const startedAt = performance.now();
    try {
      await send(index);
    } catch (error) {
      failures.push(`${new Date().toISOString()} #${index} ${String(error)}`);
    }
    durations.push(performance.now() - startedAt);
  };
  const run = async (): Promise<void> => {
    const periodMs = 1_000 / perSecond;
    for (let due = performance.now(); !ending.signal.aborted; due += periodMs) {
      await sleep(Math.max(due - performance.now(), 0), undefined, { signal: ending.signal }).catch(() => undefined);
      if (open.size >= MOST_OPEN) {
        await Promise.race(open);
        due = performance.now();
      }
      const answer = one(sent++).finally(() => open.delete(answer));
      open.add(answer);
    }
    await Promise.all(open);
  };
  const running = run();
  return {
    stop: async () => {
      ending.abort();
      const seconds = (performance.now() - beganAt) / 1_000;
      await running;
      const sorted = durations.toSorted((one, other) => one - other);
      const quantile = (part: number): number => Math.round(sorted[Math.floor((sorted.length - 1) * part)] ?? 0);
      return {
        sent,
        perSecond: Math.round(sent / seconds),
        failures,
        p50: quantile(0.5),
        p99: quantile(0.99),
        slowest: quantile(1),
      };
    },
  };
};
