import type { Against, Tail } from './against.ts';
import type { ClusterScale } from './cluster-scale.ts';
import type { Footprint } from './footprint.ts';
import type { Row } from './reviews.ts';
import type { RoundTrip } from './round-trip.ts';
import type { Sweep } from './sweeps.ts';

/** One thing that must hold, and what was measured of it. */
export interface Claim {
  readonly what: string;
  readonly most: number;
  /** What is wanted of it, where that is not reached yet. */
  readonly aim?: number;
  readonly measured: number;
  readonly holds: boolean;
}

/** What was measured, each part in a run of its own; those that were not measured are left out. */
export interface Measured {
  readonly reviews?: { readonly rows: readonly Row[] };
  readonly defaults?: { readonly rows: readonly Row[] };
  readonly 'round-trip'?: { readonly rows: readonly RoundTrip[] };
  readonly sweeps?: { readonly sweeps: readonly Sweep[] };
  readonly peers?: { readonly rows: readonly Against[] };
  readonly tail?: { readonly rows: readonly Tail[] };
  readonly footprint?: { readonly footprint: Footprint };
  readonly scale?: { readonly scale: ClusterScale };
}

const POD = '11 KB pod';
const SMALL = '0.8 KB pod, no match';
const SPARK = '12 KB SparkApplication';
const OURS = 'quartermaster-20';
/** Two sizes of which one is ten times the other may differ by so much in what each byte costs before it counts. */
const NOISE = 1.1;

/** What Quartermaster promises of its speed and size, held against what was measured. */
export const checkClaims = (measured: Measured): readonly Claim[] => [
  ...ofPeers(measured),
  ...ofTail(measured),
  ...ofReviews(measured),
  ...ofDefaults(measured),
  ...ofSweeps(measured),
  ...ofRoundTrips(measured),
  ...ofFootprint(measured),
  ...ofScale(measured),
];

const ofPeers = ({ peers }: Measured): readonly Claim[] => {
  const row = (server: string): Against | undefined => peers?.rows.find((one) => one.server === server);
  const [ours, floor] = [row(OURS), row('floor')];
  if (ours === undefined || floor === undefined) return [];
  const against = (server: string, most: number): readonly Claim[] => {
    const other = row(server);
    return other
      ? [claim(`CPU of an 11 KB pod, to ${server}`, most, ours.cpuMicroseconds / other.cpuMicroseconds)]
      : [];
  };
  return [
    claim('CPU of an 11 KB pod, 3 of 20 defaults match, to the floor, at 8 connections', 2.2, ours.ratio, 1.5),
    claim('the same in the first 10 s', 2.8, ours.firstCpuMicroseconds / floor.firstCpuMicroseconds, 2),
    ...against('kube-rs', 0.6).map((one) => ({ ...one, aim: 0.4 })),
    ...against('controller-runtime', 0.25).map((one) => ({ ...one, aim: 0.15 })),
    ...against('kyverno-mutatingpolicy', 0.06).map((one) => ({ ...one, aim: 0.03 })),
    ...against('kyverno-clusterpolicy', 0.03),
    ...against('gatekeeper', 0.05).map((one) => ({ ...one, aim: 0.025 })),
  ];
};

const ofTail = ({ tail }: Measured): readonly Claim[] => {
  const p99 = (server: string): number | undefined =>
    tail?.rows.find((row) => row.server === server && row.rate === 1_000)?.p99;
  const [ours, other] = [p99(OURS), p99('kube-rs')];
  if (ours === undefined || other === undefined) return [];
  return [claim('p99 at 1,000 pods a second, whenever they are due, to kube-rs', 1.5, ours / other, 1)];
};

const ofReviews = ({ reviews }: Measured): readonly Claim[] => {
  if (reviews === undefined) return [];
  const { rows } = reviews;
  const against = (input: string, other: string): number => cpu(rows, input, OURS) / cpu(rows, input, other);
  const p99 = (subject: string): number => find(rows, POD, subject).p99;
  return [
    claim('CPU of an 11 KB pod, 3 of 20 defaults match, to the floor, at 16 connections', 1.8, against(POD, 'floor')),
    claim('the same to Pepr', 0.2, against(POD, 'pepr-20')),
    claim('the same to agnhost', 0.5, against(POD, 'agnhost')),
    claim('CPU of a 0.8 KB pod that nothing matches, to the floor', 0.95, against(SMALL, 'floor')),
    claim('CPU of a 12 KB SparkApplication, to the floor', 2.6, against(SPARK, 'floor'), 1.8),
    claim('p99 of the 11 KB pod at 16 connections, to agnhost', 0.5, p99(OURS) / p99('agnhost')),
  ];
};

const ofDefaults = ({ defaults }: Measured): readonly Claim[] =>
  defaults === undefined
    ? []
    : [
        claim('CPU of a pod with 5 of 1,000 defaults, to 5 of 5', 1.2, growth(defaults.rows, '1000')),
        claim('CPU of a pod with 5 of 10,000 defaults, to 5 of 5', 1.2, growth(defaults.rows, '10000')),
      ];

const ofSweeps = ({ sweeps }: Measured): readonly Claim[] => {
  const bySize = sweeps?.sweeps.filter(({ unit }) => unit === 'bytes') ?? [];
  if (bySize.length === 0) return [];
  const what = 'CPU of a byte of the largest object, to one of a tenth of its size';
  return [claim(what, NOISE, Math.max(...bySize.map(costOfBytes)))];
};

const ofRoundTrips = (measured: Measured): readonly Claim[] => {
  const rows = measured['round-trip']?.rows ?? [];
  const added = (webhook: string): number | undefined => rows.find((row) => row.webhook === webhook)?.added;
  const ours = added(OURS);
  const against = (webhook: string, what: string, most: number): readonly Claim[] => {
    const other = added(webhook);
    if (ours === undefined || other === undefined) return [];
    return [claim(`added to a pod create through kube-apiserver, to ${what}`, most, ours / other)];
  };
  return [
    ...against('agnhost', 'agnhost', 1.2).map((one) => ({ ...one, aim: 1 })),
    ...against('policy-apply', 'MutatingAdmissionPolicy in the API server itself', 0.5),
  ];
};

const ofFootprint = ({ footprint }: Measured): readonly Claim[] => {
  if (footprint === undefined) return [];
  const { idleMiB, at8MiB, readyMs, first100P99 } = footprint.footprint;
  return [
    claim('resident memory in the image, idle, MiB', 90, idleMiB, 65),
    claim('the same under 11 KB pods at 8 connections', 115, at8MiB, 95),
    claim('start to ready, ms', 500, readyMs),
    claim('p99 of the first 100 requests, ms', 50, first100P99),
  ];
};

const ofScale = ({ scale }: Measured): readonly Claim[] => {
  if (scale === undefined) return [];
  const { claims, defaults, settledMiB } = scale.scale;
  const what = `resident memory with ${claims} claims and ${defaults} PlatformDefaults, MiB`;
  return [claim(what, 260, settledMiB, 170)];
};

const claim = (what: string, most: number, measured: number, aim?: number): Claim => ({
  what,
  most,
  ...(aim !== undefined && { aim }),
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
