import { AppError } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { FIELD_MANAGER } from '../api/names.ts';
import type { Kube, ObjectKey, Resource, WatchEvent, WriteOptions } from './api-server.ts';
import type { Connection } from './connection.ts';
import { apiVersionOf, collectionPath, objectPath } from './resource-path.ts';
import { type Call, createTransport, describe, TIMEOUT_MS, type Transport } from './transport.ts';
import { watchEvents } from './watch-stream.ts';

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
  const { timeoutMs, watchIdleTimeoutMs, watchSeconds } = { ...defaults, ...settings };
  const transport = createTransport(connection, timeoutMs);
  return {
    ...readers(transport),
    ...writers(transport),
    watch: (resource, query, signal) =>
      watch(transport, resource, { ...query, timeoutSeconds: jittered(watchSeconds) }, watchIdleTimeoutMs, signal),
  };
};

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
  if (error instanceof AppError && error.reason === 'NotFound') return undefined;
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
}

/** Items of built-in kinds come without apiVersion and kind; each gets its own here. */
const toPage = <T extends KubeObject>(value: unknown, resource: Resource, call: Call): Page<T> => {
  if (!isRecord(value) || !isRecord(value['metadata'])) {
    throw new AppError('Internal', `${describe(call)} was answered with something that is no list.`);
  }
  const { resourceVersion, continue: more } = value['metadata'] as { resourceVersion?: string; continue?: string };
  const typed = { apiVersion: apiVersionOf(resource), kind: resource.kind };
  const items = ((value['items'] ?? []) as readonly T[]).map((item) => ({ ...item, ...typed }));
  return { items, resourceVersion: resourceVersion ?? '', continueToken: more || undefined };
};
