import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MAX_BODY_BYTES } from '../../src/admission/server.ts';
import { readSeeds, reviewOf } from '../fixtures/fuzz-seeds.ts';
import { type ServerProcess, startServerProcess } from '../fixtures/server-process.ts';
import { createOthers, drip, type Ended, type Line, type Others, openLine, openTcp, send } from './abuse-client.ts';

const START = 'POST /mutate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const CLOSE = 'Connection: close\r\n';
/** What the server may run in any case while a review waits, in milliseconds. */
const LEAST_BOUND = 20;

let server: ServerProcess;
let others: Others;
let bound: number;
const review = JSON.stringify(reviewOf(anySeed().request));

function anySeed() {
  const [seed] = readSeeds().filter(({ name }) => name.startsWith('spark-application/spark-pi'));
  if (seed === undefined) throw new Error('there is no such golden case');
  return seed;
}

const post = (body: string | Buffer, headers = ''): Buffer =>
  Buffer.concat([
    Buffer.from(`${START}${CLOSE}${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`),
    Buffer.from(body),
  ]);

beforeAll(async () => {
  server = await startServerProcess();
  others = createOthers(server, review);
  await others.p99Ran();
  const normal = [await others.p99Ran(), await others.p99Ran(), await others.p99Ran()];
  bound = Math.max(2 * Math.max(...normal), LEAST_BOUND);
});

afterAll(async () => {
  others?.stop();
  await server?.stop();
});

/** It may still be at what it was sent before: then once more. */
const expectOthersAsUsual = () => expect.poll(others.p99Ran, { timeout: 60_000, interval: 0 }).toBeLessThan(bound);

afterEach(async () => {
  await expectOthersAsUsual();
  expect(server.ended()).toBeUndefined();
  expect(server.rssBytes()).toBeLessThan(server.memoryLimit);
});

describe('a body', () => {
  const withObject = (object: string): string => review.replace(/"object":\{/, `"object":{${object},`);
  const deep = (levels: number): string => `"deep":${'['.repeat(levels)}${']'.repeat(levels)}`;
  it.each<readonly [number, string, () => Buffer]>([
    [
      413,
      'that says it is larger than any',
      () => Buffer.from(`${START}Content-Length: ${MAX_BODY_BYTES + 1}\r\n\r\n`),
    ],
    [413, 'of 7 MiB that is nothing but brackets', () => post('['.repeat(MAX_BODY_BYTES))],
    [413, 'of 7 MiB that is nothing but empty maps', () => post(`[${'{},'.repeat(MAX_BODY_BYTES / 3 - 2)}{}]`)],
    [413, 'that nests a million levels deep', () => post(withObject(deep(1_000_000)))],
    [200, 'that nests a thousand levels deep where nobody looks', () => post(withObject(deep(1_000)))],
    [200, 'with __proto__ for a key', () => post(withObject('"__proto__":{"polluted":true,"kind":"Secret"}'))],
    [200, 'with constructor for a key', () => post(withObject('"constructor":{"prototype":{"polluted":true}}'))],
    [200, 'with a key that is there twice', () => post(withObject('"kind":"Secret","kind":"ConfigMap"'))],
    [400, 'of invalid UTF-8', () => post(Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d]))],
    [400, 'in UTF-16', () => post(Buffer.from(review, 'utf16le'))],
    [400, 'that begins with a byte order mark', () => post(`\ufeff${review}`)],
    [415, 'that is a compressed bomb', () => post(gzipSync(Buffer.alloc(2 ** 26)), 'Content-Encoding: gzip\r\n')],
    [415, 'of another type', () => Buffer.from(post(review).toString().replace('application/json', 'text/xml'))],
    [415, 'of no type', () => Buffer.from(post(review).toString().replace('Content-Type', 'X-Type'))],
  ])('gets %i %s', async (code, _what, message) => {
    const { codes, body } = await send(server, message());
    expect(codes).toEqual([code]);
    expect(JSON.parse(body)).toMatchObject({ kind: code === 200 ? 'AdmissionReview' : 'Status' });
  });

  const denseOf = (keys: number): Buffer => {
    const maps = Array.from({ length: 200_000 }, (_, at) => `{"key-${at % keys}":"${'x'.repeat(16)}"}`);
    return post(withObject(`"dense":[${maps.join()}]`));
  };

  it('of more different keys than anybody has gets 413', async () => {
    expect((await send(server, denseOf(200_000))).codes).toEqual([413]);
  });

  it('as dense as may be, of 6 MiB and many at a time, leaves room for the others', async () => {
    const message = denseOf(40_000);
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(server, message)));
    for (const { codes } of answers) expect([[200], [503]]).toContainEqual(codes);
  }, 300_000);

  it('that never ends is refused at its head', async () => {
    const { socket, ended } = await openLine(server);
    socket.write(`${START}Transfer-Encoding: chunked\r\n\r\n`);
    const piece = `10000\r\n${'x'.repeat(0x1_00_00)}\r\n`;
    const pour = (): void => {
      while (socket.writable && socket.write(piece));
    };
    socket.on('drain', pour);
    pour();
    // The reset may be faster than the answer.
    expect([[], [411]]).toContainEqual((await ended).codes);
  });
});

