import { X509Certificate } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../dev/free-ports.ts';
import { untilReady } from '../../dev/serve-process.ts';
import type { KubeObject, StringMap } from '../../src/api/kubernetes.ts';
import { CERTIFICATE_SECRET } from '../../src/api/names.ts';
import { resources } from '../../src/kube/api-server.ts';
import { startReplica } from '../fixtures/replica.ts';
import { servedSerial } from '../fixtures/served-certificate.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { admitSpark, prepareSpark, untilAdmitted } from '../fixtures/spark-world.ts';
import { startSteadyLoad } from '../fixtures/steady-load.ts';
import { startTcpBalancer } from '../fixtures/tcp-balancer.ts';

const PER_SECOND = 100;
const RENEWALS = 10;
const ROLLOVERS = 2;
const secretKey = { namespace: 'quartermaster-system', name: CERTIFICATE_SECRET };
const withinAMinute = { timeout: 60_000, interval: 100 };

interface Secret extends KubeObject {
  readonly data?: StringMap;
}

let cluster: ShippedCluster;

beforeAll(async () => {
  cluster = await startShippedCluster();
  await prepareSpark(cluster.admin);
});

afterAll(() => cluster?.controlPlane.stop());

const stored = async (key: string): Promise<string> => {
  const { data } = (await cluster.admin.get<Secret>(resources.secrets, secretKey)) ?? {};
  return Buffer.from(data?.[key] ?? '', 'base64').toString();
};
const takeOut = (keys: readonly string[]): Promise<unknown> => {
  const data = Object.fromEntries(keys.map((key) => [key, null]));
  return cluster.admin.mergePatch(resources.secrets, secretKey, { data });
};
describe('two replicas behind a TCP balancer', () => {
  it(`fail none of ${PER_SECOND} admissions a second while the serving certificate is replaced ${RENEWALS} times and the authority ${ROLLOVERS} times`, {
    timeout: 600_000,
  }, async () => {
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
    await untilAdmitted(cluster.admin);
    const certificates = new Set<string>();
    const untilAllServe = async (before: string): Promise<void> => {
      const latest = async () => (await stored('tls.crt')) || before;
      await expect.poll(latest, withinAMinute).not.toBe(before);
      const { serialNumber } = new X509Certificate(await latest());
      await expect
        .poll(() => Promise.all(replicas.map(servedSerial)), withinAMinute)
        .toEqual([serialNumber, serialNumber]);
      certificates.add(serialNumber);
    };

    const load = startSteadyLoad(PER_SECOND, (index) => admitSpark(cluster.admin, `job-${index}`));
    for (let renewals = 0; renewals < RENEWALS; renewals += 1) {
      const before = await stored('tls.crt');
      await takeOut(['tls.crt', 'tls.key']);
      await untilAllServe(before);
    }
    const authorities = new Set([await stored('ca.crt')]);
    for (let rollovers = 0; rollovers < ROLLOVERS; rollovers += 1) {
      const before = await stored('tls.crt');
      await takeOut(['ca.key']);
      await untilAllServe(before);
      authorities.add(await stored('ca.crt'));
    }
    const { sent, failures } = await load.stop();
    await Promise.all(replicas.map(({ stop }) => stop()));

    expect(failures, failures.join('\n')).toEqual([]);
    expect(certificates.size).toBe(RENEWALS + ROLLOVERS);
    expect(authorities.size).toBe(ROLLOVERS + 1);
    expect(sent).toBeGreaterThan(PER_SECOND * 10);
  });
});
