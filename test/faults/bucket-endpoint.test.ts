import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { freePorts } from '../../dev/free-ports.ts';
import { issueAuthority, issueServing, type PemPair } from '../../src/certificates/issue.ts';
import { createAzureProvider } from '../../src/kinds/object-store/providers/azure/provider.ts';
import { BucketError, type BucketProvider } from '../../src/kinds/object-store/providers/bucket.ts';
import { lookupGuard } from '../../src/kinds/object-store/providers/endpoints.ts';
import { createGcsProvider } from '../../src/kinds/object-store/providers/gcs/provider.ts';
import type { S3Options } from '../../src/kinds/object-store/providers/s3/client.ts';
import { createS3Provider } from '../../src/kinds/object-store/providers/s3/provider.ts';
import { desiredBucket } from '../fixtures/desired-bucket.ts';
import { startOwnClock } from '../fixtures/own-clock.ts';

const secret = 'wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY';
const token = 'FwoGZXIvYXdzEXAMPLE-SESSION-TOKEN';
/** Of a call to somebody who answers. */
const PATIENT = { timeoutMs: 30_000 };
/** Of one to somebody who does not. */
const HURRIED = { timeoutMs: 700 };
const bucket = desiredBucket({ labels: { team: 'spark' } });

const running: Server[] = [];
const sockets = new Set<Socket>();

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await Promise.all(running.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

/** Listens on 127.0.0.1 until the test is over, and gives the address. */
const listen = async (server: Server, scheme: 'http' | 'https'): Promise<string> => {
  running.push(server);
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

const serve = (listener: RequestListener) => listen(createHttpServer(listener), 'http');

const certified = async (names: readonly string[]): Promise<PemPair & { readonly ca: string }> => {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 60_000_000) };
  const authority = await issueAuthority('nobody trusts this', validity);
  return { ...(await issueServing(authority, names, validity)), ca: authority.cert };
};

const refusing = async () => `http://127.0.0.1:${(await freePorts(1))[0]}`;
const hanging = () =>
  listen(
    createServer((socket) => socket.resume()),
    'http',
  );
const resetting = () =>
  listen(
    createServer((socket) => socket.on('data', () => socket.resetAndDestroy())),
    'http',
  );
const untrusted = async () => {
  const pair = await certified(['127.0.0.1']);
  return listen(
    createHttpsServer(pair, (_request, response) => response.end()),
    'https',
  );
};
const misnamed = async () => {
  const { ca, ...pair } = await certified(['s3.example.org']);
  const endpoint = await listen(
    createHttpsServer(pair, (_request, response) => response.end()),
    'https',
  );
  return { endpoint, caBundle: ca };
};

const s3 = (endpoint: string, options: Partial<S3Options> = {}): BucketProvider =>
  createS3Provider({
    endpoint,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: secret, sessionToken: token },
    isLoopbackAllowed: true,
    ...PATIENT,
    ...options,
  });

const gcs = (endpoint: string, { timeoutMs } = PATIENT): BucketProvider =>
  createGcsProvider({ project: 'p', endpoint, isAnonymous: true, timeoutMs });

const azure = (endpoint: string, { timeoutMs } = PATIENT): BucketProvider =>
  createAzureProvider({
    subscription: 's',
    resourceGroup: 'g',
    credential: { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + 600_000 }) },
    account: { kind: 'given', name: 'acct' },
    managementEndpoint: endpoint.replace('http:', 'https:'),
    timeoutMs,
  });

/** What the call throws, after checking that it came in time and tells no secret, however it is printed. */
const thrownBy = async (call: () => Promise<unknown>): Promise<BucketError> => {
  using clock = startOwnClock();
  const error = await call().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(clock.ms()).toBeLessThan(HURRIED.timeoutMs + 1_500);
  if (!(error instanceof BucketError)) throw new Error('it threw no BucketError', { cause: error });
  const printed = inspect(error, { depth: Number.POSITIVE_INFINITY, showHidden: true });
  for (const each of [secret, token, 'AKIDEXAMPLE', 'Authorization', 'authorization:'])
    expect(printed).not.toContain(each);
  return error;
};

const signal = () => AbortSignal.timeout(60_000);

const everyCall = (provider: BucketProvider): readonly (() => Promise<unknown>)[] => [
  () => provider.observe(bucket, signal()),
  () => provider.create(bucket, signal()),
  () => provider.mark(bucket, signal()),
  () => provider.unmark(bucket, signal()),
  () => provider.remove(bucket, true, signal()),
  ...provider.features(bucket).flatMap(({ isApplied, apply }) => [() => isApplied(signal()), () => apply(signal())]),
];

describe.each([
  ['S3', s3],
  ['Google Cloud Storage', gcs],
  ['Azure Resource Manager', azure],
] as const)('an endpoint of %s', (_title, open) => {
  test.each([
    ['refuses', refusing, /refuses connections/],
    ['resets', resetting, /closed the connection/],
  ] as const)('that %s fails every call with a sentence', async (_how, start, sentence) => {
    const provider = open(await start());
    for (const call of everyCall(provider)) {
      const { reason, message } = await thrownBy(call);
      expect(reason).toBe('EndpointUnreachable');
      expect(message).toMatch(sentence);
      expect(message).toMatch(/^Bucket "sparkhistory" at .+: .+\.$/);
    }
  });

  test('that hangs fails within the time of a call', async () => {
    const provider = open(await hanging(), HURRIED);
    const { reason, message } = await thrownBy(() => provider.observe(bucket, signal()));
    expect(reason).toBe('EndpointUnreachable');
    expect(message).toMatch(/did not answer in time|no answer within 0\.7 s/);
  });

  test('that hangs is left as soon as the caller’s signal says so', async () => {
    const provider = open(await hanging());
    using clock = startOwnClock();
    const { message } = await thrownBy(() => provider.observe(bucket, AbortSignal.timeout(50)));
    expect(clock.ms()).toBeLessThan(500);
    expect(message).toContain('stopped before it was answered');
  });

  test('whose certificate nobody trusts is not spoken to', async () => {
    const provider = open(await untrusted());
    const { reason, message } = await thrownBy(() => provider.observe(bucket, signal()));
    expect(reason).toBe('EndpointUnreachable');
    expect(message).toContain('certificate is not trusted');
  });
});

