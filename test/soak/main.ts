import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { addCrowd } from '../../dev/crowd.ts';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import { resources } from '../../src/kube/kube.ts';
import { makeBundle, startReplica } from '../faults/replica.ts';
import { admitSpark, prepareSpark, untilAdmitted } from '../faults/spark-world.ts';
import { startSteadyLoad } from '../faults/steady-load.ts';
import { startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { startChurn } from './churn.ts';

/** `npm run soak`: an hour's worth of admissions (10 a second) and of watch events in a few minutes. Ends with 1 where memory grows. */
const MINUTES = Number(process.env['SOAK_MINUTES'] ?? 4);
const ADMISSIONS_PER_SECOND = (3_600 * 10) / (MINUTES * 60);
const SAMPLE_MS = 1_000;
/** What may come of chance between one quarter of the run and another. */
const MOST_GROWTH_MB = 10;

const residentMegabytes = async ({ pid }: ServeProcess): Promise<number> => {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1_024;
};
const median = (values: readonly number[]): number =>
  values.toSorted((one, other) => one - other)[values.length >> 1] ?? 0;
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const bundle = await makeBundle();
const cluster = await startShippedCluster();
const { admin, controlPlane } = cluster;
await prepareSpark(admin);
await addCrowd(controlPlane, { claims: 5_000, namespaces: 200 });
await admin.create(resources.csiDrivers, {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'CSIDriver',
  metadata: { name: 'csi.hetzner.cloud' },
  ...{ spec: {} },
});
const serve = await startReplica(cluster, {
  program: bundle.program,
  environment: { ...bundle.environment, CLOUD: 'hetzner' },
});
await untilReady(serve);
await untilAdmitted(admin);

const load = startSteadyLoad(ADMISSIONS_PER_SECOND, (index) => admitSpark(admin, `job-${index}`));
const churn = startChurn(admin);
const samples: number[] = [];
for (const end = Date.now() + MINUTES * 60_000; Date.now() < end; await sleep(SAMPLE_MS)) {
  samples.push(await residentMegabytes(serve));
  if (samples.length % 30 === 0)
    say(`${samples.length} s: ${samples.at(-1)?.toFixed(0)} MB, ${churn.changes()} changes`);
}
const [{ sent, failures, p99 }] = await Promise.all([load.stop(), churn.stop()]);
const code = await serve.stop();
await controlPlane.stop();
await bundle.remove();

const quarter = samples.length >> 2;
const [early, late] = [median(samples.slice(quarter, 2 * quarter)), median(samples.slice(-quarter))];
say(`${sent} admissions, ${failures.length} failed, p99 ${p99} ms; ${churn.changes()} changes; ended with ${code}`);
say(`resident: ${early.toFixed(0)} MB in the second quarter, ${late.toFixed(0)} MB in the last`);
for (const failure of failures.slice(0, 5)) say(failure);
if (late - early > MOST_GROWTH_MB || failures.length > 0) process.exitCode = 1;
