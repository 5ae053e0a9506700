import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { json } from 'node:stream/consumers';

export interface Target {
  readonly port: number;
  readonly authority: string;
  readonly review: string;
  readonly atOnce: number;
}

/** What the main thread of a process ran so far, in milliseconds: proc_pid_schedstat(5) counts nanoseconds. */
export const ranMsOf = (pid: number): number =>
  Number.parseInt(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, 'utf8'), 10) / 1e6;

/** An API server lets so many idle connections to a webhook stand (client-go, transport/cache.go). */
export const MAX_IDLE = 25;

interface Answer {
  readonly response?: { readonly allowed?: boolean; readonly status?: { readonly code?: number } };
}

/** Some of the clusters enforce what the review keeps out: that they refuse it is an answer like any other. */
const isDecided = ({ response }: Answer): boolean => response?.allowed === true || response?.status?.code === 422;

/** Asks for a review as API servers do, in as many milliseconds as it says. Rejects where nothing is decided of it. */
export const createAsk = ({ port, authority, review, atOnce }: Target) => {
  const agent = new Agent({ keepAlive: true, maxSockets: atOnce, maxFreeSockets: MAX_IDLE, ca: authority });
  const options = { host: '127.0.0.1', port, agent, method: 'POST', path: '/mutate' };
  return {
    ask: async (): Promise<number> => {
      const startedAt = performance.now();
      const call = request({ ...options, headers: { 'content-type': 'application/json' } });
      call.end(review);
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      const answer = (await json(response)) as Answer;
      if (!isDecided(answer)) throw new Error(`others are not admitted: ${JSON.stringify(answer)}`);
      return performance.now() - startedAt;
    },
    stop: () => agent.destroy(),
  };
};
