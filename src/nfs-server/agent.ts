import { timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { refuseChunks, unlessPipelined } from '../admission/http-parser.ts';
import { messageOf } from '../api/errors.ts';
import { schemaViolations } from '../api/schema-validation.ts';
import { textWithin } from '../kube/bounded-text.ts';
import { EXPORTS_PATH, type ExportList, exportListSchema, HEALTH_PATH } from './export-list.ts';

export interface AgentOptions {
  /** What a request for other exports must bear. */
  readonly token: string;
  readonly isServing: () => Promise<boolean>;
  /** Has all of it served before it resolves. */
  readonly apply: (list: ExportList) => Promise<void>;
}

const MAX_BYTES = 16 * 2 ** 20;
const TIMEOUT_MS = 30_000;

/**
 * What Quartermaster's controller asks for exports, and the kubelet whether NFS answers. One list at a time; each is the whole list,
 * so that nothing is lost with a request that failed.
 */
export const createAgent = ({ token, isServing, apply }: AgentOptions): Server => {
  let last: Promise<void> = Promise.resolve();
  const inTurn = (list: ExportList): Promise<void> => {
    const mine = last.then(() => apply(list));
    last = mine.catch(() => undefined);
    return mine;
  };
  const health = async (response: ServerResponse): Promise<void> =>
    (await isServing()) ? answer(response, 200, 'serving') : answer(response, 503, 'NFS does not answer');
  const exportAll = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (!isSame(request.headers.authorization ?? '', `Bearer ${token}`))
      return answer(response, 401, 'the token is another');
    const body = await textWithin(request, MAX_BYTES);
    if (body === undefined) return answer(response, 413, `a list has ${MAX_BYTES} bytes at most`);
    const list = parse(body);
    const [violation] = schemaViolations(exportListSchema.json, list ?? [], 'list');
    if (violation !== undefined) return answer(response, 400, violation);
    await inTurn(list as ExportList);
    answer(response, 200, 'served');
  };
  const handle = (request: IncomingMessage, response: ServerResponse): Promise<void> | void => {
    switch (`${request.method} ${request.url}`) {
      case `GET ${HEALTH_PATH}`:
        return health(response);
      case `PUT ${EXPORTS_PATH}`:
        return exportAll(request, response);
      default:
        return answer(response, 404, 'there is no such thing');
    }
  };
  const listener = unlessPipelined((request, response) => {
    Promise.resolve(handle(request, response)).catch((error: unknown) => answer(response, 500, messageOf(error)));
  });
  const server = createServer(listener);
  refuseChunks(server);
  server.requestTimeout = TIMEOUT_MS;
  server.headersTimeout = TIMEOUT_MS;
  server.maxConnections = 64;
  return server;
};

const answer = (response: ServerResponse, status: number, text: string): void => {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(`${text}\n`);
};

const isSame = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
};

const parse = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
};
