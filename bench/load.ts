// A closed loop of TLS keep-alive connections: each sends its next request when the last is answered.
// Usage: node bench/load.ts PORT PATH BODY_FILE CONNECTIONS REQUESTS WARM_UP
// Sends WARM_UP requests, says `warm`, waits for a line, sends REQUESTS and prints a line of JSON.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';

interface Loop {
  readonly socket: TLSSocket;
  sentAt: number;
  received: Buffer;
}

const AT_ONCE = 50;
const [port, path, bodyFile, connections, requests, warmUp] = process.argv.slice(2);
const body = readFileSync(bodyFile ?? '');
const head = `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
const message = Buffer.concat([Buffer.from(head), body]);
/** In milliseconds, one for each request of the run. */
let latencies = new Float64Array(0);
let sent = 0;
let answered = 0;
let wrong = 0;
let done = (): void => undefined;

const send = (loop: Loop): void => {
  if (sent >= latencies.length) return;
  sent += 1;
  loop.sentAt = performance.now();
  loop.socket.write(message);
};

/** Length of the first whole response in `bytes`, or undefined while it is not all there. */
const responseLength = (bytes: Buffer): number | undefined => {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const length = /content-length: (\d+)/i.exec(bytes.toString('latin1', 0, end))?.[1];
  if (length === undefined) throw new Error('the server sends no Content-Length');
  const total = end + 4 + Number(length);
  return bytes.length < total ? undefined : total;
};

const take = (loop: Loop, chunk: Buffer): void => {
  loop.received = loop.received.length === 0 ? chunk : Buffer.concat([loop.received, chunk]);
  const length = responseLength(loop.received);
  if (length === undefined) return;
  if (!loop.received.toString('latin1', 0, 15).includes(' 200 ')) wrong += 1;
  loop.received = loop.received.subarray(length);
  latencies[answered] = performance.now() - loop.sentAt;
  answered += 1;
  if (answered === latencies.length) done();
  else send(loop);
};

/** Resolves with the seconds that so many requests took. */
const run = async (count: number): Promise<number> => {
  [latencies, sent, answered, wrong] = [new Float64Array(count), 0, 0, 0];
  const finished = new Promise<void>((resolve) => {
    done = resolve;
  });
  const startedAt = performance.now();
  for (const loop of loops) send(loop);
  await finished;
  return (performance.now() - startedAt) / 1_000;
};

const open = async (): Promise<Loop> => {
  const socket = connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false });
  const loop: Loop = { socket, sentAt: 0, received: Buffer.alloc(0) };
  socket.setNoDelay(true);
  socket.on('data', (chunk: Buffer) => take(loop, chunk));
  socket.on('error', (error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  });
  await once(socket, 'secureConnect');
  return loop;
};

const loops: Loop[] = [];
while (loops.length < Number(connections)) {
  const wanted = Math.min(AT_ONCE, Number(connections) - loops.length);
  loops.push(...(await Promise.all(Array.from({ length: wanted }, open))));
}
// V8 compiles what runs often, in the server and here, and while others had their turn it threw away code and memory.
if (Number(warmUp) > 0) await run(Number(warmUp));
process.stdout.write('warm\n');
await once(process.stdin, 'data');
const seconds = await run(Number(requests));
const sorted = latencies.toSorted();
const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
process.stdout.write(
  `${JSON.stringify({ requests: sorted.length, wrong, seconds, p50: at(0.5), p99: at(0.99), max: at(1) })}\n`,
  () => process.exit(0),
);
