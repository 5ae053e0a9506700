import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import express from 'express';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createWebhookServer } from '../../src/admission/server.ts';
import { issueAuthority, issueServing, type PemPair } from '../../src/certificates/issue.ts';
import { createAgent } from '../../src/nfs-server/agent.ts';
import { createLog } from '../../src/ops/log.ts';
import { createOpsServer } from '../../src/ops/server.ts';

const review = (uid: string): string => {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: {} };
  const request = { uid, operation: 'CREATE', resource: { group: '', version: 'v1', resource: 'configmaps' }, object };
  const body = JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request });
  return `POST /mutate HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
};
/** As many as come in one piece of what is read. */
const EMPTY = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(5_000);

let pair: PemPair;
let server: HttpServer;
let requests: number;

beforeAll(async () => {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  pair = await issueServing(await issueAuthority('test', validity), ['localhost'], validity);
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

const listen = async (started: HttpServer): Promise<number> => {
  server = started;
  requests = 0;
  server.on('request', () => {
    requests += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

const openWebhook = async (): Promise<Socket> => {
  const handle = ({ uid }: { readonly uid: string }) => ({ uid, allowed: true });
  const port = await listen(createWebhookServer(pair, handle, createLog('silent')).server);
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  return socket;
};

const openPlain = async (created: HttpServer): Promise<Socket> => {
  const socket = connectTcp({ port: await listen(created), host: '127.0.0.1' });
  await once(socket, 'connect');
  return socket;
};
const answerOk = express().use((_request, response) => void response.end('ok'));
const PLAIN = [
  ['the ops port', () => createOpsServer(answerOk)],
  [
    'an NFS server’s agent',
    () => createAgent({ token: '', isServing: () => Promise.resolve(true), apply: () => Promise.resolve() }),
  ],
] as const;
const openOps = (): Promise<Socket> => openPlain(createOpsServer(answerOk));

/** All that comes until the server closes the connection. */
const answersTo = async (socket: Socket, text: string): Promise<string> => {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // What was sent and is not read costs the client a reset.
  socket.on('error', () => undefined);
  socket.write(text);
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString();
};
const codesIn = (answers: string): readonly string[] =>
  [...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code = '']) => code);

describe('of a connection on which requests come before the last is answered', () => {
  it('the first review is answered, and the second refused', async () => {
    const answers = await answersTo(await openWebhook(), `${review('a')}${review('b')}`);
    expect(codesIn(answers)).toEqual(['200', '400']);
    expect(answers).toContain('"uid":"a"');
    expect(answers).toContain('A connection takes the next request once it has answered the last.');
  });

  it('no more reviews are taken than two, however many have come', async () => {
    await answersTo(await openWebhook(), review('a').repeat(50));
    expect(requests).toBe(2);
  });

  it('no more empty requests are taken than two, however many have come', async () => {
    await answersTo(await openWebhook(), EMPTY);
    expect(requests).toBe(2);
  });

  it.each(PLAIN)('no more empty requests are taken than two by %s', async (_, create) => {
    await answersTo(await openPlain(create()), EMPTY);
    expect(requests).toBe(2);
  });
});

describe('a body with chunks', () => {
  const CHUNKED = `Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(50_000)}`;

  it('is not read, and the answer says what it has to have', async () => {
    const answers = await answersTo(await openWebhook(), `POST /mutate HTTP/1.1\r\n${CHUNKED}`);
    expect(codesIn(answers)).toEqual(['411']);
    expect(answers).toContain('A body has to come with a Content-Length, not in chunks.');
    expect(requests).toBe(0);
  });

  it('is answered as well where it comes as soon as the answer to the last', async () => {
    const socket = await openWebhook();
    for (let count = 0; count < 5; count += 1) {
      socket.write(review('a'));
      expect(String(await once(socket, 'data'))).toMatch(/^HTTP\/1\.1 200 OK/);
    }
    expect(codesIn(await answersTo(socket, `POST /mutate HTTP/1.1\r\n${CHUNKED}`))).toEqual(['411']);
  });

  it.each(PLAIN)('is not read by %s', async (_, create) => {
    await answersTo(await openPlain(create()), `POST / HTTP/1.1\r\nHost: a\r\n${CHUNKED}`);
    expect(requests).toBe(0);
  });
});

describe('a body that comes a byte at a time', () => {
  it.each(['/mutate', '/elsewhere'])('costs its client the connection, at %s', async (path) => {
    const socket = await openWebhook();
    const answers = answersTo(
      socket,
      `POST ${path} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n`,
    );
    // Each in a TLS record of its own.
    for (let count = 0; count < 2_000 && socket.writable; count += 1) {
      socket.write('x');
      await new Promise(setImmediate);
    }
    expect(codesIn(await answers)).toEqual([path === '/mutate' ? '400' : '404']);
  });
});

describe('a connection on which the next request comes once the last is answered', () => {
  it.each([
    ['the webhook', openWebhook, review('a')] as const,
    ['the ops port', openOps, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'] as const,
  ])('goes on, at %s', async (_, open, request) => {
    const socket = await open();
    for (let count = 0; count < 5; count += 1) {
      socket.write(request);
      expect(String(await once(socket, 'data'))).toMatch(/^HTTP\/1\.1 200 OK/);
    }
    expect(requests).toBe(5);
    socket.destroy();
  });
});
