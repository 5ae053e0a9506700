import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import { type Server as NetServer, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { type Answer, failure, lastAnswer, send } from './review.ts';

/** A request and its response, which may be under way or over. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What a server knows of its connections. */
interface Connections {
  /** To be told of each request. */
  readonly begin: (exchange: Exchange) => void;
  /** The last exchange on a connection; undefined where there was none. */
  readonly latest: (socket: Duplex) => Exchange | undefined;
  /** The responses that are not sent to their end. */
  readonly inFlight: () => readonly ServerResponse[];
  /** Closes the connection that has been idle longest; false where none is idle. */
  readonly closeLongestIdle: () => boolean;
  /** How many are open. */
  readonly count: () => number;
}

interface Connection {
  /** The TCP connection; TLS has a socket of its own on it. */
  readonly socket: Socket;
  readonly peer: string;
  /** Address at the other end. */
  readonly host: string | undefined;
  /** Higher than that of every connection that has been idle longer. */
  usedAt: number;
  exchange: Exchange | undefined;
}

/**
 * Keeps the connections of a server, and bounds how many there are: when one more comes, the one goes that has been idle
 * longest of those whose address has the most. Whoever opens thousands so pushes out his own, and not the few that an API
 * server or a kubelet has open.
 */
export const keepConnections = (server: NetServer, max: number): Connections => {
  const open = new Map<string, Connection>();
  const bySocket = new WeakMap<Duplex, Connection>();
  let uses = 0;
  const forget = (connection: Connection): void => {
    if (open.get(connection.peer) === connection) open.delete(connection.peer);
  };
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    const connection: Connection = { socket, peer, host: socket.remoteAddress, usedAt: ++uses, exchange: undefined };
    open.set(peer, connection);
    socket.once('close', () => forget(connection));
    const surplus = open.size > max ? longestIdle(largestShare(open.values())) : undefined;
    if (surplus === undefined) return;
    // Its closing takes a while, in which hundreds more may come.
    forget(surplus);
    surplus.socket.destroy();
  });
  server.on('secureConnection', (socket: Socket) => {
    const connection = open.get(peerOf(socket));
    if (connection !== undefined) bySocket.set(socket, connection);
  });
  return {
    begin: (exchange) => {
      const connection = bySocket.get(exchange.request.socket);
      if (connection === undefined) return;
      connection.usedAt = ++uses;
      connection.exchange = exchange;
    },
    latest: (socket) => bySocket.get(socket)?.exchange,
    inFlight: () =>
      [...open.values()].flatMap(({ exchange }) => (exchange && !exchange.response.closed ? exchange.response : [])),
    closeLongestIdle: () => {
      const idle = longestIdle([...open.values()].filter(({ exchange }) => exchange?.response.closed !== false));
      if (idle === undefined) return false;
      forget(idle);
      idle.socket.destroy();
      return true;
    },
    count: () => open.size,
  };
};

/** The connections of the address that has the most. */
const largestShare = (connections: Iterable<Connection>): readonly Connection[] => {
  const byHost = Map.groupBy(connections, ({ host }) => host);
  return [...byHost.values()].reduce((max, share) => (share.length > max.length ? share : max), []);
};

const longestIdle = (connections: Iterable<Connection>): Connection | undefined => {
  let idle: Connection | undefined;
  for (const connection of connections) {
    if (idle === undefined || connection.usedAt < idle.usedAt) idle = connection;
  }
  return idle;
};

/** The same for a connection and for the TLS session on it. */
const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;

/**
 * Answers what is no HTTP, or does not come to its end, with a Status where node would send an empty 400, and closes the
 * connection. What is no TLS gets no answer.
 */
