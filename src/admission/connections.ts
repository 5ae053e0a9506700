import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import { type Server as NetServer, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { PROBE_PATH } from '../api/names.ts';
import type { Exchange } from './exchange.ts';
import { ENDED_AT_HEAD, isPipelined, stopReading } from './http-parser.ts';
import { type Answer, failure, lastAnswer, send } from './review.ts';

/** What a server knows of its connections. */
export interface Connections {
  /** To be told of each request; true where it is pipelined, after which nothing is read on its connection. */
  readonly begin: (exchange: Exchange) => boolean;
  /** What is under way on a connection; undefined where it is idle. */
  readonly underWay: (socket: Duplex) => Exchange | undefined;
  /** The responses that are not sent to their end. */
  readonly inFlight: () => readonly ServerResponse[];
  /** Closes the connection that has been idle longest; false where none is idle. */
  readonly closeLongestIdle: () => boolean;
  /** That a review was answered on one that is open of the address. */
  readonly isServed: (host: string) => boolean;
  /** How many are open. */
  readonly count: () => number;
}

interface Connection {
  /** The TCP connection; TLS has a socket of its own on it. */
  readonly socket: Socket;
  readonly peer: string;
  /** Address at the other end. */
  readonly host: string | undefined;
  readonly openedAtMs: number;
  /** Higher than that of every connection that has been idle longer. */
  usedAt: number;
  /** When its last request began, in milliseconds. */
  usedAtMs: number;
  /** A review was answered on it before the exchange. */
  hasServed: boolean;
  /** Until its response closes: an idle connection holds no review. */
  exchange: Exchange | undefined;
}

/**
 * Keeps the connections of a server, and bounds how many there are: when one more comes, another goes, or the new one itself. See
 * `surplusOf`.
 */
export const keepConnections = (server: NetServer, max: number, now = ownClock(server)): Connections => {
  const open = new Map<string, Connection>();
  const bySocket = new WeakMap<Duplex, Connection>();
  let uses = 0;
  const forget = (connection: Connection): void => {
    if (open.get(connection.peer) === connection) open.delete(connection.peer);
  };
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    const host = socket.remoteAddress;
    const openedAtMs = now();
    const idle = { usedAt: ++uses, usedAtMs: openedAtMs, hasServed: false, exchange: undefined };
    const connection: Connection = { socket, peer, host, openedAtMs, ...idle };
    open.set(peer, connection);
    socket.once('close', () => forget(connection));
    if (open.size <= max) return;
    const surplus = surplusOf([...open.values()], connection, now());
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
      if (connection === undefined) return false;
      const pipelined = isPipelined(connection.exchange?.response);
      if (pipelined) stopReading(exchange.request.socket);
      connection.hasServed = hasServed(connection);
      connection.usedAt = ++uses;
      connection.usedAtMs = now();
      connection.exchange = exchange;
      exchange.response.on('close', () => {
        if (connection.exchange !== exchange) return;
        connection.hasServed = hasServed(connection);
        connection.exchange = undefined;
      });
      return pipelined;
    },
    underWay: (socket) => bySocket.get(socket)?.exchange,
    inFlight: () => [...open.values()].flatMap(({ exchange }) => exchange?.response ?? []),
    closeLongestIdle: () => {
      const idle = longestIdle([...open.values()].filter(({ exchange }) => exchange === undefined));
      if (idle === undefined) return false;
      forget(idle);
      idle.socket.destroy();
      return true;
    },
    isServed: (host) => [...open.values()].some((one) => one.host === host && hasServed(one)),
    count: () => open.size,
  };
};

/**
 * Milliseconds that the server could use: while nothing of it runs, a busy machine's doing, no time passes. By a clock on the wall a
 * connection would be old for reviews that have come on it and wait to be read.
 */
const ownClock = (server: NetServer): (() => number) => {
  let ms = 0;
  const timer = setInterval(() => {
    ms += TICK_MS;
  }, TICK_MS).unref();
  server.once('close', () => clearInterval(timer));
  return () => ms;
};
const TICK_MS = 50;

/** As many idle connections of one address are never closed for those of another while reviews come from it. */
export const PROTECTED_CONNECTIONS = 64;
/** The same of all of its connections, those on which reviews are being decided among them: more than an API server decides at once. */
const MAX_OF_ONE = 256;
/** Whoever opens many at once for reviews has sent them by then. */
const BURST_MS = 1_000;
/** What a connection that is younger weighs beside one that is older, and less where reviews come from its address. */
const YOUNG = 0.1;
const YOUNG_OF_SERVED = 0.01;
/** An API server that has reviews to ask for does so more often. */
const IN_USE_MS = 30_000;

/** So many can be on their way to their first review without it being a flood. */
const MAX_DIALING = 64;

/**
 * Which of the connections goes, so that neither few addresses with many can push out others, nor many addresses with few: first one
 * on which no review was ever answered, of the address that has most such. Where there are none but a few of the new one's address,
 * one of an address from which no reviews come, then one of an address that has more than are protected. Of those of one address, the
 * longest idle.
 */
const surplusOf = (connections: readonly Connection[], added: Connection, nowMs: number): Connection => {
  const [served, unproven] = partition(connections, hasServed);
  const servedHosts = new Set(served.map(({ host }) => host));
  const weightOf = ({ host, usedAtMs }: Connection): number => {
    if (nowMs - usedAtMs > BURST_MS) return 1;
    return servedHosts.has(host) ? YOUNG_OF_SERVED : YOUNG;
  };
  const idlest = longestIdle(largestShare(unproven, weightOf)) ?? added;
  if (idlest.host !== added.host || unproven.length > MAX_DIALING) return idlest;
  const silent = [...sharesOf(served)].filter((share) => isSilent(share, nowMs)).flat();
  const beyond =
    longestIdle(shareBeyond(connections.filter(isIdle), PROTECTED_CONNECTIONS, added)) ??
    longestIdle(shareBeyond(connections, MAX_OF_ONE, added));
  return longestIdle(largestShare(silent)) ?? beyond ?? idlest;
};

