import { once } from 'node:events';
import type { Server } from 'node:https';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Connections } from './connections.ts';

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
