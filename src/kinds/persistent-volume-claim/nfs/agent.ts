import { isIPv6 } from 'node:net';
import { AppError, messageOf } from '../../../api/errors.ts';
import { AGENT_PORT, EXPORTS_PATH, type ExportList } from '../../../nfs-server/export-list.ts';

/** One agent, and what it wants to be shown. */
export interface AgentAt {
  readonly address: string;
  readonly token: string;
}

/** What is asked of the agents beside Ganesha. All throws AppError. */
export interface NfsAgents {
  /** Which list is served, to be named with the next; undefined where an agent of an earlier version does not know. */
  readonly versionOf: (agent: AgentAt, signal: AbortSignal) => Promise<string | undefined>;
  /**
   * Has a list served, unless another was since `version`; resolves when it is, with its own version. So a leader that was one, and
   * whose list arrives late, changes nothing.
   */
  readonly send: (
    agent: AgentAt,
    list: ExportList,
    version: string | undefined,
    signal: AbortSignal,
  ) => Promise<string | undefined>;
}

/** By HTTP, as conditional requests (RFC 9110): agents of earlier versions pass over what they do not know. */
export const nfsAgents: NfsAgents = {
  versionOf: async (agent, signal) => {
    const { response, problem } = await exchange(agent, { method: 'GET' }, signal);
    if (response.status === 404) return undefined;
    if (problem !== undefined) throw problem;
    return response.headers.get('etag') ?? undefined;
  },
  send: async (agent, list, version, signal) => {
    const headers = { 'content-type': 'application/json', ...(version !== undefined && { 'if-match': version }) };
    const request = { method: 'PUT', headers, body: JSON.stringify(list) };
    const { response, problem } = await exchange(agent, request, signal);
    if (problem !== undefined) throw problem;
    return response.headers.get('etag') ?? undefined;
  },
};

const TIMEOUT_MS = 30_000;

interface Request {
  readonly method: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The answer, and what is wrong with one that is no success. */
const exchange = async ({ address, token }: AgentAt, request: Request, signal: AbortSignal) => {
  const host = isIPv6(address) ? `[${address}]` : address;
  const url = `http://${host}:${AGENT_PORT}${EXPORTS_PATH}`;
  const response = await fetch(url, {
    ...request,
    headers: { ...request.headers, authorization: `Bearer ${token}` },
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  }).catch((error: unknown) => {
    throw new AppError('Unavailable', `The NFS server at ${url} does not answer: ${causeOf(error)}`, { cause: error });
  });
  const text = (await response.text()).trim();
  const problem = response.ok
    ? undefined
    : new AppError('Unavailable', `The NFS server at ${url} answers ${response.status}: ${text}`);
  return { response, problem };
};

const causeOf = (error: unknown): string =>
  messageOf(error instanceof Error && error.cause !== undefined ? error.cause : error);
