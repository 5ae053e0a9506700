import { once } from 'node:events';
import { createServer, get, type Server as HttpServer, type IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { createBudget } from '../../src/admission/budget.ts';
import { keepConnections } from '../../src/admission/connections.ts';
import { createSender } from '../../src/admission/review.ts';
import { createWebhookServer } from '../../src/admission/server.ts';
import { issueAuthority, issueServing } from '../../src/certificates/issue.ts';
import { createHealth } from '../../src/ops/health.ts';
import { createLog } from '../../src/ops/log.ts';
import { createReplicaProofs } from '../../src/ops/replica-proof.ts';
import { createOpsApp, createOpsServer } from '../../src/ops/server.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0)) clean();
});

const listen = async (server: HttpServer): Promise<number> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
};

const open = async (port: number, localAddress: string): Promise<Socket> => {
  const socket = connect({ host: '127.0.0.1', port, localAddress });
  socket.on('error', () => socket.destroy());
  cleanups.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket.resume();
};

const openMany = (count: number, port: number, host: string): Promise<readonly Socket[]> =>
  Promise.all(Array.from({ length: count }, () => open(port, host)));

describe('connections past the bound', () => {
  it('are closed of the host that has most, the longest silent first', async () => {
    const server = createServer((_request, response) => response.end('answered'));
    // By the clock, those that were opened a second ago weigh as much as ten that are new.
    keepConnections(server, 10, () => 0);
    const port = await listen(server);
    const quiet = await openMany(2, port, '127.0.0.1');
    const greedy = [...(await openMany(8, port, '127.0.0.2')), ...(await openMany(40, port, '127.0.0.2'))];
    await expect.poll(() => greedy.filter(({ destroyed }) => !destroyed).length).toBe(8);
    expect(quiet.every(({ destroyed }) => !destroyed)).toBe(true);
    expect(greedy.slice(0, 8).every(({ destroyed }) => destroyed)).toBe(true);
    quiet[0]?.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const [answer] = (await once(quiet[0] ?? server, 'data')) as [Buffer];
    expect(answer.toString()).toContain('answered');
  });
});

describe('large answers that nobody reads', () => {
  const patch = [{ op: 'add', path: '/a', value: 'x'.repeat(4 * 2 ** 20) }] as const;
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  const body = JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u',
      operation: 'CREATE',
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} },
    },
  });

  it('are kept up to a bound, past which those who have not taken theirs for a second lose them', async () => {
    const authority = await issueAuthority('test', validity);
    const tls = await issueServing(authority, ['127.0.0.1'], validity);
    const handle = ({ uid }: { readonly uid: string }) => Promise.resolve({ uid, allowed: true, patch });
    const webhook = createWebhookServer(tls, handle, createLog('silent'));
    const port = await listen(webhook.server);
    const greedy = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = connectTls({ host: '127.0.0.1', port, ca: authority.cert }).pause();
        cleanups.push(() => socket.destroy());
        await once(socket, 'secureConnect');
        socket.write(
          `POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        );
        return socket;
      }),
    );
    const ask = async (): Promise<number | undefined> => {
      const headers = { 'content-type': 'application/json' };
      const agent = new Agent();
      const call = request({
        host: '127.0.0.1',
        port,
        ca: authority.cert,
        agent,
        path: '/mutate',
        method: 'POST',
        headers,
      });
      call.end(body);
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      await text(response);
      agent.destroy();
      return response.statusCode;
    };
    await expect.poll(webhook.reservedBytes).toBeGreaterThan(50 * 2 ** 20);
    await expect.poll(ask, { timeout: 10_000 }).toBe(200);
    expect(webhook.reservedBytes()).toBeGreaterThan(50 * 2 ** 20);
    expect(webhook.reservedBytes()).toBeLessThanOrEqual(64 * 2 ** 20);
    for (const socket of greedy) socket.destroy();
    await expect.poll(webhook.reservedBytes).toBe(0);
  });
});

it('whoever takes nothing of a large answer loses the connection', async () => {
  const send = createSender(createBudget({ all: 64 * 2 ** 20 }), 100);
  const answer = { status: 200, body: 'x'.repeat(32 * 2 ** 20) };
  const server = createServer((_request, response) => send(response, answer, false));
  const port = await listen(server);
  const socket = (await open(port, '127.0.0.1')).pause();
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(server, 'request');
  const count = () => new Promise((resolve) => server.getConnections((_error, connections) => resolve(connections)));
  expect(await count()).toBe(1);
  await expect.poll(count, { timeout: 10_000 }).toBe(0);
});

describe('the ops port', () => {
  const fail = (): never => {
    throw new Error('a secret of src/ops');
  };
  const faults: string[] = [];
  const app = createOpsApp({
    health: createHealth([]),
    metrics: () => Promise.reject(new Error('a secret')),
    status: { access: fail, own: fail, replicas: fail, cluster: fail, report: fail, why: fail },
    proofs: createReplicaProofs(() => undefined, Date.now),
    onFault: (path) => faults.push(path),
  });

  const ask = async (port: number, path: string): Promise<readonly [number | undefined, string]> => {
    const [response] = (await once(get({ host: '127.0.0.1', port, path, agent: false }), 'response')) as [
      IncomingMessage,
    ];
    return [response.statusCode, await text(response)];
  };

  it('is answered for those who probe while others hold all the connections they can', async () => {
    const port = await listen(createOpsServer(app));
    const greedy = await openMany(400, port, '127.0.0.2');
    expect(await ask(port, '/livez')).toEqual([200, 'ok\n']);
    await expect.poll(() => greedy.filter(({ destroyed }) => !destroyed).length).toBeLessThanOrEqual(100);
  });

  it('closes what does not come to its end', async () => {
    const port = await listen(createOpsServer(app));
    const slow = await open(port, '127.0.0.1');
    slow.write('GET / HTTP/1.1\r\n');
    await once(slow, 'close');
  });

  it.each(['/metrics', '/', '/%', '/../../etc/passwd', '/debug/pprof', '/mutate'])(
    'tells nothing of its insides at %s',
    async (path) => {
      const [status, body] = await ask(await listen(createOpsServer(app)), path);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(body).not.toMatch(/secret|src|node_modules|\.ts/);
    },
  );

  it('tells the log what failed', () => {
    expect(faults).toEqual(['/metrics', '/']);
  });
});
