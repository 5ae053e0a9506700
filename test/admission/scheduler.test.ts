import { describe, expect, it } from 'vitest';
import { createScheduler, SLICE_MS } from '../../src/admission/scheduler.ts';
import { standStill } from '../fixtures/stand-still.ts';

/** Counts turns of the event loop, as long as somebody asks. */
const countTurns = (): { readonly now: () => number; readonly stop: () => void } => {
  let turn = 0;
  let next = setImmediate(function count() {
    turn += 1;
    next = setImmediate(count);
  });
  return { now: () => turn, stop: () => clearImmediate(next) };
};

describe('jobs that take their turns', () => {
  it('have one slice of each turn of the event loop, those too that the last of them brings', async () => {
    const turns = countTurns();
    const doneIn: number[] = [];
    await new Promise<void>((resolve) => {
      const { inTurn } = createScheduler(() => undefined);
      const work = (): void => {
        standStill(SLICE_MS * 0.6);
        doneIn.push(turns.now());
      };
      inTurn('a', () => {
        for (const host of ['a', 'b', 'c', 'd']) for (let left = 3; left > 0; left -= 1) inTurn(host, work);
        inTurn('e', work);
        inTurn('e', () => setImmediate(resolve));
      });
    });
    turns.stop();
    const perTurn = [...Map.groupBy(doneIn, (turn) => turn).values()].map((jobs) => jobs.length);
    expect(Math.max(...perTurn)).toBeLessThanOrEqual(2);
  });

  it('are of whoever has used least of late, and of nobody right after one that took long', async () => {
    const LONG_MS = 40;
    let workedMs = 0;
    const now = (): number => performance.now() + workedMs;
    const done: { readonly name: string; readonly from: number; readonly to: number }[] = [];
    await new Promise<void>((resolve) => {
      const { inTurn } = createScheduler(() => undefined, now);
      const add = (name: string, ms: number): void =>
        inTurn(name, () => {
          const from = now();
          workedMs += ms;
          done.push({ name, from, to: now() });
          if (done.length === 3 + 20) resolve();
        });
      for (let left = 3; left > 0; left -= 1) add('long', LONG_MS);
      for (let left = 20; left > 0; left -= 1) add('short', 1);
    });
    expect(done.map(({ name }) => name)).toEqual(['long', ...Array<string>(20).fill('short'), 'long', 'long']);
    const long = done.filter(({ name }) => name === 'long');
    for (const [at, { from }] of long.slice(1).entries()) expect(from - (long[at]?.to ?? 0)).toBeGreaterThan(LONG_MS);
  });

  it('are for names of which much was done of late, until that is long ago', () => {
    let clock = 0;
    const { took, isBusy } = createScheduler(
      () => undefined,
      () => clock,
    );
    for (let count = 0; count < 10_000; count += 1) took('many', 0.1);
    for (let count = 0; count < 20; count += 1) took('long', 10);
    expect(['many', 'long', 'nobody'].map(isBusy)).toEqual([false, true, false]);
    clock += 5_000;
    expect(isBusy('long')).toBe(false);
  });
});
