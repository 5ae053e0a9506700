import type { Server as HttpServer, IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';

/** Node's, which it has no name for; it asks `onIncoming` at the head of each request, whether to go on. */
interface Parsed {
  readonly parser?: { onIncoming: (request: IncomingMessage, keepsAlive: boolean) => number };
}

/** What llhttp knows is 0, 1 and 2; all else ends it, with an error that comes as 'clientError'. */
const NO_ANSWER_OF_LLHTTP = 3;
/** The code of that error. */
export const ENDED_AT_HEAD = 'HPE_CB_HEADERS_COMPLETE';

/**
 * Has a server take no request with chunks. No API server sends any, and node hands over each by itself: whoever sends one byte in each
 * keeps all others waiting, a hundred at once for seconds, and what nobody reads takes some hundred bytes for each of them.
 */
export const refuseChunks = (server: HttpServer | TlsServer): void => {
  server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', ({ parser }: Socket & Parsed) => {
    if (parser === undefined) return;
    const { onIncoming } = parser;
    parser.onIncoming = (request, keepsAlive) =>
      request.headers['transfer-encoding'] === undefined ? onIncoming(request, keepsAlive) : NO_ANSWER_OF_LLHTTP;
  });
};

/**
 * That a request came before the one ahead of it was answered, or after the last that its connection takes. Over TLS node tells of an
 * answer that was sent so late that the next request may have come.
 */
export const isPipelined = (ahead: ServerResponse | undefined): boolean =>
  ahead !== undefined && !(ahead.writableEnded && ahead.shouldKeepAlive);

/**
 * Reads nothing more, not even what has come: were thousands of small requests taken in one turn of the event loop, and held until their
 * connection closes, they would keep all others waiting and use up the memory.
 */
export const stopReading = (socket: Socket & Parsed): void => {
  socket.pause();
  if (socket.parser) socket.parser.onIncoming = () => NO_ANSWER_OF_LLHTTP;
};

/** Has each request answered unless it is pipelined, of a server without TLS that knows nothing else of its connections. */
export const unlessPipelined = (answer: RequestListener): RequestListener => {
  const latest = new WeakMap<Socket, ServerResponse>();
  return (request, response) => {
    const ahead = latest.get(request.socket);
    latest.set(request.socket, response);
    if (!isPipelined(ahead) && ahead?.writableFinished !== false) return answer(request, response);
    stopReading(request.socket);
    response.writeHead(400, { 'Content-Type': 'text/plain', Connection: 'close' }).end(`${PIPELINED}\n`);
  };
};

export const PIPELINED = 'A connection takes the next request once it has answered the last.';
