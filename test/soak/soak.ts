import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { addCrowd } from '../../dev/crowd.ts';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import { resources } from '../../src/kube/api-server.ts';
import { makeBundle, startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { admitSpark, prepareSpark, untilAdmitted } from '../fixtures/spark-world.ts';
import { type LoadReport, startSteadyLoad } from '../fixtures/steady-load.ts';
import { startChurn } from './churn.ts';

export interface SoakOptions {
  /** Of what is measured; before it comes as much of the same load as memory takes to settle. */
  readonly minutes: number;
  /** Told of each half minute. */
  readonly progress: (line: string) => void;
}

export interface SoakReport extends Pick<LoadReport, 'sent' | 'failures' | 'p99'> {
  /** Watch events, more or less. */
  readonly changes: number;
  /** Of the resident memory in megabytes, sampled each second: the medians of the first and of the last quarter of what is measured. */
  readonly early: number;
  readonly late: number;
  readonly exitCode: number | string;
}

/** An hour's worth, at ten a second. */
const ADMISSIONS = 36_000;
/** V8's heap grows for some 2,800 changes, however long a busy machine takes to make them, and then holds. */
const SETTLING_CHANGES = 4_000;
/** What may come of chance between one quarter of the run and another. */
export const MOST_GROWTH_MB = 10;

/** An hour's worth of admissions, and of watch events, in so many minutes once memory has settled, through the bundle with all its controllers. */
export const soak = async (options: SoakOptions): Promise<SoakReport> => {
  const bundle = await makeBundle();
  const cluster = await startShippedCluster();
  try {
    await prepare(cluster);
    const environment = { ...bundle.environment, CLOUD: 'hetzner' };
    const serve = await startReplica(cluster, { program: bundle.program, environment });
    await untilReady(serve);
    await untilAdmitted(cluster.admin);
    return await measure(cluster, serve, options);
  } finally {
    await cluster.controlPlane.stop();
    await bundle.remove();
  }
};

const prepare = async ({ admin, controlPlane }: ShippedCluster): Promise<void> => {
  await prepareSpark(admin);
  await addCrowd(controlPlane, { claims: 5_000, namespaces: 200 });
  const driver = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata: { name: 'csi.hetzner.cloud' },
    spec: {},
  };
  await admin.create(resources.csiDrivers, driver);
};

const measure = async (
  { admin }: ShippedCluster,
  serve: ServeProcess,
  { minutes, progress }: SoakOptions,
): Promise<SoakReport> => {
  const load = startSteadyLoad(ADMISSIONS / (minutes * 60), (index) => admitSpark(admin, `job-${index}`));
  const churn = startChurn(admin);
  const samples: number[] = [];
  for (let second = 1; samples.length < minutes * 60; second += 1) {
    await sleep(1_000);
    const now = await residentMegabytes(serve);
    if (churn.changes() >= SETTLING_CHANGES) samples.push(now);
    if (second % 30 === 0) progress(`${second} s: ${now.toFixed(0)} MB, ${churn.changes()} changes`);
  }
  const [{ sent, failures, p99 }] = await Promise.all([load.stop(), churn.stop()]);
  const quarter = samples.length >> 2;
  const [early, late] = [median(samples.slice(0, quarter)), median(samples.slice(-quarter))];
  return { sent, failures, p99, changes: churn.changes(), early, late, exitCode: await serve.stop() };
};

const residentMegabytes = async ({ pid }: ServeProcess): Promise<number> => {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1_024;
};

const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[values.length >> 1] ?? 0;
