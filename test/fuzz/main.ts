#!/usr/bin/env node
// Throws broken input at every way into the program, or at those named, for so long or so often.
// Usage: npm run fuzz [-- TARGET...] [--seconds N] [--count N] [--seed N]; half a minute each where neither is given.
// What is found is kept under test/fuzz/corpus. Exit 1 where anything is.
import { parseArgs } from 'node:util';
import { keepInput } from './corpus.ts';
import { type RunResult, runTarget } from './run.ts';
import type { OpenTarget } from './target.ts';
import { targets } from './targets.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string' },
    count: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const seed = Number(values.seed);
const seconds = Number(values.seconds ?? (values.count === undefined ? 30 : Infinity));
const unknown = positionals.find((name) => !Object.hasOwn(targets, name));
if (unknown !== undefined) {
  console.error(`There is no target ${unknown}: name any of ${Object.keys(targets).join(', ')}.`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const TENTHS = Array.from({ length: 10 }, (_, tenth) => tenth);

/** Resident memory over the run, as the median of each tenth of it: what grows without end grows to the last. */
const growthOf = (memory: readonly number[]): string => {
  if (memory.length < TENTHS.length) return '';
  const edge = (tenth: number): number => Math.floor((tenth * memory.length) / TENTHS.length);
  const medians = TENTHS.map((tenth) => {
    const part = memory.slice(edge(tenth), edge(tenth + 1));
    return Math.round((part.toSorted((a, b) => a - b)[Math.floor(part.length / 2)] ?? 0) / 2 ** 20);
  });
  return `, RSS in MiB by tenths ${medians.join(' ')}`;
};

const fuzz = async (name: string, open: OpenTarget): Promise<RunResult> => {
  const target = await open(seed);
  const options = { seed, count: Number(values.count ?? Infinity), seconds };
  const memory: number[] = [];
  const onProgress = (done: number): void => {
    if (target.rssBytes) memory.push(target.rssBytes());
    process.stderr.write(`${name}: ${done}\n`);
  };
  const result = await runTarget(target, { ...options, onProgress });
  await target.stop?.();
  const speed = Math.round(result.done / result.seconds);
  console.log(
    `${name}: ${result.done} inputs, ${speed}/s, slowest ${Math.round(result.slowestMs)} ms, ${result.finds.length} finds (seed ${seed})${growthOf(memory)}`,
  );
  return result;
};

for (const name of positionals.length > 0 ? positionals : Object.keys(targets)) {
  const { finds } = await fuzz(name, targets[name] as OpenTarget);
  for (const { input, why } of finds) console.error(`${keepInput(name, input)}\n${why}\n`);
  if (finds.length > 0) process.exitCode = 1;
}
