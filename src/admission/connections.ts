import type { Server } from 'node:https';
import type { Socket } from 'node:net';

/**
 * Bounds how many connections a server keeps: when one more comes, the one that has been silent longest goes. Those who
 * open connections and say nothing so push out each other, not the API server, which can open another at any time.
 * Gives what is to be told of each request.
 */
export const boundConnections = (server: Server, most: number): ((socket: Socket) => void) => {
  const open = new Map<string, Socket>();
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    open.set(peer, socket);
    socket.once('close', () => {
      if (open.get(peer) === socket) open.delete(peer);
    });
    if (open.size > most) open.values().next().value?.destroy();
  });
  return (socket) => {
    const peer = peerOf(socket);
    const connection = open.get(peer);
    if (connection === undefined) return;
    open.delete(peer);
    open.set(peer, connection);
  };
};

/** The same for a connection and for the TLS session on it. */
const peerOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
