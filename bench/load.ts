// A closed loop of TLS keep-alive connections: each sends its next request when the last is answered.
// Usage: node bench/load.ts PORT PATH BODY_FILE CONNECTIONS REQUESTS WARM_UP
// REQUESTS is a number, or a time: `6s`. Sends WARM_UP requests, says `warm`, waits for a line, sends REQUESTS and prints a line of JSON.
import { once } from 'node:events';
import { messageOf, openAll } from './keep-alive.ts';

const [port, path = '', bodyFile = '', connections, requests = '', warmUp] = process.argv.slice(2);
const message = messageOf(path, bodyFile);
const all = await openAll(Number(port), Number(connections));

interface Run {
  /** In milliseconds, one for each request. */
  readonly latencies: number[];
  readonly wrong: number;
  readonly seconds: number;
}

/** Sends while `isOver` says no of the number sent by then. */
const run = async (isOver: (sent: number) => boolean): Promise<Run> => {
  const latencies: number[] = [];
  let [sent, wrong] = [0, 0];
  const startedAt = performance.now();
  const loop = (connection: (typeof all)[number]): Promise<void> =>
    new Promise((done) => {
      const next = (): void => {
        if (isOver(sent)) {
          done();
          return;
        }
        sent += 1;
        const sentAt = performance.now();
        connection.send(message, (isFine) => {
          latencies.push(performance.now() - sentAt);
          if (!isFine) wrong += 1;
          next();
        });
      };
      next();
    });
  await Promise.all(all.map(loop));
  return { latencies, wrong, seconds: (performance.now() - startedAt) / 1_000 };
};

const numbered = (count: number) => (sent: number) => sent >= count;
const timed = (seconds: number) => {
  const end = performance.now() + 1_000 * seconds;
  return () => performance.now() >= end;
};

// V8 compiles what runs often, in the server and here, and while others had their turn it threw away code and memory.
await run(numbered(Number(warmUp)));
process.stdout.write('warm\n');
await once(process.stdin, 'data');
const isTime = requests.endsWith('s');
const { latencies, wrong, seconds } = await run(
  isTime ? timed(Number.parseFloat(requests)) : numbered(Number(requests)),
);
const sorted = Float64Array.from(latencies).sort();
const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
process.stdout.write(
  `${JSON.stringify({ requests: sorted.length, wrong, seconds, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) })}\n`,
  () => process.exit(0),
);
