import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls';
import { Worker } from 'node:worker_threads';
import type { ServerProcess } from '../fixtures/server-process.ts';
import { createAsk, ranMsOf } from './asking.ts';
import type { Paced } from './paced-reviews.ts';

/** Where the server is, and by whom its certificate is. */
export type Endpoint = Pick<ServerProcess, 'port' | 'authority'>;

/** How a connection ended: the codes of the answers that came on it, and the body of the last. */
export interface Ended {
  readonly codes: readonly number[];
  readonly body: string;
}

/** A connection, not yet written to; `ended` resolves once the server closed it. */
export interface Line {
  readonly socket: Socket;
  readonly ended: Promise<Ended>;
}

export interface TlsLine extends Line {
  readonly socket: TLSSocket;
}

export const openLine = async (
  { port, authority }: Endpoint,
  localAddress = '127.0.0.1',
  maxVersion: SecureVersion = 'TLSv1.3',
): Promise<TlsLine> => {
  const tcp = connectTcp({ host: '127.0.0.1', port, localAddress });
  const socket = connectTls({ socket: tcp, host: '127.0.0.1', ca: authority, maxVersion });
  const ended = listenTo(socket);
  await once(socket, 'secureConnect');
  return { socket, ended };
};

/** A TCP connection on which no TLS was spoken yet. */
export const openTcp = async ({ port }: Endpoint, localAddress = '127.0.0.1'): Promise<Line> => {
  const socket = connectTcp({ host: '127.0.0.1', port, localAddress });
  const ended = listenTo(socket);
  await once(socket, 'connect');
  return { socket, ended };
};

/** Sends bytes on a connection of their own, and waits until the server has closed it. */
export const send = async (server: Endpoint, bytes: string | Buffer): Promise<Ended> => {
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

/** How long reviews waited for their answers, in milliseconds since they were due. */
export interface Waits {
  readonly p50: number;
  readonly p99: number;
  readonly longest: number;
  /** The 99th percentile of what the main thread of the server ran while one waited: what it waits for a processor is not its doing. */
  readonly p99Ran: number;
}

/** Those who do as API servers do. */
export interface Others {
  /**
   * The 99th percentile of what the main thread of the server runs while one of their reviews waits, in milliseconds. Rejects where one is
   * not admitted.
   */
  readonly p99Ran: () => Promise<number>;
  /** Sends 200 reviews a second while the work takes, and answers how long they waited. Rejects where one is not admitted. */
  readonly areAdmittedWhile: (work: () => Promise<unknown>) => Promise<Waits>;
  readonly stop: () => void;
}

const p99Of = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0;

const REVIEWS = 300;
const AT_ONCE = 4;

export const createOthers = ({ port, authority, pid }: ServerProcess, review: string): Others => {
  const { ask, stop } = createAsk({ port, authority, review, atOnce: AT_ONCE });
  return {
    p99Ran: async () => {
      const times: number[] = [];
      const work = async (): Promise<void> => {
        while (times.length < REVIEWS) {
          const before = ranMsOf(pid);
          await ask();
          times.push(ranMsOf(pid) - before);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      return p99Of(times);
    },
    areAdmittedWhile: async (work) => {
      const workerData: Paced = { port, authority, review, atOnce: 64, pid };
      const worker = new Worker(new URL('./paced-reviews.ts', import.meta.url), { workerData });
      await once(worker, 'message');
      const admitted = once(worker, 'message');
      await Promise.race([work(), admitted]);
      worker.postMessage('over');
      const [waits] = (await admitted) as [Waits];
      return waits;
    },
    stop,
  };
};
