import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server as NetServer, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A request and its response, which may be under way or over. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What a server knows of its connections. */
export interface Connections {
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
