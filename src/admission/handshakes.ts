import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { Connections } from './connections.ts';
import { createFairQueue } from './fair-queue.ts';

/** So many new connections are taken before the next handshake of whoever is unknown, while more of them wait. */
const MOST_TAKEN = 64;

/**
 * Has node begin TLS on one new connection after the other, each address in turn. Node takes one new connection in each turn of the event
 * loop, in the order in which they came, and a handshake is most of what it costs: were it begun at once, somebody who comes after
 * hundreds would wait for all of their handshakes. Those of addresses that reviews come from have turns of their own. The server has to be
 * one that pauses on connect.
 */
export const queueHandshakes = (server: Server, { isServed }: Connections): void => {
  const [served, unproven] = [createFairQueue(), createFairQueue()];
  const areEmpty = (): boolean => served.isEmpty() && unproven.isEmpty();
  let taken = 0;
  let takenBefore = 0;
  const run = (): void => {
    served.takeNext()?.();
    if (taken === takenBefore || taken >= MOST_TAKEN) {
      unproven.takeNext()?.();
      taken = 0;
    }
    takenBefore = taken;
    if (!areEmpty()) setImmediate(run);
  };
  const [begin] = server.listeners('connection');
  if (begin === undefined) throw new Error('node begins TLS at another event');
  server.off('connection', begin as () => void);
  server.on('connection', (socket: Socket) => {
    const host = socket.remoteAddress ?? '';
    taken += 1;
    if (areEmpty()) setImmediate(run);
    (isServed(host) ? served : unproven).add(host, () => {
      if (!socket.destroyed) begin.call(server, socket);
    });
  });
};
