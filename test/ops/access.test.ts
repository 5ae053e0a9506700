import { describe, expect, it } from 'vitest';
import { type Asking, createAccess } from '../../src/ops/access.ts';

const asking: Asking = {
  remoteAddress: '10.0.0.7',
  host: 'quartermaster:8080',
  authorization: undefined,
  isForwarded: false,
  namespace: '',
};
const forwarded: Asking = { ...asking, remoteAddress: '127.0.0.1', host: '127.0.0.1:8080' };
const resources = [
  { group: '', resource: 'pods' },
  { group: 'sparkoperator.k8s.io', resource: 'sparkapplications' },
];

interface Review {
  readonly spec: { readonly token?: string; readonly resourceAttributes?: Readonly<Record<string, string>> };
}

/** An API server that knows one token, whose owner may list pods of one namespace. */
const apiServer = () => {
  const asked: string[] = [];
  const post = (path: string, body: unknown): Promise<unknown> => {
    asked.push(path.slice(path.lastIndexOf('/') + 1));
    const { token, resourceAttributes: attributes } = (body as Review).spec;
    if (token !== undefined)
      return Promise.resolve({ status: token === 'good' ? { authenticated: true, user: { username: 'eve' } } : {} });
    return Promise.resolve({
      status: { allowed: attributes?.['resource'] === 'pods' && attributes['namespace'] === 'team' },
    });
  };
  return { asked, post };
};

const bearer = (token: string, namespace = ''): Asking => ({ ...asking, authorization: `Bearer ${token}`, namespace });
const accessTo = (kube: Pick<ReturnType<typeof apiServer>, 'post'>, now = () => 0) =>
  createAccess({ kube, resources, now });

describe('without a token', () => {
  it.each([
    ['from a pod', asking],
    [
      'for a host that is not this one, by a name that resolves to 127.0.0.1',
      { ...forwarded, host: 'evil.example:8080' },
    ],
    ['through a proxy beside it', { ...forwarded, isForwarded: true }],
    ['with a password', { ...forwarded, authorization: 'Basic ZXZlOmV2ZQ==' }],
    ['from an address that only looks like it', { ...forwarded, remoteAddress: '::ffff:10.0.0.7' }],
  ])('nobody is let in %s', async (_, request) => {
    expect(await accessTo(apiServer())(request)).toMatchObject({ status: 401 });
  });

  it.each([
    ['127.0.0.1', 'localhost:9000'],
    ['::1', '[::1]:8080'],
    ['::ffff:127.0.0.1', '127.0.0.1'],
  ])('a port-forward is: from %s to %s', async (remoteAddress, host) => {
    expect(await accessTo(apiServer())({ ...forwarded, remoteAddress, host })).toMatchObject({ scope: 'cluster' });
  });
});

describe('with a token', () => {
  it('a tenant sees the kinds they may list in their namespace', async () => {
    const viewer = await accessTo(apiServer())(bearer('good', 'team'));
    expect(viewer).toMatchObject({ scope: 'namespace', namespace: 'team', resources: new Set(['/pods']) });
  });

  it('a tenant sees no other namespace, and not the whole cluster', async () => {
    const access = accessTo(apiServer());
    expect(await access(bearer('good', 'other'))).toMatchObject({
      status: 403,
      message: 'eve may not get /quartermaster/status, and may list nothing in namespace other.',
    });
    expect(await access(bearer('good'))).toMatchObject({ status: 403 });
  });

  it('that the API server does not know nobody is let in, from the loopback address neither', async () => {
    expect(await accessTo(apiServer())({ ...forwarded, authorization: 'Bearer bad' })).toMatchObject({ status: 401 });
  });

  it('is asked about once in ten seconds', async () => {
    let now = 0;
    const server = apiServer();
    const access = accessTo(server, () => now);
    for (let count = 0; count < 5; count += 1) await access(bearer('bad'));
    expect(server.asked).toEqual(['tokenreviews']);
    now = 10_000;
    await access(bearer('bad'));
    expect(server.asked).toHaveLength(2);
  });

  it('an API server that does not answer lets nobody in, and is asked again', async () => {
    const answers = [() => Promise.reject(new Error('down.')), apiServer().post];
    const access = accessTo({ post: (path, body) => (answers.shift() ?? apiServer().post)(path, body) });
    expect(await access(bearer('good', 'team'))).toMatchObject({ status: 503 });
    expect(await access(bearer('good', 'team'))).toMatchObject({ scope: 'namespace' });
  });
});
