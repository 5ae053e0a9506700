import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { issueAuthority, issueServing } from '../../src/certificates/issue.ts';

const OBJECTS = 50_000;
const root = resolve(import.meta.dirname, '../..');

const defaults = Array.from({ length: 20 }, (_, index) => ({
  metadata: {
    name: `defaults-${index}`,
    namespace: 'quartermaster-system',
    generation: 1,
    creationTimestamp: '2026-10-01T10:00:00Z',
  },
  spec: {
    match: { kinds: ['SparkApplication'], selector: { matchLabels: { team: `team-${index}` } } },
    inject: {
      env: [{ name: 'HTTP_PROXY', value: 'http://proxy.example.org:3128' }],
      sparkConf: { 'spark.eventLog.enabled': 'true', 'spark.ui.enabled': 'false' },
    },
  },
}));

const application = (index: number): object => ({
  metadata: {
    name: `etl-${index}`,
    namespace: `namespace-${index % 200}`,
    labels: { team: `team-${index % 25}` },
    creationTimestamp: '2026-11-01T10:00:00Z',
    managedFields: [
      {
        manager: 'kubectl',
        operation: 'Update',
        time: '2026-11-01T10:00:00Z',
        fieldsV1: { 'f:spec': { 'f:driver': {} } },
      },
    ],
  },
  spec: {
    type: 'Python',
    mode: 'cluster',
    image: 'registry.example.org/etl:1',
    mainApplicationFile: 'local:///opt/etl/main.py',
    sparkVersion: '4.0.0',
    driver: { cores: 1, memory: '1g', env: [{ name: 'STAGE', value: 'prod' }] },
    executor: { instances: 2, cores: 1, memory: '2g' },
  },
});

const pageOf = (url: URL): object => {
  if (url.pathname.endsWith('/platformdefaults')) return { metadata: { resourceVersion: '1' }, items: defaults };
  if (!url.pathname.endsWith('/sparkoperator.k8s.io/v1beta2/sparkapplications'))
    return { metadata: { resourceVersion: '1' }, items: [] };
  const from = Number(url.searchParams.get('continue') ?? 0);
  const to = Math.min(OBJECTS, from + Number(url.searchParams.get('limit') ?? OBJECTS));
  const more = to < OBJECTS ? { continue: String(to), remainingItemCount: OBJECTS - to } : {};
  return {
    metadata: { resourceVersion: '1', ...more },
    items: Array.from({ length: to - from }, (_, index) => application(from + index)),
  };
};

let server: Server;
let kubeconfig: string;

beforeAll(async () => {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const authority = await issueAuthority('large cluster', validity);
  const { cert, key } = await issueServing(authority, ['localhost'], validity);
  server = createServer({ cert, key }, ({ url = '/' }, response) => {
    const asked = new URL(url, 'https://localhost');
    response.setHeader('content-type', 'application/json');
    // What an install has holds where the configuration is not there.
    if (asked.pathname.endsWith('/mutatingwebhookconfigurations/quartermaster')) response.writeHead(404).end('{}');
    else if (asked.searchParams.has('watch')) response.flushHeaders();
    else response.end(JSON.stringify(pageOf(asked)));
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  kubeconfig = join(mkdtempSync(join(tmpdir(), 'quartermaster-report-')), 'config');
  const ca = Buffer.from(authority.cert).toString('base64');
  const cluster = { server: `https://localhost:${port}`, 'certificate-authority-data': ca };
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      clusters: [{ name: 'a', cluster }],
      users: [{ name: 'a', user: { token: 'none' } }],
      contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
      'current-context': 'a',
    }),
  );
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

/** What a process of Linux has used by now: at most in memory, in MB, and of processors, in seconds. */
const usedBy = (pid: number): { readonly peak: number; readonly seconds: number } => {
  if (!existsSync(`/proc/${pid}/stat`)) return { peak: 0, seconds: 0 };
  const [, kilobytes = '0'] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  const [user = '0', system = '0'] =
    readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ').slice(11) ?? [];
  return { peak: Number(kilobytes) / 1_024, seconds: (Number(user) + Number(system)) / TICKS };
};

/** Of a second, in /proc. */
const TICKS = 100;

it('reports on 50,000 objects in under a minute and 500 MB', async () => {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [join(root, 'src/main.ts'), 'report', '--live'], {
    env: { ...process.env, KUBECONFIG: kubeconfig },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let used = { peak: 0, seconds: 0 };
  const watching = (async () => {
    while (child.exitCode === null && child.pid !== undefined) {
      const now = usedBy(child.pid);
      used = { peak: Math.max(used.peak, now.peak), seconds: Math.max(used.seconds, now.seconds) };
      await Promise.race([exited, sleep(100)]);
    }
  })();
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  await watching;
  const elapsed = (performance.now() - startedAt) / 1_000;
  console.log(
    `${OBJECTS} objects: ${elapsed.toFixed(1)} s, ${used.seconds.toFixed(1)} s of processors, ${used.peak.toFixed(0)} MB at most`,
  );
  expect(child.exitCode, err).toBe(0);
  expect(err).toContain('50000 objects: 0 has, 0 complies, 40000 lacks, 0 outdated');
  expect(out.replaceAll(/\s+/g, ' ')).toContain('no webhook answered when the object was stored');
  // Of processors: on a busy machine the clock measures the others.
  expect(used.seconds).toBeLessThan(60);
  expect(used.peak).toBeGreaterThan(0);
  expect(used.peak).toBeLessThan(500);
});
