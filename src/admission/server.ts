import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { setImmediate } from 'node:timers/promises';
import type { SecureContextOptions } from 'node:tls';
import { messageOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { MUTATE_PATH } from '../names.ts';
import type { Handle } from './handle.ts';
import { decodeReview, encodeReview, encodeStatus } from './review.ts';

/** An API object may be 1.5 MiB and the review of an UPDATE carries two; controller-runtime's bound as well. */
export const LARGEST_BODY = 7 * 1024 * 1024;

export interface WebhookServer {
  readonly server: Server;
  /**
   * From now on every answer closes its connection, so that the API server opens its next one elsewhere. Idle ones stay open:
   * closed under a request that is on its way, they would fail it, and no client repeats a POST.
   */
  readonly drain: () => void;
  /** Takes no new connections and closes idle ones; resolves when the last request is answered. */
  readonly close: () => Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

/** `POST /mutate` over HTTPS. Whatever comes in, JSON goes out. Not listening yet. */
export const createWebhookServer = (tls: SecureContextOptions, handle: Handle, log: Log): WebhookServer => {
  let isDraining = false;
  const server = createServer(
    {
      ...tls,
      minVersion: 'TLSv1.2',
      // Longer than the API server keeps an idle connection (90 s), so that it is never cut under a request.
      keepAliveTimeout: 120_000,
      headersTimeout: 10_000,
      requestTimeout: 20_000,
      maxHeaderSize: 16 * 1024,
    },
    (request, response) => {
      answer(request, handle, log).then(
        ({ status, body }) => send(response, status, body, isDraining),
        (error: unknown) => {
          log.debug({ error: messageOf(error) }, 'request ended before its answer');
          response.destroy();
        },
      );
    },
  );
  return {
    server,
    drain: () => {
      isDraining = true;
    },
    close: async () => {
      // Right after the poll phase, so that a connection whose request has arrived does not pass for idle.
      await setImmediate();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

const answer = async (request: IncomingMessage, handle: Handle, log: Log): Promise<Answer> => {
  const refusal = refuseEarly(request);
  if (refusal !== undefined) return refusal;
  const body = await readBody(request);
  if (body === undefined) return status(413, 'RequestEntityTooLarge', `The body is larger than ${LARGEST_BODY} bytes.`);
  return review(body, handle, log);
};

const refuseEarly = ({ method, url = '', headers }: IncomingMessage): Answer | undefined => {
  const [path] = url.split('?', 1);
  if (path !== MUTATE_PATH) return status(404, 'NotFound', `There is nothing here; reviews go to ${MUTATE_PATH}.`);
  if (method !== 'POST') return status(405, 'MethodNotAllowed', `${MUTATE_PATH} takes POST only.`);
  if (headers['content-encoding'] !== undefined)
    return status(415, 'UnsupportedMediaType', 'A compressed body is not accepted.');
  const type = headers['content-type'] ?? '';
  if (!/^application\/json\b/i.test(type))
    return status(415, 'UnsupportedMediaType', 'The body must be application/json.');
  return undefined;
};

const review = async (body: string, handle: Handle, log: Log): Promise<Answer> => {
  const decoded = decodeReview(body);
  switch (decoded.kind) {
    case 'none':
      return status(400, 'BadRequest', decoded.message);
    case 'unusable':
      return {
        status: 200,
        body: encodeReview({ uid: decoded.uid, allowed: false, refusal: { code: 400, message: decoded.message } }),
      };
    case 'request':
      try {
        return { status: 200, body: encodeReview(await handle(decoded.request)) };
      } catch (error) {
        // A fault of ours: the API server then does what the failurePolicy of the kind says.
        log.error({ uid: decoded.request.uid, error }, 'admission failed');
        return status(
          500,
          'InternalError',
          'Quartermaster failed on this object; its log has the reason under this uid.',
        );
      }
  }
};

const status = (code: number, reason: string, message: string): Answer => ({
  status: code,
  body: encodeStatus(code, reason, message),
});

/** The whole body as text; undefined once it grows past the bound. */
const readBody = (request: IncomingMessage): Promise<string | undefined> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > LARGEST_BODY) {
        request.pause();
        resolve(undefined);
        return;
      }
      chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks, length).toString('utf8')));
    request.on('error', reject);
    request.on('close', () => reject(new Error('the connection closed within the body')));
  });

const send = (response: ServerResponse, code: number, body: string, isLast: boolean): void => {
  response.statusCode = code;
  response.setHeader('Content-Type', 'application/json');
  response.setHeader('Content-Length', Buffer.byteLength(body));
  // What is left of a body that is too long is not worth reading.
  if (isLast || code === 413) response.setHeader('Connection', 'close');
  response.end(body);
};
