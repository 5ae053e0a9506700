import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { PemPair } from '../../src/certificates/issue.ts';

/** An object of any kind, as far as it is looked at here. */
interface Stored {
  readonly metadata?: { readonly name?: string };
}

/** Answers as the API server of a cluster that holds nothing but what is written to it. Ends with the process that runs it. */
export const startEmptyApiServer = async (
  { cert, key }: PemPair,
  listed: Readonly<Record<string, readonly object[]>>,
): Promise<string> => {
  const objects = new Map<string, object>();
  const server = createServer({ cert, key }, (request, response) => {
    void text(request).then((body) => answer(objects, listed, request, body, response));
  });
  server.listen(0, '127.0.0.1').unref();
  await once(server, 'listening');
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const answer = (
  objects: Map<string, object>,
  listed: Readonly<Record<string, readonly object[]>>,
  { method = '', url = '' }: IncomingMessage,
  body: string,
  response: ServerResponse,
): void => {
  const { pathname, searchParams } = new URL(url, 'https://127.0.0.1');
  const path = pathname.replace(/\/status$/, '');
  const send = (code: number, object: object): void => {
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(object));
  };
  if (searchParams.has('watch')) {
    response.writeHead(200, { 'content-type': 'application/json' }).flushHeaders();
  } else if (searchParams.has('limit')) {
    const items = listed[path.split('/').at(-1) ?? ''] ?? [];
    send(200, { kind: 'List', apiVersion: 'v1', metadata: { resourceVersion: '1' }, items });
  } else if (method === 'GET') {
    const found = objects.get(path);
    send(found ? 200 : 404, found ?? NOT_FOUND);
  } else {
    send(200, store(objects, method, path, JSON.parse(body || '{}') as Stored));
  }
};

const NOT_FOUND = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 };

const store = (objects: Map<string, object>, method: string, path: string, written: Stored): object => {
  const object = { ...written, metadata: { ...written.metadata, uid: randomUUID(), resourceVersion: '2' } };
  objects.set(method === 'POST' ? `${path}/${written.metadata?.name}` : path, object);
  return object;
};