export const answerBrokenRequests = (server: Server, connections: Connections): void => {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const refusal = refusalOf(error.code ?? '');
    const exchange = connections.latest(socket);
    if (refusal === TOO_SLOW && isUnused(socket)) socket.setTimeout(UNUSED_MS);
    else if (refusal === undefined || !socket.writable) socket.destroy();
    else if (exchange === undefined || exchange.response.writableFinished) end(socket, refusal);
    else refuse(exchange, socket, refusal);
  });
  server.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    end(socket, NO_PROXY);
  });
  server.on('checkExpectation', (_request, response) => send(response, NO_EXPECTATION, true));
};

/** Longer than an API server keeps a connection it does not use (90 s). */
const UNUSED_MS = 120_000;

/**
 * API servers open connections in advance, and use them at any moment: one that has carried nothing is no slow request, and
 * closing it would fail the first.
 */
const isUnused = (socket: Duplex): socket is Socket => socket instanceof Socket && socket.bytesRead === 0;

const end = (socket: Duplex, refusal: Answer): void => void socket.end(lastAnswer(refusal), () => socket.destroy());

const refuse = ({ request, response }: Exchange, socket: Duplex, refusal: Answer): void => {
  // What follows a request that is being decided must not cost it its answer.
  if (request.complete) response.once('finish', () => socket.destroy());
  else if (response.headersSent) socket.destroy();
  else send(response, refusal, true);
};

const refusalOf = (code: string): Answer | undefined => {
  if (code === 'HPE_HEADER_OVERFLOW') return HEADERS_TOO_LARGE;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return TOO_SLOW;
  return code.startsWith('HPE_') ? NO_HTTP : undefined;
};

const NO_HTTP = failure(400, 'BadRequest', 'This is not a whole HTTP/1.1 request.');
const HEADERS_TOO_LARGE = failure(431, 'RequestHeaderFieldsTooLarge', 'The headers are larger than 16 KiB.');
const TOO_SLOW = failure(408, 'RequestTimeout', 'The request did not come to its end in time.');
const NO_PROXY = failure(405, 'MethodNotAllowed', 'This is not a proxy.');
const NO_EXPECTATION = failure(417, 'ExpectationFailed', 'Only 100-continue can be expected.');

/** How a server ends without failing a request of anybody who follows HTTP. */
export interface Shutdown {
  /** Resolves once nobody has opened a connection, nor sent a request, for `ms`. */
  readonly untilQuiet: (ms: number) => Promise<void>;
  /** Takes no new connections, lets every response under way come to its end, and closes what is left. */
  readonly close: () => Promise<void>;
}

export const createShutdown = (server: Server, connections: Connections): Shutdown => ({
  untilQuiet: (ms) => untilQuiet(server, ms),
  close: async () => {
    await closeIdleConnections(connections);
    const closed = once(server, 'close');
    server.close();
    for (let left = connections.inFlight(); left.length > 0; left = connections.inFlight())
      await Promise.all(left.map((response) => once(response, 'close')));
    // Clients open connections in advance; those never carried a request and would keep the server open.
    server.on('secureConnection', (socket) => socket.destroy());
    server.closeAllConnections();
    await closed;
  },
});

/**
 * One after another, and first those that a client is least likely to take for its next request. Were all to go at once, a burst of
 * requests would find several closed under it.
 */
const closeIdleConnections = async (connections: Connections): Promise<void> => {
  const count = connections.count();
  for (let left = count; left >= 0; left -= 1) {
    await sleep(Math.min(MAX_GAP_MS, ALL_GAPS_MS / count));
    // Right after the poll phase: a connection whose request has arrived does not pass for idle.
    await setImmediate();
    if (!connections.closeLongestIdle()) return;
  }
};

const MAX_GAP_MS = 20;
const ALL_GAPS_MS = 2_000;

const untilQuiet = async (server: Server, ms: number): Promise<void> => {
  let lastAt = performance.now();
  const onActivity = (): void => {
    lastAt = performance.now();
  };
  server.on('connection', onActivity).on('request', onActivity);
  for (let left = ms; left > 0; left = lastAt + ms - performance.now()) await sleep(left);
};
