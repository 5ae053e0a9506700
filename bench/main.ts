#!/usr/bin/env node
// Measures admissions: server and load each on a core of its own, every subject in each round, CPU time a request first.
// Usage: npm run bench [-- all | quick | reviews | defaults | scale | round-trip | claims | publish]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { measureFootprint } from './footprint.ts';
import { plans } from './plans.ts';
import { lastClaims, publish } from './publish.ts';
import { conditions, saveResult, tabulate } from './results.ts';
import { runPlan } from './reviews.ts';
import { measureRoundTrips } from './round-trip.ts';
import { measureScale } from './scale.ts';
import { startServers } from './servers.ts';
import { writeTls } from './tls.ts';

const ROUND_TRIPS = { servers: ['quartermaster-20', 'agnhost'], rounds: 500 };

const folder = mkdtempSync(join(tmpdir(), 'quartermaster-bench-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

const runReviews = async (name: keyof typeof plans): Promise<void> => {
  const plan = plans[name];
  const before = conditions();
  await using servers = await startServers(plan.subjects, plan.matching, await writeTls(folder));
  const rows = await runPlan(plan, servers.subjects, folder);
  tabulate(rows);
  saveResult(name, { ...before, plan, rows });
};

const runRoundTrips = async (): Promise<void> => {
  const before = conditions();
  const rows = await measureRoundTrips(ROUND_TRIPS.servers, ROUND_TRIPS.rounds, await writeTls(folder));
  console.table(rows);
  saveResult('round-trip', { ...before, rounds: ROUND_TRIPS.rounds, rows });
};

const runScale = async (): Promise<void> => {
  const before = conditions();
  const sweeps = await measureScale({ tls: await writeTls(folder), folder });
  for (const { title, rows } of sweeps) {
    console.log(title);
    tabulate(rows);
  }
  saveResult('scale', { ...before, sweeps });
};

const runFootprint = async (): Promise<void> => {
  const before = conditions();
  const footprint = await measureFootprint(folder);
  console.table(footprint);
  saveResult('footprint', { ...before, footprint });
};

const commands: Readonly<Record<string, () => Promise<void> | void>> = {
  all: async () => {
    await runReviews('reviews');
    await runReviews('defaults');
    await runRoundTrips();
    await runScale();
    console.table(lastClaims());
  },
  quick: () => runReviews('quick'),
  reviews: () => runReviews('reviews'),
  defaults: () => runReviews('defaults'),
  scale: runScale,
  'round-trip': runRoundTrips,
  footprint: runFootprint,
  claims: () => console.table(lastClaims()),
  publish,
};

const command = commands[process.argv[2] ?? 'all'];
if (command === undefined) {
  console.error(`There is no ${process.argv[2]} here: name one of ${Object.keys(commands).join(', ')}.`);
  process.exitCode = 2;
} else {
  await command();
}
