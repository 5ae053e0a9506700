import { describe, expect, it } from 'vitest';
import { createRoundRobin, SLICE_MS } from '../../src/admission/fair-queue.ts';
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
      const inTurn = createRoundRobin(() => undefined);
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
});