describe('a request within a request', () => {
  const inner = `${START}Content-Length: ${Buffer.byteLength(review)}\r\n\r\n${review}`;
  const chunked = `Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${inner}`;
  it.each([
    ['behind two lengths', `${START}Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcd${inner}`],
    ['behind a length and chunks', `${START}Content-Length: 4\r\n${chunked}`],
    ['behind chunks and a length', `${START}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${inner}`],
    [
      'behind an encoding that is not the last',
      `${START}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${inner}`,
    ],
    [
      'behind an encoding with a space before its colon',
      `${START}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${inner}`,
    ],
    ['behind a length with a sign', `${START}Content-Length: +4\r\n\r\nabcd${inner}`],
    ['behind a length in hexadecimal', `${START}Content-Length: 0x4\r\n\r\nabcd${inner}`],
    ['behind a header with a bare line feed', `${START}X: a\nContent-Length: 4\r\n${chunked}`],
    ['behind a header with a null', `${START}X: a\0b\r\nContent-Length: 0\r\n\r\n${inner}`],
  ])('is not answered %s', async (_where, message) => {
    const { codes } = await send(server, message);
    expect(codes).toEqual([400]);
  });

  it('is not answered behind a chunk of no size', async () => {
    const { codes } = await send(server, `${START}Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n${inner}`);
    expect(codes).toEqual([411]);
  });

  it('ten thousand of them in a row, of which nobody reads an answer, take no more memory than a few', async () => {
    const { socket, ended } = await openLine(server);
    socket.pause();
    for (let sent = 0; sent < 10_000; sent += 1) socket.write(inner);
    await expectOthersAsUsual();
    expect(server.rssBytes()).toBeLessThan(server.memoryLimit);
    socket.destroy();
    await ended;
  });
});

describe('what is no request', () => {
  const unanswered: Ended = { codes: [], body: '' };
  it.each([
    ['HTTP without TLS', 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'],
    ['random bytes', Buffer.from(Array.from({ length: 4_096 }, (_, at) => (at * 7_919) % 256))],
    ['a record of TLS that promises more than it may', Buffer.from([22, 3, 1, 255, 255, ...new Uint8Array(600)])],
  ])('is cut off without an answer: %s', async (_what, bytes) => {
    const { socket, ended } = await openTcp(server);
    socket.write(bytes);
    const { codes } = await ended;
    expect({ ...unanswered, codes }).toEqual(unanswered);
  });

  it.each([
    ['405', 'CONNECT 127.0.0.1:9 HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['400', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['431', `${START}X: ${'x'.repeat(100_000)}\r\n\r\n`],
    ['417', `${START}Expect: a-miracle\r\nContent-Length: 0\r\n${CLOSE}\r\n`],
    ['404', `GET /metrics HTTP/1.1\r\nHost: x\r\n${CLOSE}\r\n`],
  ])('gets %s', async (code, message) => {
    expect((await send(server, message)).codes).toEqual([Number(code)]);
  });
});

describe('who takes his time', () => {
  it('is answered 408, or cut off where there is no TLS yet, and keeps nobody from being answered', async () => {
    const [headers, body, silent] = await Promise.all([openLine(server), openLine(server), openTcp(server)]);
    headers.socket.write('POST /mutate HTTP/1.1\r\n');
    drip(headers, 'X: y\r\n', 500);
    body.socket.write(`${START}Content-Length: 1000\r\n\r\n`);
    drip(body, ' ', 500);
    await expectOthersAsUsual();
    const ends = await Promise.all([headers, body, silent].map(({ ended }) => ended));
    expect(ends.map(({ codes }) => codes)).toEqual([[408], [408], []]);
  }, 300_000);
});

describe('ten thousand connections', () => {
  const openFiles = Number(/Max open files\s+\d+\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
  const COUNT = Math.min(10_000, openFiles - 2_000);
  const hosts = Array.from({ length: 10 }, (_, at) => `127.0.0.${at + 2}`);

  it('from a few hosts push out each other, and no others', async () => {
    const lines: Line[] = [];
    for (let at = 0; at < COUNT; at += 100) {
      const batch = Array.from({ length: 100 }, (_, more) => openTcp(server, hosts[(at + more) % hosts.length]));
      lines.push(...(await Promise.all(batch)));
    }
    await expectOthersAsUsual();
    await expect.poll(() => lines.filter(({ socket }) => !socket.destroyed).length).toBeLessThanOrEqual(2_000);
    for (const { socket } of lines) socket.destroy();
  }, 300_000);
});
