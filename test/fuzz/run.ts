import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from './random.ts';
import type { Target } from './target.ts';

/** An input that the program does not stand, and what happened. */
interface Find {
  readonly input: Buffer;
  readonly why: string;
}

export interface RunOptions {
  readonly seed: number;
  /** It ends after so many inputs or so long, whichever comes first. */
  readonly count: number;
  readonly seconds: number;
  /** Told every now and then. */
  readonly onProgress?: (done: number) => void;
}

export interface RunResult {
  readonly done: number;
  readonly seconds: number;
  /** The longest that one input took. */
  readonly slowestMs: number;
  readonly finds: readonly Find[];
}

const LONGEST_MS = 1_000;
const TRIES = 5;
const MOST_FINDS = 20;
const PROGRESS_EVERY = 10_000;

/** Checks one input after the other. What takes too long is checked again and again: the machine may have been busy. */
export const runTarget = async (target: Target, options: RunOptions): Promise<RunResult> => {
  const random = createRandom(options.seed);
  const startedAt = performance.now();
  const finds = new Map<string, Find>();
  let done = 0;
  let slowestMs = 0;
  const hasMore = (): boolean =>
    done < options.count && finds.size < MOST_FINDS && performance.now() - startedAt < options.seconds * 1_000;
  const work = async (): Promise<void> => {
    while (hasMore()) {
      done += 1;
      const input = target.make(random);
      const { why, took } = await checkAgain(target, input);
      slowestMs = Math.max(slowestMs, took);
      if (why !== undefined && !finds.has(gistOf(why))) finds.set(gistOf(why), { input, why });
      if (done % PROGRESS_EVERY === 0) options.onProgress?.(done);
    }
  };
  await Promise.all(Array.from({ length: target.atOnce ?? 1 }, work));
  return { done, seconds: (performance.now() - startedAt) / 1_000, slowestMs, finds: [...finds.values()] };
};

interface Outcome {
  readonly why: string | undefined;
  readonly took: number;
}

/** What hangs hangs every time. */
const checkAgain = async (target: Target, input: Buffer): Promise<Outcome> => {
  let outcome = await checkOnce(target, input);
  for (let tried = 1; tried < TRIES && outcome.took > (target.longestMs ?? LONGEST_MS); tried += 1) {
    await sleep(tried * 1_000);
    outcome = await checkOnce(target, input);
  }
  return outcome;
};

/** Undefined where the program stands the input. */
export const checkOnce = async (target: Target, input: Buffer): Promise<Outcome> => {
  const startedAt = performance.now();
  const failure = await outcomeOf(() => target.check(input));
  const took = performance.now() - startedAt;
  const isHang = took > (target.longestMs ?? LONGEST_MS);
  return { why: failure ?? (isHang ? `it took ${Math.round(took)} ms` : undefined), took };
};

const outcomeOf = async (check: () => unknown): Promise<string | undefined> => {
  try {
    await check();
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
};

/** Alike for what fails in the same place. */
const gistOf = (why: string): string => why.replaceAll(/\d+/g, '0').split('\n').slice(0, 3).join('\n').slice(0, 300);
