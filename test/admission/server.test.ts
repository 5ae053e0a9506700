import { once } from 'node:events';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Handle } from '../../src/admission/handler.ts';
import { createWebhookServer, MAX_BODY_BYTES, type WebhookServer } from '../../src/admission/server.ts';
import { issueAuthority, issueServing, type PemPair } from '../../src/certificates/issue.ts';
import { createLog } from '../../src/ops/log.ts';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly connection: string;
  readonly body: {
    readonly kind: string;
    readonly code?: number;
    readonly message?: string;
    readonly response?: { readonly uid: string; readonly allowed: boolean };
  };
}

const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
const agent = new Agent({ keepAlive: true });
let authority: PemPair;
let webhook: WebhookServer;
let port: number;
let handle: Handle = ({ uid }) => Promise.resolve({ uid, allowed: true });

const serve = async (): Promise<WebhookServer> => {
  const started = createWebhookServer(
    await issueServing(authority, ['127.0.0.1'], validity),
    (review) => handle(review),
    createLog('silent'),
  );
  started.server.listen(0, '127.0.0.1');
  await once(started.server, 'listening');
  return started;
};

beforeAll(async () => {
  authority = await issueAuthority('test', validity);
  webhook = await serve();
  port = (webhook.server.address() as AddressInfo).port;
});
afterAll(() => {
  agent.destroy();
  webhook.server.close();
  webhook.server.closeAllConnections();
});

const send = (
  body: string | Buffer,
  options: { readonly path?: string; readonly method?: string; readonly headers?: Record<string, string> } = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const { path = '/mutate', method = 'POST', headers = {} } = options;
    const call = request(
      {
        host: '127.0.0.1',
        port,
        ca: authority.cert,
        agent,
        path,
        method,
        headers: { 'content-type': 'application/json', ...headers },
      },
      (response) => {
        json(response).then(
          (body) =>
            resolve({
              status: response.statusCode ?? 0,
              type: response.headers['content-type'] ?? '',
              connection: response.headers.connection ?? '',
              body: body as Answer['body'],
            }),
          reject,
        );
      },
    );
    call.on('error', reject);
    call.end(body);
  });

const review = (padding = ''): string =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u-1',
      operation: 'CREATE',
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' }, data: { padding } },
    },
  });

describe('the webhook server', () => {
  it('answers a review with a review', async () => {
    expect(await send(review())).toMatchObject({
      status: 200,
      type: 'application/json',
      body: { kind: 'AdmissionReview', response: { uid: 'u-1', allowed: true } },
    });
  });

  it('takes an object as large as the API server sends', async () => {
    expect(await send(review('x'.repeat(3 * 1024 * 1024)))).toMatchObject({ status: 200 });
  });

  it.each([
    [400, 'an empty body', '', {}],
    [400, 'a body that is no JSON', 'not json', {}],
    [400, 'a body of invalid UTF-8', Buffer.from([0xff, 0xfe, 0x7b]), {}],
    [400, 'an object that is no review', '{}', {}],
    [404, 'another path', review(), { path: '/' }],
    [405, 'a GET', '', { method: 'GET' }],
    [415, 'a compressed body', review(), { headers: { 'content-encoding': 'gzip' } }],
    [415, 'a form', 'a=b', { headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
    [413, 'a body of a million lists', '['.repeat(1_000_000), {}],
    [413, 'a body over the bound', Buffer.alloc(MAX_BODY_BYTES + 1, 32), {}],
  ])('answers %i as a JSON Status to %s', async (status, _what, body, options) => {
    const answer = await send(body, options);
    expect(answer).toMatchObject({
      status,
      type: 'application/json',
      body: { kind: 'Status', code: status },
    });
    expect(answer.body.message).toMatch(/\.$/);
  });

  it('answers a review it cannot decide with a refusal that carries its uid', async () => {
    const body = review().replace('"object":{', '"object":null,"other":{');
    expect(await send(body)).toMatchObject({
      status: 200,
      body: { kind: 'AdmissionReview', response: { uid: 'u-1', allowed: false } },
    });
  });

  it('answers a fault of its own with 500 and no trace of it', async () => {
    const before = handle;
    handle = () => Promise.reject(new Error('secret detail at handle.ts'));
    const answer = await send(review()).finally(() => {
      handle = before;
    });
    expect(answer).toMatchObject({ status: 500, body: { kind: 'Status', code: 500 } });
    expect(JSON.stringify(answer.body)).not.toMatch(/secret detail|\.ts/);
  });

  it('goes on after a client that hangs up within its body', async () => {
    const socket = connect({ host: '127.0.0.1', port, ca: authority.cert });
    await once(socket, 'secureConnect');
    socket.write(
      'POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"half',
    );
    socket.destroy();
    expect(await send(review())).toMatchObject({ status: 200 });
  });

  it('still answers while draining, and closes each connection it answers on', async () => {
    const draining = await serve();
    const before = port;
    port = (draining.server.address() as AddressInfo).port;
    const quiet = draining.drain(50);
    const answer = await send(review()).finally(() => {
      port = before;
    });
    expect(answer).toMatchObject({ status: 200, connection: 'close' });
    await quiet;
    await draining.close();
    expect(draining.server.listening).toBe(false);
  });
});
