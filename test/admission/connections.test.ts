import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  answerBrokenRequests,
  createShutdown,
  keepConnections,
  type Shutdown,
} from '../../src/admission/connections.ts';
import { issueAuthority, issueServing, type PemPair } from '../../src/certificates/issue.ts';
import { collect } from '../fixtures/cost.ts';
import { standStill } from '../fixtures/stand-still.ts';

const HEADERS_MS = 100;
const REQUEST = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n';

let pair: PemPair;
let server: Server;
let ending: Shutdown;
let answer: () => void;
let lastRequest: WeakRef<IncomingMessage>;

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
    lastRequest = new WeakRef(request);
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

describe('what follows a request that is being decided', () => {
  it('costs it nothing but the connection afterwards, in however many pieces it comes', async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error): void => void warnings.push(warning);
    process.on('warning', warned);
    const socket = await open();
    await begin(socket);
    for (let left = 20; left > 0; left -= 1) {
      socket.write('no HTTP');
      await once(server, 'clientError');
    }
    answer();
    expect(String(await once(socket, 'data'))).toMatch(/^HTTP\/1\.1 200 OK\r\n.*admitted$/s);
    await isClosed(socket);
    await nextTurn();
    process.off('warning', warned);
    expect(warnings).toEqual([]);
  });
});

