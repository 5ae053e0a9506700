import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createWebhookServer,
  MAX_BODY_BYTES,
  MOST_SMALL_OF_ONE,
  type WebhookServer,
} from '../../src/admission/server.ts';
import { issueAuthority, issueServing } from '../../src/certificates/issue.ts';
import { createLog } from '../../src/ops/log.ts';
import { fc } from '../fixtures/fast-check.ts';

const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
const START = 'POST /mutate HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n';
const CHUNKED = `${START}Transfer-Encoding: chunked\r\n\r\n`;
const KIB = 1024;
/** Answers larger than what the kernel takes off the hands of a server. */
const PATCH = [{ op: 'add', path: '/a', value: 'x'.repeat(4 * 2 ** 20) }] as const;

let webhook: WebhookServer;
let authority: string;

beforeAll(async () => {
  const pair = await issueAuthority('test', validity);
  authority = pair.cert;
  const answers = [{ allowed: true, patch: PATCH }, { allowed: true }];
  let turn = 0;
  webhook = createWebhookServer(
    await issueServing(pair, ['127.0.0.1'], validity),
    async ({ uid }) => {
      await setImmediate();
      return { uid, ...(answers[turn++ % answers.length] ?? { allowed: true }) };
    },
    createLog('silent'),
  );
  webhook.server.requestTimeout = 500;
  webhook.server.headersTimeout = 500;
  webhook.server.listen(0, '127.0.0.1');
  await once(webhook.server, 'listening');
});

afterAll(() => {
  webhook.server.close();
  webhook.server.closeAllConnections();
});

const open = async (localAddress = '127.0.0.1'): Promise<TLSSocket> => {
  const { port } = webhook.server.address() as AddressInfo;
  // A session has no address of its own to go out from: the connection below it has.
  const connection = connectTcp({ port, host: '127.0.0.1', localAddress });
  const socket = connect({ socket: connection, host: '127.0.0.1', ca: authority });
  socket.on('error', () => socket.destroy());
  await once(socket, 'secureConnect');
  return socket;
};

const write = (socket: TLSSocket, text: string): Promise<void> =>
  new Promise((resolve) => {
    // Who is cut off has nothing more to write.
    socket.write(text, () => resolve());
  });

const reviewOf = (bytes: number): string =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'u',
      operation: 'CREATE',
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: {}, data: { fill: 'x'.repeat(bytes) } },
    },
  });
const whole = (bytes: number): string => {
  const body = reviewOf(bytes);
  return `${START}Content-Length: ${body.length}\r\n\r\n${body}`;
};

/** What is sent of a large body. */
const beginnings = {
  'a length and a part': (bytes: number) => `${START}Content-Length: ${MAX_BODY_BYTES}\r\n\r\n${'x'.repeat(bytes)}`,
  'a length and one byte': () => `${START}Content-Length: ${MAX_BODY_BYTES}\r\n\r\nx`,
  'a length and a part of a small one': (bytes: number) =>
    `${START}Content-Length: ${64 * KIB}\r\n\r\n${'x'.repeat(bytes % (64 * KIB))}`,
  'a small chunk': (bytes: number) =>
    `${CHUNKED}${((bytes % KIB) + 1).toString(16)}\r\n${'x'.repeat((bytes % KIB) + 1)}\r\n`,
  'a chunk': (bytes: number) => `${CHUNKED}${(bytes + 1).toString(16)}\r\n${'x'.repeat(bytes + 1)}\r\n`,
  'chunks past the limit': () => `${CHUNKED}800000\r\n${'x'.repeat(0x80_00_00)}\r\n`,
  'a chunk that is none': (bytes: number) =>
    `${CHUNKED}${(bytes + 1).toString(16)}\r\n${'x'.repeat(bytes + 1)}\r\nno\r\n`,
  'a review': whole,
  'two reviews at once': (bytes: number) => whole(bytes) + whole(bytes),
  'a review and a part': (bytes: number) => `${whole(bytes)}${START}Content-Length: 900000\r\n\r\n${'x'.repeat(bytes)}`,
} satisfies Record<string, (bytes: number) => string>;

/** Unlike `once`, an error is no reason not to wait. */
const until = (socket: TLSSocket, event: 'data' | 'close'): Promise<void> =>
  new Promise((resolve) => {
    socket.once(event, () => resolve());
  });

