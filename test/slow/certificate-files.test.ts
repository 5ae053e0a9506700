import { X509Certificate } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../dev/free-ports.ts';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import { applyStep, type CertificateState, newState } from '../../src/certificates/rollover.ts';
import { type CertificateMount, mountCertificates } from '../fixtures/certificate-mount.ts';
import { startReplica } from '../fixtures/replica.ts';
import { servedSerial } from '../fixtures/served-certificate.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { admitSpark, prepareSpark, untilAdmitted } from '../fixtures/spark-world.ts';
import { startSteadyLoad } from '../fixtures/steady-load.ts';
import { startTcpBalancer } from '../fixtures/tcp-balancer.ts';

const PER_SECOND = 50;
/** Kubelets are. Each replica looks at its files in between. */
const APART_MS = 6_000;
const names = ['127.0.0.1'];
const withinAMinute = { timeout: 60_000, interval: 100 };

let cluster: ShippedCluster;
let mounts: readonly CertificateMount[];

beforeAll(async () => {
  cluster = await startShippedCluster();
  mounts = await Promise.all([mountCertificates(), mountCertificates()]);
  await prepareSpark(cluster.admin);
});

afterAll(async () => {
  await cluster?.controlPlane.stop();
  for (const { directory } of mounts ?? []) await rm(directory, { recursive: true });
});

describe('two replicas whose certificates somebody else keeps in files', () => {
  it(`fail none of ${PER_SECOND} admissions a second while the files change, one replica's after the other's`, async () => {
    const [a = 0, b = 0, c = 0, d = 0] = await freePorts(4);
    const places = [
      { webhookPort: a, opsPort: b },
      { webhookPort: c, opsPort: d },
    ];
    await using balancer = await startTcpBalancer(
      places.map(({ webhookPort, opsPort }) => ({ port: webhookPort, opsPort })),
    );
    const start = (place: (typeof places)[number], index: number): Promise<ServeProcess> => {
      const inMount = (name: string): string => join(mounts[index]?.directory ?? '', name);
      const environment = {
        WEBHOOK_URL: `https://127.0.0.1:${balancer.port}/mutate`,
        TLS_CERT_FILE: inMount('tls.crt'),
        TLS_KEY_FILE: inMount('tls.key'),
        TLS_CA_FILE: inMount('ca.crt'),
      };
      return startReplica(cluster, { ...place, environment });
    };
    const issue = () => ({ names, now: new Date() });
    const state = await newState(issue());
    const replicas = await Promise.all(places.map(start));
    for (const { swap } of mounts) await swap(state);
    await Promise.all(replicas.map((replica) => untilReady(replica)));
    await untilAdmitted(cluster.admin);

    const load = startSteadyLoad(PER_SECOND, (index) => admitSpark(cluster.admin, `job-${index}`));
    const changeTo = async (next: CertificateState): Promise<void> => {
      const { serialNumber } = new X509Certificate(next.serving?.cert ?? '');
      for (const { swap } of mounts) {
        await swap(next);
        await sleep(APART_MS);
      }
      await expect
        .poll(() => Promise.all(replicas.map(servedSerial)), withinAMinute)
        .toEqual([serialNumber, serialNumber]);
    };
    await changeTo(await applyStep(state, 'renew-serving', issue()));
    for (let authorities = 0; authorities < 2; authorities += 1) await changeTo(await newState(issue()));
    const { failures } = await load.stop();
    await Promise.all(replicas.map(({ stop }) => stop()));
    expect(failures, failures.join('\n')).toEqual([]);
  });
});
