import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { createWebhookServer, type WebhookServer } from '../../src/admission/server.ts';
import { issueAuthority, issueServing, type PemPair } from '../../src/certificates/issue.ts';
import { createLog } from '../../src/ops/log.ts';

const MANY = 300;

let pair: PemPair;
let webhook: WebhookServer;
/** Addresses in the order in which they can speak. */
let secured: (string | undefined)[];

beforeAll(async () => {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  pair = await issueServing(await issueAuthority('test', validity), ['localhost'], validity);
});
beforeEach(async () => {
  secured = [];
  webhook = createWebhookServer(pair, ({ uid }) => ({ uid, allowed: true }), createLog('silent'));
  webhook.server.on('secureConnection', ({ remoteAddress }: TLSSocket) => secured.push(remoteAddress));
  webhook.server.listen({ port: 0, host: '127.0.0.1', backlog: 2 * MANY });
  await once(webhook.server, 'listening');
});
afterEach(() => {
  webhook.server.close();
  webhook.server.closeAllConnections();
});

const open = (localAddress: string): Promise<TLSSocket> => {
  const { port } = webhook.server.address() as AddressInfo;
  const socket = connect({ socket: connectTcp({ port, host: '127.0.0.1', localAddress }), rejectUnauthorized: false });
  return once(socket, 'secureConnect').then(() => socket);
};
const openMany = (hostOf: (at: number) => string): readonly Promise<TLSSocket>[] =>
  Array.from({ length: MANY }, (_, at) => open(hostOf(at)));

const review = (): string => {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} };
  const resource = { group: '', version: 'v1', resource: 'configmaps' };
  const request = { uid: 'u', operation: 'CREATE', resource, object };
  const body = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
  return `POST /mutate HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
};

it('whoever comes after hundreds of another address waits for few of their handshakes', async () => {
  const others = openMany(() => '127.0.0.2');
  await open('127.0.0.3');
  expect(secured.length).toBeLessThan(MANY / 2);
  await Promise.all(others);
});

it('whoever has had a review answered waits for few handshakes of hundreds of addresses', async () => {
  const before = await open('127.0.0.3');
  before.write(review());
  expect(String(await once(before, 'data'))).toMatch(/^HTTP\/1\.1 200 OK/);
  const others = openMany((at) => `127.0.1.${at % 250}`);
  await open('127.0.0.3');
  expect(secured.length).toBeLessThan(MANY / 2);
  await Promise.all(others);
});

it('whoever leaves before their turn costs nobody anything', async () => {
  const { port } = webhook.server.address() as AddressInfo;
  const leaving = Array.from({ length: MANY }, () => connectTcp({ port, host: '127.0.0.1' }));
  await Promise.all(leaving.map((socket) => once(socket, 'connect')));
  for (const socket of leaving) socket.resetAndDestroy();
  const stays = await open('127.0.0.3');
  stays.write(review());
  expect(String(await once(stays, 'data'))).toMatch(/^HTTP\/1\.1 200 OK/);
});
