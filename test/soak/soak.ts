import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { addCrowd } from '../../dev/crowd.ts';
import { freePorts } from '../../dev/free-ports.ts';
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
  /** Of the heap in megabytes what is left once garbage is collected: when the load has settled, and at its end. */
  readonly early: number;
  readonly late: number;
  readonly exitCode: number | string;
}

/** An hour's worth, at ten a second. */
const ADMISSIONS = 36_000;
/** By then every cache holds what it may. */
const SETTLING_CHANGES = 1_000;
/** What may come of chance: reviews under way, buffers. */
export const MOST_GROWTH_MB = 10;

/** An hour's worth of admissions, and of watch events, in so many minutes once memory has settled, through the bundle with all its controllers. */
export const soak = async (options: SoakOptions): Promise<SoakReport> => {
  const bundle = await makeBundle();
  const cluster = await startShippedCluster();
  try {
    await prepare(cluster);
    const [inspectorPort = 0] = await freePorts(1);
    const inspect = `--inspect=127.0.0.1:${inspectorPort}`;
    const environment = { ...bundle.environment, CLOUD: 'hetzner', NODE_OPTIONS: inspect };
    const serve = await startReplica(cluster, { program: bundle.program, environment });
    await untilReady(serve);
    await untilAdmitted(cluster.admin);
    return await measure(cluster, { serve, inspectorPort }, options);
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

interface Watched {
  readonly serve: ServeProcess;
  readonly inspectorPort: number;
}

const measure = async (
  { admin }: ShippedCluster,
  { serve, inspectorPort }: Watched,
  { minutes, progress }: SoakOptions,
): Promise<SoakReport> => {
  const load = startSteadyLoad(ADMISSIONS / (minutes * 60), (index) => admitSpark(admin, `job-${index}`));
  const churn = startChurn(admin);
  const look = async (): Promise<number> => {
    const live = await liveMegabytes(inspectorPort);
    progress(`${live.toFixed(1)} MB live after ${churn.changes()} changes`);
    return live;
  };
  while (churn.changes() < SETTLING_CHANGES) await sleep(1_000);
  const early = await look();
  let late = early;
  for (let half = 0; half < minutes * 2; half += 1) {
    await sleep(30_000);
    late = await look();
  }
  const [{ sent, failures, p99 }] = await Promise.all([load.stop(), churn.stop()]);
  return { sent, failures, p99, changes: churn.changes(), early, late, exitCode: await serve.stop() };
};

/** Asked by the inspector (Chrome DevTools protocol): resident memory goes up by steps of V8's own choosing, which are no leak. */
const liveMegabytes = async (port: number): Promise<number> => {
  const [target] = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as readonly [Target];
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await once(socket, 'open');
  const ask = async (id: number, method: string): Promise<Answer> => {
    const answered = once(socket, 'message') as Promise<[{ readonly data: string }]>;
    socket.send(JSON.stringify({ id, method }));
    return JSON.parse((await answered)[0].data) as Answer;
  };
  await ask(1, 'HeapProfiler.collectGarbage');
  const { result } = await ask(2, 'Runtime.getHeapUsage');
  socket.close();
  return (result.usedSize + result.backingStorageSize) / 2 ** 20;
};

interface Target {
  readonly webSocketDebuggerUrl: string;
}

interface Answer {
  /** In bytes: objects, and what buffers hold outside of V8's heap. */
  readonly result: { readonly usedSize: number; readonly backingStorageSize: number };
}
