import { once } from 'node:events';
import { setInterval } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { Waits } from './abuse-client.ts';
import { createAsk, type Target } from './asking.ts';

// 200 reviews a second in a thread of their own, whatever the one that attacks does, each at its time, whether or not the last are
// answered. Ends at the first message, and posts how long they waited since they were due; fails where one was not admitted.

const PER_SECOND = 200;
const { ask, stop } = createAsk(workerData as Target);
const waits: Promise<number>[] = [];
let isOver = false;
if (parentPort === null) throw new Error('this is a worker');
const over = once(parentPort, 'message').then(() => {
  isOver = true;
});
await ask();
parentPort.postMessage('ready');

const startedAt = performance.now();
const dueAt = (index: number): number => startedAt + (1_000 * index) / PER_SECOND;
const askDue = async (index: number): Promise<number> => {
  await ask();
  return performance.now() - dueAt(index);
};
for await (const _ of setInterval(1_000 / PER_SECOND)) {
  while (dueAt(waits.length) <= performance.now()) waits.push(askDue(waits.length));
  if (isOver) break;
}
await over;
const sorted = (await Promise.all(waits)).toSorted((one, other) => one - other);
const quantile = (share: number): number => sorted[Math.floor((sorted.length - 1) * share)] ?? 0;
parentPort.postMessage({ count: sorted.length, p50: quantile(0.5), p99: quantile(0.99) } satisfies Waits);
stop();
