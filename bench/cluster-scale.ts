import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { addCrowd } from '../dev/crowd.ts';
import { type ServeProcess, untilReady } from '../dev/serve-process.ts';
import { resources } from '../src/kube/api-server.ts';
import { makeBundle } from '../test/fixtures/replica.ts';
import { startShippedCluster } from '../test/fixtures/shipped-cluster.ts';
import { inCluster } from './in-cluster.ts';
import { subjectOf } from './subject.ts';

/** The program as its image runs it, beside a real API server and etcd that hold a large cluster. */
export interface ClusterScale {
  readonly claims: number;
  readonly namespaces: number;
  readonly defaults: number;
  readonly objectStores: number;
  readonly nfsServers: number;
  readonly readyMs: number;
  /** Until nothing was waiting to be reconciled, from the start. */
  readonly settledMs: number;
  readonly reconciles: number;
  readonly reconcilesPerSecond: number;
  readonly settledMiB: number;
  readonly peakMiB: number;
  /** What each object of the crowd takes, over a cluster that holds none. */
  readonly bytesPerObject: number;
  /** Of our account, watches that go on not counted. */
  readonly requestsPerMinuteAtRest: number;
}

const CROWD = { claims: 50_000, namespaces: 10_000, defaults: 1_000, objectStores: 5_000, shared: 200 };
const READY_WITHIN_MS = 180_000;
const SETTLED_WITHIN_MS = 420_000;
const QUIET_MS = 6_000;
const REST_MS = 60_000;
const USER = 'system:serviceaccount:quartermaster-system:quartermaster';

export const measureClusterScale = async (folder: string): Promise<ClusterScale> => {
  const audit = join(folder, 'audit.log');
  const cluster = await startShippedCluster({ apiServerFlags: { ...auditing(folder, audit) } });
  await using _ = cluster.controlPlane;
  const bundle = await makeBundle();
  try {
    await cluster.admin.create(resources.csiDrivers, driver);
    const { start } = await inCluster({ cluster, bundle });
    const begin = () => start([], { CLOUD: 'hetzner', RWX_FALLBACK: 'nfs' });
    const empty = await begin();
    await untilReady(empty);
    await sleep(QUIET_MS);
    const emptyBytes = rssOf(empty);
    await empty.stop();
    await addCrowd(cluster.controlPlane, CROWD);
    process.stderr.write('the crowd is there\n');
    const startedAt = performance.now();
    const serve = await begin();
    await untilReady(serve, READY_WITHIN_MS);
    const readyMs = performance.now() - startedAt;
    process.stderr.write(`ready after ${Math.round(readyMs)} ms\n`);
    const reconciles = await untilSettled(serve);
    const settledMs = performance.now() - startedAt - QUIET_MS;
    const settledBytes = rssOf(serve);
    await untilTold(audit);
    const before = linesIn(audit).length;
    await sleep(REST_MS);
    const atRest = linesIn(audit).slice(before);
    process.stderr.write(`at rest: ${mostFrequent(atRest)}\n`);
    const peakMiB = peakOf(serve) / 2 ** 20;
    await serve.stop();
    const { shared, ...crowd } = CROWD;
    const objects = Object.values(CROWD).reduce((sum, count) => sum + count, 0);
    return {
      ...crowd,
      nfsServers: shared,
      readyMs: Math.round(readyMs),
      settledMs: Math.round(settledMs),
      reconciles,
      reconcilesPerSecond: Math.round(reconciles / (settledMs / 1_000)),
      settledMiB: Math.round(settledBytes / 2 ** 20),
      peakMiB: Math.round(peakMiB),
      bytesPerObject: Math.round((settledBytes - emptyBytes) / objects),
      requestsPerMinuteAtRest: Math.round((atRest.length * 60_000) / REST_MS),
    };
  } finally {
    await bundle.remove();
  }
};

const driver = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'CSIDriver',
  metadata: { name: 'csi.hetzner.cloud' },
  spec: {},
};

/** A line for each request of ours. */
const auditing = (folder: string, log: string): Readonly<Record<string, string>> => {
  const rules = [
    { level: 'Metadata', users: [USER], omitStages: ['RequestReceived', 'ResponseStarted'] },
    { level: 'None' },
  ];
  const policy = join(folder, 'audit-policy.json');
  writeFileSync(policy, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }));
  return { 'audit-policy-file': policy, 'audit-log-path': log };
};

/** A watch is written down when it is over. */
const linesIn = (log: string): readonly string[] => readFileSync(log, 'utf8').split('\n').slice(0, -1);

/** Events of what was done are sent at a bounded rate, for minutes where much was done. Resolves when none came for a while. */
const untilTold = async (audit: string): Promise<void> => {
  const eventsIn = (): number => linesIn(audit).filter((line) => line.includes('"resource":"events"')).length;
  let known = -1;
  for (const deadline = Date.now() + SETTLED_WITHIN_MS; Date.now() < deadline; await sleep(QUIET_MS)) {
    const now = eventsIn();
    if (now === known) return;
    known = now;
  }
  throw new Error(`Events still came after ${SETTLED_WITHIN_MS / 1_000} s`);
};

interface AuditEvent {
  readonly verb: string;
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string };
}

/** For who wants to know what they are. */
const mostFrequent = (lines: readonly string[]): string => {
  const kinds = Map.groupBy(lines, (line) => {
    const { verb, objectRef: { resource = '', subresource = '' } = {} } = JSON.parse(line) as AuditEvent;
    return `${verb} ${resource} ${subresource}`.trim();
  });
  const counts = [...kinds].map(([kind, { length }]) => ({ kind, length })).sort((a, b) => b.length - a.length);
  return counts
    .slice(0, 8)
    .map(({ kind, length }) => `${length} ${kind}`)
    .join(', ');
};

const rssOf = ({ pid }: ServeProcess): number => subjectOf('', pid, { port: 0, path: '' }).rssBytes();
const peakOf = ({ pid }: ServeProcess): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

/** Resolves with the number of reconciles when none came for a while. */
const untilSettled = async (serve: ServeProcess): Promise<number> => {
  let known = await countsOf(serve);
  let quietSince = performance.now();
  for (const deadline = Date.now() + SETTLED_WITHIN_MS; Date.now() < deadline; await sleep(500)) {
    const now = await countsOf(serve);
    if (now.reconciles !== known.reconciles || now.waiting > 0) quietSince = performance.now();
    known = now;
    if (performance.now() - quietSince >= QUIET_MS) return known.reconciles;
  }
  throw new Error(`not settled within ${SETTLED_WITHIN_MS / 1_000} s: ${known.waiting} waiting`);
};

const countsOf = async ({
  opsUrl,
}: ServeProcess): Promise<{ readonly reconciles: number; readonly waiting: number }> => {
  const text = await (await fetch(`${opsUrl}/metrics`)).text();
  const sum = (name: string): number =>
    [...text.matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'gm'))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    );
  return { reconciles: sum('quartermaster_reconciles_total'), waiting: sum('quartermaster_queue_depth') };
};
