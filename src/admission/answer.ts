import { type ServerResponse, STATUS_CODES } from 'node:http';
import { encodeStatus } from './review.ts';

/** What goes out: JSON, always. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** A metav1.Status of failure. */
export const failure = (status: number, reason: string, message: string): Answer => ({
  status,
  body: encodeStatus(status, reason, message),
});

/** Sends an answer, unless one was sent; `isLast` closes the connection after it. */
export const send = (response: ServerResponse, { status, body }: Answer, isLast: boolean): void => {
  if (response.headersSent) return;
  const length = Buffer.byteLength(body);
  response.writeHead(
    status,
    isLast
      ? { 'Content-Type': 'application/json', 'Content-Length': length, Connection: 'close' }
      : { 'Content-Type': 'application/json', 'Content-Length': length },
  );
  response.end(body);
};

/** Sends an answer; `isLast` closes the connection after it. */
export type Send = (response: ServerResponse, answer: Answer, isLast: boolean) => void;

/** What is smaller is not counted: as many as there may be connections take little. In bytes. */
const SMALL = 16 * 1024;
/** Node looks twice before it gives up a socket that takes nothing. */
const WRITE_IDLE_TIMEOUT_MS = 15_000;

/**
 * Sends answers of one server. Large ones that nobody reads stay in memory: together they take `maxUnreadBytes` at most, past which
 * others get a 503, and a client that takes nothing for half a minute loses its connection.
 */
export const createSender = (maxUnreadBytes: number, writeIdleTimeoutMs = WRITE_IDLE_TIMEOUT_MS): Send => {
  let unreadBytes = 0;
  return (response, answer, isLast) => {
    const size = answer.body.length;
    if (size <= SMALL) return send(response, answer, isLast);
    if (unreadBytes + size > maxUnreadBytes) return send(response, TOO_MANY, isLast);
    unreadBytes += size;
    response.once('close', () => {
      unreadBytes -= size;
    });
    response.setTimeout(writeIdleTimeoutMs);
    send(response, answer, isLast);
  };
};

/** The last answer of a connection, as bytes for where there is no response to send it with. */
export const lastAnswer = ({ status, body }: Answer): string =>
  [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');

const TOO_MANY = failure(503, 'ServiceUnavailable', 'Too many large answers have not been read; try again.');
