import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { freePorts } from '../../dev/free-ports.ts';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import type { KubeObject, Pod } from '../../src/api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../../src/api/names.ts';
import type { PlatformDefaults } from '../../src/api/platform-defaults.ts';
import { resources } from '../../src/kube/api-server.ts';
import { objectsIn } from '../fixtures/golden-case.ts';
import { startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { startTcpBalancer } from '../fixtures/tcp-balancer.ts';

const PODS = 10_000;
/** Enough that the API server is never idle, and answers each within seconds where two cores do all of it. */
const AT_ONCE = 8;
const pods = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true };
const soon = { timeout: 60_000, interval: 100 };

let cluster: ShippedCluster;

beforeAll(async () => {
  cluster = await startShippedCluster();
  for (const name of ['jobs', 'elsewhere'])
    await cluster.admin.create<KubeObject>(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name, labels: { crowd: name } },
    });
});

afterAll(() => cluster?.controlPlane.stop());

const goldenCase = (file: string): KubeObject | undefined => objectsIn(join(import.meta.dirname, '../golden', file))[0];

/** Executor `index` of one Spark job. */
const executor = (namespace: string, index: number): KubeObject & Pod => {
  const pod = goldenExecutor as KubeObject & Pod;
  const labels = { ...pod.metadata.labels, 'spark-exec-id': String(index) };
  return { ...pod, metadata: { ...pod.metadata, name: `spark-pi-exec-${index}`, namespace, labels } };
};
const goldenExecutor = goldenCase('spark-pod/executor-of-a-spark-connect/before.yaml');

/** Creates so many of them, each as soon as the API server has taken one before it. Answers what was stored and how fast. */
const createAll = async (namespace: string, count: number) => {
  const beganAt = performance.now();
  const stored: KubeObject[] = [];
  let next = 0;
  const create = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      stored.push(await cluster.admin.create<KubeObject>(pods, executor(namespace, index)));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, create));
  return { stored, perSecond: (count / (performance.now() - beganAt)) * 1000 };
};

/** Of user and system, as proc(5) has them after the name, in hundredths. */
const cpuSecondsOf = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
};

/** Sum and count of the answers, and seconds of CPU, of one replica. */
const metricsOf = async ({ opsUrl, pid }: Pick<ServeProcess, 'opsUrl' | 'pid'>) => {
  const text = await (await fetch(new URL('/metrics', opsUrl), { signal: AbortSignal.timeout(60_000) })).text();
  const sumOf = (name: string): number =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce(
      (sum, [, value]) => sum + Number(value),
      0,
    );
  return {
    answers: sumOf('quartermaster_admission_duration_seconds_count'),
    seconds: sumOf('quartermaster_admission_duration_seconds_sum'),
    cpu: cpuSecondsOf(pid),
  };
};

describe('two replicas', () => {
  it(`give ${PODS} executors of one Spark job their defaults as fast as the API server takes them, and refuse none`, async () => {
    const [a = 0, b = 0, c = 0, d = 0] = await freePorts(4);
    const places = [
      { port: a, opsPort: b },
      { port: c, opsPort: d },
    ];
    await using balancer = await startTcpBalancer(places);
    const environment = { WEBHOOK_URL: `https://127.0.0.1:${balancer.port}/mutate` };
    const replicas = await Promise.all(
      places.map(({ port, opsPort }) => startReplica(cluster, { webhookPort: port, opsPort, environment })),
    );
    await Promise.all(replicas.map((replica) => untilReady(replica)));
    const given = goldenCase('spark-pod/executor-of-a-spark-connect/defaults.yaml') as PlatformDefaults;
    const { match } = given.spec;
    await cluster.admin.create(resources.platformDefaults, {
      ...given,
      spec: { ...given.spec, match: { ...match, namespaceSelector: { matchLabels: { crowd: 'jobs' } } } },
    });
    await vi.waitFor(async () => {
      const { metadata } = await cluster.admin.create<KubeObject>(pods, executor('jobs', PODS), { dryRun: true });
      expect(metadata.annotations).toHaveProperty([INJECTED_ANNOTATION]);
    }, soon);
    const without = await createAll('elsewhere', PODS / 5);
    const before = await Promise.all(replicas.map(metricsOf));
    const { stored, perSecond } = await createAll('jobs', PODS);
    const after = await Promise.all(replicas.map(metricsOf));
    await Promise.all(replicas.map(({ stop }) => stop()));

    const answers = after.map((one, at) => one.answers - (before[at]?.answers ?? 0));
    const spent = (field: 'seconds' | 'cpu') =>
      after.reduce((sum, one, at) => sum + one[field] - (before[at]?.[field] ?? 0), 0) / PODS;
    process.stderr.write(
      `${PODS} pods: ${perSecond.toFixed(0)} a second, ${without.perSecond.toFixed(0)} where none is sent; ` +
        `${(spent('seconds') * 1000).toFixed(2)} ms an answer, ${(spent('cpu') * 1000).toFixed(2)} ms of CPU a pod; ${answers.join(' + ')} answers.\n`,
    );
    expect(stored).toHaveLength(PODS);
    expect(stored.filter(({ metadata }) => metadata.annotations?.[INJECTED_ANNOTATION] === undefined)).toEqual([]);
    expect(answers[0] ?? 0).toBeGreaterThan(0);
    expect(answers[1] ?? 0).toBeGreaterThan(0);
    expect(answers.reduce((sum, one) => sum + one, 0)).toBeGreaterThanOrEqual(PODS);
  });
});
