import { readFileSync, writeFileSync } from 'node:fs';
import { type Chart, drawCharts } from './chart.ts';
import { type Claim, checkClaims } from './claims.ts';
import { type Conditions, readResult } from './results.ts';
import type { Row } from './reviews.ts';
import type { RoundTrip } from './round-trip.ts';
import type { Sweep } from './scale.ts';

const DOCS = `${import.meta.dirname}/../docs`;

type Reviews = Conditions & { readonly rows: readonly Row[] };
type RoundTrips = Conditions & { readonly rounds: number; readonly rows: readonly RoundTrip[] };
type Scale = Conditions & { readonly sweeps: readonly Sweep[] };

const readAll = () => ({
  reviews: readResult<Reviews>('reviews'),
  defaults: readResult<Reviews>('defaults'),
  roundTrip: readResult<RoundTrips>('round-trip'),
  scale: readResult<Scale>('scale'),
});

/** What must hold, held against the last results of all kinds. */
export const lastClaims = (): readonly Claim[] => {
  const { reviews, defaults, roundTrip, scale } = readAll();
  return checkClaims({
    reviews: reviews.rows,
    defaults: defaults.rows,
    roundTrips: roundTrip.rows,
    sweeps: scale.sweeps,
  });
};

/** Writes the last results into docs/performance.md, between its marks, with a chart and the data beside it. */
export const publish = (): void => {
  const { reviews, defaults, roundTrip, scale } = readAll();
  const claims = lastClaims();
  const parts: Readonly<Record<string, string>> = {
    claims: claimTable(claims),
    reviews: `${made(reviews)}\n\n${reviewTable(reviews.rows)}`,
    defaults: `${made(defaults)}\n\n${reviewTable(defaults.rows)}`,
    'round-trip': `${made(roundTrip)} ${roundTrip.rounds} pods each.\n\n${roundTripTable(roundTrip.rows)}`,
    scale: `${made(scale)}\n\n![CPU time and latency against what grows](performance.svg)`,
  };
  const page = `${DOCS}/performance.md`;
  writeFileSync(page, Object.entries(parts).reduce(replacePart, readFileSync(page, 'utf8')));
  writeFileSync(`${DOCS}/performance.svg`, drawCharts(scale.sweeps.flatMap(chartsOf)));
  const data = { claims, reviews, defaults, roundTrip, scale };
  writeFileSync(`${DOCS}/performance.json`, `${JSON.stringify(data, null, 2)}\n`);
};
const replacePart = (page: string, [name, content]: readonly [string, string]): string => {
  const [begin, end] = [`<!-- bench ${name} -->`, `<!-- end of bench ${name} -->`];
  const [before, rest] = cut(page, begin);
  const [, after] = cut(rest, end);
  return `${before}${begin}\n\n${content}\n\n${end}${after}`;
};

const cut = (text: string, mark: string): readonly [string, string] => {
  const at = text.indexOf(mark);
  if (at < 0) throw new Error(`docs/performance.md has no mark ${mark}`);
  return [text.slice(0, at), text.slice(at + mark.length)];
};

const made = ({ at, node, processor, cores, load }: Conditions): string =>
  `Run of ${at.slice(0, 16).replace('T', ' ')} UTC: Node ${node}, ${processor}, ${cores} cores, load ${load} before it.`;

const reviewTable = (rows: readonly Row[]): string =>
  table(
    ['review', 'server', 'CPU µs', 'times the first', 'lowest to highest', 'requests/s', 'p50 ms', 'p99 ms'],
    rows.map((row) => [
      row.input,
      row.subject,
      row.cpuMicroseconds,
      row.ratio,
      `${row.lowest} to ${row.highest}`,
      row.perSecond,
      row.p50,
      row.p99,
    ]),
  );

const claimTable = (claims: readonly Claim[]): string =>
  table(
    ['what', 'at most', 'measured', 'holds'],
    claims.map(({ what, most, measured, holds }) => [what, most, measured, holds ? 'yes' : '**no**']),
  );

const roundTripTable = (rows: readonly RoundTrip[]): string =>
  table(
    ['webhook', 'median ms', 'p99 ms', 'added ms'],
    rows.map((row) => [row.webhook, row.median, row.p99, row.added]),
  );

const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

const chartsOf = ({ title, unit, rows }: Sweep): readonly Chart[] => {
  const names = [...new Set(rows.map(({ subject }) => subject.replace(/-[\d-]+$/, '')))];
  const series = (read: (row: Row) => number): Chart['series'] =>
    names.map((name) => ({
      name,
      points: rows.filter(({ subject }) => subject.startsWith(name)).map((row) => [row.at, Math.max(read(row), 0.01)]),
    }));
  const cost = { title, xLabel: unit, yLabel: 'CPU µs a request', series: series((row) => row.cpuMicroseconds) };
  const latency = { title, xLabel: unit, yLabel: 'p99 ms', series: series((row) => row.p99) };
  return unit === 'connections' ? [cost, latency] : [cost];
};
