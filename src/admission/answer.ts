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
