import { once } from 'node:events';
import { setInterval } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { Waits } from './abuse-client.ts';
import { createAsk, MAX_IDLE, ranMsOf, type Target } from './asking.ts';

// 200 reviews a second in a thread of their own, whatever the one that attacks does, each at its time, whether or not the last are
// answered. Ends at the first message, and posts how long they waited; fails where one was not admitted.

export interface Paced extends Target {
  /** Of the server. */
  readonly pid: number;
}

interface Wait {
  readonly ms: number;
  readonly ranMs: number;
}

const PER_SECOND = 200;
const { pid, ...target } = workerData as Paced;
const { ask, stop } = createAsk(target);
const waits: Promise<Wait>[] = [];
let isOver = false;
if (parentPort === null) throw new Error('this is a worker');
const over = once(parentPort, 'message').then(() => {
  isOver = true;
});
// It has talked to the server before.
await Promise.all(Array.from({ length: MAX_IDLE }, ask));
parentPort.postMessage('ready');

const startedAt = performance.now();
const dueAt = (index: number): number => startedAt + (1_000 * index) / PER_SECOND;
const askDue = async (index: number): Promise<Wait> => {
  const ranBefore = ranMsOf(pid);
  await ask();
  return { ms: performance.now() - dueAt(index), ranMs: ranMsOf(pid) - ranBefore };
};
for await (const _ of setInterval(1_000 / PER_SECOND)) {
  while (dueAt(waits.length) <= performance.now()) waits.push(askDue(waits.length));
  if (isOver) break;
}
await over;
const waited = await Promise.all(waits);
const quantile = (share: number, of: keyof Wait): number =>
  waited.map((wait) => wait[of]).toSorted((one, other) => one - other)[Math.floor((waited.length - 1) * share)] ?? 0;
parentPort.postMessage({
  p50: quantile(0.5, 'ms'),
  p99: quantile(0.99, 'ms'),
  longest: quantile(1, 'ms'),
  p99Ran: quantile(0.99, 'ranMs'),
} satisfies Waits);
stop();
