import { relative } from 'node:path';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

const COUNT = 20;

/** Ends a run with its slowest tests, the slowest first: seconds, file and title. */
export default class SlowestTests implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const lines = slowest(tests.map(timed)).map(
      ({ ms, title }) => `${(ms / 1_000).toFixed(1).padStart(7)} s  ${title}`,
    );
    if (lines.length > 0) process.stdout.write(`\nThe slowest tests:\n${lines.join('\n')}\n`);
  }
}

interface Timed {
  /** How long it took, its own hooks included; 0 where it was skipped. */
  readonly ms: number;
  readonly title: string;
}

const timed = (test: TestCase): Timed => ({
  ms: test.diagnostic()?.duration ?? 0,
  title: `${relative(process.cwd(), test.module.moduleId)}: ${test.fullName}`,
});

/** At most twenty that took any time. */
export const slowest = (tests: readonly Timed[]): readonly Timed[] =>
  tests
    .filter(({ ms }) => ms > 0)
    .toSorted((a, b) => b.ms - a.ms)
    .slice(0, COUNT);
