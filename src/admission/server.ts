import { isUtf8 } from 'node:buffer';
import { constants } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { SecureContextOptions } from 'node:tls';
import type { AdmissionRequest } from '../api/admission.ts';
import { messageOf } from '../api/errors.ts';
import { MUTATE_PATH, PROBE_PATH } from '../api/names.ts';
import type { Log } from '../ops/log.ts';
import { type Body, createBodyReader, discardBody, isTooComplex } from './body.ts';
import { createBudget } from './budget.ts';
import { ANYBODY, type Callers } from './callers.ts';
import { answerBrokenRequests, createShutdown, keepConnections } from './connections.ts';
import { hostOf } from './exchange.ts';
import type { Handle } from './handler.ts';
import { queueHandshakes } from './handshakes.ts';
import { PIPELINED, refuseChunks } from './http-parser.ts';
import {
  type Answer,
  createSender,
  decodeReview,
  encodeReview,
  failure,
  isProbe,
  type ReviewResponse,
} from './review.ts';
import { createScheduler, type Scheduler, SLICE_MS } from './scheduler.ts';

/** An API object may be 1.5 MiB and the review of an UPDATE carries two; controller-runtime's bound as well. */
export const MAX_BODY_BYTES = 7 * 1024 * 1024;
/** A pod review is about 15 KiB. */
const BODY_LIMITS = { maxBytes: MAX_BODY_BYTES, smallBytes: 64 * 1024 };
/** Of large bodies that are on their way, in bytes: with what is made of the densest, they fit into 512 MiB. */
const MAX_UNDER_WAY_BYTES = 32 * 1024 * 1024;
/** Of small ones that have not come to their end, from one address, in bytes: more than an API server has on their way at once. */
export const MOST_SMALL_OF_ONE = 16 * 1024 * 1024;
/** Of large answers that their clients have not taken, in bytes. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024;
/** Some 25 KiB each. API servers hold as many as they have reviews in flight. */
export const MAX_CONNECTIONS = 2_000;

export interface WebhookServer {
  readonly server: Server;
  /** Serves with another certificate from now on, without dropping a connection. */
  readonly renew: (tls: SecureContextOptions) => void;
  /**
   * From now on every answer closes its connection, so that the API server opens its next one elsewhere. Idle ones stay open:
   * closed under a request that is on its way, they would fail it, and no client repeats a POST. Resolves when nobody has come
   * for `quietMs`: whoever sends connections here has forgotten this replica.
   */
  readonly drain: (quietMs: number) => Promise<void>;
  /** Takes no new connections; resolves when the last request is answered and every connection closed. */
  readonly close: () => Promise<void>;
  /** Of bodies that are on their way and answers that nobody has taken yet, in bytes; not of bodies that come in one piece, nor of small answers. */
  readonly reservedBytes: () => number;
}

