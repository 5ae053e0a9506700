import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../../dev/free-ports.ts';
import { issueAuthority, issueServing } from '../../src/certificates/issue.ts';
import {
  conditionOf,
  type ObjectStoreCluster,
  startObjectStoreCluster,
  until,
} from '../fixtures/object-store-cluster.ts';
import { startOwnClock } from '../fixtures/own-clock.ts';

const SECRET_KEY = 'wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY';
/** Begins every signature of a request: what a server may hold, and nobody else should read. */
const SIGNATURE = /Signature=[0-9a-f]{16}/;

let cluster: ObjectStoreCluster;
const servers: Server[] = [];
const sockets = new Set<Socket>();

beforeAll(async () => {
  cluster = await startObjectStoreCluster();
  await cluster.putSecret('keys', { 'access-key': 'AKIDEXAMPLE', 'secret-key': SECRET_KEY });
  cluster.run();
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

afterAll(() => cluster?.stop());

/** Listens on 127.0.0.1 until the test is over. `connected` holds the time of each connection. */
const listen = async (server: Server, scheme = 'http') => {
  const connected: number[] = [];
  servers.push(server);
  server.on('connection', (socket: Socket) => {
    connected.push(Date.now());
    sockets.add(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { endpoint: `${scheme}://127.0.0.1:${port}`, connected };
};

const submit = (name: string, endpoint: string): Promise<void> =>
  cluster.submit(name, {
    name,
    provider: 's3',
    s3: { endpoint },
    credentialsSecretRef: { name: 'keys' },
  });

/** The sentence of the Ready condition, once it has the reason. */
const sentenceOf = async (name: string, reason: string): Promise<string> => {
  const ready = await until(`${name} has reason ${reason}`, async () => {
    const condition = conditionOf(await cluster.read(name), 'Ready');
    return condition?.reason === reason && condition;
  });
  expect(ready.status).toBe('False');
  expect(ready.message).toMatch(/^Bucket "[a-z-]+" at https?:\/\/127\.0\.0\.1:\d+: [^\n]*\.$/);
  return ready.message;
};

/** Looks for secrets in all that anybody but the server gets to read. */
const expectNoLeak = async (name: string): Promise<void> => {
  const told = [cluster.logged(), await cluster.read(name), await cluster.events(name)];
  const text = JSON.stringify(told);
  expect(text).toContain(name);
  expect(text).not.toContain(SECRET_KEY);
  expect(text).not.toMatch(SIGNATURE);
};

describe('an endpoint', () => {
  it('that refuses connections is told, and the ObjectStore can go', async () => {
    const [port] = await freePorts(1);
    await submit('refusing', `http://127.0.0.1:${port}`);
    expect(await sentenceOf('refusing', 'EndpointUnreachable')).toContain('ECONNREFUSED');
    await expectNoLeak('refusing');
    using sinceRemoval = startOwnClock();
    await cluster.remove('refusing');
    await until('it is gone', async () => (await cluster.read('refusing')) === undefined);
    expect(sinceRemoval.ms()).toBeLessThan(3_000);
  });

  it('that hangs is told within its time-out, and holds up nobody else', async () => {
    const { endpoint } = await listen(createServer((socket) => socket.resume()));
    const crowd = Array.from({ length: 20 }, (_, index) => `hanging-${index}`);
    await Promise.all(crowd.map((name) => submit(name, endpoint)));
    await cluster.putSecret('others', { 'access-key': 'AKIDEXAMPLE', 'secret-key': SECRET_KEY });
    const [port] = await freePorts(1);
    using sinceSubmit = startOwnClock();
    await cluster.submit('not-hanging', {
      name: 'not-hanging',
      provider: 's3',
      s3: { endpoint: `http://127.0.0.1:${port}` },
      credentialsSecretRef: { name: 'others' },
    });
    await sentenceOf('not-hanging', 'EndpointUnreachable');
    expect(sinceSubmit.ms()).toBeLessThan(5_000);
    const told = await until('one of them is told', async () => {
      const stores = await Promise.all(crowd.map((name) => cluster.read(name)));
      return stores.map((store) => conditionOf(store, 'Ready')).find((ready) => ready !== undefined);
    });
    expect(told).toMatchObject({ status: 'False', reason: 'EndpointUnreachable' });
    expect(told.message).toContain('no answer within 10 s');
    await Promise.all(crowd.map((name) => cluster.remove(name)));
  });

  it('that resets connections is told, and left alone for a while', async () => {
    const { endpoint, connected } = await listen(
      createServer((socket) => socket.on('data', () => socket.resetAndDestroy())),
    );
    await submit('resetting', endpoint);
    await sentenceOf('resetting', 'EndpointUnreachable');
    const again = await until('it is tried again', () => Promise.resolve(connected[1]));
    expect(again - (connected[0] ?? again)).toBeGreaterThan(5_000);
    await expectNoLeak('resetting');
    await cluster.remove('resetting');
  });

  it('whose certificate nobody trusts gets no request', async () => {
    const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
    const pair = await issueServing(await issueAuthority('nobody', validity), ['127.0.0.1'], validity);
    let requests = 0;
    const { endpoint } = await listen(
      createHttpsServer(pair, (_, response) => {
        requests += 1;
        response.end();
      }),
      'https',
    );
    await submit('untrusted', endpoint);
    expect(await sentenceOf('untrusted', 'EndpointUnreachable')).toContain('spec.s3.caBundleRef');
    expect(requests).toBe(0);
    await expectNoLeak('untrusted');
    await cluster.remove('untrusted');
  });

  it('that gives back what it was sent gets none of it told', async () => {
    const { endpoint } = await listen(
      createHttpServer((request, response) => {
        const echo = `${request.headers.authorization} ${SECRET_KEY}`;
        response.writeHead(403, { 'content-type': 'application/xml', 'x-echo': echo });
        response.end(`<Error><Code>${echo}</Code><Message>${echo}</Message></Error>`);
      }),
    );
    await submit('echoing', endpoint);
    await until('it is told', async () => conditionOf(await cluster.read('echoing'), 'Ready'));
    await until('its Event is written', async () => (await cluster.events('echoing')).length > 0);
    await expectNoLeak('echoing');
    await cluster.remove('echoing');
  });
});
