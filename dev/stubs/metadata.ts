import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import type { Service, StubRequest } from './metadata-clouds.ts';
import * as clouds from './metadata-clouds.ts';

export interface MetadataStub {
  /** On 127.0.0.1, for the setting METADATA_ENDPOINT. */
  readonly url: URL;
  /** Every request so far. */
  readonly requests: readonly StubRequest[];
  readonly stop: () => Promise<void>;
}

const requestOf = ({ method = '', url = '', headers }: IncomingMessage): StubRequest => ({
  method,
  path: url,
  headers,
});

const serving =
  (service: Service): RequestListener =>
  (request, response) => {
    const { status, headers, body } = service(requestOf(request)) ?? {
      status: 404,
      headers: {},
      body: '404 - Not Found',
    };
    response.writeHead(status, { 'Content-Type': 'text/plain', ...headers }).end(body);
  };

const always =
  (status: number, headers: Readonly<Record<string, string>>, body: string): RequestListener =>
  (_request, response) => {
    response.writeHead(status, headers).end(body);
  };

const withoutIdentity = serving(
  clouds.imdsV2((request) => (request.path.includes('/dynamic/') ? undefined : clouds.ec2Tree(request))),
);

const neverAnswer: RequestListener = (request) => {
  request.resume();
};

/** Calls `write` again and again until the other side has had enough. */
const keepWriting = (response: ServerResponse, everyMs: number, write: () => void): void => {
  const timer = setInterval(write, everyMs);
  response.on('close', () => clearInterval(timer));
};

function* endless(chunk: string): Generator<string> {
  for (;;) yield chunk;
}

const page =
  '<!doctype html>\n<html><title>Anmelden</title>\n<body>Willkommen im Netz des Flughafens München.</body></html>\n';

const scenarios = {
  aws: serving(clouds.aws),
  gcp: serving(clouds.gcp),
  azure: serving(clouds.azure),
  openstack: serving(clouds.openstack),
  oracle: serving(clouds.oracle),
  digitalocean: serving(clouds.digitalocean),
  hetzner: serving(clouds.hetzner),
  alibaba: serving(clouds.alibaba),
  /** OpenStack that answers all of EC2’s tree, tokens and identity document included. */
  'openstack-as-ec2': serving(clouds.join(clouds.openstack, clouds.imdsV2(clouds.ec2Tree))),
  /** Oracle with version 1 of its service, which answers OpenStack’s and EC2’s trees. */
  'oracle-v1': serving(clouds.oracleV1),
  /** Something like kube2iam between pods and EC2: no tokens, GETs answered without. */
  'ec2-proxy': serving(clouds.ec2Tree),
  /** The same, but it hides the identity document and hands tokens through. */
  'ec2-proxy-without-identity': withoutIdentity,
  /** AWS with a hop limit of 1: the token never arrives, GETs without it are refused. */
  'hop-limit': (request, response) => {
    if (request.method === 'PUT') neverAnswer(request, response);
    else serving(clouds.aws)(request, response);
  },
  'imds-disabled': always(403, { 'Content-Type': 'text/plain' }, '403 - Forbidden'),
  /** Two clouds at once, neither known to imitate the other. */
  'azure-and-gcp': serving(clouds.join(clouds.azure, clouds.gcp)),
  'captive-portal': always(200, { 'Content-Type': 'text/html', 'Metadata-Flavor': 'Google' }, page),
  'empty-json': always(200, { 'Content-Type': 'application/json' }, '{}'),
  'server-error': always(500, { 'Content-Type': 'text/plain' }, 'oops'),
  redirect: always(302, { Location: 'http://192.0.2.1/latest/meta-data/' }, ''),
  silent: neverAnswer,
  /** Answers each request within its second, but not all of them within the time there is. */
  slow: (request, response) => {
    setTimeout(() => withoutIdentity(request, response), 900);
  },
  trickle: (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' });
    keepWriting(response, 50, () => response.write(' '));
  },
  'trickling-headers': ({ socket }) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => socket.write('X-Pad: x\r\n'), 50);
    socket.on('close', () => clearInterval(timer));
  },
  huge: (_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain' });
    Readable.from(endless('x'.repeat(64 * 1024))).pipe(response);
  },
  reset: ({ socket }) => {
    socket.resetAndDestroy();
  },
  'not-http': ({ socket }) => {
    socket.end('SSH-2.0-OpenSSH_9.2p1\r\n');
  },
} as const satisfies Readonly<Record<string, RequestListener>>;

/** A cloud, or one of the ways in which something else answers at a metadata address. */
export type MetadataScenario = keyof typeof scenarios;

export const metadataScenarios = Object.keys(scenarios) as readonly MetadataScenario[];

/** Answers on 127.0.0.1 as that scenario does, until stopped. */
export const startMetadataStub = async (scenario: MetadataScenario): Promise<MetadataStub> => {
  const requests: StubRequest[] = [];
  const answer: RequestListener = scenarios[scenario];
  const server = createServer((request, response) => {
    requests.push(requestOf(request));
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: new URL(`http://127.0.0.1:${port}`),
    requests,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};
