import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import type { Row } from './reviews.ts';

const FOLDER = `${import.meta.dirname}/results`;

/** What a run was made under. */
export interface Conditions {
  readonly at: string;
  readonly node: string;
  readonly processor: string;
  readonly cores: number;
  /** Of the last minute, before the run: what else the machine was doing. */
  readonly load: number;
  /** Of what was measured beside us. */
  readonly versions?: readonly string[];
}

export const conditions = (versions: readonly string[] = []): Conditions => ({
  ...(versions.length > 0 && { versions }),
  at: new Date().toISOString(),
  node: process.version,
  processor: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  load: Number((loadavg()[0] ?? 0).toFixed(2)),
});

/** Keeps a result where `publish`, and other programs, find it. */
export const saveResult = (name: string, result: object): void => {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(`${FOLDER}/${name}.json`, `${JSON.stringify(result, null, 2)}\n`);
  process.stderr.write(`written to bench/results/${name}.json\n`);
};

/** The last result of a name; undefined where there is none yet. */
export const readResult = (name: string): unknown => {
  const file = `${FOLDER}/${name}.json`;
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
};

/** Prints the rows as a table. */
export const tabulate = (rows: readonly Row[]): void =>
  console.table(
    rows.map((row) => ({
      input: row.input,
      subject: row.subject,
      'CPU us/request': row.cpuMicroseconds,
      'x first': row.ratio,
      spread: `${row.lowest}-${row.highest}`,
      'requests/s': row.perSecond,
      'p50 ms': row.p50,
      'p99 ms': row.p99,
      'RSS MiB': row.rssMiB,
    })),
  );
