import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isReady, untilReady } from '../../dev/serve-process.ts';
import type { PersistentVolumeClaim, StorageClass } from '../../src/api/kubernetes.ts';
import { resources } from '../../src/kube/kube.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../src/names.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { isAdmitting } from './direct-review.ts';
import { startReplica } from './replica.ts';
import { prepareSpark, untilAdmitted } from './spark-world.ts';
import { createStubbornly } from './stubborn.ts';
import { watchReadiness } from './watched-readiness.ts';

const CLAIMS = 500;
const CLASSES = 50;
const KILLS = 3;
const environment = { CLOUD: 'hetzner' };

let cluster: ShippedCluster;

beforeAll(async () => {
  cluster = await startShippedCluster();
  await prepareSpark(cluster.admin);
  const driver = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata: { name: 'csi.hetzner.cloud' },
    spec: {},
  };
  await cluster.admin.create(resources.csiDrivers, driver);
});

afterAll(() => cluster?.controlPlane.stop());

const claim = (index: number): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: `claim-${index}`, namespace: 'default' },
  spec: {
    storageClassName: `class-${index % CLASSES}`,
    accessModes: ['ReadWriteOnce'],
    resources: { requests: { storage: '1Gi' } },
  },
});

const ownClasses = async (): Promise<readonly string[]> => {
  const { items } = await cluster.admin.list<StorageClass>(resources.storageClasses, {
    labelSelector: `${MANAGED_BY_LABEL}=${MANAGED_BY}`,
  });
  return items.map(({ metadata }) => metadata.name ?? '').toSorted();
};

describe('the API server killed and restarted', () => {
  it(`${KILLS} times while ${CLAIMS} claims are made: every class is there, and readiness never lies`, {
    timeout: 180_000,
  }, async () => {
    const replica = await startReplica(cluster, { environment });
    await untilReady(replica);
    await untilAdmitted(cluster.admin);
    const readiness = watchReadiness(replica);

    let made = 0;
    const make = async (first: number): Promise<void> => {
      for (let index = first; index < CLAIMS; index += 4) {
        await createStubbornly(cluster.admin, resources.persistentVolumeClaims, claim(index));
        made += 1;
      }
    };
    const making = Promise.all([0, 1, 2, 3].map(make));
    for (let kills = 0; kills < KILLS; kills += 1) {
      await expect.poll(() => made, { timeout: 60_000, interval: 5 }).toBeGreaterThan((kills * CLAIMS) / (KILLS + 1));
      await cluster.controlPlane.killApiServer();
      await cluster.controlPlane.startApiServer();
    }
    await making;

    const names = Array.from({ length: CLASSES }, (_, index) => `class-${index}`).toSorted();
    await expect.poll(ownClasses, { timeout: 30_000, interval: 100 }).toEqual(names);
    const { looks, ready, lies } = await readiness.stop();
    expect({ lies, isMostlyReady: ready > looks / 2 }).toEqual({ lies: 0, isMostlyReady: true });
    expect(await replica.stop()).toBe(0);
  });

  it('before Quartermaster starts: it is ready when the API server comes, without a restart', {
    timeout: 120_000,
  }, async () => {
    await cluster.controlPlane.killApiServer();
    const replica = await startReplica(cluster, { environment });
    const waitingFor = async () => (await fetch(`${replica.opsUrl}/readyz`)).text().catch(() => '');
    await expect.poll(() => waitingFor().catch(() => ''), { timeout: 30_000 }).toContain('waiting for: the cache of');
    expect(await isReady(replica)).toBe(false);

    await cluster.controlPlane.startApiServer();
    await untilReady(replica, 15_000);
    expect(await isAdmitting(replica)).toBe(true);
    await untilAdmitted(cluster.admin);
    expect(await replica.stop()).toBe(0);
  });
});
