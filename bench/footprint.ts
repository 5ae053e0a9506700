import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServeProcess } from '../dev/serve-process.ts';
import { resources } from '../src/kube/api-server.ts';
import { makeBundle } from '../test/fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../test/fixtures/shipped-cluster.ts';
import { platformDefaults } from './defaults.ts';
import { inCluster, startTimed } from './in-cluster.ts';
import { type Input, inputs } from './inputs.ts';
import { measure, median } from './measure.ts';
import { type Subject, subjectOf } from './subject.ts';

/** What one start, and what came after it, took. Milliseconds, and resident memory in MiB. */
export interface Footprint {
  readonly readyMs: number;
  readonly idleMiB: number;
  /** Highest under the 11 KB pod at 8 connections, and at 64. */
  readonly at8MiB: number;
  readonly at64MiB: number;
  /** Highest with 1.4 MB SparkApplications at 8 connections. */
  readonly largeMiB: number;
  /** Some seconds after all of that. */
  readonly afterMiB: number;
  readonly first100P99: number;
  readonly first1000P99: number;
}

const STARTS = 5;
const SETTLE_MS = 3_000;
const REQUESTS = { pod: 30_000, large: 200 };

/** The program as its image runs it, beside a real API server with 20 PlatformDefaults: the median of some starts. */
export const measureFootprint = async (folder: string): Promise<Footprint> => {
  const cluster = await startShippedCluster();
  await using _ = cluster.controlPlane;
  const bundle = await makeBundle();
  try {
    await addDefaults(cluster);
    const { start } = await inCluster({ cluster, bundle });
    const all: Footprint[] = [];
    // The first makes the certificate.
    await (await startTimed(start)).serve.stop();
    for (let round = 0; round < STARTS; round += 1) {
      all.push(await measureStart(start, folder));
      process.stderr.write(`start ${round + 1} of ${STARTS}: ${JSON.stringify(all.at(-1))}\n`);
    }
    return middleOf(all);
  } finally {
    await bundle.remove();
  }
};

const addDefaults = async ({ admin }: ShippedCluster): Promise<void> => {
  for (const { metadata, ...rest } of platformDefaults(20, 3)) {
    const { generation: _, ...named } = metadata;
    await admin.create(resources.platformDefaults, { ...rest, metadata: named });
  }
};

const middleOf = (all: readonly Footprint[]): Footprint => {
  const keys = Object.keys(all[0] ?? {}) as (keyof Footprint)[];
  return Object.fromEntries(
    keys.map((key) => [key, round(median(all.map((one) => one[key])))]),
  ) as unknown as Footprint;
};

const round = (value: number): number => Number(value.toFixed(1));

const measureStart = async (start: () => Promise<ServeProcess>, folder: string): Promise<Footprint> => {
  const { serve, readyMs } = await startTimed(start);
  const subject = subjectOf('quartermaster', serve.pid, {
    port: Number(new URL(serve.webhookUrl).port),
    path: '/mutate',
  });
  const run = (input: Input, connections: number, requests: number) =>
    load(subject, { input, connections, requests, folder });
  const [pod, large] = [inputs['pod'], inputs['large']] as readonly [Input, Input];
  const first = await run(pod, 8, 100);
  const next = await run(pod, 8, 900);
  const hot = await run(pod, 8, REQUESTS.pod);
  const wide = await run(pod, 64, REQUESTS.pod);
  const heavy = await run(large, 8, REQUESTS.large);
  await sleep(SETTLE_MS);
  const afterMiB = mebibytes(subject.rssBytes());
  await serve.stop();
  const idle = await startTimed(start);
  await sleep(SETTLE_MS);
  const idleMiB = mebibytes(subjectOf('quartermaster', idle.serve.pid, { port: 0, path: '' }).rssBytes());
  await idle.serve.stop();
  return {
    ...{ readyMs, idleMiB, afterMiB },
    at8MiB: hot.peakMiB,
    at64MiB: wide.peakMiB,
    largeMiB: heavy.peakMiB,
    first100P99: first.p99,
    first1000P99: next.p99,
  };
};

interface FootprintLoad {
  readonly input: Input;
  readonly connections: number;
  readonly requests: number;
  readonly folder: string;
}

const SAMPLE_MS = 50;

const load = async (subject: Subject, { input, connections, requests, folder }: FootprintLoad) => {
  const bodyFile = join(folder, 'footprint.json');
  writeFileSync(bodyFile, input.body);
  let peak = subject.rssBytes();
  const timer = setInterval(() => {
    peak = Math.max(peak, subject.rssBytes());
  }, SAMPLE_MS);
  const { p99 } = await measure(subject, { bodyFile, connections, requests, warmUp: 0 });
  clearInterval(timer);
  return { p99, peakMiB: mebibytes(peak) };
};

const mebibytes = (bytes: number): number => bytes / 2 ** 20;
