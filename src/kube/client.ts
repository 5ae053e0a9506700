import type { IncomingMessage } from 'node:http';
import { AppError, hasReason } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { FIELD_MANAGER } from '../api/names.ts';
import type { Kube, ObjectKey, Resource, WatchEvent, WriteOptions } from './api-server.ts';
import { type Connection, withTokens } from './connection.ts';
import { connectionFailure, watchError } from './failure.ts';
import { type Call, createTransport, describe, keepAgent, TIMEOUT_MS, type Transport } from './transport.ts';

export interface KubeSettings {
  /** Bound of every call but the streaming part of a watch. */
  readonly timeoutMs: number;
  /** A watch that brings nothing for so long ends. Bookmarks come about once a minute where anything changes at all. */
  readonly watchIdleTimeoutMs: number;
  /** The server ends each watch after a random time from one to two of these, so that replicas do not return at once. */
  readonly watchSeconds: number;
}

const defaults: KubeSettings = { timeoutMs: TIMEOUT_MS, watchIdleTimeoutMs: 150_000, watchSeconds: 300 };

const APPLY = 'application/apply-patch+yaml';
const MERGE = 'application/merge-patch+json';

/** Kube over HTTPS. Makes no request by itself. */
export const createKube = (connection: Connection, settings: Partial<KubeSettings> = {}): Kube => {
  const given = { ...defaults, ...settings };
  return kubeOver(createTransport(connection, given.timeoutMs), given);
};

/** Kube as whoever has a token. All of them share their connections, which say nothing of who asks. */
export const createKubeAs = (connection: Connection): ((token: string) => Kube) => {
  const connectionAs = withTokens(connection);
  const agent = keepAgent();
  return (token) => kubeOver(createTransport(connectionAs(token), defaults.timeoutMs, agent), defaults);
};

const kubeOver = (transport: Transport, { watchIdleTimeoutMs, watchSeconds }: KubeSettings): Kube => ({
  ...readers(transport),
  ...writers(transport),
  watch: (resource, query, signal) =>
    watch(transport, resource, { ...query, timeoutSeconds: jittered(watchSeconds) }, watchIdleTimeoutMs, signal),
});

const jittered = (seconds: number): number => Math.ceil(seconds * (1 + Math.random()));