/** No review has come from the address for longer than they came before, nor of late. */
const isSilent = (share: readonly Connection[], nowMs: number): boolean => {
  const usedAtMs = Math.max(...share.map((one) => one.usedAtMs));
  const since = Math.min(...share.map(({ openedAtMs }) => openedAtMs));
  return nowMs - usedAtMs > Math.max(IN_USE_MS, usedAtMs - since);
};

/** Of these, the connections of the address that has the most, if there are more than `most` and none of them is the new one. */
const shareBeyond = (connections: readonly Connection[], most: number, added: Connection): readonly Connection[] => {
  const share = largestShare(connections);
  return share.length > most && share[0]?.host !== added.host ? share : [];
};

/** No review is being decided on it. */
const isIdle = ({ exchange }: Connection): boolean => exchange === undefined || !exchange.request.complete;

/** A review was answered on it, or is being decided. Anybody may ask whether there is somebody. */
const hasServed = ({ hasServed, exchange }: Connection): boolean =>
  hasServed ||
  (exchange?.request.complete === true && exchange.response.statusCode === 200 && exchange.request.url !== PROBE_PATH);

const partition = <T>(all: readonly T[], is: (one: T) => boolean): readonly [readonly T[], readonly T[]] => {
  const { yes = [], no = [] } = Object.groupBy(all, (one) => (is(one) ? 'yes' : 'no'));
  return [yes, no];
};

/** The connections of each address. */
const sharesOf = (connections: Iterable<Connection>): Iterable<readonly Connection[]> =>
  Map.groupBy(connections, ({ host }) => host).values();

/** The connections of the address that has the most, by weight. */
const largestShare = (
  connections: Iterable<Connection>,
  weightOf: (connection: Connection) => number = () => 1,
): readonly Connection[] => {
  let largest: readonly Connection[] = [];
  let most = 0;
  for (const share of sharesOf(connections)) {
    const weight = share.reduce((sum, connection) => sum + weightOf(connection), 0);
    if (weight > most) [largest, most] = [share, weight];
  }
  return largest;
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
    const exchange = connections.underWay(socket);
    if (refusal === TOO_SLOW && isUnused(socket)) socket.setTimeout(UNUSED_MS);
    else if (refusal === undefined || !socket.writable) socket.destroy();
    else if (exchange === undefined || isWritten(exchange.response)) end(socket, refusal);
    else refuse(exchange, socket, refusal);
  });
  server.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    end(socket, NO_PROXY);
  });
  server.on('checkExpectation', (_request, response) => send(response, NO_EXPECTATION, true));
};

/** Node tells of what was sent over TLS a turn later. What waits behind another answer has no socket yet. */
const isWritten = (response: ServerResponse): boolean =>
  response.writableFinished || (response.writableEnded && response.socket !== null);

/** Longer than an API server keeps a connection it does not use (90 s). */
const UNUSED_MS = 120_000;

/**
 * API servers open connections in advance, and use them at any moment: one that has carried nothing is no slow request, and
 * closing it would fail the first.
 */
const isUnused = (socket: Duplex): socket is Socket => socket instanceof Socket && socket.bytesRead === 0;

const end = (socket: Duplex, refusal: Answer): void => void socket.end(lastAnswer(refusal), () => socket.destroy());

const refuse = ({ request, response }: Exchange, socket: Duplex, refusal: Answer): void => {
  // What follows a request that is being decided must not cost it its answer, which is the last. It may come in any number of pieces.
  if (request.complete) {
    if (response.shouldKeepAlive) response.once('finish', () => socket.destroy());
    response.shouldKeepAlive = false;
  } else if (response.headersSent) socket.destroy();
  else send(response, refusal, true);
};

const refusalOf = (code: string): Answer | undefined => {
  if (code === 'HPE_HEADER_OVERFLOW') return HEADERS_TOO_LARGE;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return TOO_SLOW;
  if (code === ENDED_AT_HEAD) return NO_LENGTH;
  return code.startsWith('HPE_') ? NO_HTTP : undefined;
};

const NO_HTTP = failure(400, 'BadRequest', 'This is not a whole HTTP/1.1 request.');
const NO_LENGTH = failure(411, 'LengthRequired', 'A body has to come with a Content-Length, not in chunks.');
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
    await nextTurn();
    if (!connections.closeLongestIdle()) return;
  }
};

const MAX_GAP_MS = 20;
const ALL_GAPS_MS = 2_000;

/**
 * A while of the server's own (see `ownClock`): while a machine stands still nobody can open a connection, and what came meanwhile
 * waits to be read.
 */
const untilQuiet = async (server: Server, ms: number): Promise<void> => {
  let isQuiet = true;
  const onActivity = (): void => {
    isQuiet = false;
  };
  server.on('connection', onActivity).on('request', onActivity);
  for (let leftMs = ms; leftMs > 0; ) {
    const stepMs = Math.min(leftMs, TICK_MS);
    isQuiet = true;
    await sleep(stepMs);
    // Right after the poll phase, which tells of all that has arrived.
    await nextTurn();
    leftMs = isQuiet ? leftMs - stepMs : ms;
  }
};
