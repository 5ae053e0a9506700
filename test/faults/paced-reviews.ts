import { once } from 'node:events';
import { setInterval } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { createAsk, type Target } from './asking.ts';

// 200 reviews a second in a thread of their own, whatever the one that attacks does. Ends at the first message, and posts how many
// were admitted; fails where one was not.

const PER_SECOND = 200;
const { ask, stop } = createAsk(workerData as Target);
const asked: Promise<number>[] = [];
let isOver = false;
if (parentPort === null) throw new Error('this is a worker');
const over = once(parentPort, 'message').then(() => {
  isOver = true;
});
await ask();
parentPort.postMessage('ready');
for await (const _ of setInterval(1_000 / PER_SECOND)) {
  asked.push(ask());
  if (isOver) break;
}
await over;
parentPort.postMessage((await Promise.all(asked)).length);
stop();
