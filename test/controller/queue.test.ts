import { describe, expect, it, vi } from 'vitest';
import { createQueue } from '../../src/controller/loop.ts';
import { fc } from '../fixtures/fast-check.ts';

/** Work that ends when told to, and remembers how it went. */
const manualWork = () => {
  const started: string[] = [];
  const finish = new Map<string, () => void>();
  const work = async (key: string, signal: AbortSignal): Promise<void> => {
    started.push(key);
    const { promise, resolve } = Promise.withResolvers<void>();
    finish.set(key, resolve);
    signal.addEventListener('abort', () => resolve());
    await promise;
  };
  return { work, started, finish: (key: string) => finish.get(key)?.() };
};

const fakeClock = () => {
  vi.useFakeTimers();
  return { advance: (ms: number) => vi.advanceTimersByTimeAsync(ms), [Symbol.dispose]: () => void vi.useRealTimers() };
};

describe('a work queue', () => {
  it('works on a key once however often it is added while it waits', async () => {
    const { work, started, finish } = manualWork();
    const queue = createQueue({ work, concurrency: 1 });
    for (const key of ['a', 'b', 'b', 'b']) queue.add(key);
    expect(queue.depth()).toBe(1);
    finish('a');
    await expect.poll(() => started).toEqual(['a', 'b']);
    finish('b');
    await queue.stop(0);
    expect(started).toEqual(['a', 'b']);
  });

  it('works again, afterwards, on a key that was added while it was worked on', async () => {
    const { work, started, finish } = manualWork();
    const queue = createQueue({ work, concurrency: 4 });
    queue.add('a');
    queue.add('a');
    queue.add('a');
    expect(started).toEqual(['a']);
    finish('a');
    await expect.poll(() => started).toEqual(['a', 'a']);
    finish('a');
    await queue.stop(0);
    expect(started).toHaveLength(2);
  });

  it('works on no more keys at once than it may', async () => {
    const { work, started, finish } = manualWork();
    const queue = createQueue({ work, concurrency: 2 });
    for (const key of ['a', 'b', 'c']) queue.add(key);
    expect(started).toEqual(['a', 'b']);
    finish('b');
    await expect.poll(() => started).toEqual(['a', 'b', 'c']);
    await queue.stop(0);
  });

  it('keeps the earliest of the moments a key is asked for', async () => {
    const { work, started, finish } = manualWork();
    const queue = createQueue({ work, concurrency: 1 });
    queue.addAfter('a', 60_000);
    queue.addAfter('a', 20);
    queue.addAfter('a', 40_000);
    await expect.poll(() => started, { interval: 5 }).toEqual(['a']);
    finish('a');
    await queue.stop(0);
  });

  it('forgets a moment once the key is worked on anyway', async () => {
    using clock = fakeClock();
    const { work, started, finish } = manualWork();
    const queue = createQueue({ work, concurrency: 1 });
    queue.addAfter('a', 30);
    queue.add('a');
    finish('a');
    await clock.advance(60);
    expect(started).toEqual(['a']);
    queue.addAfter('a', 30);
    await clock.advance(31);
    expect(started).toEqual(['a', 'a']);
    finish('a');
    await queue.stop(0);
  });

  it('lets what is under way finish, and begins nothing more, when it is stopped', async () => {
    const { work, started, finish } = manualWork();
    const queue = createQueue({ work, concurrency: 1 });
    queue.add('a');
    queue.add('b');
    queue.addAfter('c', 1);
    let isStopped = false;
    const stopping = queue.stop(60_000).then(() => {
      isStopped = true;
    });
    queue.add('d');
    expect(isStopped).toBe(false);
    finish('a');
    await stopping;
    expect(started).toEqual(['a']);
  });

  it('fires the signal of what has not finished within the grace', async () => {
    const { work } = manualWork();
    const queue = createQueue({ work, concurrency: 1 });
    queue.add('never-ending');
    await queue.stop(10);
  });

  it('never works twice at once on a key, and never leaves a change unseen', async () => {
    const adds = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(3)), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(adds, fc.integer({ min: 1, max: 3 }), async (plan, concurrency) => {
        const version: Record<string, number> = {};
        const seen: Record<string, number> = {};
        const busy = new Set<string>();
        const work = async (key: string): Promise<void> => {
          expect(busy.has(key)).toBe(false);
          busy.add(key);
          expect(busy.size).toBeLessThanOrEqual(concurrency);
          const read = version[key] ?? 0;
          for (let turns = 0; turns < read % 4; turns += 1) await Promise.resolve();
          seen[key] = read;
          busy.delete(key);
        };
        const queue = createQueue({ work, concurrency });
        for (const [key, turns] of plan) {
          version[key] = (version[key] ?? 0) + 1;
          queue.add(key);
          for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
        }
        await expect.poll(() => seen, { interval: 1 }).toEqual(version);
        await queue.stop(0);
      }),
      { numRuns: 50 },
    );
  });
});