async function* watch<T extends KubeObject>(
  transport: Transport,
  resource: Resource,
  query: Parameters<Kube['watch']>[1] & { readonly timeoutSeconds: number },
  idleTimeoutMs: number,
  signal: AbortSignal,
): AsyncIterable<WatchEvent<T>> {
  const { namespace, ...parameters } = query;
  const path = collectionPath(resource, namespace, { ...parameters, watch: true, allowWatchBookmarks: true });
  const call = { method: 'GET', path, signal } as const;
  try {
    const idleTimeout = { ms: idleTimeoutMs, onExpired: transport.renewConnections };
    yield* watchEvents<T>(await transport.open(call), describe(call), idleTimeout);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

const readers = (transport: Transport): Pick<Kube, 'get' | 'list' | 'read'> => ({
  get: async <T extends KubeObject>(resource: Resource, key: ObjectKey, signal?: AbortSignal) => {
    const call = { method: 'GET', path: objectPath(resource, key), signal } as const;
    const found = await transport.exchange(call).catch(ignoreNotFound);
    return found === undefined ? undefined : toObject<T>(found, call);
  },
  list: async <T extends KubeObject>(
    resource: Resource,
    { namespace, continueToken, ...query }: Parameters<Kube['list']>[1],
    signal?: AbortSignal,
  ) => {
    const path = collectionPath(resource, namespace, { ...query, continue: continueToken });
    const call = { method: 'GET', path, signal } as const;
    return toPage<T>(await transport.exchange(call), resource, call);
  },
  read: (path, signal) => transport.exchange({ method: 'GET', path, signal }),
});

type Writers = Pick<Kube, 'create' | 'apply' | 'applyStatus' | 'mergePatch' | 'replace' | 'remove' | 'post'>;

const writers = (transport: Transport): Writers => {
  const write = async <T extends KubeObject>(call: Call): Promise<T> =>
    toObject<T>(await transport.exchange(call), call);
  const apply = <T extends KubeObject>(resource: Resource, object: T, subresource: string, options?: WriteOptions) =>
    write<T>({
      method: 'PATCH',
      path: objectPath(resource, object.metadata, { ...writeQuery(options), force: true }, subresource),
      body: object,
      contentType: APPLY,
      signal: options?.signal,
    });
  return {
    apply: (resource, object, options) => apply(resource, object, '', options),
    applyStatus: (resource, object, options) => apply(resource, object, '/status', options),
    create: (resource, object, options) =>
      write({
        method: 'POST',
        path: collectionPath(resource, object.metadata.namespace, writeQuery(options)),
        body: object,
        signal: options?.signal,
      }),
    mergePatch: (resource, key, patch, options) =>
      write({
        method: 'PATCH',
        path: objectPath(resource, key, writeQuery(options)),
        body: patch,
        contentType: MERGE,
        signal: options?.signal,
      }),
    replace: (resource, object, options) =>
      write({
        method: 'PUT',
        path: objectPath(resource, object.metadata, writeQuery(options)),
        body: object,
        signal: options?.signal,
      }),
    remove: async (resource, key, preconditions, options) => {
      const body = { propagationPolicy: 'Background', preconditions, ...(options?.dryRun && { dryRun: ['All'] }) };
      const call = { method: 'DELETE', path: objectPath(resource, key), body, signal: options?.signal } as const;
      await transport.exchange(call).catch(ignoreNotFound);
    },
    post: (path, body, options) => transport.exchange({ method: 'POST', path, body, signal: options?.signal }),
  };
};

const writeQuery = (options: WriteOptions | undefined): Readonly<Record<string, string | undefined>> => ({
  fieldManager: FIELD_MANAGER,
  dryRun: options?.dryRun ? 'All' : undefined,
});

const ignoreNotFound = (error: unknown): undefined => {
  if (hasReason(error, 'NotFound')) return undefined;
  throw error;
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

const toObject = <T extends KubeObject>(value: unknown, call: Call): T => {
  if (isRecord(value) && isRecord(value['metadata'])) return value as unknown as T;
  throw new AppError('Internal', `${describe(call)} was answered with something that is no Kubernetes object.`);
};

interface Page<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continueToken: string | undefined;
  readonly remaining?: number;
}

/** Items of built-in kinds come without apiVersion and kind; each gets its own here. */
const toPage = <T extends KubeObject>(value: unknown, resource: Resource, call: Call): Page<T> => {
  if (!isRecord(value) || !isRecord(value['metadata'])) {
    throw new AppError('Internal', `${describe(call)} was answered with something that is no list.`);
  }
  const { resourceVersion, continue: more, remainingItemCount } = value['metadata'] as ListMeta;
  const typed = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  const items = ((value['items'] ?? []) as readonly T[]).map((item) => ({ ...item, ...typed }));
  const remaining = remainingItemCount === undefined ? {} : { remaining: remainingItemCount };
  return { items, resourceVersion: resourceVersion ?? '', continueToken: more || undefined, ...remaining };
};

interface ListMeta {
  readonly resourceVersion?: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

type Query = Readonly<Record<string, string | number | boolean | undefined>>;

const withQuery = (path: string, query: Query): string => {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, String(value));
  return given.size === 0 ? path : `${path}?${given.toString()}`;
};

/** Where the objects of a resource are listed, watched and created. Namespaced ones without a namespace: in all of them. */
const collectionPath = (resource: Resource, namespace = '', query: Query = {}): string => {
  const group = resource.group === '' ? '/api' : `/apis/${resource.group}`;
  const scope = resource.isNamespaced && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return withQuery(`${group}/${resource.version}${scope}/${resource.plural}`, query);
};

/** Where one object is. `subresource` begins with a slash (`/status`) or is empty. */
const objectPath = (
  resource: Resource,
  { namespace, name }: { readonly namespace?: string | undefined; readonly name?: string | undefined },
  query: Query = {},
  subresource = '',
): string => withQuery(`${collectionPath(resource, namespace)}/${encodeURIComponent(name ?? '')}${subresource}`, query);

/** `apiVersion` of a resource's objects. */
const apiVersionOf = ({ group, version }: Resource): string => (group === '' ? version : `${group}/${version}`);

/** Longest line taken: etcd refuses objects over 1.5 MiB, and JSON makes them a few times larger. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;

/**
 * The events of one watch response. Ends when the server ends it, or when nothing has come for `idleTimeout.ms`
 * (the server cannot be told from a dead one then; whoever watches goes on from the last resourceVersion).
 * Throws AppError: Gone on 410, TooLarge on an endless line, Unavailable where the connection broke.
 */
async function* watchEvents<T extends KubeObject>(
  response: IncomingMessage,
  what: string,
  idleTimeout: { readonly ms: number; readonly onExpired: () => void },
): AsyncIterable<WatchEvent<T>> {
  let isExpired = false;
  const expire = (): void => {
    isExpired = true;
    idleTimeout.onExpired();
    response.destroy();
  };
  const timer = setTimeout(expire, idleTimeout.ms);
  try {
    for await (const line of lines(response, what, () => timer.refresh())) yield toEvent<T>(line, what);
  } catch (error) {
    if (!isExpired) throw error;
  } finally {
    clearTimeout(timer);
    response.destroy();
  }
}

async function* lines(response: IncomingMessage, what: string, onData: () => void): AsyncIterable<string> {
  let partialLine = '';
  response.setEncoding('utf8');
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      onData();
      partialLine += chunk;
      if (!chunk.includes('\n')) {
        refuseEndless(partialLine, what);
        continue;
      }
      const whole = partialLine.split('\n');
      partialLine = whole.pop() ?? '';
      yield* whole.filter((line) => line !== '');
    }
  } catch (error) {
    throw error instanceof AppError ? error : connectionFailure(what, error);
  }
}

const refuseEndless = (line: string, what: string): void => {
  if (line.length > MAX_LINE_BYTES)
    throw new AppError('TooLarge', `${what} sent a line of over ${MAX_LINE_BYTES} bytes.`);
};

const toEvent = <T extends KubeObject>(line: string, what: string): WatchEvent<T> => {
  const { type, object } = parseEvent(line, what);
  if (type === 'ERROR') throw watchError(what, object);
  if (type === 'BOOKMARK') return { type, resourceVersion: object.metadata?.resourceVersion ?? '' };
  if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') return { type, object: object as T };
  throw new AppError('Internal', `${what} sent an event of unknown type ${JSON.stringify(type)}.`);
};

const parseEvent = (line: string, what: string): { readonly type: unknown; readonly object: Partial<KubeObject> } => {
  try {
    return JSON.parse(line) as { type: unknown; object: Partial<KubeObject> };
  } catch (cause) {
    throw new AppError('Internal', `${what} sent a line that is not JSON.`, { cause });
  }
};
