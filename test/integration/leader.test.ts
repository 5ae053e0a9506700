import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { type LeaderOptions, runAsLeader } from '../../src/controller/leader-election.ts';
import { type Kube, resources } from '../../src/kube/api-server.ts';
import { createKube } from '../../src/kube/client.ts';
import { type Connection, findConnection } from '../../src/kube/connection.ts';
import { createLog } from '../../src/ops/log.ts';
import { createMetrics } from '../../src/ops/metrics.ts';
import { startOwnClock } from '../fixtures/own-clock.ts';
import { startTcpProxy } from '../fixtures/tcp-proxy.ts';

/** Of which none runs out while a machine stands still for a moment, and which are looked at often. */
const PATIENT = { leaseSeconds: 30, times: { renewDeadline: 20_000, retryPeriod: 200 } };
const SHORT_SECONDS = 2;
const soon = { timeout: 30_000, interval: 10 };

interface Lease extends KubeObject {
  readonly spec: {
    readonly holderIdentity: string;
    readonly leaseTransitions: number;
    readonly leaseDurationSeconds: number;
    readonly renewTime: string;
  };
}

describe('the election of a leader', () => {
  let controlPlane: ControlPlane;
  let connection: Connection;
  let kube: Kube;
  let leaseName = '';
  let count = 0;
  /** One line for each beginning and end of leading, in order. */
  let history: string[];
  let acting: Set<string>;
  let candidates: { readonly ending: AbortController; readonly done: Promise<void> }[];

  beforeAll(async () => {
    controlPlane = await startControlPlane();
    connection = await findConnection({ KUBECONFIG: controlPlane.kubeconfig });
    kube = createKube(connection);
  });

  afterAll(() => controlPlane?.stop());

  beforeEach(() => {
    leaseName = `lease-${count++}`;
    history = [];
    acting = new Set();
    candidates = [];
  });

  afterEach(async () => {
    for (const { ending } of candidates) ending.abort();
    await Promise.all(candidates.map(({ done }) => done));
  });

  const act = async (identity: string, signal: AbortSignal): Promise<void> => {
    expect([...acting]).toEqual([]);
    acting.add(identity);
    history.push(`${identity} leads`);
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    acting.delete(identity);
    history.push(`${identity} stops`);
  };

  type Patience = Pick<LeaderOptions, 'leaseSeconds' | 'times'>;
  const contend = (identity: string, through: Kube = kube, patience: Patience = PATIENT) => {
    const ending = new AbortController();
    const done = runAsLeader({
      kube: through,
      namespace: 'default',
      name: leaseName,
      identity,
      ...patience,
      signal: ending.signal,
      log: createLog('silent'),
      metrics: createMetrics(),
      lead: (signal) => act(identity, signal),
    });
    const candidate = { ending, done };
    candidates.push(candidate);
    return candidate;
  };

  const leaseNow = async (): Promise<Lease['spec'] | undefined> =>
    (await kube.get<Lease>(resources.leases, { namespace: 'default', name: leaseName }))?.spec;

  it('lets one of two lead, and the other as soon as the first has ended', async () => {
    const first = contend('first');
    await expect.poll(() => history, soon).toEqual(['first leads']);
    contend('second');
    first.ending.abort();
    await first.done;
    expect(await leaseNow()).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    await expect.poll(() => history, soon).toEqual(['first leads', 'first stops', 'second leads']);
    expect(await leaseNow()).toMatchObject({ holderIdentity: 'second', leaseTransitions: 1, leaseDurationSeconds: 30 });
  });

  it('never has two at once when many begin together', async () => {
    const all = Array.from({ length: 6 }, (_, index) => contend(`candidate-${index}`));
    for (let leaders = 1; leaders <= 3; leaders += 1) {
      await expect.poll(() => history.filter((line) => line.endsWith('leads')).length, soon).toBe(leaders);
      const [leader] = acting;
      all[Number(leader?.split('-')[1])]?.ending.abort();
    }
    expect(history.map((line) => line.split(' ')[1]).slice(0, 5)).toEqual([
      'leads',
      'stops',
      'leads',
      'stops',
      'leads',
    ]);
  });

  it('stops a leader that cannot renew before another starts', async () => {
    await using proxy = await startTcpProxy(connection.server);
    const short = { leaseSeconds: SHORT_SECONDS };
    contend('cut-off', createKube({ ...connection, server: proxy.url }), short);
    await expect.poll(() => history, soon).toEqual(['cut-off leads']);
    contend('healthy', kube, short);
    await proxy.close();
    using sinceCut = startOwnClock();
    await expect.poll(() => history, soon).toEqual(['cut-off leads', 'cut-off stops', 'healthy leads']);
    expect(sinceCut.ms()).toBeLessThan(SHORT_SECONDS * 2_000);
    await proxy.open();
  });

  it('keeps its leader while the lease can be renewed in time', async () => {
    await using proxy = await startTcpProxy(connection.server);
    contend('steady', createKube({ ...connection, server: proxy.url }));
    await expect.poll(() => history, soon).toEqual(['steady leads']);
    contend('waiting');
    for (let renewals = 0; renewals < 10; renewals += 1) {
      const before = await leaseNow();
      proxy.cut();
      await expect.poll(leaseNow, soon).not.toEqual(before);
    }
    expect(history).toEqual(['steady leads']);
  });

  it('lets a leader go whose lease another has taken', async () => {
    contend('robbed');
    await expect.poll(() => history, soon).toEqual(['robbed leads']);
    const key = { namespace: 'default', name: leaseName };
    await kube.mergePatch(resources.leases, key, { spec: { holderIdentity: 'robber', leaseDurationSeconds: 60 } });
    await expect.poll(() => history, soon).toEqual(['robbed leads', 'robbed stops']);
  });

  it('passes on what its work throws, after releasing the lease', async () => {
    const failing = runAsLeader({
      kube,
      namespace: 'default',
      name: leaseName,
      identity: 'failing',
      ...PATIENT,
      signal: new AbortController().signal,
      log: createLog('silent'),
      metrics: createMetrics(),
      lead: () => Promise.reject(new Error('a bug')),
    });
    await expect(failing).rejects.toThrow('a bug');
    expect(await leaseNow()).toMatchObject({ holderIdentity: '' });
  });
});
