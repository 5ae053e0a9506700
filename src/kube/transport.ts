import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { addAbortSignal } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, hasReason } from '../api/errors.ts';
import { textWithin } from './bounded-text.ts';
import type { Connection, Credentials, TlsMaterial } from './connection.ts';
import { connectionFailure, isConnectionReset, refusal, withDeadline } from './failure.ts';

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query. Messages name the path alone. */
  readonly path: string;
  readonly body?: unknown;
  /** Of the body: application/json unless said otherwise. */
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
}

export interface Transport {
  /** The JSON of a 2xx answer. Throws AppError only, and ends within the time-out. */
  readonly exchange: (call: Call) => Promise<unknown>;
  /** The body of a 2xx answer, as it comes; only its beginning is bound by the time-out, all of it by the signal. */
  readonly open: (call: Call & { readonly signal: AbortSignal }) => Promise<IncomingMessage>;
  /** Uses no connection again that is open now: where one went silent without a FIN, the idle ones beside it are as dead. */
  readonly renewConnections: () => void;
}

export const TIMEOUT_MS = 10_000;
/** More than any page of 500 objects that etcd takes at usual sizes; what is larger is not read to its end. */
const MAX_RESPONSE_BYTES = 128 * 1024 * 1024;
const MAX_ATTEMPTS = 3;
const MAX_RETRY_AFTER_MS = 5_000;
/** A peer that vanished without a FIN is noticed by TCP about 10 s after this. */
const TCP_KEEPALIVE_MS = 15_000;
const IDLE_TIMEOUT_MS = 60_000;

export const describe = ({ method, path }: Pick<Call, 'method' | 'path'>): string => `${method} ${path.split('?')[0]}`;

/** HTTPS to one API server over kept connections. `timeoutMs` bounds a whole exchange, retries and waits included. */
export const createTransport = (
  connection: Connection,
  timeoutMs = TIMEOUT_MS,
  agents: KeptAgent = keepAgent(),
): Transport => {
  const send: Send = async (call, signal) => {
    const credentials = await connection.credentials();
    const agent = credentials.agent ?? agents.for(credentials.tls);
    const answer = await sendOnce(connection.server, credentials, agent, call, signal);
    if (answer.statusCode === 401) connection.forget();
    return answer;
  };
  const bound = async <T>(call: Call, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    try {
      return await withDeadline(describe(call), timeoutMs, call.signal, work);
    } catch (error) {
      if (hasReason(error, 'Timeout') && !call.signal?.aborted) agents.renew();
      throw error;
    }
  };
  return {
    exchange: (call) =>
      bound(call, async (signal) =>
        parse(call, await readText(await sendWithRetries(call, signal, send), describe(call))),
      ),
    open: async (call) =>
      addAbortSignal(call.signal, await bound(call, (signal) => sendWithRetries(call, signal, send))),
    renewConnections: agents.renew,
  };
};

/** The agent that has the kept connections of one transport, or of many. */
export interface KeptAgent {
  readonly for: (tls: TlsMaterial) => Agent;
  readonly renew: () => void;
}

/** One agent as long as the TLS material stays; a rotated CA or certificate gets a new one, the old one's sockets run out. */
export const keepAgent = (): KeptAgent => {
  let current: { readonly tls: TlsMaterial; readonly agent: Agent } | undefined;
  return {
    for: (tls) => {
      if (current?.tls !== tls)
        current = { tls, agent: new Agent({ ...tls, keepAlive: true, timeout: IDLE_TIMEOUT_MS }) };
      return current.agent;
    },
    renew: () => {
      current = undefined;
    },
  };
};

type Send = (call: Call, signal: AbortSignal) => Promise<IncomingMessage>;

/** A 2xx answer. 429 is asked again after the time the server names, whatever the method: nothing has been done then. */
const sendWithRetries = async (call: Call, signal: AbortSignal, send: Send): Promise<IncomingMessage> => {
  for (let attempt = 1; ; attempt += 1) {
    const answer = await sendRetryingReset(call, signal, send);
    const code = answer.statusCode ?? 500;
    if (code < 300) return answer;
    const text = await readText(answer, describe(call));
    if (code !== 429 || attempt === MAX_ATTEMPTS) throw refusal(describe(call), code, parseLoosely(text));
    await sleep(retryAfterMs(answer.headers['retry-after']), undefined, { signal });
  }
};

/** The server may close a kept connection in the moment it is used: a GET is sent once more then, a write is the caller's to repeat. */
const sendRetryingReset = async (call: Call, signal: AbortSignal, send: Send): Promise<IncomingMessage> => {
  try {
    return await send(call, signal);
  } catch (error) {
    if (call.method !== 'GET' || !(error instanceof AppError && isConnectionReset(error.cause))) throw error;
    return send(call, signal);
  }
};

const retryAfterMs = (header: string | undefined): number =>
  Math.min(Math.max(Number(header) || 1, 0.1) * 1000, MAX_RETRY_AFTER_MS);

const sendOnce = (
  server: URL,
  credentials: Credentials,
  agent: Agent,
  call: Call,
  signal: AbortSignal,
): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
    const sent = request({
      agent,
      signal,
      method: call.method,
      host: server.hostname.replace(/^\[|\]$/g, ''),
      port: server.port || 443,
      path: server.pathname.replace(/\/$/, '') + call.path,
      ...credentials.tls,
      headers: {
        ...credentials.headers,
        accept: 'application/json',
        'user-agent': 'quartermaster',
        ...(body && { 'content-type': call.contentType ?? 'application/json', 'content-length': body.length }),
      },
    });
    sent.once('socket', (socket) => socket.setKeepAlive(true, TCP_KEEPALIVE_MS));
    sent.once('response', resolve);
    sent.once('error', (cause) => reject(connectionFailure(describe(call), cause)));
    sent.end(body);
  });

const readText = async (answer: IncomingMessage, what: string): Promise<string> => {
  const text = await textWithin(answer, MAX_RESPONSE_BYTES).catch((cause: unknown) => {
    throw connectionFailure(what, cause);
  });
  if (text !== undefined) return text;
  throw new AppError('TooLarge', `${what} was answered with more than ${MAX_RESPONSE_BYTES} bytes.`);
};

const parse = (call: Call, text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError('Internal', `${describe(call)} was answered with something that is not JSON.`, { cause });
  }
};

/** Refusals of proxies and load balancers are often no JSON: their status alone must do. */
const parseLoosely = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
