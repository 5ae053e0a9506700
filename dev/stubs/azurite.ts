import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { issueAuthority, issueServing } from '../../src/certificates/issue.ts';
import { type Authorize, sharedKey } from '../../src/kinds/object-store/providers/azure/blob-service.ts';
import { type Daemon, startDaemon } from '../daemon.ts';
import { freePorts } from '../free-ports.ts';

/** Azure's own emulator of the Blob service, over HTTPS on the loopback address, with one account and nothing in it. */
export interface Azurite {
  readonly account: string;
  /** Of the loopback network. */
  readonly address: string;
  /** In base64. */
  readonly key: string;
  /** Ends with the account's name: the emulator has accounts in the path. */
  readonly endpoint: string;
  /** PEM of the authority that its certificate is signed by. */
  readonly caBundle: string;
  /** A bearer token it takes: it checks audience, issuer and times, no signature. */
  readonly token: (changes?: Readonly<Record<string, unknown>>) => string;
  /** Writes an empty blob, `container/name`. */
  readonly putBlob: (path: string) => Promise<void>;
  /** The status of one request of a workload, with nothing but its token (service SAS). */
  readonly tried: (token: string, method: 'GET' | 'PUT' | 'DELETE', path: string) => Promise<number>;
  readonly stop: () => Promise<void>;
}

const readyWithinMs = 60_000;

/** Where it listens: `port` 0 takes a free one. */
interface Place {
  readonly address: string;
  readonly port: number;
}

const ANYWHERE: Place = { address: '127.0.0.1', port: 0 };

/** Throws an Error where the emulator is not installed or does not come up. */
export const startAzurite = async (account = 'devaccount', { address, port: asked } = ANYWHERE): Promise<Azurite> => {
  const directory = await mkdtemp(join(tmpdir(), 'azurite-'));
  const key = randomBytes(32).toString('base64');
  const services = ['blob', 'dfs'].map((service) => `${account}.${service}.core.windows.net`);
  const caBundle = await writeCertificate(directory, [address, ...services]);
  const [free = 0] = await freePorts(1);
  const place = { address, port: asked === 0 ? free : asked };
  const daemon = startDaemon(process.execPath, [mainFile(), ...flags(directory, place)], {
    AZURITE_ACCOUNTS: `${account}:${key}`,
  });
  const stop = async () => {
    await daemon.stop();
    await rm(directory, { recursive: true, force: true });
  };
  await untilListening(place, daemon).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  const endpoint = `https://${address}:${place.port}/${account}`;
  const putBlob = (path: string) => writeBlob(new URL(`${endpoint}/${path}`), sharedKey(account, key), caBundle);
  const tried: Azurite['tried'] = (sas, method, path) =>
    tryToken(new URL(`${endpoint}/${path}?${sas}`), method, caBundle);
  return { account, address, key, endpoint, caBundle, token, putBlob, tried, stop };
};

const tryToken = async (url: URL, method: string, ca: string): Promise<number> => {
  const headers = { 'x-ms-version': '2021-12-02', 'x-ms-blob-type': 'BlockBlob', 'content-length': '0' };
  const [answer] = (await once(request(url, { method, headers, ca, agent: false }).end(), 'response')) as [
    IncomingMessage,
  ];
  answer.resume();
  return answer.statusCode ?? 0;
};

const writeBlob = async (url: URL, authorize: Authorize, ca: string): Promise<void> => {
  const headers = {
    'x-ms-blob-type': 'BlockBlob',
    'x-ms-date': new Date().toUTCString(),
    'x-ms-version': '2021-12-02',
  };
  const authorization = await authorize({ method: 'PUT', url, headers }, AbortSignal.timeout(5_000));
  const options = { method: 'PUT', headers: { ...headers, authorization, 'content-length': '0' }, ca, agent: false };
  const [answer] = (await once(request(url, options).end(), 'response')) as [IncomingMessage];
  answer.resume();
  if (answer.statusCode !== 201) throw new Error(`azurite answered ${answer.statusCode} to ${url.pathname}`);
};

const mainFile = (): string => {
  const folder = dirname(createRequire(import.meta.url).resolve('azurite/package.json'));
  return join(folder, 'dist', 'src', 'blob', 'main.js');
};

const flags = (directory: string, { address, port }: Place): readonly string[] => [
  ...['--blobHost', address, '--blobPort', String(port)],
  ...['--cert', join(directory, 'cert.pem'), '--key', join(directory, 'key.pem'), '--oauth', 'basic'],
  ...['--inMemoryPersistence', '--disableTelemetry', '--silent', '--skipApiVersionCheck'],
];

const writeCertificate = async (directory: string, names: readonly string[]): Promise<string> => {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) };
  const authority = await issueAuthority('azurite', validity);
  const { cert, key } = await issueServing(authority, names, validity);
  await writeFile(join(directory, 'cert.pem'), cert);
  await writeFile(join(directory, 'key.pem'), key);
  return authority.cert;
};

const untilListening = async ({ address, port }: Place, daemon: Daemon): Promise<void> => {
  const deadline = Date.now() + readyWithinMs;
  // Anything but a refused connection is an answer, an untrusted certificate too.
  while ((await fetch(`https://${address}:${port}/`).catch(codeOf)) === 'ECONNREFUSED') {
    if (daemon.hasEnded()) throw new Error(`azurite ended: ${daemon.lastWords()}`);
    if (Date.now() > deadline) throw new Error(`azurite did not listen within ${readyWithinMs} ms`);
    await sleep(50);
  }
};

const codeOf = (error: unknown): unknown =>
  error instanceof Error && error.cause instanceof Error && 'code' in error.cause ? error.cause.code : undefined;

const token = (changes: Readonly<Record<string, unknown>> = {}): string => {
  const now = Math.floor(Date.now() / 1000);
  const claims = {
    aud: 'https://storage.azure.com',
    iss: 'https://sts.windows.net/00000000-0000-0000-0000-000000000000/',
    iat: now - 60,
    nbf: now - 60,
    exp: now + 3600,
    ...changes,
  };
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  return `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`;
};
