import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isReady, type ServeProcess, type ServeProcessOptions, untilReady } from '../../dev/serve-process.ts';
import { LEASE_NAME, SETTINGS_CONFIG_MAP } from '../../src/api/names.ts';
import { resources } from '../../src/kube/api-server.ts';
import { type Bundle, makeBundle, startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';

const SYSTEM = 'quartermaster-system';
const soon = { timeout: 60_000, interval: 20 };

let bundle: Bundle;
let cluster: ShippedCluster;

beforeAll(async () => {
  bundle = await makeBundle();
  cluster = await startShippedCluster();
});

afterAll(async () => {
  await cluster?.controlPlane.stop();
  await bundle?.remove();
});

const running: ServeProcess[] = [];
afterEach(async () => {
  for (const serve of running.splice(0)) {
    serve.kill('SIGKILL');
    await serve.ended;
  }
  // The next need not wait until that of one that ended without giving it up runs out.
  await cluster.admin.remove(resources.leases, { namespace: SYSTEM, name: LEASE_NAME });
});

const start = async (options: Partial<ServeProcessOptions> = {}): Promise<ServeProcess> => {
  const environment = { ...bundle.environment, ...options.environment };
  const serve = await startReplica(cluster, { program: bundle.program, ...options, environment });
  running.push(serve);
  return serve;
};

/** The lines of a level, with their fields. */
const logged = (serve: ServeProcess, level: string): readonly Readonly<Record<string, unknown>>[] =>
  serve
    .lines()
    .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Readonly<Record<string, unknown>>] : []))
    .filter((entry) => entry['level'] === level);

describe('a process that cannot go on', () => {
  let taken: Server;
  let port: number;

  beforeEach(async () => {
    taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const address = taken.address();
    port = typeof address === 'object' && address ? address.port : 0;
  });
  afterEach(() => void taken.close());

  it.each([
    ['WEBHOOK_PORT', () => ({ webhookPort: port })],
    ['OPS_PORT', () => ({ opsPort: port })],
  ])('ends with exit code 1 and one sentence where %s is taken', async (setting, portOf) => {
    const serve = await start(portOf());
    expect(await serve.ended).toBe(1);
    expect(logged(serve, 'fatal')).toEqual([
      expect.objectContaining({
        error: `${setting} cannot be used: listen EADDRINUSE: address already in use 127.0.0.1:${port}.`,
      }),
    ]);
  });

  it('ends with exit code 2 and names every setting that is wrong', async () => {
    const serve = await start({ environment: { LEASE_SECONDS: 'soon', STORAGE_CLASS_PATTERN: '(' } });
    expect(await serve.ended).toBe(2);
    expect(serve.lines()).toEqual([expect.stringMatching(/^quartermaster: .*STORAGE_CLASS_PATTERN.*LEASE_SECONDS/)]);
  });

  it.each([
    ['throws', 'throw new Error("a bug")'],
    ['rejects', 'Promise.reject(new Error("a bug"))'],
  ])('ends with exit code 1 and the stack where something %s that nobody catches', async (_, bug) => {
    const fault = `data:text/javascript,process.on('SIGUSR2', () => { ${encodeURIComponent(bug)} })`;
    const serve = await start({ program: ['--import', fault, ...bundle.program] });
    await untilReady(serve);
    serve.kill('SIGUSR2');
    expect(await serve.ended).toBe(1);
    expect(logged(serve, 'fatal')).toEqual([
      expect.objectContaining({
        error: expect.objectContaining({ message: 'a bug', stack: expect.any(String) as unknown }) as unknown,
      }),
    ]);
  });

  it('ends in silence where whoever reads its output has had enough', async () => {
    const command = 'set -o pipefail; node src/main.ts manifests | head -1';
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', command], { timeout: 120_000 });
    expect([stdout, stderr]).toEqual(['apiVersion: admissionregistration.k8s.io/v1\n', '']);
  });
});

describe('settings in a ConfigMap', () => {
  const key = { namespace: SYSTEM, name: SETTINGS_CONFIG_MAP };
  const put = (data: Readonly<Record<string, string>>) =>
    cluster.admin.apply(resources.configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: key, data } as never);

  it('are taken over without a restart, and refused by name where they are wrong', async () => {
    const serve = await start();
    await untilReady(serve);
    await put({ LOG_LEVEL: 'debug' });
    await expect.poll(() => logged(serve, 'info').map(({ message }) => message), soon).toContain('settings taken over');

    await put({ LOG_LEVEL: 'loud', OPS_PORT: '1', SOMETHING: 'else' });
    await expect
      .poll(() => logged(serve, 'error').at(-1)?.['refused'], soon)
      .toEqual([
        'OPS_PORT is read at the start only: set it in the Deployment.',
        'SOMETHING is no setting.',
        expect.stringMatching(/LOG_LEVEL="loud" is not one of /),
      ]);
    expect(await serve.stop()).toBe(0);
    await cluster.admin.remove(resources.configMaps, key);
  });
});

/** Where the kernel lets us have a process namespace of our own, as a container has one. */
const canBeFirst = spawnSync('unshare', ['--pid', '--fork', 'true']).status === 0;

describe.skipIf(!canBeFirst)('the first process of a container', () => {
  it('ends on SIGTERM, which the kernel keeps from one that handles no signals itself', async () => {
    const serve = await start({ prefix: ['unshare', '--pid', '--fork', '--kill-child'] });
    await untilReady(serve);
    const [first] = (await readFile(`/proc/${serve.pid}/task/${serve.pid}/children`, 'utf8')).split(' ');
    expect(await readFile(`/proc/${first}/status`, 'utf8')).toMatch(/^NSpid:\t\d+\t1$/m);
    process.kill(Number(first), 'SIGTERM');
    expect(await serve.ended).toBe(0);
  });
});

describe('a process told to end', () => {
  const deploymentKey = { namespace: SYSTEM, name: 'quartermaster' };
  const webhookKey = { namespace: '', name: 'quartermaster' };
  const webhooks = () => cluster.admin.get(resources.mutatingWebhooks, webhookKey);
  const deploy = () =>
    cluster.admin.apply(resources.deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: deploymentKey,
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'quartermaster' } },
        template: {
          metadata: { labels: { app: 'quartermaster' } },
          spec: { containers: [{ name: 'quartermaster', image: 'quartermaster' }] },
        },
      },
    } as never);
  /** Inside a cluster, as far as it can tell: reached through its Service. */
  const startInstalled = async (): Promise<ServeProcess> => {
    await deploy();
    await cluster.admin.remove(resources.mutatingWebhooks, webhookKey);
    const serve = await start({ environment: { WEBHOOK_URL: '' } });
    await untilReady(serve);
    await expect.poll(webhooks, soon).toBeDefined();
    return serve;
  };

  it('is no longer ready at once, and keeps the webhooks for those who stay', async () => {
    const serve = await startInstalled();
    const ended = serve.stop();
    await expect.poll(() => isReady(serve), soon).toBe(false);
    expect(await ended).toBe(0);
    expect(await webhooks()).toBeDefined();
  });

  it.each([
    ['deleted', () => cluster.admin.remove(resources.deployments, deploymentKey)],
    [
      'scaled to nothing',
      () => cluster.admin.mergePatch(resources.deployments, deploymentKey, { spec: { replicas: 0 } }),
    ],
  ])('takes the webhooks along where its Deployment was %s', async (_, act) => {
    const serve = await startInstalled();
    await act();
    expect(await serve.stop()).toBe(0);
    expect(await webhooks()).toBeUndefined();
  });
});