/** `POST /mutate` over HTTPS. Whatever comes in, JSON goes out. Not listening yet. */
export const createWebhookServer = (
  tls: SecureContextOptions,
  handle: Handle,
  log: Log,
  callers: Callers = ANYBODY,
): WebhookServer => {
  let isDraining = false;
  const server = createServer({ ...tls, ...callers.tls, ...LIMITS });
  const bodies = {
    // Each connection has one at most, so that all of them together have a bound.
    small: createBudget({ all: MAX_CONNECTIONS * BODY_LIMITS.smallBytes, ofOne: MOST_SMALL_OF_ONE }),
    large: createBudget({ all: MAX_UNDER_WAY_BYTES }),
  };
  const answers = createBudget({ all: MAX_UNREAD_BYTES });
  const scheduler: Scheduler = createScheduler(() => batch.run());
  const answerAll = answerer(handle, log, scheduler);
  // By a name of their own: these need no pause after a large one of their address.
  const batch = createBatcher(answerAll, (arrival) =>
    scheduler.inTurn(`many ${arrival.host}`, () => answerAll([arrival])),
  );
  const readBody = createBodyReader(BODY_LIMITS, bodies, scheduler.inTurn);
  const send = createSender(answers);
  const connections = keepConnections(server, MAX_CONNECTIONS);
  const shutdown = createShutdown(server, connections);
  queueHandshakes(server, connections);
  refuseChunks(server);
  answerBrokenRequests(server, connections);
  server.on('request', (request, response) => {
    const exchange = { request, response };
    const isPipelined = connections.begin(exchange);
    // What is left of a body that was not read is not worth reading.
    const reply: Reply = (answered) => send(response, answered, isDraining || isPipelined || !request.complete);
    const refusal = isPipelined ? NOT_YET : (refuseEarly(request) ?? callers.refusalOf(request));
    if (refusal !== undefined) {
      reply(refusal);
      discardBody(request);
      return;
    }
    const takesProbesAlone = request.url === PROBE_PATH;
    readBody(
      exchange,
      (body) => {
        const arrival = { body, reply, takesProbesAlone, host: hostOf(request) };
        // A large one is answered by itself, in its turn, and one that was not read at once.
        if (typeof body === 'string' || body.length > BODY_LIMITS.smallBytes) answerAll([arrival], true);
        else batch.add(arrival);
      },
      (error) => {
        log.debug({ error: messageOf(error) }, 'request ended before its answer');
        response.destroy();
      },
    );
  });
  return {
    server,
    renew: (renewed) => server.setSecureContext({ ...renewed, ...callers.tls }),
    drain: (quietMs) => {
      isDraining = true;
      return shutdown.untilQuiet(quietMs);
    },
    close: shutdown.close,
    reservedBytes: () => bodies.small.reservedBytes() + bodies.large.reservedBytes() + answers.reservedBytes(),
  };
};

