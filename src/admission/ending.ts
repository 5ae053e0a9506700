import { once } from 'node:events';
import type { Server } from 'node:https';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Connections } from './connections.ts';

/** How a server ends without failing a request of anybody who follows HTTP. */
export interface Ending {
  /** Resolves once nobody has opened a connection, nor sent a request, for `ms`. */
  readonly quietFor: (ms: number) => Promise<void>;
  /** Takes no new connections, lets every response under way come to its end, and closes what is left. */
  readonly close: () => Promise<void>;
}

export const createEnding = (server: Server, connections: Connections): Ending => ({
  quietFor: (ms) => quietFor(server, ms),
  close: async () => {
    await closeSilent(connections);
    const closed = once(server, 'close');
    server.close();
    for (let left = connections.underWay(); left.length > 0; left = connections.underWay())
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
const closeSilent = async (connections: Connections): Promise<void> => {
  const count = connections.count();
  for (let left = count; left >= 0; left -= 1) {
    await sleep(Math.min(LONGEST_GAP_MS, ALL_GAPS_MS / count));
    // Right after the poll phase: a connection whose request has arrived does not pass for silent.
    await setImmediate();
    if (!connections.closeSilent()) return;
  }
};

const LONGEST_GAP_MS = 20;
const ALL_GAPS_MS = 2_000;

const quietFor = async (server: Server, ms: number): Promise<void> => {
  let lastAt = performance.now();
  const note = (): void => {
    lastAt = performance.now();
  };
  server.on('connection', note).on('request', note);
  for (let left = ms; left > 0; left = lastAt + ms - performance.now()) await sleep(left);
};