describe('past the bound on connections', () => {
  const MAX = 100;
  let now = 0;
  let accepted = 0;
  let crowded: Server;
  /** What answers the requests that are held back. */
  let held: (() => void)[] = [];
  const HELD = '/held';

  beforeEach(async () => {
    now = 0;
    accepted = 0;
    held = [];
    crowded = createServer(pair, (request, response) => {
      kept.begin({ request, response });
      if (request.url === HELD) held.push(() => response.end('admitted'));
      else response.end('admitted');
    });
    const kept = keepConnections(crowded, MAX, () => now);
    crowded.on('connection', () => {
      accepted += 1;
    });
    crowded.listen(0, '0.0.0.0');
    await once(crowded, 'listening');
  });
  afterEach(() => {
    crowded.close();
    crowded.closeAllConnections();
  });

  const dial = async (host: string): Promise<Socket> => {
    const { port } = crowded.address() as AddressInfo;
    const socket = connectTcp({ port, host: '127.0.0.1', localAddress: host }).on('error', () => undefined);
    await once(socket, 'connect');
    return socket;
  };
  /** A connection on which a request is answered; undefined where it was closed before. */
  const use = async (host: string): Promise<TLSSocket | undefined> => useOf(await dial(host));
  const useOf = async (tcp: Socket): Promise<TLSSocket | undefined> => {
    const socket = connect({ socket: tcp, rejectUnauthorized: false }).on('error', () => undefined);
    return (await ask(socket)) ? socket : undefined;
  };
  /** Whether it was answered; false where the connection was closed instead. */
  const ask = (socket: TLSSocket, path = '/'): Promise<boolean> => {
    socket.write(REQUEST.replace('/', path));
    return new Promise((resolve) => {
      socket.once('data', () => resolve(true));
      socket.once('close', () => resolve(false));
    });
  };
  const times = <T>(count: number, make: (at: number) => Promise<T>): Promise<readonly T[]> =>
    Promise.all(Array.from({ length: count }, (_, at) => make(at)));
  const left = (sockets: readonly (Socket | undefined)[]) => sockets.filter((one) => one?.closed === false).length;

  it('those that carried nothing make room for an address that has few', async () => {
    const own = await times(10, () => use('127.0.0.1'));
    const idle = await times(MAX, (at) => dial(`127.0.0.${2 + (at % 50)}`));
    await expect.poll(() => accepted).toBe(MAX + 10);
    now += 2_000;
    const more = await times(10, () => use('127.0.0.1'));
    for (const socket of idle) socket.resume();
    await expect.poll(() => left(idle)).toBe(MAX - 20);
    expect([left(own), left(more)]).toEqual([10, 10]);
  });

  it('those that came in the same second make room for an address that reviews come from', async () => {
    const own = await times(10, () => use('127.0.0.1'));
    const idle = await times(MAX, (at) => dial(`127.0.0.${2 + (at % 50)}`));
    await expect.poll(() => accepted).toBe(MAX + 10);
    const more = await Promise.all((await times(20, () => dial('127.0.0.1'))).map((socket) => useOf(socket)));
    for (const socket of idle) socket.resume();
    await expect.poll(() => left(idle)).toBe(MAX - 30);
    expect([left(own), left(more)]).toEqual([10, 20]);
  });

  it('those that are in use are kept, and the new one goes', async () => {
    const used = await times(MAX, (at) => use(`127.0.0.${1 + (at % 10)}`));
    expect(await use('127.0.1.1')).toBeUndefined();
    expect(left(used)).toBe(MAX);
  });

  it('those that have not been used of late make room', async () => {
    const used = await times(MAX, (at) => use(`127.0.0.${1 + (at % 10)}`));
    now += 31_000;
    expect(await use('127.0.1.1')).toBeDefined();
    await expect.poll(() => left(used)).toBe(MAX - 1);
  });

  /** Ten strangers who use all that is left, and go on to open more. */
  const crowd = async (): Promise<void> => {
    await times(MAX, (at) => use(`127.0.1.${1 + (at % 10)}`));
    await times(10, (at) => use(`127.0.1.${1 + at}`));
  };

  it('those of an address that reviews come from are kept, whether or not they come on each of them', async () => {
    const own = (await times(15, () => use('127.0.0.1'))).filter((one) => one !== undefined);
    now += 60_000;
    expect(await Promise.all(own.slice(0, 1).map((one) => ask(one)))).toEqual([true]);
    await crowd();
    expect(left(own)).toBe(15);
  });

  it('those of an address that reviews came from for long are kept through as long a silence', async () => {
    const own = (await times(15, () => use('127.0.0.1'))).filter((one) => one !== undefined);
    now += 60_000;
    expect(await Promise.all(own.slice(0, 1).map((one) => ask(one)))).toEqual([true]);
    now += 59_000;
    await crowd();
    expect(left(own)).toBe(15);
    now += 2_000;
    await crowd();
    expect(left(own)).toBeLessThan(15);
  });

  it('those on which reviews are being decided take no room from the idle ones of their address', async () => {
    const own = (await times(80, () => use('127.0.0.1'))).filter((one) => one !== undefined);
    const answered = Promise.all(own.slice(0, 70).map((one) => ask(one, HELD)));
    await expect.poll(() => held.length).toBe(70);
    await crowd();
    expect(left(own)).toBe(80);
    for (const answer of held) answer();
    expect(await answered).toEqual(Array.from({ length: 70 }, () => true));
  });

  it('those that come are no older for the time that the server could not run', async () => {
    // By a clock of the server's own.
    const server = createServer(pair);
    keepConnections(server, 10);
    const port = await new Promise<number>((resolve) => {
      server.listen(0, '0.0.0.0', () => resolve((server.address() as AddressInfo).port));
    });
    const dialAll = (count: number, localAddress: string) =>
      times(count, async () => {
        const socket = connectTcp({ port, host: '127.0.0.1', localAddress }).on('error', () => undefined);
        await once(socket, 'connect');
        return socket.resume();
      });
    let taken = 0;
    server.on('connection', () => {
      taken += 1;
    });
    const own = await dialAll(3, '127.0.0.1');
    await expect.poll(() => taken).toBe(3);
    standStill(1_500);
    const others = [...(await dialAll(4, '127.0.0.2')), ...(await dialAll(4, '127.0.0.3'))];
    await expect.poll(() => left(others)).toBe(7);
    expect(left(own)).toBe(3);
    server.close();
    for (const socket of [...own, ...others]) socket.destroy();
  });

  it('an address that has more than its share makes room, used or not', async () => {
    const greedy = await times(MAX - 5, () => use('127.0.0.2'));
    const own = await times(5, () => use('127.0.0.1'));
    expect(left(await times(5, () => use('127.0.0.3')))).toBe(5);
    await expect.poll(() => left(greedy)).toBe(MAX - 10);
    expect(left(own)).toBe(5);
  });
});

describe('an idle connection', () => {
  it('holds nothing of its last review', async () => {
    const socket = await open();
    await begin(socket);
    answer();
    await once(socket, 'data');
    answer = () => undefined;
    await expect
      .poll(() => {
        collect();
        return lastRequest.deref();
      })
      .toBeUndefined();
    expect(socket.closed).toBe(false);
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

  it('is not quiet for the time that it could not run, in which somebody has come', async () => {
    let isQuiet = false;
    void ending.untilQuiet(150).then(() => {
      isQuiet = true;
    });
    const wasQuiet = once(server, 'connection').then(() => isQuiet);
    const socket = connectTcp((server.address() as AddressInfo).port, '127.0.0.1');
    // It dials in its next tick.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    standStill(400);
    expect(await wasQuiet).toBe(false);
    await expect.poll(() => isQuiet).toBe(true);
    socket.destroy();
  });
});
