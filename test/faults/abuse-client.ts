import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { json } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import type { ServerProcess } from '../fixtures/server-process.ts';

/** How a connection ended: the codes of the answers that came on it, and the body of the last. */
export interface Ended {
  readonly codes: readonly number[];
  readonly body: string;
}

/** A TLS connection, not yet written to; `ended` resolves once the server closed it. */
export interface Line {
  readonly socket: Socket;
  readonly ended: Promise<Ended>;
}

export const openLine = async ({ port, authority }: ServerProcess): Promise<Line> => {
  const socket = connectTls({ host: '127.0.0.1', port, ca: authority });
  const ended = listenTo(socket);
  await once(socket, 'secureConnect');
  return { socket, ended };
};

/** A TCP connection on which no TLS was spoken yet. */
export const openTcp = async ({ port }: ServerProcess, localAddress = '127.0.0.1'): Promise<Line> => {
  const socket = connectTcp({ host: '127.0.0.1', port, localAddress });
  const ended = listenTo(socket);
  await once(socket, 'connect');
  return { socket, ended };
};

/** Sends bytes on a connection of their own, and waits until the server has closed it. */
export const send = async (server: ServerProcess, bytes: string | Buffer): Promise<Ended> => {
  const { socket, ended } = await openLine(server);
  socket.write(bytes);
  return ended;
};

const listenTo = (socket: Socket): Promise<Ended> => {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // Being cut off is an answer too.
  socket.on('error', () => socket.destroy());
  return new Promise((resolve) => {
    socket.once('close', () => {
      const text = Buffer.concat(chunks).toString('latin1');
      const codes = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, code]) => Number(code));
      resolve({ codes, body: text.slice(text.lastIndexOf('\r\n\r\n') + 4) });
    });
  });
};

/** Writes a piece now and then, for ever: until the other end closes. */
export const drip = ({ socket }: Line, piece: string, everyMs: number): void => {
  const timer = setInterval(() => socket.writable && socket.write(piece), everyMs);
  socket.once('close', () => clearInterval(timer));
};

/** Those who do as API servers do. */
export interface Others {
  /** The 99th percentile of the time their reviews take, in milliseconds. Rejects where one is not admitted. */
  readonly p99: () => Promise<number>;
  readonly stop: () => void;
}

const REVIEWS = 300;
const AT_ONCE = 4;

export const createOthers = ({ port, authority }: ServerProcess, review: string): Others => {
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE, ca: authority });
  const options = { host: '127.0.0.1', port, agent, method: 'POST', path: '/mutate' };
  const ask = async (): Promise<number> => {
    const startedAt = performance.now();
    const call = request({ ...options, headers: { 'content-type': 'application/json' } });
    call.end(review);
    const [response] = (await once(call, 'response')) as [IncomingMessage];
    const answer = (await json(response)) as { readonly response?: { readonly allowed?: boolean } };
    if (answer.response?.allowed !== true) throw new Error(`others are not admitted: ${JSON.stringify(answer)}`);
    return performance.now() - startedAt;
  };
  return {
    p99: async () => {
      const times: number[] = [];
      const work = async (): Promise<void> => {
        while (times.length < REVIEWS) times.push(await ask());
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      return times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;
    },
    stop: () => agent.destroy(),
  };
};
