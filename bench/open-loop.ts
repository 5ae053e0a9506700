// An open loop: requests are due at a fixed rate, whether or not the last are answered; what waits for a connection waits on the clock.
// Usage: node bench/open-loop.ts PORT PATH BODY_FILE CONNECTIONS RATE_A_SECOND SECONDS
// Says `warm`, waits for a line, sends, and prints a line of JSON as load.ts does.
import { once } from 'node:events';
import { messageOf, openAll } from './keep-alive.ts';

const [port, path = '', bodyFile = '', connections, rate, seconds] = process.argv.slice(2);
const message = messageOf(path, bodyFile);
const idle = [...(await openAll(Number(port), Number(connections)))];
const count = Math.round(Number(rate) * Number(seconds));
const latencies = new Float64Array(count);
let [due, sent, answered, wrong] = [0, 0, 0, 0];

process.stdout.write('warm\n');
await once(process.stdin, 'data');
const startedAt = performance.now();
const dueAt = (index: number): number => startedAt + (1_000 * index) / Number(rate);

const { promise: finished, resolve } = Promise.withResolvers<void>();
const sendDue = (): void => {
  while (sent < due) {
    const connection = idle.pop();
    if (connection === undefined) return;
    const index = sent;
    sent += 1;
    connection.send(message, (isFine) => {
      latencies[index] = performance.now() - dueAt(index);
      if (!isFine) wrong += 1;
      answered += 1;
      idle.push(connection);
      if (answered === count) resolve();
      else sendDue();
    });
  }
};
const timer = setInterval(() => {
  while (due < count && dueAt(due) <= performance.now()) due += 1;
  sendDue();
}, 1);
await finished;
clearInterval(timer);
const took = (performance.now() - startedAt) / 1_000;
const sorted = latencies.toSorted();
const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
process.stdout.write(
  `${JSON.stringify({ requests: count, wrong, seconds: took, p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) })}\n`,
  () => process.exit(0),
);
