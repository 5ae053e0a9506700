import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isReady, untilReady } from '../../dev/serve-process.ts';
import { startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { prepareSpark, untilAdmitted } from '../fixtures/spark-world.ts';
import { isAdmitting } from './direct-review.ts';

let cluster: ShippedCluster;

beforeAll(async () => {
  cluster = await startShippedCluster();
  await prepareSpark(cluster.admin);
});

afterAll(() => cluster?.controlPlane.stop());

describe('Quartermaster started while the API server is down', () => {
  it('says what it waits for, and is ready when the API server comes, without a restart', {
    timeout: 300_000,
  }, async () => {
    await cluster.controlPlane.killApiServer();
    const replica = await startReplica(cluster);
    const waitingFor = async () => (await fetch(`${replica.opsUrl}/readyz`)).text();
    await expect.poll(() => waitingFor().catch(() => ''), { timeout: 60_000 }).toContain('waiting for: the cache of');
    expect(await isReady(replica)).toBe(false);

    await cluster.controlPlane.startApiServer();
    await untilReady(replica, 60_000);
    expect(await isAdmitting(replica)).toBe(true);
    await untilAdmitted(cluster.admin);
    expect(await replica.stop()).toBe(0);
  });
});