/** What its client does then. */
const endings = {
  'waits for an answer': (socket) => until(socket.resume(), 'data'),
  'waits until it is cut off': (socket) => until(socket.resume().end(), 'close'),
  'leaves at once': () => Promise.resolve(),
  'leaves in the middle of writing more': (socket) => {
    socket.write('x'.repeat(100 * KIB));
    return Promise.resolve();
  },
  'ends its half': async (socket) => {
    await new Promise<void>((resolve) => socket.end(resolve));
  },
  'does not read': async (socket) => {
    socket.pause();
    await setImmediate();
  },
} satisfies Record<string, (socket: TLSSocket) => Promise<void>>;

const client = fc.record({
  beginning: fc.constantFrom(...(Object.keys(beginnings) as (keyof typeof beginnings)[])),
  bytes: fc.nat(900 * KIB),
  ending: fc.constantFrom(...(Object.keys(endings) as (keyof typeof endings)[])),
});

describe('what the bodies and answers of a server hold', () => {
  it('is nothing again however connections end', async () => {
    let most = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(client, { minLength: 10, maxLength: 30 }), async (clients) => {
        await Promise.all(
          clients.map(async ({ beginning, bytes, ending }) => {
            const socket = await open();
            const gone = until(socket, 'close');
            await Promise.race([write(socket, beginnings[beginning](bytes)), gone]);
            most = Math.max(most, webhook.reservedBytes());
            if (!socket.destroyed) await Promise.race([endings[ending](socket), gone]);
            socket.destroy();
          }),
        );
        await expect.poll(webhook.reservedBytes).toBe(0);
      }),
      { numRuns: 8, endOnFailure: true },
    );
    expect(most).toBeGreaterThan(2 ** 20);
  }, 120_000);

  it('is what has come of bodies that announce more, and nothing once they are answered 408', async () => {
    // None is answered before all have come.
    webhook.server.requestTimeout = 60_000;
    const sockets = await Promise.all(Array.from({ length: 8 }, () => open()));
    const answers = sockets.map((socket) => once(socket, 'data'));
    await Promise.all(sockets.map((socket) => write(socket, beginnings['a length and a part'](100 * KIB))));
    await expect.poll(webhook.reservedBytes).toBeGreaterThan(8 * 100 * KIB);
    expect(webhook.reservedBytes()).toBeLessThan(8 * 220 * KIB);
    webhook.server.requestTimeout = 500;
    for (const [answer] of await Promise.all(answers)) expect(String(answer)).toMatch(/^HTTP\/1\.1 408 /);
    await expect.poll(webhook.reservedBytes).toBe(0);
    for (const socket of sockets) socket.destroy();
  });

  it('is no more than its share for one address, however many small bodies of it do not end, and others are answered', async () => {
    webhook.server.requestTimeout = 60_000;
    const sockets = await Promise.all(Array.from({ length: 400 }, () => open('127.0.0.9')));
    const answers: string[] = [];
    for (const socket of sockets) socket.on('data', (answer) => answers.push(String(answer).slice(0, 12)));
    const part = `${START}Content-Length: ${64 * KIB}\r\n\r\n${'x'.repeat(64 * KIB - 1)}`;
    await Promise.all(sockets.map((socket) => write(socket, part)));
    await expect.poll(() => answers.length).toBe(400 - MOST_SMALL_OF_ONE / (64 * KIB));
    expect(new Set(answers)).toEqual(new Set(['HTTP/1.1 503']));
    expect(webhook.reservedBytes()).toBe(MOST_SMALL_OF_ONE);
    const other = await open();
    const answer = once(other, 'data');
    await write(other, whole(40 * KIB));
    expect(String((await answer)[0])).toMatch(/^HTTP\/1\.1 200 /);
    for (const socket of [other, ...sockets]) socket.destroy();
    await expect.poll(webhook.reservedBytes).toBe(0);
    webhook.server.requestTimeout = 500;
  }, 60_000);
});

it('a request that comes before the last one is answered ends the connection, and costs that one nothing', async () => {
  const socket = (await open()).setEncoding('utf8');
  let received = '';
  socket.on('data', (text: string) => {
    received += text;
  });
  socket.write(whole(1).repeat(3));
  await once(socket, 'close');
  expect([...received.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => code)).toEqual(['200', '400']);
});
