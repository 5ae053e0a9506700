import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/**
 * That a request came before the one ahead of it was answered, or after the last that its connection takes. Over TLS node tells of an
 * answer that was sent so late that the next request may have come.
 */
export const isPipelined = (ahead: ServerResponse | undefined): boolean =>
  ahead !== undefined && !(ahead.writableEnded && ahead.shouldKeepAlive);

/**
 * Reads nothing more, not even what has come: were thousands of small requests taken in one turn of the event loop, and held until their
 * connection closes, they would keep all others waiting and use up the memory. Node has no way to stop its parser within what it is given,
 * but what the parser itself asks at the head of each request, whether to go on.
 */
export const stopReading = (socket: Socket & { readonly parser?: { onIncoming: () => number } }): void => {
  socket.pause();
  if (socket.parser) socket.parser.onIncoming = () => NO_ANSWER_OF_LLHTTP;
};

/** What it knows is 0, 1 and 2; all else ends it, with an error that comes as 'clientError'. */
const NO_ANSWER_OF_LLHTTP = 3;

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
