import type { Server } from 'node:https';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type Answer, failure, lastAnswer, send } from './answer.ts';
import type { Connections, Exchange } from './connections.ts';

/**
 * Answers what is no HTTP, or does not come to its end, with a Status where node would send an empty 400, and closes the
 * connection. What is no TLS gets no answer.
 */
export const answerBrokenRequests = (server: Server, connections: Connections): void => {
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const refusal = refusalOf(error.code ?? '');
    const exchange = connections.latest(socket);
    if (refusal === TOO_SLOW && isUnused(socket)) socket.setTimeout(UNUSED_MS);
    else if (refusal === undefined || !socket.writable) socket.destroy();
    else if (exchange === undefined || exchange.response.writableFinished) end(socket, refusal);
    else refuse(exchange, socket, refusal);
  });
  server.on('connect', (_request, socket) => {
    socket.on('error', () => socket.destroy());
    end(socket, NO_PROXY);
  });
  server.on('checkExpectation', (_request, response) => send(response, NO_EXPECTATION, true));
};

/** Longer than an API server keeps a connection it does not use (90 s). */
const UNUSED_MS = 120_000;

/**
 * API servers open connections in advance, and use them at any moment: one that has carried nothing is no slow request, and
 * closing it would fail the first.
 */
const isUnused = (socket: Duplex): socket is Socket => socket instanceof Socket && socket.bytesRead === 0;

const end = (socket: Duplex, refusal: Answer): void => void socket.end(lastAnswer(refusal), () => socket.destroy());

const refuse = ({ request, response }: Exchange, socket: Duplex, refusal: Answer): void => {
  // What follows a request that is being decided must not cost it its answer.
  if (request.complete) response.once('finish', () => socket.destroy());
  else if (response.headersSent) socket.destroy();
  else send(response, refusal, true);
};

const refusalOf = (code: string): Answer | undefined => {
  if (code === 'HPE_HEADER_OVERFLOW') return HEADERS_TOO_LARGE;
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return TOO_SLOW;
  return code.startsWith('HPE_') ? NO_HTTP : undefined;
};

const NO_HTTP = failure(400, 'BadRequest', 'This is not a whole HTTP/1.1 request.');
const HEADERS_TOO_LARGE = failure(431, 'RequestHeaderFieldsTooLarge', 'The headers are larger than 16 KiB.');
const TOO_SLOW = failure(408, 'RequestTimeout', 'The request did not come to its end in time.');
const NO_PROXY = failure(405, 'MethodNotAllowed', 'This is not a proxy.');
const NO_EXPECTATION = failure(417, 'ExpectationFailed', 'Only 100-continue can be expected.');