const LIMITS = {
  minVersion: 'TLSv1.2',
  handshakeTimeout: 10_000,
  // Nothing is read, and held, of a connection that waits for its turn.
  pauseOnConnect: true,
  // Longer than the API server keeps an idle connection (90 s), so that it is never cut under a request.
  keepAliveTimeout: 120_000,
  headersTimeout: 10_000,
  requestTimeout: 20_000,
  connectionsCheckingInterval: 2_000,
  maxHeaderSize: 16 * 1024,
  // Ours to answer: node would send an empty 400.
  requireHostHeader: false,
  // TLS 1.2 lets a client ask for one handshake after another.
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const;

type Reply = (answered: Answer) => void;

interface Arrival {
  readonly body: Body;
  readonly reply: Reply;
  readonly takesProbesAlone: boolean;
  readonly host: string;
}

/** Answers what came, `isInTurn` where it has waited for its turn. */
type AnswerAll = (arrivals: readonly Arrival[], isInTurn?: boolean) => void;

/**
 * All are decided before any is sent. What comes of a namespace whose reviews took much time of late is put off, to its turn: a pod of a
 * few kilobytes may take as long as hundreds of others.
 */
const answerer = (handle: Handle, log: Log, { inTurn, took, isBusy }: Scheduler): AnswerAll => {
  const decide = (request: AdmissionRequest, name: string): Answer | Promise<Answer> => {
    const startedAt = performance.now();
    const answered = review(request, handle, log);
    took(name, performance.now() - startedAt);
    return answered;
  };
  const answerAll: AnswerAll = (arrivals, isInTurn = false) => {
    const sent = arrivals.map((arrival) => {
      const read = readReview(arrival);
      if ('status' in read) return () => arrival.reply(read);
      // Whoever else reaches the port says what namespace they like.
      const name = `${arrival.host} ${read.namespace ?? ''}`;
      if (!isInTurn && isBusy(name)) return () => inTurn(name, () => answerAll([arrival], true));
      const answered = isInTurn ? review(read, handle, log) : decide(read, name);
      return () => (answered instanceof Promise ? void answered.then(arrival.reply) : arrival.reply(answered));
    });
    for (const send of sent) send();
  };
  return answerAll;
};

/** What is to be decided, or why nothing is. */
const readReview = ({ body, takesProbesAlone }: Arrival): AdmissionRequest | Answer => {
  if (body === 'too large') return TOO_LARGE;
  if (body === 'too much') return TOO_MUCH;
  if (body === 'too small') return TOO_SMALL;
  if (!isUtf8(body)) return NO_UTF8;
  if (isTooComplex(body)) return TOO_COMPLEX;
  const decoded = decodeReview(body.toString());
  switch (decoded.kind) {
    case 'none':
      return failure(400, 'BadRequest', decoded.message);
    case 'unusable':
      return encoded({ uid: decoded.uid, allowed: false, refusal: { code: 400, message: decoded.message } });
    case 'request':
      return takesProbesAlone && !isProbe(decoded.request) ? NO_PROBE : decoded.request;
  }
};

/** At once wherever it can: promises on the way cost as much as most decisions. */
const review = (request: AdmissionRequest, handle: Handle, log: Log): Answer | Promise<Answer> => {
  const failed = (error: unknown): Answer => {
    // A fault of ours: the API server then does what the failurePolicy of the kind says.
    log.error({ uid: request.uid, error }, 'admission failed');
    return FAULT;
  };
  try {
    const response = handle(request);
    return response instanceof Promise ? response.then(encoded).catch(failed) : encoded(response);
  } catch (error) {
    return failed(error);
  }
};

const encoded = (response: ReviewResponse): Answer => ({ status: 200, body: encodeReview(response) });

const refuseEarly = ({ method, url = '', headers }: IncomingMessage): Answer | undefined => {
  if (url !== MUTATE_PATH && url.split('?', 1)[0] !== MUTATE_PATH) return NOT_FOUND;
  if (method !== 'POST') return NO_POST;
  if (headers['content-encoding'] !== undefined) return COMPRESSED;
  const type = headers['content-type'] ?? '';
  return type === 'application/json' || /^application\/json\b/i.test(type) ? undefined : NO_JSON;
};

/** No API server does this, and whoever does has as many reviews decided before anybody else's as fit into what is read at once. */
const NOT_YET = failure(400, 'BadRequest', PIPELINED);
const NOT_FOUND = failure(404, 'NotFound', `There is nothing here; reviews go to ${MUTATE_PATH}.`);
const NO_POST = failure(405, 'MethodNotAllowed', `${MUTATE_PATH} takes POST only.`);
const COMPRESSED = failure(415, 'UnsupportedMediaType', 'A compressed body is not accepted.');
const NO_JSON = failure(415, 'UnsupportedMediaType', 'The body must be application/json.');
const TOO_LARGE = failure(413, 'RequestEntityTooLarge', `The body is larger than ${MAX_BODY_BYTES} bytes.`);
const TOO_MUCH = failure(
  503,
  'ServiceUnavailable',
  'Too much of bodies that have not come to their end is held; try again.',
);
const TOO_SMALL = failure(400, 'BadRequest', 'The body comes in pieces that are smaller than 256 bytes on average.');
const TOO_COMPLEX = failure(413, 'RequestEntityTooLarge', 'The body nests too deeply, or holds too many values.');
const NO_PROBE = failure(
  403,
  'Forbidden',
  `Only whether anybody answers can be asked here; reviews go to ${MUTATE_PATH}.`,
);
const NO_UTF8 = failure(400, 'BadRequest', 'The body is not UTF-8.');
const FAULT = failure(
  500,
  'InternalError',
  'Quartermaster failed on this object; its log has the reason under this uid.',
);

/** So many reviews are decided before any of them is sent. */
const BATCH = 16;

/**
 * Gathers what comes within one turn of the event loop and has it done together right after. One review leaves little in
 * the processor's caches for the next when TLS and HTTP run in between: sixteen in a row take two thirds of the time that they
 * take one by one. What is too much for one turn is put off: a thousand at one moment would keep all others waiting, and their answers
 * take what memory there is.
 */
const createBatcher = <Job>(runBatch: (jobs: readonly Job[]) => void, putOff: (job: Job) => void): Batcher<Job> => {
  let waiting: Job[] = [];
  const run = (): void => {
    const jobs = waiting;
    waiting = [];
    const untilMs = performance.now() + SLICE_MS;
    let done = 0;
    for (; done < jobs.length && performance.now() < untilMs; done += BATCH) runBatch(jobs.slice(done, done + BATCH));
    for (const job of jobs.slice(done)) putOff(job);
  };
  return {
    add: (job) => {
      if (waiting.push(job) === 1) setImmediate(run);
    },
    run,
  };
};

interface Batcher<Job> {
  readonly add: (job: Job) => void;
  /** Has done at once what was gathered. */
  readonly run: () => void;
}
