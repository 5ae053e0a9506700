import { relative } from 'node:path';
import type { Reporter, TestCase, TestModule, TestSuite } from 'vitest/node';

/** Ends a run with a line for each failure and `N passed, N failed`, alone on its line, for whoever counts. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly { readonly message: string }[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const count = (state: string): number => tests.filter((test) => test.result().state === state).length;
    // What could not be set up runs none of its tests, and has not passed.
    const suites = modules.flatMap((module) => [module, ...module.children.allSuites()]);
    const broken = suites.filter((suite) => suite.errors().length > 0);
    const failures = [
      ...tests.filter((test) => test.result().state === 'failed').map((test) => told(test, test.result().errors)),
      ...broken.map((suite) => told(suite, suite.errors())),
      ...errors.map(({ message }) => `FAILED outside of any test: ${firstLine(message)}`),
    ];
    const skipped = count('skipped');
    const closing = `${count('passed')} passed, ${failures.length} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
    process.stdout.write(`\n${[...failures, closing].join('\n')}\n`);
  }
}

type Told = TestCase | TestSuite | TestModule;

const told = (task: Told, errors: readonly { readonly message: string }[] = []): string => {
  const module = task.type === 'module' ? task : task.module;
  const title = task.type === 'module' ? '' : ` > ${task.fullName}`;
  return `FAILED ${relative(process.cwd(), module.moduleId)}${title}: ${firstLine(errors[0]?.message ?? '')}`;
};

const firstLine = (text: string): string => text.split('\n', 1)[0]?.slice(0, 300) ?? '';
