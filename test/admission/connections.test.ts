import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  answerBrokenRequests,
  createShutdown,
  keepConnections,
  type Shutdown,
} from '../../src/admission/connections.ts';
import { issueAuthority, issueServing, type PemPair } from '../../src/certificates/issue.ts';

const HEADERS_MS = 100;
const REQUEST = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n';

let pair: PemPair;
let server: Server;
let ending: Shutdown;
let answer: () => void;

beforeAll(async () => {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
  pair = await issueServing(await issueAuthority('test', validity), ['localhost'], validity);
});

beforeEach(async () => {
  const limits = { headersTimeout: HEADERS_MS, requestTimeout: HEADERS_MS, connectionsCheckingInterval: 20 };
  server = createServer({ ...pair, ...limits });
  const connections = keepConnections(server, 100);
  ending = createShutdown(server, connections);
  answerBrokenRequests(server, connections);
  server.on('request', (request, response) => {
    connections.begin({ request, response });
    answer = () => void response.end('admitted');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => {
  server.close();
  server.closeAllConnections();
});

const open = async (): Promise<TLSSocket> => {
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  return socket.setEncoding('utf8');
};
const begin = async (socket: TLSSocket): Promise<void> => {
  socket.write(REQUEST);
  await once(server, 'request');
};
const isClosed = (socket: TLSSocket): Promise<unknown> => once(socket.resume(), 'close');

describe('a connection opened in advance', () => {
  it('is kept for its first request, however long that takes to come', async () => {
    const unused = await open();
    const slow = await open();
    slow.write('POST / HT');
    expect(String(await once(slow, 'data'))).toMatch(/^HTTP\/1\.1 408 /);
    await begin(unused);
    answer();
    expect(String(await once(unused, 'data'))).toMatch(/^HTTP\/1\.1 200 OK\r\n.*admitted$/s);
  });

  it('does not keep the server from ending', async () => {
    const unused = await open();
    await Promise.all([ending.close(), isClosed(unused)]);
  });
});

describe('a server that ends', () => {
  it('answers what is under way', async () => {
    const socket = await open();
    await begin(socket);
    const closed = ending.close();
    answer();
    expect(String(await once(socket, 'data'))).toMatch(/admitted$/);
    await closed;
  });

  it('closes silent connections one after another, the longest silent first, and answers on the others', async () => {
    const [first, second, third] = [await open(), await open(), await open()];
    const order: string[] = [];
    for (const [name, socket] of Object.entries({ first, second, third })) {
      void isClosed(socket).then(() => order.push(name));
    }
    await begin(first);
    answer();
    await once(first, 'data');
    const closed = ending.close();
    await isClosed(second);
    expect(order).toEqual(['second']);
    await begin(first);
    answer();
    await closed;
    await expect.poll(() => order).toEqual(['second', 'third', 'first']);
  });

  it('is not quiet before nobody has come for a while', async () => {
    const startedAt = performance.now();
    let lastAt = startedAt;
    server.on('connection', () => {
      lastAt = performance.now();
    });
    const silence = ending.untilQuiet(150).then(() => performance.now() - lastAt);
    while (performance.now() - startedAt < 300) await open();
    expect(await silence).toBeGreaterThanOrEqual(150);
  });
});
