import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MAX_BODY_BYTES, MAX_CONNECTIONS } from '../../src/admission/server.ts';
import { readSeeds, reviewOf } from '../fixtures/fuzz-seeds.ts';
import { type ServerProcess, startServerProcess } from '../fixtures/server-process.ts';
import { createOthers, drip, type Line, type Others, openLine, openTcp, send } from './abuse-client.ts';

const START = 'POST /mutate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const CLOSE = 'Connection: close\r\n';
const MIB = 2 ** 20;

/** One for each pod of a tenant who has a hundred. */
const HOSTS = Array.from({ length: 100 }, (_, at) => `127.0.1.${at + 1}`);
const [ONE_HOST = ''] = HOSTS;

const [review = ''] = readSeeds()
  .filter(({ name }) => name.startsWith('spark-application/spark-pi'))
  .map(({ request }) => JSON.stringify(reviewOf(request)));
const large = review.replace(/"object":\{/, `"object":{"fill":"${'x'.repeat(MIB)}",`);
const post = (body: string, headers = ''): string =>
  `${START}${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const announced = `${START}Content-Length: ${MAX_BODY_BYTES}\r\n\r\n`;

let server: ServerProcess;
let others: Others;
let lines: Line[] = [];

beforeAll(async () => {
  server = await startServerProcess();
  others = createOthers(server, review);
  await others.p99Ran();
});

afterAll(async () => {
  others?.stop();
  await server?.stop();
});

afterEach(() => {
  for (const { socket } of lines) socket.destroy();
  lines = [];
  expect(server.ended()).toBeUndefined();
  expect(server.rssBytes()).toBeLessThan(server.memoryLimit);
});

/** So many connections, from the hosts in turn. */
const openMany = async (
  count: number,
  open: (server: ServerProcess, host?: string) => Promise<Line>,
  hosts = HOSTS,
): Promise<readonly Line[]> => {
  const opened: Line[] = [];
  for (let at = 0; at < count; at += 50) {
    const batch = Array.from({ length: Math.min(50, count - at) }, async (_, more) => {
      const line = await open(server, hosts[(at + more) % hosts.length]).catch(() => undefined);
      if (line === undefined) return;
      lines.push(line);
      opened.push(line);
    });
    await Promise.all(batch);
  }
  return opened;
};

/** The code of the answer to a review. */
const ask = async ({ socket, ended }: Line): Promise<string> => {
  socket.write(post(review));
  const answer = once(socket, 'data').then(([bytes]: Buffer[]) => bytes?.toString('latin1', 9, 12));
  return (await Promise.race([answer, ended.then(() => undefined)])) ?? 'closed';
};

const askOnEach = (lines: readonly Line[]): Promise<readonly string[]> => Promise.all(lines.map((line) => ask(line)));
const allOf = <T>(count: number, value: T): readonly T[] => Array.from({ length: count }, () => value);
const answerToLarge = async (): Promise<readonly number[]> => (await send(server, post(large, CLOSE))).codes;

describe('bodies that do not come to their end', () => {
  it('and are answered 408 after one byte of 7 MiB keep no large review out', async () => {
    const slow = await openMany(5, openLine, [ONE_HOST]);
    for (const { socket } of slow) socket.write(`${announced}x`);
    expect(await answerToLarge()).toEqual([200]);
    await others.areAdmittedWhile(() => Promise.all(slow.map(({ ended }) => ended)));
    expect(await Promise.all(slow.map(async ({ ended }) => (await ended).codes))).toEqual(allOf(5, [408]));
    expect(await answerToLarge()).toEqual([200]);
  }, 300_000);

  it.each([
    ['one address', [ONE_HOST]],
    ['a hundred addresses', HOSTS],
  ])(
    'of %s keep no large review out',
    async (_whose, hosts) => {
      const slow = await openMany(100, openLine, hosts);
      const part = 'x'.repeat(600 * 1024);
      await others.areAdmittedWhile(() =>
        Promise.all(
          slow.map(async (line) => {
            line.socket.write(announced);
            await new Promise<void>((resolve) => line.socket.write(part, () => resolve()));
            drip(line, 'x', 200);
          }),
        ),
      );
      await expect.poll(answerToLarge).toEqual([200]);
      expect(await Promise.all(Array.from({ length: 4 }, answerToLarge))).toEqual(allOf(4, [200]));
    },
    300_000,
  );
});

describe('the connections of an API server', () => {
  const COUNT = 30;
  it.each<readonly [string, readonly string[], (server: ServerProcess, host?: string) => Promise<Line>]>([
    ['one address opens thousands', [ONE_HOST], openTcp],
    ['a hundred addresses open thousands', HOSTS, openTcp],
    ['a hundred addresses open thousands and speak TLS on them', HOSTS, openLine],
  ])(
    'are kept, and thirty new ones taken at once, where %s',
    async (_what, hosts, open) => {
      const own = await openMany(COUNT, openLine, ['127.0.0.1']);
      expect(await askOnEach(own)).toEqual(allOf(COUNT, '200'));
      await others.areAdmittedWhile(() => openMany(2 * MAX_CONNECTIONS, open, [...hosts]));
      expect(await askOnEach(own)).toEqual(allOf(COUNT, '200'));
      const more = await openMany(COUNT, openLine, ['127.0.0.1']);
      expect(await askOnEach(more)).toEqual(allOf(COUNT, '200'));
    },
    300_000,
  );

  it('are kept where a hundred addresses have reviews answered on thousands', async () => {
    const own = await openMany(COUNT, openLine, ['127.0.0.1']);
    expect(await askOnEach(own)).toEqual(allOf(COUNT, '200'));
    const openAndAsk = async (to: ServerProcess, host?: string): Promise<Line> => {
      const line = await openLine(to, host);
      await ask(line);
      return line;
    };
    await others.areAdmittedWhile(() => openMany(MAX_CONNECTIONS + 500, openAndAsk));
    expect(await askOnEach(own)).toEqual(allOf(COUNT, '200'));
  }, 300_000);
});

describe('a client', () => {
  const COUNT = 500;
  const headers = Array.from({ length: 1_000 }, (_, at) => `a${at}: b\r\n`).join('');

  it.each<readonly [string, (server: ServerProcess, host?: string) => Promise<Line>, string]>([
    ['that opens a connection and says nothing', openTcp, ''],
    ['that speaks TLS and says nothing', openLine, ''],
    ['that sends half a request', openLine, START],
    ['that sends a thousand headers', openLine, `${START}${headers}Content-Length: 2\r\n\r\n{}`],
    ['that sends half of a thousand headers', openLine, `${START}${headers.slice(0, -4)}`],
    ['that sends fifty reviews in a row and reads no answer', openLine, post(review).repeat(50)],
  ])(
    '%s costs no more than 256 KiB, and nobody else a refusal',
    async (_what, open, text) => {
      const before = server.rssBytes();
      const work = async (): Promise<void> => {
        for (const { socket } of await openMany(COUNT, open)) {
          socket.pause();
          if (text !== '') socket.write(text);
        }
        // What was written has come once these are answered.
        await others.p99Ran();
      };
      await others.areAdmittedWhile(work);
      const each = (server.rssBytes() - before) / COUNT / 1024;
      expect(each).toBeLessThan(256);
    },
    300_000,
  );

  it('cannot ask for one handshake after another', async () => {
    const { socket } = await openLine(server, undefined, 'TLSv1.2');
    lines.push({ socket, ended: Promise.resolve({ codes: [], body: '' }) });
    const outcome = await new Promise((resolve) => {
      socket.once('close', () => resolve('closed'));
      socket.renegotiate({}, (error) => resolve(error ?? 'renegotiated'));
    });
    expect(outcome).not.toBe('renegotiated');
  });
});
