#!/usr/bin/env node
// Measures admissions: server and load each on a core of its own, CPU time a request first. Each measurement is written into
// docs/performance.md as it is done.
// Usage: npm run bench [-- all | quick | peers [NAME...] | tail | footprint | scale | reviews | defaults | sweeps | round-trip | judge | publish]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureAgainst, measureTail, peers, serversHere } from './against.ts';
import { builtPeers, peerVersions } from './built-peers.ts';
import { measureClusterScale } from './cluster-scale.ts';
import { measureFootprint } from './footprint.ts';
import { plans } from './plans.ts';
import { engineVersions } from './policy-engines.ts';
import { judge, publish } from './publish.ts';
import { conditions, saveResult, tabulate } from './results.ts';
import { runPlan } from './reviews.ts';
import { measureRoundTrips } from './round-trip.ts';
import { startServers } from './servers.ts';
import { measureSweeps } from './sweeps.ts';
import { writeTls } from './tls.ts';

const ROUND_TRIPS = { servers: ['quartermaster-20', 'agnhost', ...builtPeers], rounds: 5, seconds: 3 };

const folder = mkdtempSync(join(tmpdir(), 'quartermaster-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

/** What a run was made under is asked for before it. */
const record = async (
  name: string,
  measure: () => Promise<object>,
  versions: readonly string[] = [],
): Promise<void> => {
  const before = conditions(versions);
  saveResult(name, { ...before, ...(await measure()) });
  publish();
};

const runReviews = async (name: keyof typeof plans): Promise<void> => {
  const plan = plans[name];
  const measure = async () => {
    await using servers = await startServers(plan.subjects, plan.matching, await writeTls(folder));
    const rows = await runPlan(plan, servers.subjects, folder);
    tabulate(rows);
    return { plan, rows };
  };
  if (name === 'quick') saveResult(name, { ...conditions(), ...(await measure()) });
  else await record(name, measure);
};

const tabulated = <T>(rows: readonly T[]): { readonly rows: readonly T[] } => {
  console.table(rows);
  return { rows };
};

const runPeers = (named: readonly string[] = []) =>
  record(
    'peers',
    async () =>
      tabulated(await measureAgainst({ tls: await writeTls(folder), folder }, named.length > 0 ? named : peers)),
    [...peerVersions(), ...engineVersions()],
  );

const runTail = () =>
  record('tail', async () => tabulated(await measureTail({ tls: await writeTls(folder), folder })), peerVersions());

const runFootprint = () =>
  record('footprint', async () => {
    const footprint = await measureFootprint(folder);
    console.table(footprint);
    return { footprint };
  });

const runScale = () =>
  record('scale', async () => {
    const scale = await measureClusterScale(folder);
    console.table(scale);
    return { scale };
  });

const runRoundTrips = () =>
  record(
    'round-trip',
    async () => {
      const { servers, ...turns } = ROUND_TRIPS;
      const here = await serversHere(servers);
      return { ...turns, ...tabulated(await measureRoundTrips(here, turns, await writeTls(folder))) };
    },
    peerVersions(),
  );

const runSweeps = () =>
  record('sweeps', async () => {
    const sweeps = await measureSweeps({ tls: await writeTls(folder), folder });
    for (const { title, rows } of sweeps) {
      console.log(title);
      tabulate(rows);
    }
    return { sweeps };
  });

const commands: Readonly<Record<string, (names: readonly string[]) => Promise<void> | void>> = {
  all: async () => {
    await runPeers();
    await runTail();
    await runFootprint();
    await runReviews('reviews');
    await runReviews('defaults');
    await runRoundTrips();
    await runSweeps();
    await runScale();
    judge();
  },
  quick: () => runReviews('quick'),
  peers: runPeers,
  tail: runTail,
  footprint: runFootprint,
  scale: runScale,
  reviews: () => runReviews('reviews'),
  defaults: () => runReviews('defaults'),
  sweeps: runSweeps,
  'round-trip': runRoundTrips,
  judge,
  publish,
};

const [wanted = 'all', ...names] = process.argv.slice(2);
const command = commands[wanted];
const unknown = names.find((name) => wanted !== 'peers' || !peers.includes(name));
if (command === undefined) {
  console.error(`There is no ${wanted} here: name one of ${Object.keys(commands).join(', ')}.`);
  process.exitCode = 2;
} else if (unknown !== undefined) {
  console.error(`There is no ${unknown} here: after peers may stand ${peers.join(', ')}, after others nothing.`);
  process.exitCode = 2;
} else {
  await command(names);
}
