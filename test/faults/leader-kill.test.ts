import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import { LEASE_NAME } from '../../src/api/names.ts';
import { resources } from '../../src/kube/api-server.ts';
import { platformDefaults } from '../fixtures/defaults.ts';
import { startOwnClock } from '../fixtures/own-clock.ts';
import { type Bundle, isLeading, makeBundle, shippedKubeconfig, startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { startSteadyLoad } from '../fixtures/steady-load.ts';
import { startTcpProxy, type TcpProxy } from '../fixtures/tcp-proxy.ts';

/** It is lost where it cannot be renewed for two thirds of that: longer than a machine stands still. */
const LEASE_SECONDS = 6;
/** How far apart the looks of a candidate are at most: see electionTimes. */
const RETRY_MS = LEASE_SECONDS * 133 * 1.2;
/** Of the look that finds it run out, and of ours. */
const CALLS_MS = 500;
const KILLS = 3;
/** Recorded by the API server: every write of ours, and what the Lease was written to be. */
const users = ['system:serviceaccount:quartermaster-system:quartermaster'];
const AUDIT_POLICY = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'Request', users, verbs: ['create', 'update'], resources: [{ group: 'coordination.k8s.io' }] },
    { level: 'Metadata', users, verbs: ['create', 'update', 'patch', 'delete'] },
    { level: 'None' },
  ],
};

interface AuditEvent {
  readonly sourceIPs: readonly [string];
  readonly objectRef: { readonly resource: string };
  readonly responseStatus: { readonly code: number };
  readonly requestObject?: { readonly spec: { readonly holderIdentity: string } };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

let directory: string;
let bundle: Bundle;
let cluster: ShippedCluster;
/** One for each replica, each with an address of its own towards the API server. */
let proxies: TcpProxy[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'audit-'));
  bundle = await makeBundle();
  await writeFile(join(directory, 'policy.json'), JSON.stringify(AUDIT_POLICY));
  cluster = await startShippedCluster({
    apiServerFlags: {
      'audit-policy-file': join(directory, 'policy.json'),
      'audit-log-path': join(directory, 'audit.log'),
      'audit-log-mode': 'blocking-strict',
    },
  });
  const target = new URL(cluster.controlPlane.url);
  proxies = await Promise.all(
    Array.from({ length: KILLS + 2 }, (_, index) => startTcpProxy(target, `127.0.0.${index + 10}`)),
  );
});

afterAll(async () => {
  for (const proxy of proxies ?? []) await proxy[Symbol.asyncDispose]();
  await cluster?.controlPlane.stop();
  await bundle?.remove();
  await rm(directory, { recursive: true, force: true });
});

const audit = async (): Promise<readonly AuditEvent[]> => {
  const lines = (await readFile(join(directory, 'audit.log'), 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as AuditEvent);
};
const isLeaseWrite = ({ objectRef, responseStatus }: AuditEvent): boolean =>
  objectRef.resource === 'leases' && responseStatus.code < 300;
const holderOf = async (): Promise<string> => {
  const lease = await cluster.admin.get(resources.leases, { namespace: 'quartermaster-system', name: LEASE_NAME });
  return (lease as { readonly spec?: { readonly holderIdentity?: string } } | undefined)?.spec?.holderIdentity ?? '';
};

describe('kill -9 of the leader', () => {
  it('makes another lead once the lease has run out, and never two at once', { timeout: 300_000 }, async () => {
    const start = async (index: number): Promise<ServeProcess> => {
      const kubeconfig = await shippedKubeconfig(cluster, proxies[index]?.url);
      const replica = await startReplica(cluster, {
        kubeconfig,
        program: bundle.program,
        environment: { ...bundle.environment, LEASE_SECONDS: String(LEASE_SECONDS) },
      });
      await untilReady(replica);
      return replica;
    };
    const running = await Promise.all([start(0), start(1)]);
    // Each makes the leader, and no other, write a status.
    const work = startSteadyLoad(20, async (index) => {
      const { uid: _, generation: __, ...metadata } = platformDefaults(`work-${index}`, {}).metadata;
      await cluster.admin.create(resources.platformDefaults, { ...platformDefaults('', {}), metadata });
    });
    const countWriters = async () =>
      new Set((await audit()).filter(isLeadersWrite).map(({ sourceIPs }) => sourceIPs[0])).size;
    const patiently = { timeout: 60_000, interval: 50 };
    const takeovers: number[] = [];
    for (let kills = 0; kills < KILLS; kills += 1) {
      const leads = () => Promise.all(running.map(isLeading));
      await expect.poll(leads, { ...patiently, interval: 20 }).toContain(true);
      // One killed before it wrote anything would prove nothing.
      await expect.poll(countWriters, patiently).toBe(kills + 1);
      const before = await holderOf();
      const [leader] = running.splice((await leads()).indexOf(true), 1);
      leader?.kill('SIGKILL');
      using sinceKill = startOwnClock();
      await expect.poll(holderOf, { ...patiently, interval: 10 }).not.toBe(before);
      takeovers.push(sinceKill.ms());
      running.push(await start(kills + 2));
    }
    await expect.poll(countWriters, patiently).toBe(KILLS + 1);
    await work.stop();
    await Promise.all(running.map(({ stop }) => stop()));

    expect(Math.max(...takeovers)).toBeLessThan(LEASE_SECONDS * 1_000 + RETRY_MS + CALLS_MS);
    const events = await audit();
    const holdings = events
      .filter(isLeaseWrite)
      .toSorted((one, other) => one.stageTimestamp.localeCompare(other.stageTimestamp));
    const strays = events.filter(isLeadersWrite).filter(({ sourceIPs, requestReceivedTimestamp }) => {
      const latest = holdings.findLast(({ stageTimestamp }) => stageTimestamp <= requestReceivedTimestamp);
      return latest?.requestObject?.spec.holderIdentity === '' || latest?.sourceIPs[0] !== sourceIPs[0];
    });
    expect(strays).toEqual([]);
  });
});

/** All but what every replica may do: contend for the Lease, keep the certificate, tell Events. */
const isLeadersWrite = ({ objectRef }: AuditEvent): boolean =>
  !['leases', 'secrets', 'events'].includes(objectRef.resource);
