import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../dev/free-ports.ts';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import { until } from '../../dev/until.ts';
import { SYSTEM_NAMESPACE } from '../../src/api/names.ts';
import { endpointSlices } from '../../src/ops/replicas.ts';
import type { DecisionsAnswer, DefaultsAnswer, HealthAnswer } from '../../src/ops/status-api.ts';
import { startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { admitSpark, prepareSpark, untilAdmitted } from '../fixtures/spark-world.ts';
import { startTcpProxy, type TcpProxy } from '../fixtures/tcp-proxy.ts';

let cluster: ShippedCluster;
const replicas: ServeProcess[] = [];
/** Whom the API server reaches at the one address of the webhook. */
const target = new URL('https://127.0.0.1');
let webhook: TcpProxy;

/** An EndpointSlice takes no loopback address: what is sent to one of this machine's own stays within it all the same. */
const ownAddress = (): string => {
  const found = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal);
  if (found === undefined) throw new Error('this machine has no address but the loopback ones');
  return found.address;
};

const sliceOf = (name: string, opsPort: number) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: {
    name: `quartermaster-${name}`,
    namespace: SYSTEM_NAMESPACE,
    labels: { 'kubernetes.io/service-name': 'quartermaster' },
  },
  addressType: 'IPv4',
  ports: [{ name: 'ops', port: opsPort, protocol: 'TCP' }],
  endpoints: [
    {
      addresses: [ownAddress()],
      targetRef: { kind: 'Pod', name: `quartermaster-${name}`, namespace: SYSTEM_NAMESPACE },
    },
  ],
});

const startNext = async (name: string): Promise<number> => {
  const [webhookPort = 0, opsPort = 0] = await freePorts(2);
  const environment = { WEBHOOK_URL: `${webhook.url.origin}/mutate`, OPS_HOST: '0.0.0.0' };
  const replica = await startReplica(cluster, { webhookPort, opsPort, environment });
  replicas.push(replica);
  await untilReady(replica);
  await cluster.admin.create(endpointSlices, sliceOf(name, opsPort));
  return webhookPort;
};

/** Has the API server ask another replica from now on. */
const sendTo = (webhookPort: number): void => {
  target.port = String(webhookPort);
  webhook.cut();
};

beforeAll(async () => {
  cluster = await startShippedCluster();
  await prepareSpark(cluster.admin);
  webhook = await startTcpProxy(target);
  const one = await startNext('one');
  const other = await startNext('other');
  sendTo(one);
  await untilAdmitted(cluster.admin);
  await admitSpark(cluster.admin, 'sent-to-one');
  sendTo(other);
  // The API server may take a connection that was cut off for one that is open, and then it refuses.
  await until(60_000, () => admitSpark(cluster.admin, 'sent-to-other'));
});

afterAll(async () => {
  for (const replica of replicas) await replica.stop();
  await webhook?.[Symbol.asyncDispose]();
  await cluster?.controlPlane.stop();
});

const ask = async <T>(replica: number, path: string): Promise<T> =>
  (await (await fetch(`${replicas[replica]?.opsUrl}/api/v1/${path}`)).json()) as T;

const search = (replica: number): Promise<DecisionsAnswer> =>
  ask(replica, 'decisions?namespace=default&kind=sparkapplication&name=sent-to');

const POLLING = { timeout: 60_000, interval: 100 };

describe.each([0, 1])('either of two replicas (%i)', (replica) => {
  it('finds what both decided, with what was before and after, and why', async () => {
    // They are explained a moment after they are answered.
    await expect.poll(async () => (await search(replica)).items.every(({ details }) => details), POLLING).toBe(true);
    const { apiVersion, silent, total, items } = await search(replica);
    expect({ apiVersion, silent, total }).toEqual({ apiVersion: 'status.quartermaster.dev/v1', silent: [], total: 2 });
    expect(items.map(({ name }) => name)).toEqual(['sent-to-other', 'sent-to-one']);
    for (const { details } of items) {
      expect(details?.changes).toContainEqual({
        field: 'spec.driver.annotations.example.org/domain',
        after: '"example.com"',
      });
      expect(details?.defaults.map(({ source, verdict }) => `${source} ${verdict}`)).toEqual([
        `${SYSTEM_NAMESPACE}/domain@1 applied`,
      ]);
    }
    const page = await (await fetch(`${replicas[replica]?.opsUrl}/?name=sent-to`)).text();
    for (const text of ['2 decisions', 'sent-to-one', 'sent-to-other', 'example.com', 'Why, and why not'])
      expect(page).toContain(text);
  });

  it('counts over both what each of the defaults won', async () => {
    const { items } = await ask<DefaultsAnswer>(replica, 'defaults');
    const { items: decisions } = await ask<DecisionsAnswer>(replica, 'decisions?limit=1000');
    const given = decisions.filter(({ explain }) => explain.length > 0).length;
    expect(given).toBeGreaterThanOrEqual(2);
    expect(items).toMatchObject([{ name: 'domain', won: given, lost: 0, refused: 0, state: { isReady: true } }]);
  });

  it('tells of both, and of the controllers of the one that leads', async () => {
    const { replicas: told, silent } = await ask<HealthAnswer>(replica, 'health');
    expect(silent).toEqual([]);
    expect(told.map(({ isLeading }) => isLeading).toSorted()).toEqual([false, true]);
    for (const { waitingFor } of told) expect(waitingFor).toEqual([]);
    const leading = told.find(({ isLeading }) => isLeading === true);
    expect(leading?.controllers.map(({ name }) => name)).toContain('platform-defaults');
  });
});

it('names the one that is gone, and shows what is left', async () => {
  await replicas.pop()?.stop();
  const { silent, items } = await search(0);
  expect(silent).toEqual([{ name: 'quartermaster-other', why: 'cannot be reached' }]);
  expect(items.map(({ name }) => name)).toEqual(['sent-to-one']);
});
