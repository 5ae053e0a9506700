import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../dev/free-ports.ts';
import { untilReady } from '../../dev/serve-process.ts';
import { type Bundle, makeBundle, startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { admitSpark, prepareSpark, untilAdmitted } from '../fixtures/spark-world.ts';
import { startSteadyLoad } from '../fixtures/steady-load.ts';
import { startTcpBalancer } from '../fixtures/tcp-balancer.ts';

const RESTARTS = 10;
const PER_SECOND = 100;

let bundle: Bundle;
let cluster: ShippedCluster;

beforeAll(async () => {
  bundle = await makeBundle();
  cluster = await startShippedCluster();
  await prepareSpark(cluster.admin);
});

afterAll(async () => {
  await cluster?.controlPlane.stop();
  await bundle?.remove();
});

describe('a rolling restart of two replicas behind a TCP balancer', () => {
  it(`fails none of ${PER_SECOND} admissions a second over ${RESTARTS} restarts`, { timeout: 180_000 }, async () => {
    // As a Deployment of two replicas with maxSurge 1 and maxUnavailable 0 has them.
    const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = await freePorts(6);
    const places = [
      { port: a, opsPort: b },
      { port: c, opsPort: d },
      { port: e, opsPort: f },
    ] as const;
    await using balancer = await startTcpBalancer(places);
    const start = async ({ port, opsPort }: (typeof places)[number]) => {
      const environment = {
        ...bundle.environment,
        WEBHOOK_URL: `https://127.0.0.1:${balancer.port}/mutate`,
        DRAIN_SECONDS: '1',
      };
      const replica = await startReplica(cluster, {
        webhookPort: port,
        opsPort,
        program: bundle.program,
        environment,
      });
      await untilReady(replica);
      return replica;
    };
    const running = await Promise.all(places.slice(0, 2).map(start));
    await untilAdmitted(cluster.admin);

    const load = startSteadyLoad(PER_SECOND, (index) => admitSpark(cluster.admin, `job-${index}`));
    const ends: (number | string | undefined)[] = [];
    for (let restarts = 0; restarts < RESTARTS; restarts += 1) {
      running.push(await start(places[(restarts + 2) % 3] ?? places[0]));
      ends.push(await running.shift()?.stop());
    }
    const { sent, failures } = await load.stop();
    await Promise.all(running.map(({ stop }) => stop()));

    expect(failures, failures.join('\n')).toEqual([]);
    expect(ends).toEqual(Array.from({ length: RESTARTS }, () => 0));
    expect(sent).toBeGreaterThan(RESTARTS * PER_SECOND);
  });
});
