#!/usr/bin/env node
// Throws broken input at every way into the program, or at those named, for so long or so often.
// Usage: npm run fuzz [-- TARGET...] [--seconds N] [--count N] [--seed N]; what is found is kept under test/fuzz/corpus. Exit 1 where anything is.
import { parseArgs } from 'node:util';
import { keepInput } from './corpus.ts';
import { type RunResult, runTarget } from './run.ts';
import type { OpenTarget } from './target.ts';
import { targets } from './targets.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '30' },
    count: { type: 'string', default: 'Infinity' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const seed = Number(values.seed);
const unknown = positionals.find((name) => !Object.hasOwn(targets, name));
if (unknown !== undefined) {
  console.error(`There is no target ${unknown}: name any of ${Object.keys(targets).join(', ')}.`);
  process.exit(2);
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

/** What the program has grown to after a tenth of a run counts as warm. */
const WARM_UP = 0.1;

const fuzz = async (name: string, open: OpenTarget): Promise<RunResult> => {
  const target = await open(seed);
  const options = { seed, count: Number(values.count), seconds: Number(values.seconds) };
  const memory: number[] = [];
  const onProgress = (done: number): void => {
    if (target.rssBytes) memory.push(target.rssBytes());
    process.stderr.write(`${name}: ${done}\n`);
  };
  const result = await runTarget(target, { ...options, onProgress });
  await target.stop?.();
  const speed = Math.round(result.done / result.seconds);
  const size = (bytes = 0): string => `${Math.round(bytes / 2 ** 20)} MiB`;
  const warm = memory[Math.ceil(memory.length * WARM_UP)];
  const growth =
    warm === undefined
      ? ''
      : `, RSS ${size(warm)} when warm, ${size(Math.max(...memory))} at most, ${size(memory.at(-1))} at the end`;
  console.log(
    `${name}: ${result.done} inputs, ${speed}/s, slowest ${Math.round(result.slowestMs)} ms, ${result.finds.length} finds (seed ${seed})${growth}`,
  );
  return result;
};

for (const name of positionals.length > 0 ? positionals : Object.keys(targets)) {
  const { finds } = await fuzz(name, targets[name] as OpenTarget);
  for (const { input, why } of finds) console.error(`${keepInput(name, input)}\n${why}\n`);
  if (finds.length > 0) process.exitCode = 1;
}
