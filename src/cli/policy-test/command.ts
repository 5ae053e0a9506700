import { dirname, join } from 'node:path';
import { styleText } from 'node:util';
import { AppError } from '../../api/errors.ts';
import { counted } from '../results/finding.ts';
import { junitText } from '../results/junit.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { type CoveredKey, coverageLines, coverageOf } from './coverage.ts';
import { readTestFile, type TestFile, testFilesIn } from './files.ts';
import { type PreparedTest, prepare, runTest, type TestResult } from './runner.ts';
import { readSnapshots, type Snapshot, writeSnapshots } from './snapshot.ts';

export interface TestOptions {
  readonly output: 'table' | 'json' | 'junit';
  readonly coverage: boolean;
  /** Writes snapshots anew. */
  readonly update: boolean;
  readonly watch: boolean;
  /** Warnings that no test expects count as failures do. */
  readonly strict: boolean;
}

/** Runs every test in these files and folders. Exit 0 where all pass, 1 where one fails, or with `strict` where a warning is given that no test expects. Throws AppError('InvalidInput') for what cannot be read. */
export const testCommand = async (
  paths: readonly string[],
  options: TestOptions,
  terminal: Terminal,
): Promise<number> => {
  if (!options.watch) return runAll(paths, options, terminal).code;
  const { runOnChange } = await import('./watch.ts');
  const run = (): Promise<readonly string[]> => Promise.resolve(runForWatch(paths, options, terminal));
  await runOnChange(run, new AbortController().signal);
  return EXIT.fine;
};

/** A mistake in a file ends no watch: it is told, and the next change tried. */
const runForWatch = (paths: readonly string[], options: TestOptions, terminal: Terminal): readonly string[] => {
  try {
    return runAll(paths, options, terminal).folders;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    terminal.complain(`${error.message}\n`);
    return testFilesIn(paths).map((path) => dirname(path));
  }
};

interface Ran {
  readonly code: number;
  /** Where a change would make another run worth it. */
  readonly folders: readonly string[];
}

const runAll = (paths: readonly string[], options: TestOptions, terminal: Terminal): Ran => {
  const files = testFilesIn(paths).map(readTestFile);
  const runs = files.map((file) => runFile(file, options.update));
  const results = runs.flatMap((run) => run.results);
  const coverage = options.coverage ? coverageFor(runs) : undefined;
  if (options.output === 'table') terminal.tell(table(results, terminal));
  else terminal.print(render(results, coverage, options.output));
  if (coverage !== undefined && options.output !== 'json') terminal.complain(`${coverageLines(coverage).join('\n')}\n`);
  terminal.complain(`${summary(results, files.length, runs.filter(({ isWritten }) => isWritten).length)}\n`);
  const isFine = results.every(
    ({ failures, warnings }) => failures.length === 0 && !(options.strict && warnings.length > 0),
  );
  return { code: isFine ? EXIT.fine : EXIT.refused, folders: files.flatMap(foldersOf) };
};

interface FileRun {
  readonly prepared: readonly PreparedTest[];
  readonly results: readonly TestResult[];
  readonly snapshots: ReadonlyMap<string, Snapshot>;
  /** Snapshots were written. */
  readonly isWritten: boolean;
}

const runFile = (file: TestFile, isUpdate: boolean): FileRun => {
  const prepared = file.tests.map((test) => prepare(file.file, test));
  const before = readSnapshots(file.file);
  const first = prepared.map((test) => runTest(test, before));
  if (!isUpdate) return { prepared, results: first, snapshots: before, isWritten: false };
  const snapshots = new Map(first.flatMap(({ name, snapshot }) => (snapshot === undefined ? [] : [[name, snapshot]])));
  const isWritten = writeSnapshots(file.file, snapshots);
  return { prepared, results: prepared.map((test) => runTest(test, snapshots)), snapshots, isWritten };
};

const coverageFor = (runs: readonly FileRun[]): readonly CoveredKey[] => {
  const snapshots = new Map(runs.flatMap((run) => run.prepared.map((test) => [test, run.snapshots] as const)));
  return coverageOf([...snapshots.keys()], (test, defaults) =>
    runTest(test, snapshots.get(test) ?? new Map(), defaults),
  );
};

const foldersOf = ({ file, tests }: TestFile): readonly string[] => {
  const named = tests.flatMap(({ given }) => [...(given?.defaults ?? []), ...(given?.objects ?? [])]);
  const applied = tests.flatMap(({ when }) => [when.object, when.old, ...(when.objects ?? [])]);
  const paths = [...named, ...applied].filter((one) => typeof one === 'string');
  return [dirname(file), ...paths.map((path) => dirname(join(dirname(file), path)))];
};

const summary = (results: readonly TestResult[], files: number, written: number): string => {
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  const warnings = results.reduce((sum, result) => sum + result.warnings.length, 0);
  const told = warnings === 0 ? '' : `; ${counted(warnings, 'warning')}`;
  const snapshots = written === 0 ? '' : `; snapshots of ${counted(written, 'file')} written`;
  return `${counted(results.length, 'test')} in ${counted(files, 'file')}: ${results.length - failed} passed, ${failed} failed${told}${snapshots}.`;
};

const table = (results: readonly TestResult[], terminal: Terminal): string =>
  [...Map.groupBy(results, ({ file }) => file)]
    .flatMap(([file, list]) => [file, ...list.flatMap((result) => resultLines(result, terminal))])
    .map((line) => `${line}\n`)
    .join('');

const render = (
  results: readonly TestResult[],
  coverage: readonly CoveredKey[] | undefined,
  output: Exclude<TestOptions['output'], 'table'>,
): string => {
  switch (output) {
    case 'json':
      return `${JSON.stringify({ tests: results.map(({ snapshot: _, ...result }) => result), ...(coverage && { coverage }) }, null, 2)}\n`;
    case 'junit':
      return junitText([...Map.groupBy(results, ({ file }) => file)].map(([name, cases]) => ({ name, cases })));
  }
};

const resultLines = (
  { name, failures, warnings, explanation }: TestResult,
  { isColoured }: Terminal,
): readonly string[] => {
  const hasPassed = failures.length === 0;
  const word = hasPassed ? 'pass' : 'FAIL';
  return [
    `  ${isColoured ? styleText(hasPassed ? 'green' : 'red', word, { validateStream: false }) : word}  ${name}`,
    ...failures.map((failure) => `        ${failure}`),
    ...warnings.map((warning) => `        warning: ${warning}`),
    ...explanation.map((line) => `        ${line}`),
  ];
};
