import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../dev/free-ports.ts';
import { untilReady } from '../../dev/serve-process.ts';
import type { MutatingWebhookConfiguration } from '../../src/controller/webhooks/configuration.ts';
import { resources } from '../../src/kube/api-server.ts';
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

/** An older version: it knows one kind less, and so writes another webhook configuration when it leads. */
const makeOlder = async (): Promise<{ readonly program: readonly string[]; readonly remove: () => Promise<void> }> => {
  const folder = await mkdtemp(join(tmpdir(), 'quartermaster-older-'));
  await cp('src', join(folder, 'src'), { recursive: true });
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  const described = await readFile('package.json', 'utf8');
  await writeFile(join(folder, 'package.json'), described.replace(/"version": "[^"]+"/, '"version": "0.0.1"'));
  const index = join(folder, 'src/kinds/index.ts');
  const registry = await readFile(index, 'utf8');
  expect(registry).toContain('  objectStoreMutator,\n');
  await writeFile(index, registry.replace('  objectStoreMutator,\n', ''));
  return { program: [join(folder, 'src/main.ts')], remove: () => rm(folder, { recursive: true, force: true }) };
};

const webhookNames = async (): Promise<readonly string[]> => {
  const live = await cluster.admin.get<MutatingWebhookConfiguration>(resources.mutatingWebhooks, {
    namespace: '',
    name: 'quartermaster',
  });
  return live?.webhooks?.map(({ name }) => name) ?? [];
};

describe('two versions side by side, behind a TCP balancer', () => {
  it('fail no review, whichever leads: while one is upgraded, and while it is rolled back', async () => {
    const [a = 0, b = 0, c = 0, d = 0] = await freePorts(4);
    const places = [
      { port: a, opsPort: b },
      { port: c, opsPort: d },
    ] as const;
    const older = await makeOlder();
    await using balancer = await startTcpBalancer(places);
    const start = async ({ port, opsPort }: (typeof places)[number], program: readonly string[]) => {
      const environment = {
        ...bundle.environment,
        WEBHOOK_URL: `https://127.0.0.1:${balancer.port}/mutate`,
        DRAIN_SECONDS: '1',
      };
      const replica = await startReplica(cluster, { webhookPort: port, opsPort, program, environment });
      await untilReady(replica, 60_000);
      await balancer.untilUsed(port);
      return replica;
    };
    const OBJECT_STORE = 'objectstore.quartermaster.dev';
    const asksForStores = async () => (await webhookNames()).includes(OBJECT_STORE);
    const soon = { timeout: 60_000, interval: 100 };

    const old = await start(places[0], older.program);
    await untilAdmitted(cluster.admin);
    await expect.poll(asksForStores, soon).toBe(false);
    const store = (index: number) => ({
      apiVersion: 'banzaicloud.com/v1alpha1',
      kind: 'ObjectStore',
      metadata: { name: `store-${index}`, namespace: 'default' },
      spec: { name: `store-${index}`, provider: 's3', location: 'eu-west-1' },
    });
    let asked = 0;
    const load = startSteadyLoad(PER_SECOND / 4, async (index) => {
      asked += 1;
      await admitSpark(cluster.admin, `side-by-side-${index}`);
      await cluster.admin.create(resources.objectStores, store(index), { dryRun: true });
    });
    const current = await start(places[1], bundle.program);
    await old.stop();
    await expect.poll(asksForStores, soon).toBe(true);
    const again = await start(places[0], older.program);
    // Both answer, and the newer one leads: the older is sent reviews of a kind that it does not know.
    const before = asked;
    await expect.poll(() => asked - before, soon).toBeGreaterThan(PER_SECOND);
    await current.stop();
    await expect.poll(asksForStores, soon).toBe(false);
    const { sent, failures } = await load.stop();
    await again.stop();
    await older.remove();
    expect(failures, failures.join('\n')).toEqual([]);
    expect(sent).toBeGreaterThan(PER_SECOND);
  });
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
      await balancer.untilUsed(port);
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