describe('an S3 endpoint that a tenant chose', () => {
  const observe = (provider: BucketProvider) => () => provider.observe(bucket, signal());

  test('with a certificate for another host is not spoken to, although its authority is trusted', async () => {
    const { endpoint, caBundle } = await misnamed();
    const { message } = await thrownBy(observe(s3(endpoint, { caBundle })));
    expect(message).toContain('certificate is for another host name');
  });

  test('is spoken to when its authority is trusted', async () => {
    const { ca, ...pair } = await certified(['127.0.0.1']);
    const absent: RequestListener = (_request, response) => response.writeHead(404).end();
    const endpoint = await listen(createHttpsServer(pair, absent), 'https');
    expect(await s3(endpoint, { caBundle: ca }).observe(bucket, signal())).toBeUndefined();
  });

  test('that speaks something else than HTTP says so', async () => {
    const ssh = await listen(
      createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.2p1\r\n')),
      'http',
    );
    const { reason, message } = await thrownBy(observe(s3(ssh)));
    expect(reason).toBe('EndpointUnreachable');
    expect(message).toContain('does not answer as an HTTP server does');
  });

  test('that speaks plain HTTP where TLS was expected says so', async () => {
    const endpoint = await serve((_request, response) => response.end());
    const { message } = await thrownBy(observe(s3(endpoint.replace('http:', 'https:'))));
    expect(message).toContain('begins with http:// or https://');
  });

  test('that is a web page and no S3 fails, and nothing of the page is repeated', async () => {
    const page = '<!doctype html><html><body>Welcome to the airport network</body></html>';
    const endpoint = await serve((_request, response) => response.setHeader('content-type', 'text/html').end(page));
    const { reason, message } = await thrownBy(observe(s3(endpoint)));
    expect(reason).toBe('ProviderError');
    expect(message).not.toContain('airport');
  });

  test('that redirects elsewhere is not followed there', async () => {
    const asked: string[] = [];
    const elsewhere = await serve((request, response) => {
      asked.push(request.url ?? '');
      response.end();
    });
    const endpoint = await serve((_request, response) => response.writeHead(302, { location: elsewhere }).end());
    await thrownBy(observe(s3(endpoint)));
    expect(asked).toEqual([]);
  });

  test('whose answer has no end is cut off before it fills our memory', async () => {
    const chunk = Buffer.alloc(1024 * 1024, 'x');
    let written = 0;
    const endpoint = await serve((request, response) => {
      if (request.method === 'HEAD') return void response.end();
      response.setHeader('content-type', 'application/xml');
      const pour = () => {
        while (!response.destroyed && response.write(chunk)) written += chunk.length;
      };
      response.on('drain', pour);
      pour();
    });
    const { reason, message } = await thrownBy(observe(s3(endpoint)));
    expect({ reason, message }).toMatchObject({ reason: 'EndpointUnreachable' });
    expect(message).toContain('answer is too long');
    expect(written).toBeLessThan(64 * chunk.length);
  });

  test('whose answer trickles is cut off in time', async () => {
    const endpoint = await serve((request, response) => {
      if (request.method === 'HEAD') return void response.end();
      const timer = setInterval(() => response.write(' '), 20);
      response.on('close', () => clearInterval(timer));
    });
    const { reason } = await thrownBy(observe(s3(endpoint, HURRIED)));
    expect(reason).toBe('EndpointUnreachable');
  });

  test.each([
    'http://169.254.169.254',
    'http://[fd00:ec2::254]',
    'http://metadata.google.internal',
    'http://user:hidden@s3.example.org',
    'ftp://s3.example.org',
    'http://127.0.0.1:9',
  ])('at %s is refused before anything is sent', async (endpoint) => {
    const open = () => Promise.resolve().then(() => s3(endpoint, { isLoopbackAllowed: false }));
    const { reason, message } = await thrownBy(open);
    expect(reason).toBe('EndpointUnreachable');
    expect(message).toMatch(/^spec\.s3\.endpoint /);
    expect(message).not.toContain('hidden');
  });

  test('without credentials of its own is never sent those of the platform', () => {
    expect(() => s3('https://s3.example.org', { credentials: undefined })).toThrow('spec.credentialsSecretRef');
  });

  test('whose name leads to an address nobody may have us connect to is not connected to', async () => {
    const codeFor = (isLoopbackAllowed: boolean) =>
      new Promise<string | undefined>((resolve) => {
        lookupGuard(isLoopbackAllowed)('localhost', {}, (error) => resolve(error?.code));
      });
    expect(await codeFor(false)).toBe('EFORBIDDENADDRESS');
    expect(await codeFor(true)).toBeUndefined();
  });
});

test('an authority that is no PEM leaves the certificate untrusted', async () => {
  const { ca: _, ...pair } = await certified(['127.0.0.1']);
  const endpoint = await listen(createHttpsServer(pair), 'https');
  const { reason, message } = await thrownBy(() => s3(endpoint, { caBundle: 'no PEM' }).observe(bucket, signal()));
  expect(reason).toBe('EndpointUnreachable');
  expect(message).toContain('certificate is not trusted');
});
