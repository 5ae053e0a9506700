import { setTimeout as sleep } from 'node:timers/promises';
import { isReady, type ServeProcess } from '../../dev/serve-process.ts';
import { isAdmitting } from './direct-review.ts';

export interface ReadinessReport {
  readonly looks: number;
  /** How often it was ready. */
  readonly ready: number;
  /** How often it said that it was ready and did not admit as it should: each one a lie. */
  readonly lies: number;
}

export interface WatchedReadiness {
  readonly stop: () => Promise<ReadinessReport>;
}

/** Compares what a replica says on /readyz with what it does, all the time. */
export const watchReadiness = (serve: ServeProcess): WatchedReadiness => {
  const ending = new AbortController();
  const report = { looks: 0, ready: 0, lies: 0 };
  const watch = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      const saysReady = await isReady(serve);
      report.looks += 1;
      if (saysReady) report.ready += 1;
      if (saysReady && !(await isAdmitting(serve))) report.lies += 1;
      await sleep(50);
    }
  };
  const watching = watch();
  return {
    stop: async () => {
      ending.abort();
      await watching;
      return report;
    },
  };
};
