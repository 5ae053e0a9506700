import { randomUUID, timingSafeEqual } from 'node:crypto';
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
 * so that nothing is lost with a request that failed. One that names a version (If-Match) is served as long as that is served: who
 * led before may send a list that arrives late. Controllers of earlier versions name none.
 */
export const createAgent = ({ token, isServing, apply }: AgentOptions): Server => {
  const instance = randomUUID();
  let served = 0;
  let last: Promise<unknown> = Promise.resolve();
  const version = (): string => `"${instance}.${served}"`;
  /** Answers the version of the list, undefined where another was served since. */
  const serve = async (list: ExportList, ifMatch: string | undefined): Promise<string | undefined> => {
    if (ifMatch !== undefined && ifMatch !== version()) return undefined;
    // One that fails may have been served in part.
    served += 1;
    const mine = version();
    await apply(list);
    return mine;
  };
  const inTurn = (list: ExportList, ifMatch: string | undefined): Promise<string | undefined> => {
    const mine = last.then(() => serve(list, ifMatch));
    last = mine.catch(() => undefined);
    return mine;
  };
  const health = async (response: ServerResponse): Promise<void> =>
    (await isServing()) ? answer(response, 200, 'serving') : answer(response, 503, 'NFS does not answer');
  const ifTrusted =
    (ask: (request: IncomingMessage, response: ServerResponse) => Promise<void> | void) =>
    (request: IncomingMessage, response: ServerResponse): Promise<void> | void =>
      isSame(request.headers.authorization ?? '', `Bearer ${token}`)
        ? ask(request, response)
        : answer(response, 401, 'the token is another');
  const tellVersion = ifTrusted((_, response) => answer(response, 200, 'serving', { etag: version() }));
  const exportAll = ifTrusted(async (request, response) => {
    const body = await textWithin(request, MAX_BYTES);
    if (body === undefined) return answer(response, 413, `a list has ${MAX_BYTES} bytes at most`);
    const list = parse(body);
    const [violation] = schemaViolations(exportListSchema.json, list ?? [], 'list');
    if (violation !== undefined) return answer(response, 400, violation);
    const etag = await inTurn(list as ExportList, request.headers['if-match']);
    if (etag === undefined) return answer(response, 412, 'another list was served since');
    answer(response, 200, 'served', { etag });
  });
  const handle = (request: IncomingMessage, response: ServerResponse): Promise<void> | void => {
    switch (`${request.method} ${request.url}`) {
      case `GET ${HEALTH_PATH}`:
        return health(response);
      case `GET ${EXPORTS_PATH}`:
        return tellVersion(request, response);
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

const answer = (
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void => {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { 'content-type': 'text/plain', connection: 'close', ...headers }).end(`${text}\n`);
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
