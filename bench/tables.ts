import type { Against, Tail } from './against.ts';
import type { Claim } from './claims.ts';
import type { ClusterScale } from './cluster-scale.ts';
import type { Footprint } from './footprint.ts';
import type { Row } from './reviews.ts';
import type { RoundTrip } from './round-trip.ts';

type Cell = string | number;

const table = (head: readonly string[], rows: readonly (readonly Cell[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');

export const reviewTable = (rows: readonly Row[]): string =>
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

export const claimTable = (claims: readonly Claim[]): string =>
  table(
    ['what', 'at most', 'aim', 'measured', 'holds'],
    claims.map(({ what, most, aim, measured, holds }) => [what, most, aim ?? most, measured, holds ? 'yes' : '**no**']),
  );

export const roundTripTable = (rows: readonly RoundTrip[]): string =>
  table(
    ['what changes the pod', 'median ms', 'p99 ms', 'added ms', 'CPU µs of the API server', 'CPU µs of its own'],
    rows.map((row) => [row.webhook, row.median, row.p99, row.added, row.apiServerCpu ?? '-', row.ownCpu ?? '-']),
  );

export const peerTable = (rows: readonly Against[]): string =>
  table(
    ['server', 'CPU µs, first 10 s', 'CPU µs after', 'times the floor', 'p50 ms', 'p99 ms', 'resident MiB'],
    rows.map((row) => [
      row.server,
      row.firstCpuMicroseconds,
      row.cpuMicroseconds,
      row.ratio,
      row.p50,
      row.p99,
      row.rssMiB,
    ]),
  );

export const tailTable = (rows: readonly Tail[]): string =>
  table(
    ['pods a second', 'server', 'p50 ms', 'p99 ms', 'p99.9 ms', 'longest ms'],
    rows.map((row) => [row.rate, row.server, row.p50, row.p99, row.p999, row.max]),
  );

export const footprintTable = (footprint: Footprint): string =>
  table(
    ['what', 'figure'],
    [
      ['start to ready, ms', footprint.readyMs],
      ['p99 of the first 100 requests, ms', footprint.first100P99],
      ['p99 of the next 900, ms', footprint.first1000P99],
      ['resident, idle, MiB', footprint.idleMiB],
      ['resident under 11 KB pods at 8 connections, MiB', footprint.at8MiB],
      ['the same at 64 connections, MiB', footprint.at64MiB],
      ['the same with 1.4 MB SparkApplications at 8 connections, MiB', footprint.largeMiB],
      ['resident after all of that, MiB', footprint.afterMiB],
    ],
  );

export const clusterScaleTable = (scale: ClusterScale): string =>
  table(
    ['what', 'figure'],
    [
      ['claims', scale.claims],
      ['namespaces', scale.namespaces],
      ['of which with PlatformDefaults', scale.defaults],
      ['ObjectStores', scale.objectStores],
      ['claims that many nodes share', scale.nfsServers],
      ['start to ready, ms', scale.readyMs],
      ['start until nothing waits, ms', scale.settledMs],
      ['reconciles by then', scale.reconciles],
      ['reconciles a second', scale.reconcilesPerSecond],
      ['resident then, MiB', scale.settledMiB],
      ['most resident at any time, MiB', scale.peakMiB],
      ['bytes an object of the cluster', scale.bytesPerObject],
      ['API requests a minute at rest, watches that go on not counted', scale.requestsPerMinuteAtRest],
    ],
  );
