import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { issueAuthority, issueServing, type PemPair } from '../../src/certificates/issue.ts';
import { probeThrough } from '../../src/controller/webhooks/probe.ts';
import type { Kube } from '../../src/kube/api-server.ts';

const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 3_600_000) };
const service = { namespace: 'home', name: 'front', path: '/mutate', port: 0 };
const signal = new AbortController().signal;

let authority: PemPair;
let stranger: PemPair;
let server: Server;
let port: number;
let answer: (uid: string, response: ServerResponse) => void;
let asked: unknown;

const yes = (uid: string, response: ServerResponse): void =>
  void response.end(JSON.stringify({ response: { uid, allowed: true } }));

beforeAll(async () => {
  authority = await issueAuthority('ours', validity);
  stranger = await issueAuthority('theirs', validity);
  const { cert, key } = await issueServing(authority, ['front.home.svc', '127.0.0.1'], validity);
  server = createServer({ cert, key }, (request, response) => {
    void json(request).then((review) => {
      asked = review;
      answer((review as { readonly request: { readonly uid: string } }).request.uid, response);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});
afterAll(() => void server.close());

/** A Service whose cluster IP is where the server listens. */
const kube: Pick<Kube, 'get'> = {
  get: <T extends KubeObject>() =>
    Promise.resolve({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'front' },
      spec: { clusterIP: '127.0.0.1' },
    } as unknown as T),
};
const none: Pick<Kube, 'get'> = { get: () => Promise.resolve(undefined) };
const bundle = ({ cert }: PemPair): string => Buffer.from(cert).toString('base64');
const throughService = (caBundle: string, name = 'front') => ({
  name: 'any',
  clientConfig: { caBundle, service: { ...service, name, port } },
});

describe('a probe', () => {
  it('is answered through the Service, by its cluster IP and under its name', async () => {
    answer = yes;
    expect(await probeThrough(kube)(throughService(bundle(authority)), signal)).toBe(true);
    expect(asked).toMatchObject({ request: { dryRun: true, resource: { group: 'quartermaster.dev' } } });
  });

  it('is answered at a URL', async () => {
    answer = yes;
    const clientConfig = { caBundle: bundle(authority), url: `https://127.0.0.1:${port}/mutate` };
    expect(await probeThrough(none)({ name: 'any', clientConfig }, signal)).toBe(true);
  });

  it('is not answered by whom the authority that stands there did not sign', async () => {
    answer = yes;
    expect(await probeThrough(kube)(throughService(bundle(stranger)), signal)).toBe(false);
    expect(await probeThrough(kube)(throughService(bundle(authority), 'another'), signal)).toBe(false);
  });

  it.each<[string, typeof answer]>([
    ['junk', (_, response) => void response.end('no JSON')],
    ['another review', (_, response) => yes('another', response)],
    ['a refusal', (uid, response) => void response.end(JSON.stringify({ response: { uid, allowed: false } }))],
    ['a broken connection', (_, response) => void response.destroy()],
  ])('is not answered by %s', async (_, with_) => {
    answer = with_;
    expect(await probeThrough(kube)(throughService(bundle(authority)), signal)).toBe(false);
  });

  it('is not answered where there is no Service, no authority, nobody, or no time', async () => {
    answer = yes;
    expect(await probeThrough(none)(throughService(bundle(authority)), signal)).toBe(false);
    const closed = { name: 'any', clientConfig: { caBundle: bundle(authority), url: 'https://127.0.0.1:1/mutate' } };
    expect(await probeThrough(kube)(closed, signal)).toBe(false);
    const { caBundle: _, ...bare } = throughService('').clientConfig;
    expect(await probeThrough(kube)({ name: 'any', clientConfig: bare }, signal)).toBe(false);
    expect(await probeThrough(kube)(throughService(bundle(authority)), AbortSignal.abort())).toBe(false);
  });
});
