import { Agent, type IncomingMessage, request as send } from 'node:http';
import type { StringMap } from '../../api/kubernetes.ts';
import { textWithin } from '../../kube/bounded-text.ts';
import type { MetadataAnswer, MetadataClient } from '../cloud.ts';

/** The link-local address that all metadata services but Alibaba's share. */
export const METADATA_ADDRESS = 'http://169.254.169.254';

const BODY_LIMIT_BYTES = 256 * 1024;

/** A client for the service at `base`, which waits so long for each answer. `signal` ends whatever is under way, as a time-out. */
export const createMetadataClient = (base: URL, signal: AbortSignal, timeoutMs: number): MetadataClient => {
  // An agent of our own: NODE_USE_ENV_PROXY makes the global one send even these requests to a proxy.
  const agent = new Agent();
  const ask =
    (method: 'GET' | 'PUT') =>
    (path: string, headers: StringMap = {}): Promise<MetadataAnswer> =>
      exchange({
        url: new URL(base.pathname.replace(/\/$/, '') + path, base),
        method,
        headers,
        agent,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      });
  return { get: ask('GET'), put: ask('PUT') };
};

interface Exchange {
  readonly url: URL;
  readonly method: 'GET' | 'PUT';
  readonly headers: StringMap;
  readonly agent: Agent;
  readonly signal: AbortSignal;
}

const exchange = ({ url, method, headers, agent, signal }: Exchange): Promise<MetadataAnswer> =>
  new Promise<MetadataAnswer>((resolve, reject) => {
    send(url, { method, headers, agent, signal }, (response) => {
      textWithin(response, BODY_LIMIT_BYTES).then((body) => resolve(answerOf(response, body)), reject);
    })
      .on('error', reject)
      .end();
  }).catch((error: unknown) => ({ kind: 'silent', why: reasonOf(error, signal) }));

const answerOf = (response: IncomingMessage, body: string | undefined): MetadataAnswer => {
  if (body === undefined) return { kind: 'silent', why: 'too-large' };
  const headers = Object.fromEntries(
    Object.entries(response.headersDistinct).map(([name, values]) => [name, (values ?? []).join(', ')]),
  );
  return { kind: 'response', status: response.statusCode ?? 0, headers, body };
};

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EACCES',
]);

const reasonOf = (error: unknown, signal: AbortSignal): 'timeout' | 'refused' | 'reset' => {
  if (signal.aborted) return 'timeout';
  return UNREACHABLE.has((error as NodeJS.ErrnoException).code ?? '') ? 'refused' : 'reset';
};
