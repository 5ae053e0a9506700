import { join } from 'node:path';
import { expect, it } from 'vitest';
import { slowest } from '../../dev/slowest-tests.ts';
import { failuresIn, summaryOf } from '../soak/suites.ts';

const passed = { fullName: 'one passes', status: 'passed', failureMessages: [] };
const failed = { fullName: 'one fails', status: 'failed', failureMessages: ['AssertionError: 1 is not 2\n    at x'] };

it('a round of a suite tells the tests that failed, and the files that could not be set up', () => {
  const name = join(process.cwd(), 'test/a.test.ts');
  const failures = failuresIn({
    testResults: [
      { name, status: 'failed', assertionResults: [passed, failed] },
      { name: join(process.cwd(), 'test/b.test.ts'), status: 'failed', message: 'no such file', assertionResults: [] },
      { name, status: 'passed', assertionResults: [passed] },
    ],
  });
  expect(failures).toEqual([
    { what: 'test/a.test.ts: one fails', why: 'AssertionError: 1 is not 2' },
    { what: 'test/b.test.ts', why: 'no such file' },
  ]);
});

it('rounds come to one line for each test that failed, the most frequent first', () => {
  const failure = (round: number, what: string) => ({ round, suite: 'test:slow', what, why: `why ${round}` });
  expect(summaryOf([failure(1, 'a'), failure(2, 'b'), failure(3, 'b')], 10)).toEqual([
    '2 of 10: test:slow, b: why 3',
    '1 of 10: test:slow, a: why 1',
  ]);
  expect(summaryOf([], 10)).toEqual([]);
});

it('the slowest tests are twenty at most, without those that took no time', () => {
  const tests = Array.from({ length: 30 }, (_, at) => ({ ms: at, title: `t${at}` }));
  expect(slowest(tests).map(({ title }) => title)).toEqual(Array.from({ length: 20 }, (_, at) => `t${29 - at}`));
  expect(slowest([{ ms: 0, title: 'skipped' }])).toEqual([]);
});
