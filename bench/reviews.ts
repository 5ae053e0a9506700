import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Input, inputs } from './inputs.ts';
import { measure, median, type Sample } from './measure.ts';
import type { Subject } from './subject.ts';

/** What is measured in one run: every subject with every input, in each round. */
export interface Plan {
  readonly rounds: number;
  readonly connections: number;
  /** Bytes sent a sample, bodies with 2 KB for what comes with each, so that all samples take about as long. */
  readonly bytes: number;
  readonly subjects: readonly string[];
  readonly inputs: readonly string[];
  /** How many of the PlatformDefaults match. */
  readonly matching: number;
}

/** Requests before those of a sample. */
const WARM_UP = 3_000;
/** The round before the first that counts, in samples and in requests: V8 takes tens of thousands to compile all that runs. */
const FIRST_ROUND = { samples: 25, most: 40_000 };

/** Medians of the rounds that count. */
export interface Row {
  readonly input: string;
  readonly subject: string;
  readonly cpuMicroseconds: number;
  /** Median of the ratios within each round, to the first subject. */
  readonly ratio: number;
  readonly lowest: number;
  readonly highest: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Resident memory after the last sample. */
  readonly rssMiB: number;
}

/** agnhost and Pepr are set up for pods alone. */
const TAKES_PODS_ONLY = /^(agnhost|pepr)/;

export const runPlan = async (
  plan: Plan,
  subjects: readonly Subject[],
  folder: string,
  given: Readonly<Record<string, Input>> = inputs,
): Promise<readonly Row[]> => {
  const samples = new Map<string, Sample[]>();
  const cases = plan.inputs.map((key) => ({ ...(given[key] as Input), file: join(folder, `${key}.json`) }));
  for (const { file, body } of cases) writeFileSync(file, body);
  for (let round = 0; round <= plan.rounds; round += 1) {
    for (const input of cases) {
      for (const subject of subjects.filter(({ name }) => input.isPod || !TAKES_PODS_ONLY.test(name))) {
        const requests = requestsFor(plan, input, round);
        const load = { bodyFile: input.file, connections: plan.connections };
        const sample = await measure(subject, { ...load, requests, warmUp: Math.min(requests, WARM_UP) });
        if (round > 0) samples.set(keyOf(input, subject), [...(samples.get(keyOf(input, subject)) ?? []), sample]);
      }
    }
    process.stderr.write(`round ${round} of ${plan.rounds}\n`);
  }
  return cases.flatMap((input) =>
    subjects.flatMap((subject) => {
      const own = samples.get(keyOf(input, subject));
      const base = samples.get(`${input.name}/${subjects[0]?.name}`) ?? [];
      return own === undefined ? [] : [rowOf(input, subject, own, base)];
    }),
  );
};

const requestsFor = ({ connections, bytes }: Plan, { body }: Input, round: number): number => {
  const wanted = Math.round(bytes / (body.length + 2_000));
  const counted = Math.max(200, 10 * connections, wanted);
  return round > 0 ? counted : Math.max(counted, Math.min(FIRST_ROUND.most, FIRST_ROUND.samples * wanted));
};

const keyOf = ({ name }: Input, subject: Subject): string => `${name}/${subject.name}`;

const rowOf = (input: Input, subject: Subject, own: readonly Sample[], base: readonly Sample[]): Row => {
  const cpu = own.map(({ cpuMicroseconds }) => cpuMicroseconds);
  const middle = (read: (sample: Sample) => number): number => median(own.map(read));
  return {
    input: input.name,
    subject: subject.name,
    cpuMicroseconds: round(median(cpu), 1),
    ratio: round(median(cpu.map((value, index) => value / (base[index]?.cpuMicroseconds ?? value))), 2),
    lowest: round(Math.min(...cpu), 1),
    highest: round(Math.max(...cpu), 1),
    perSecond: Math.round(middle(({ perSecond }) => perSecond)),
    p50: round(
      middle(({ p50 }) => p50),
      2,
    ),
    p99: round(
      middle(({ p99 }) => p99),
      2,
    ),
    rssMiB: Math.round(subject.rssBytes() / 2 ** 20),
  };
};

const round = (value: number, digits: number): number => Number(value.toFixed(digits));
