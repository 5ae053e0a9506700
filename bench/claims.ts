import type { Row } from './reviews.ts';
import type { RoundTrip } from './round-trip.ts';
import type { Sweep } from './scale.ts';

/** One thing that must hold, and what was measured of it. */
export interface Claim {
  readonly what: string;
  readonly most: number;
  readonly measured: number;
  readonly holds: boolean;
}

/** All that was measured in one run. */
export interface Measured {
  readonly reviews: readonly Row[];
  readonly defaults: readonly Row[];
  readonly roundTrips: readonly RoundTrip[];
  readonly sweeps: readonly Sweep[];
}

const POD = '11 KB pod';
const SMALL = '0.8 KB pod, no match';
/** Two sizes of which one is ten times the other may differ by so much in what each byte costs before it counts. */
const NOISE = 1.1;

/** What Quartermaster promises of its speed, held against a run. */
export const checkClaims = ({ reviews, defaults, roundTrips, sweeps }: Measured): readonly Claim[] => {
  const against = (input: string, other: string): number =>
    cpu(reviews, input, 'quartermaster-20') / cpu(reviews, input, other);
  const p99 = (subject: string): number => find(reviews, POD, subject).p99;
  const added = (webhook: string): number => roundTrips.find((row) => row.webhook === webhook)?.added ?? Number.NaN;
  return [
    claim('CPU of an 11 KB pod, 3 of 20 defaults match, to the floor', 1.8, against(POD, 'floor')),
    claim('the same to Pepr', 0.2, against(POD, 'pepr-20')),
    claim('the same to agnhost', 0.5, against(POD, 'agnhost')),
    claim('CPU of a 0.8 KB pod that nothing matches, to the floor', 1.5, against(SMALL, 'floor')),
    claim('p99 of the 11 KB pod at 16 connections, to agnhost', 0.5, p99('quartermaster-20') / p99('agnhost')),
    claim('CPU of a pod with 5 of 1,000 defaults, to 5 of 5', 1.5, growth(defaults, '1000')),
    claim('CPU of a pod with 5 of 10,000 defaults, to 5 of 5', 1.3, growth(defaults, '10000')),
    claim(
      'CPU of a byte of the largest object, to one of a tenth of its size',
      NOISE,
      Math.max(...sweeps.filter(({ unit }) => unit === 'bytes').map(costOfBytes)),
    ),
    claim(
      'added to a pod create through kube-apiserver, to agnhost',
      1.2,
      added('quartermaster-20') / added('agnhost'),
    ),
  ];
};

const claim = (what: string, most: number, measured: number): Claim => ({
  what,
  most,
  measured: Number(measured.toFixed(2)),
  holds: measured <= most,
});

const find = (rows: readonly Row[], input: string, subject: string): Row => {
  const row = rows.find((candidate) => candidate.input === input && candidate.subject === subject);
  if (row === undefined) throw new Error(`nothing was measured of ${subject} with ${input}`);
  return row;
};

const cpu = (rows: readonly Row[], input: string, subject: string): number =>
  find(rows, input, subject).cpuMicroseconds;

const growth = (rows: readonly Row[], defaults: string): number =>
  cpu(rows, POD, `quartermaster-${defaults}`) / cpu(rows, POD, 'quartermaster-5');

/** What a byte costs in the largest object, to what it costs in the largest but one. */
const costOfBytes = ({ rows }: Sweep): number => {
  const own = rows.filter(({ subject }) => subject.startsWith('quartermaster')).toSorted((a, b) => b.at - a.at);
  const [largest, other] = own.map(({ cpuMicroseconds, at }) => cpuMicroseconds / at);
  return (largest ?? Number.NaN) / (other ?? Number.NaN);
};
