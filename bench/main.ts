#!/usr/bin/env node
// Measures admissions: server and load each on a core of its own, every subject in each round, CPU time a request first.
// Usage: npm run bench [-- quick | defaults]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueAuthority, issueServing } from '../src/certificates/issue.ts';
import { type Input, inputs } from './inputs.ts';
import { measure, median, type Sample } from './measure.ts';
import { type Subject, startSubject } from './subject.ts';

interface Plan {
  readonly rounds: number;
  readonly connections: number;
  /** Body bytes sent a sample, so that each takes about as long. */
  readonly bytes: number;
  readonly subjects: readonly string[];
  readonly inputs: readonly string[];
}

const plans: Readonly<Record<string, Plan>> = {
  full: {
    rounds: 7,
    connections: 16,
    bytes: 60_000_000,
    subjects: ['floor', 'quartermaster-0', 'quartermaster-20', 'quartermaster-1000'],
    inputs: Object.keys(inputs),
  },
  quick: {
    rounds: 3,
    connections: 16,
    bytes: 20_000_000,
    subjects: ['floor', 'quartermaster-20'],
    inputs: ['claim', 'pod', 'small', 'spark'],
  },
  defaults: {
    rounds: 9,
    connections: 16,
    bytes: 40_000_000,
    subjects: ['quartermaster-5', 'quartermaster-1000', 'quartermaster-10000'],
    inputs: ['pod', 'spark'],
  },
};

const plan = plans[process.argv[2] ?? 'full'];
if (plan === undefined) {
  process.stderr.write(`There are the plans ${Object.keys(plans).join(', ')}.\n`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'quartermaster-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

const bodyFiles = new Map(Object.entries(inputs).map(([key, { body }]) => [key, writeBody(key, body)]));
const subjects = await startAll(plan.subjects);
const samples = new Map<string, Sample[]>();
for (let round = 0; round < plan.rounds; round += 1) {
  for (const key of plan.inputs) {
    const { body } = inputs[key] as Input;
    for (const subject of subjects) {
      const sample = await measure(
        subject,
        bodyFiles.get(key) ?? '',
        plan.connections,
        Math.max(200, Math.round(plan.bytes / (body.length + 2_000))),
      );
      // The first round warms up.
      if (round > 0 || plan.rounds === 1) push(`${key}/${subject.name}`, sample);
    }
  }
}
report();
for (const { stop } of subjects) stop();

function writeBody(key: string, body: string): string {
  const file = join(folder, `${key}.json`);
  writeFileSync(file, body);
  return file;
}

async function startAll(names: readonly string[]): Promise<readonly Subject[]> {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) };
  const pair = await issueServing(await issueAuthority('bench', validity), ['127.0.0.1'], validity);
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(cert, pair.cert);
  writeFileSync(key, pair.key);
  return Promise.all(
    names.map((name, index) => {
      const [file = '', defaults = '0'] = name.split('-');
      const port = 19_440 + index;
      const matching = String(Math.min(Number(defaults), process.argv[2] === 'defaults' ? 5 : 3));
      const script = `${import.meta.dirname}/subjects/${file}.ts`;
      return startSubject({
        name,
        port,
        path: '/mutate',
        command: [process.execPath, script, String(port), cert, key, defaults, matching],
      });
    }),
  );
}

function push(key: string, sample: Sample): void {
  samples.set(key, [...(samples.get(key) ?? []), sample]);
}

function report(): void {
  const rows = (plan as Plan).inputs.flatMap((key) =>
    subjects.map(({ name }) => {
      const own = samples.get(`${key}/${name}`) ?? [];
      const base = samples.get(`${key}/${subjects[0]?.name ?? ''}`) ?? [];
      const cpu = median(own.map(({ cpuMicroseconds }) => cpuMicroseconds));
      return {
        input: inputs[key]?.name ?? key,
        subject: name,
        'CPU us/request': round(cpu),
        [`x ${subjects[0]?.name ?? ''}`]: round(
          median(own.map(({ cpuMicroseconds }, index) => cpuMicroseconds / (base[index]?.cpuMicroseconds ?? 1))),
          2,
        ),
        spread: `${round(Math.min(...own.map(({ cpuMicroseconds }) => cpuMicroseconds)))}-${round(Math.max(...own.map(({ cpuMicroseconds }) => cpuMicroseconds)))}`,
        'requests/s': Math.round(median(own.map(({ perSecond }) => perSecond))),
        'p50 ms': round(median(own.map(({ p50 }) => p50)), 2),
        'p99 ms': round(median(own.map(({ p99 }) => p99)), 2),
      };
    }),
  );
  console.table(rows);
  mkdirSync(`${import.meta.dirname}/results`, { recursive: true });
  writeFileSync(
    `${import.meta.dirname}/results/latest.json`,
    `${JSON.stringify({ node: process.version, plan, rows }, null, 2)}\n`,
  );
}

function round(value: number, digits = 1): number {
  return Number(value.toFixed(digits));
}
