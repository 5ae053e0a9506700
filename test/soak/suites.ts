import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

/** The scripts of package.json that are the suites of `.ci/run`. */
export const SUITES: readonly string[] = ['test', 'test:oldest', 'test:slow', 'test:cluster'];

/** What vitest's reporter `json` writes, as far as it matters here. */
export interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message?: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[] | null;
    }[];
  }[];
}

/** One thing that failed in one round. */
export interface Failure {
  readonly round: number;
  readonly suite: string;
  /** File and title; the file alone where it could not be set up. */
  readonly what: string;
  /** The first line of why. */
  readonly why: string;
}

interface SuitesOptions {
  readonly rounds: number;
  readonly suites: readonly string[];
  readonly progress: (text: string) => void;
}

/** Runs whole suites so many times, one after another. Answers all that failed, in order. */
export const soakSuites = async ({ rounds, suites, progress }: SuitesOptions): Promise<readonly Failure[]> => {
  const failures: Failure[] = [];
  for (let round = 1; round <= rounds; round += 1)
    for (const suite of suites) {
      const startedAt = performance.now();
      const seed = randomInt(2 ** 31);
      const found = await runSuite(suite, round, seed);
      failures.push(...found);
      const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
      progress(`round ${round} of ${rounds}, ${suite}, PROPERTY_SEED=${seed}: ${found.length} failed, ${minutes} min`);
    }
  return failures;
};

/** A suite as CI runs it but for the inputs of its properties, with its report in a file. */
const runSuite = async (suite: string, round: number, seed: number): Promise<readonly Failure[]> => {
  const folder = await mkdtemp(join(tmpdir(), 'quartermaster-suites-'));
  try {
    const file = join(folder, 'report.json');
    const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${file}`];
    const child = spawn('npm', ['run', '--silent', suite, '--', ...reporters], {
      env: { ...process.env, CI: 'true', NO_COLOR: '1', PROPERTY_SEED: String(seed) },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    const text = await readFile(file, 'utf8').catch(() => undefined);
    const found = text === undefined ? [] : failuresIn(JSON.parse(text) as Report);
    const unexplained = code !== 0 && found.length === 0 ? [{ what: suite, why: `ended with ${code}` }] : [];
    return [...found, ...unexplained].map((failure) => ({ round, suite, ...failure }));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** The tests that failed, and the files that could not be set up. */
export const failuresIn = ({ testResults }: Report): readonly Pick<Failure, 'what' | 'why'>[] =>
  testResults.flatMap(({ name, status, message = '', assertionResults }) => {
    const file = relative(process.cwd(), name);
    const failed = assertionResults
      .filter((test) => test.status === 'failed')
      .map(({ fullName, failureMessages }) => ({
        what: `${file}: ${fullName}`,
        why: firstLine(failureMessages?.[0] ?? ''),
      }));
    return failed.length === 0 && status === 'failed' ? [{ what: file, why: firstLine(message) }] : failed;
  });

const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';

/** One line for each thing that failed, the most frequent first: how often, in which suite, and why the last time. */
export const summaryOf = (failures: readonly Failure[], rounds: number): readonly string[] =>
  [...Map.groupBy(failures, ({ suite, what }) => `${suite} ${what}`).values()]
    .toSorted((a, b) => b.length - a.length)
    .flatMap((alike) => {
      const last = alike.at(-1);
      return last === undefined ? [] : `${alike.length} of ${rounds}: ${last.suite}, ${last.what}: ${last.why}`;
    });
