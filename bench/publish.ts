import { readFileSync, writeFileSync } from 'node:fs';
import type { Against } from './against.ts';
import { type Bar, drawBars } from './bars.ts';
import { type Chart, drawCharts } from './chart.ts';
import { type Claim, checkClaims, type Measured } from './claims.ts';
import { type Conditions, readResult } from './results.ts';
import type { Row } from './reviews.ts';
import type { Sweep } from './sweeps.ts';
import {
  claimTable,
  clusterScaleTable,
  footprintTable,
  peerTable,
  reviewTable,
  roundTripTable,
  tailTable,
} from './tables.ts';

const DOCS = `${import.meta.dirname}/../docs`;

/** Each part with what its run was made under. */
type Results = { readonly [Part in keyof Measured]: NonNullable<Measured[Part]> & Conditions };

const PARTS = ['peers', 'tail', 'footprint', 'reviews', 'defaults', 'round-trip', 'sweeps', 'scale'] as const;

/** The last results, of those parts that were measured in this checkout. */
const ownResults = (): Results =>
  Object.fromEntries(PARTS.flatMap((part) => [[part, readResult(part)] as const].filter(([, found]) => found)));

/** Those, and of the other parts what the page has. */
const allResults = (): Results => {
  const { claims: _, ...published } = JSON.parse(readFileSync(`${DOCS}/performance.json`, 'utf8')) as Results & {
    readonly claims: unknown;
  };
  return { ...published, ...ownResults() };
};

/** What must hold, held against the last results. */
export const lastClaims = (): readonly Claim[] => checkClaims(ownResults());

/** Says what holds of what was measured here, and fails where anything does not. */
export const judge = (): void => {
  const claims = lastClaims();
  const missing = PARTS.filter((part) => ownResults()[part] === undefined);
  console.table(claims);
  if (missing.length > 0)
    console.error(`not measured yet: ${missing.map((part) => `npm run bench -- ${part}`).join(', ')}`);
  if (missing.length > 0 || claims.some(({ holds }) => !holds)) process.exitCode = 1;
};

/** Writes the results into docs/performance.md, between its marks, with a chart and the data beside it. */
export const publish = (): void => {
  const results = allResults();
  const claims = checkClaims(results);
  const parts = { ...partsOf(results), claims: claimTable(claims) };
  const page = `${DOCS}/performance.md`;
  writeFileSync(page, Object.entries(parts).reduce(replacePart, readFileSync(page, 'utf8')));
  if (results.sweeps) writeFileSync(`${DOCS}/performance.svg`, drawCharts(results.sweeps.sweeps.flatMap(chartsOf)));
  if (results.peers)
    writeFileSync(`${DOCS}/performance-peers.svg`, drawBars(PEERS_TITLE, results.peers.rows.map(barOf)));
  writeFileSync(`${DOCS}/performance.json`, `${JSON.stringify({ claims, ...results }, null, 2)}\n`);
};

const partsOf = (results: Results): Readonly<Record<string, string>> => {
  const { peers, tail, footprint, reviews, defaults, sweeps, scale } = results;
  const roundTrip = results['round-trip'];
  return {
    ...(peers && {
      peers: `${made(peers)}\n\n${peerTable(peers.rows)}\n\n![CPU time of each server](performance-peers.svg)`,
    }),
    ...(tail && { tail: `${made(tail)}\n\n${tailTable(tail.rows)}` }),
    ...(footprint && { footprint: `${made(footprint)}\n\n${footprintTable(footprint.footprint)}` }),
    ...(reviews && { reviews: `${made(reviews)}\n\n${reviewTable(reviews.rows)}` }),
    ...(defaults && { defaults: `${made(defaults)}\n\n${reviewTable(defaults.rows)}` }),
    ...(roundTrip && { 'round-trip': `${made(roundTrip)}\n\n${roundTripTable(roundTrip.rows)}` }),
    ...(sweeps && { sweeps: `${made(sweeps)}\n\n![CPU time and latency against what grows](performance.svg)` }),
    ...(scale && { scale: `${made(scale)}\n\n${clusterScaleTable(scale.scale)}` }),
  };
};

const PEERS_TITLE = 'CPU µs a request of the 11 KB pod, logarithmic';
const barOf = ({ server, cpuMicroseconds }: Against): Bar => ({ name: server, value: cpuMicroseconds });

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

const made = ({ at, node, processor, cores, load, versions = [] }: Conditions): string =>
  [
    `Run of ${at.slice(0, 16).replace('T', ' ')} UTC: Node ${node}, ${processor}, ${cores} cores, load ${load} before it.`,
    ...(versions.length > 0 ? [`Beside: ${versions.join(', ')}.`] : []),
  ].join(' ');

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
