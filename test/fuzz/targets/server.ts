import { Agent, request as send } from 'node:https';
import { text } from 'node:stream/consumers';
import { readSeeds, reviewOf } from '../../fixtures/fuzz-seeds.ts';
import { type ServerProcess, startServerProcess } from '../../fixtures/server-process.ts';
import { checkReview, checkStatus, isTooDeep } from '../answers.ts';
import { junkValues } from '../junk.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import { mutateJson } from '../mutate-json.ts';
import type { Random } from '../random.ts';
import { structuredReviews } from '../structured.ts';
import type { OpenTarget } from '../target.ts';

/** How a request goes out; the body follows it in the input, after a line feed. */
interface Head {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

const LARGEST = 300_000;
const AT_ONCE = 16;

/** Reviews, broken as objects or as bytes, over HTTPS to a server in a process of its own. */
export const serverTarget: OpenTarget = async (seed) => {
  const server = await startServerProcess();
  const seeds = readSeeds().map(({ request }) => reviewOf(request));
  const junk = junkValues(seed);
  const structured = structuredReviews(seed);
  const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE, ca: server.authority });
  return {
    name: 'server',
    atOnce: AT_ONCE,
    make: (random) => {
      const review = random.chance(0.3) ? random.pick(structured) : random.pick(seeds);
      const text = JSON.stringify(random.chance(0.8) ? mutateJson(review, random, junk) : review) ?? '';
      const body = Buffer.from(text.slice(0, LARGEST));
      const bytes = random.chance(0.3) ? mutateBytes(body, random) : body;
      return Buffer.concat([Buffer.from(`${JSON.stringify(headFor(random))}\n`), bytes]);
    },
    check: (input) => checkExchange(server, agent, input),
    stop: async () => {
      agent.destroy();
      await server.stop();
    },
    rssBytes: server.rssBytes,
  };
};

const JSON_TYPE = { 'content-type': 'application/json' };

const headFor = (random: Random): Head => {
  if (random.chance(0.95)) return { method: 'POST', path: '/mutate', headers: JSON_TYPE };
  return {
    method: random.pick(['POST', 'POST', 'GET', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']),
    path: random.pick(['/mutate', '/mutate?timeout=5s', '/', '/metrics', '/mutate/../x', '//mutate', '*']),
    headers: random.pick([
      JSON_TYPE,
      {},
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/json; charset=utf-8' },
      { ...JSON_TYPE, 'content-encoding': 'gzip' },
      { ...JSON_TYPE, 'transfer-encoding': 'chunked' },
      { ...JSON_TYPE, expect: '100-continue' },
    ]),
  };
};

const checkExchange = async (server: ServerProcess, agent: Agent, input: Buffer): Promise<void> => {
  const at = input.indexOf('\n');
  const head = JSON.parse(input.toString('utf8', 0, at)) as Head;
  const body = input.subarray(at + 1);
  const { status, text } = await exchange(server, agent, head, body);
  const ended = server.ended();
  if (ended !== undefined) throw new Error(ended);
  const answer = JSON.parse(text) as unknown;
  if (status === 200) checkReview(undefined, answer);
  else checkStatus(status, answer);
  if (status >= 500 && !isTooDeep(body.toString())) throw new Error(`answered ${status}`);
};

const exchange = (
  { port }: ServerProcess,
  agent: Agent,
  { method, path, headers }: Head,
  body: Buffer,
): Promise<{ readonly status: number; readonly text: string }> =>
  new Promise((resolve, reject) => {
    const length = 'transfer-encoding' in headers ? {} : { 'content-length': body.length };
    const options = { host: '127.0.0.1', port, agent, method, path, headers: { ...headers, ...length } };
    const call = send(options, (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode ?? 0, text: answer }), reject);
    });
    call.on('error', reject).end(body);
  });
