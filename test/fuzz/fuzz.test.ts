import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCorpus } from './corpus.ts';
import { checkOnce, runTarget } from './run.ts';
import type { OpenTarget, Target } from './target.ts';
import { targets } from './targets.ts';

const SEED = 1;
const COUNT = 300;
const SECONDS = 15;

describe.each(Object.entries(targets))('broken input for %s', (name, open: OpenTarget) => {
  let target: Target;
  beforeAll(async () => {
    target = await open(SEED);
  }, 60_000);
  afterAll(() => target?.stop?.());

  it.each(readCorpus(name))('is stood, as once it was not: %s', async (_file, input) => {
    expect((await checkOnce(target, input)).why).toBeUndefined();
  });

  it(`is stood ${COUNT} times`, { timeout: 60_000 }, async () => {
    const { finds, done } = await runTarget(target, { seed: SEED, count: COUNT, seconds: SECONDS });
    expect(finds.map(({ why, input }) => `${why}\n${input.toString().slice(0, 500)}`)).toEqual([]);
    expect(done).toBeGreaterThan(0);
  });
});
