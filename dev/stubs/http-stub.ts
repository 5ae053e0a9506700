import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface StubRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingMessage['headers'];
  /** Parsed where it is JSON. */
  readonly body: unknown;
}

export interface StubAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, as it is where it is text. */
  readonly body?: unknown;
}

/** A server on 127.0.0.1 that stands in for a cloud's. */
export interface HttpStub {
  readonly endpoint: string;
  readonly requests: readonly StubRequest[];
  /** What the next request of this method and path gets instead of its answer; in vain until one comes. */
  readonly failNext: (method: string, path: RegExp, answer: StubAnswer) => void;
  readonly stop: () => Promise<void>;
}

/** Serves `answer` over HTTP, or HTTPS where a certificate is given. */
export const startHttpStub = async (
  answer: (request: StubRequest) => StubAnswer,
  tls?: { readonly cert: string; readonly key: string },
): Promise<HttpStub> => {
  const requests: StubRequest[] = [];
  const failures: { readonly method: string; readonly path: RegExp; readonly answer: StubAnswer }[] = [];
  const failureFor = ({ method, url }: StubRequest): StubAnswer | undefined => {
    const index = failures.findIndex((each) => each.method === method && each.path.test(url.pathname));
    return index < 0 ? undefined : failures.splice(index, 1)[0]?.answer;
  };
  const listener: RequestListener = (incoming, response) => {
    void requestOf(incoming).then((request) => {
      requests.push(request);
      reply(response, failureFor(request) ?? answer(request));
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    requests,
    failNext: (method, path, failure) => void failures.push({ method, path, answer: failure }),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

const requestOf = async (incoming: IncomingMessage): Promise<StubRequest> => {
  const { method = 'GET', url = '/', headers } = incoming;
  const content = await text(incoming);
  const isJson = headers['content-type']?.includes('json') === true && content !== '';
  const body: unknown = isJson ? JSON.parse(content) : content;
  return { method, url: new URL(url, 'http://stub'), headers, body };
};

const reply = (response: ServerResponse, { status, headers, body }: StubAnswer): void => {
  const isText = typeof body === 'string';
  response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json', ...headers });
  response.end(isText || body === undefined ? body : JSON.stringify(body));
};
