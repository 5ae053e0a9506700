import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below those that systems give to connections (Linux from 32768, others from 49152): any of these could be taken by one meanwhile. */
const FIRST = 20_000;
const LAST = 29_999;

let next = FIRST + Math.trunc(Math.random() * (LAST - FIRST));

/** Ports on 127.0.0.1 that nobody listens on, and that no other process gets from here as long as this one runs. */
export const freePorts = async (count: number): Promise<readonly number[]> => {
  const ports: number[] = [];
  for (let tried = FIRST; tried <= LAST && ports.length < count; tried += 1) {
    const port = next;
    next = port === LAST ? FIRST : port + 1;
    if ((await isReserved(port)) && (await isFree(port))) ports.push(port);
  }
  if (ports.length < count) throw new Error(`fewer than ${count} ports from ${FIRST} to ${LAST} are free on 127.0.0.1`);
  return ports;
};

/** By the UDP port of the same number, which ends with the process. */
const isReserved = async (port: number): Promise<boolean> => {
  const socket = createSocket('udp4');
  socket.bind({ port, address: '127.0.0.1', exclusive: true });
  return once(socket, 'listening').then(
    () => {
      socket.unref();
      return true;
    },
    () => false,
  );
};

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer().listen(port, '127.0.0.1');
  const isListening = await once(server, 'listening').then(
    () => true,
    () => false,
  );
  await new Promise((resolve) => server.close(resolve));
  return isListening;
};
