import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addCrowd } from '../../dev/crowd.ts';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import { resources } from '../../src/kube/api-server.ts';
import { type Bundle, makeBundle, startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { prepareSpark } from '../fixtures/spark-world.ts';
import { isAdmitting } from './direct-review.ts';

const CROWD = { claims: 50_000, namespaces: 2_000 };
const STARTS = 5;
/** Where the machine is busy. */
const MOST_STARTS = 20;
/** Twice as many as it takes. */
const MOST_BARE_STARTS = 15;

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

const start = (...args: readonly string[]): Promise<ServeProcess> =>
  startReplica(cluster, { program: bundle.program, args, environment: { ...bundle.environment, CLOUD: 'hetzner' } });
const megabytes = async (field: string, { pid }: ServeProcess): Promise<number> => {
  const [, kilobytes] =
    new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) / 1_024;
};
const bareStartMs = async (): Promise<number> => {
  const startedAt = performance.now();
  await promisify(execFile)(process.execPath, ['--eval', '']);
  return performance.now() - startedAt;
};
/** What the kernel has in memory for it. */
const residentMegabytes = (serve: ServeProcess): Promise<number> => megabytes('VmRSS', serve);
/** What it has ever had at once. */
const peakMegabytes = (serve: ServeProcess): Promise<number> => megabytes('VmHWM', serve);

describe('the bundled webhook', () => {
  it('is ready within a second of its start, and takes less than 120 MB', { timeout: 300_000 }, async () => {
    const times: number[] = [];
    const sizes: number[] = [];
    const bareTimes: number[] = [];
    /** A second, or where Node itself takes long to start, so many times that. */
    const mostMs = (): number => Math.max(1_000, MOST_BARE_STARTS * Math.min(...bareTimes));
    const isEnough = (): boolean => times.length >= STARTS && Math.min(...times) < mostMs();
    while (!isEnough() && times.length < MOST_STARTS) {
      bareTimes.push(await bareStartMs());
      const startedAt = performance.now();
      const webhook = await start('--webhook-only');
      await untilReady(webhook);
      times.push(performance.now() - startedAt);
      expect(await isAdmitting(webhook)).toBe(true);
      sizes.push(await residentMegabytes(webhook));
      await webhook.stop();
    }
    // The best of them: the others may have waited for the machine.
    expect(Math.min(...times)).toBeLessThan(mostMs());
    expect(Math.max(...sizes)).toBeLessThan(120);
  });
});

describe(`with ${CROWD.claims} claims and ${CROWD.namespaces} namespaces in the cluster`, () => {
  const CLASS = 'made-once-all-claims-are-read';
  beforeAll(async () => {
    const driver = {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'CSIDriver',
      metadata: { name: 'csi.hetzner.cloud' },
      spec: {},
    };
    await cluster.admin.create(resources.csiDrivers, driver);
    await cluster.admin.create(resources.persistentVolumeClaims, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'missed-by-admission', namespace: 'default' },
      spec: { storageClassName: CLASS, accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    });
    await addCrowd(cluster.controlPlane, CROWD);
  });

  it('the webhook alone never takes 200 MB', async () => {
    const webhook = await start('--webhook-only');
    await untilReady(webhook);
    expect(await isAdmitting(webhook)).toBe(true);
    expect(await peakMegabytes(webhook)).toBeLessThan(200);
    await webhook.stop();
  });

  it('webhook and controllers never take 200 MB', { timeout: 300_000 }, async () => {
    const serve = await start();
    await untilReady(serve);
    const storageClass = () => cluster.admin.get(resources.storageClasses, { namespace: '', name: CLASS });
    await expect.poll(storageClass, { timeout: 240_000, interval: 100 }).toBeDefined();
    expect(await isAdmitting(serve)).toBe(true);
    expect(await peakMegabytes(serve)).toBeLessThan(200);
    await serve.stop();
  });

  it('the webhook alone never takes 200 MB with a volume for each claim either', { timeout: 300_000 }, async () => {
    await addCrowd(cluster.controlPlane, { claims: 0, namespaces: 1, volumes: CROWD.claims });
    const webhook = await start('--webhook-only');
    await untilReady(webhook, 240_000);
    expect(await isAdmitting(webhook)).toBe(true);
    expect(await peakMegabytes(webhook)).toBeLessThan(200);
    await webhook.stop();
  });
});
