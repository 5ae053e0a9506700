import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Viewer } from '../../src/ops/access.ts';
import type { DecisionRecord } from '../../src/ops/decisions.ts';
import { createHealth } from '../../src/ops/health.ts';
import { createReplicaProofs } from '../../src/ops/replica-proof.ts';
import { askReplicas } from '../../src/ops/replicas.ts';
import { createOpsApp, createOpsServer } from '../../src/ops/server.ts';
import type { ReplicaStatus } from '../../src/ops/status.ts';
import type { StatusSources } from '../../src/ops/status-api.ts';

const decision = (fields: Partial<DecisionRecord> = {}): DecisionRecord => ({
  id: 'u',
  at: '2026-11-20T10:20:30.000Z',
  operation: 'CREATE',
  group: '',
  resource: 'pods',
  kind: 'Pod',
  namespace: 'team',
  name: 'step',
  outcome: 'changed',
  dryRun: false,
  explain: [
    { path: '/spec/a', source: 'PlatformDefaults q/d@1', mode: 'Default', why: 'the manifest says nothing here' },
    { path: '/spec/b', source: 'PlatformDefaults q/d@1', mode: 'Default', why: 'the manifest says nothing here' },
  ],
  warnings: [],
  audited: [],
  ...fields,
});

const replica = (name: string, decisions: readonly DecisionRecord[]): ReplicaStatus => ({
  name,
  version: '1.2.3',
  waitingFor: [],
  controllers: [],
  decisions,
});

const state = { isReady: true, reason: 'Valid', message: 'In force.' };
const defaults = {
  namespace: 'q',
  name: 'd',
  isGlobal: true,
  kinds: ['Pod'],
  mode: 'Default',
  priority: 0,
  generation: 1,
  state,
};
const tenant: Viewer = { scope: 'namespace', namespace: 'team', resources: new Set(['/pods']), token: 't' };

const sources = (fields: Partial<StatusSources> = {}): StatusSources => ({
  access: () => Promise.resolve({ scope: 'cluster', token: undefined }),
  own: () => replica('one', []),
  replicas: () => Promise.resolve({ replicas: [replica('one', [decision()])], silent: [] }),
  cluster: () => ({ cloud: undefined, defaults: [defaults], storageClasses: [], objectStores: [] }),
  report: () => Promise.resolve({ isKept: false, notes: ['No report is kept.'], namespaces: [], findings: [] }),
  why: (query) =>
    Promise.resolve({ ...query, was: ['It was given.'], differs: [], now: { isSent: true, notes: [], defaults: [] } }),
  ...fields,
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

const serve = async (status: StatusSources, proofs = createReplicaProofs(() => 'key', Date.now)): Promise<number> => {
  const fault = (_path: string, error: unknown): never => {
    throw error;
  };
  const options = { health: createHealth([]), metrics: () => Promise.reject(new Error('none')), status, proofs };
  const server = createOpsServer(createOpsApp({ ...options, onFault: fault })).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
};

const get = async (fields: Partial<StatusSources>, path: string) => {
  const response = await fetch(`http://127.0.0.1:${await serve(sources(fields))}${path}`);
  return { status: response.status, headers: response.headers, text: await response.text() };
};

const items = async (fields: Partial<StatusSources>, path: string): Promise<readonly Record<string, unknown>[]> =>
  (JSON.parse((await get(fields, path)).text) as { items: readonly Record<string, unknown>[] }).items;

const many = {
  replicas: () =>
    Promise.resolve({
      replicas: [
        replica('one', [
          decision({ name: 'late', at: '2026-11-20T10:00:02.000Z' }),
          decision({ name: 'early', at: '2026-11-20T10:00:00.000Z' }),
        ]),
        replica('two', [
          decision({ name: 'between', at: '2026-11-20T10:00:01.000Z', outcome: 'refused', explain: [], denied: 'No.' }),
          decision({ name: 'elsewhere', namespace: 'other', at: '2026-11-20T09:00:00.000Z' }),
          decision({
            name: 'app',
            kind: 'SparkApplication',
            group: 'sparkoperator.k8s.io',
            resource: 'sparkapplications',
            at: '2026-11-20T08:00:00.000Z',
          }),
        ]),
      ],
      silent: [{ name: 'three', why: 'did not answer within 2 s' }],
    }),
};

describe('the API', () => {
  it('merges what all replicas remember, newest first, and names who did not tell', async () => {
    const answer = JSON.parse((await get(many, '/api/v1/decisions')).text) as Record<string, unknown>;
    expect(answer).toMatchObject({
      apiVersion: 'status.quartermaster.dev/v1',
      total: 5,
      silent: [{ name: 'three', why: 'did not answer within 2 s' }],
    });
    expect((await items(many, '/api/v1/decisions')).map(({ name, replica: by }) => [name, by])).toEqual([
      ['late', 'one'],
      ['between', 'two'],
      ['early', 'one'],
      ['elsewhere', 'two'],
      ['app', 'two'],
    ]);
  });

  it.each([
    ['namespace=other', ['elsewhere']],
    ['kind=sparkapplication', ['app']],
    ['name=ear', ['early']],
    ['outcome=refused', ['between']],
    ['defaults=q/d&kind=Pod&limit=1', ['late']],
    ['defaults=q/x', []],
  ])('finds by %s', async (query, names) => {
    expect((await items(many, `/api/v1/decisions?${query}`)).map(({ name }) => name)).toEqual(names);
  });

  it('shows a tenant the kinds of their namespace that they may list, and what holds there', async () => {
    const asTenant = {
      ...many,
      access: () => Promise.resolve(tenant),
      cluster: () => ({
        cloud: undefined,
        defaults: [defaults, { ...defaults, namespace: 'other', name: 'theirs', isGlobal: false }],
        storageClasses: [{ name: 'c', provisioner: 'p', madeFor: '' }],
        objectStores: [{ namespace: 'team', name: 's', provider: 's3', bucket: '', state }],
      }),
    };
    expect((await items(asTenant, '/api/v1/decisions?namespace=team')).map(({ name }) => name)).toEqual([
      'late',
      'between',
      'early',
    ]);
    expect(await items(asTenant, '/api/v1/defaults?namespace=team')).toMatchObject([{ name: 'd', won: 2 }]);
    expect(JSON.parse((await get(asTenant, '/api/v1/health?namespace=team')).text)).toMatchObject({
      storageClasses: [],
      objectStores: [],
    });
  });

  it('tells a tenant nothing of the cloud, in what each replica says neither', async () => {
    const cloud = { name: 'aws', facts: {}, classOptions: [], notes: [] } as const;
    const onAws = {
      replicas: () => Promise.resolve({ replicas: [{ ...replica('one', []), cloud: 'aws' }], silent: [] }),
      cluster: () => ({ cloud, defaults: [], storageClasses: [], objectStores: [] }),
    };
    const health = async (fields: Partial<StatusSources>) =>
      JSON.parse((await get({ ...onAws, ...fields }, '/api/v1/health?namespace=team')).text) as object;
    expect(await health({})).toMatchObject({ cloud: { name: 'aws' }, replicas: [{ cloud: 'aws' }] });
    const told = await health({ access: () => Promise.resolve(tenant) });
    expect(told).toMatchObject({ replicas: [{ name: 'one', version: '1.2.3' }] });
    expect(JSON.stringify(told)).not.toMatch(/cloud|aws/);
  });

  it('shows who sees the whole cluster what holds in one namespace, and what it came to there', async () => {
    const own = { ...defaults, namespace: 'team', name: 'own', isGlobal: false };
    const inTwo = {
      ...many,
      cluster: () => ({
        cloud: undefined,
        defaults: [defaults, own, { ...own, namespace: 'other', name: 'theirs' }],
        storageClasses: [{ name: 'c', provisioner: 'p', madeFor: '' }],
        objectStores: ['team', 'other'].map((namespace) => ({
          namespace,
          name: 's',
          provider: 's3',
          bucket: '',
          state,
        })),
      }),
    };
    const answer = async (path: string) => JSON.parse((await get(inTwo, path)).text) as object;
    const [there, all] = [
      { name: 'd', won: 3 },
      { name: 'd', won: 4 },
    ];
    expect(await answer('/api/v1/defaults')).toMatchObject({
      decisions: 5,
      items: [all, { name: 'theirs' }, { name: 'own' }],
    });
    expect(await answer('/api/v1/defaults?namespace=team')).toMatchObject({
      decisions: 4,
      items: [there, { name: 'own' }],
    });
    expect(await answer('/api/v1/health?namespace=team')).toMatchObject({
      replicas: [{ name: 'one' }, { name: 'two' }],
      storageClasses: [{ name: 'c' }],
      objectStores: [{ namespace: 'team' }],
    });
    expect((await get(inTwo, '/defaults?namespace=team')).text).not.toContain('other/theirs');
    expect((await get(inTwo, '/health?namespace=team')).text).not.toContain('other/s');
  });

  it('tells an answer that is too large from one that is not there', async () => {
    const { AppError } = await import('../../src/api/errors.ts');
    const why = () => Promise.reject(new AppError('TooLarge', 'GET /api was answered with too much.'));
    expect((await get({ why }, '/api/v1/why?kind=Pod&namespace=team&name=step')).status).toBe(502);
  });

  it.each([
    ['/api/v1/decisions?limit=many', 400, 'limit must be a whole number up to 1000.'],
    ['/api/v1/decisions?kind=a&kind=b', 400, 'kind must be given once'],
    ['/api/v1/decisions?namespace[]=a&namespace[]=b', 200, '"total":1'],
    ['/api/v1/why?kind=Pod&namespace=team', 400, 'name is missing'],
    ['/api/v1/nothing', 404, ''],
    ['/api/v1', 200, '/api/v1/health'],
  ])('answers %s with %i', async (path, status, text) => {
    const answer = await get({}, path);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(text);
  });

  it('answers a few questions at once, and has others ask again', async () => {
    const held = Promise.withResolvers<never>();
    let under = 0;
    const why = () => {
      under += 1;
      return held.promise;
    };
    const { AppError } = await import('../../src/api/errors.ts');
    const port = await serve(sources({ why }));
    const ask = (path: string) => fetch(`http://127.0.0.1:${port}${path}`);
    const question = '/api/v1/why?kind=Pod&namespace=team&name=step';
    const asked = Array.from({ length: 10 }, () => ask(question));
    await expect.poll(() => under).toBe(10);
    const busy = await ask(question);
    expect(busy.status).toBe(503);
    expect(await busy.json()).toEqual({
      apiVersion: 'status.quartermaster.dev/v1',
      error: 'Too many ask at once: ask again in a moment.',
    });
    expect((await ask('/health')).status).toBe(503);
    expect(under).toBe(10);
    held.reject(new AppError('NotFound', 'There is none.'));
    expect(new Set((await Promise.all(asked)).map(({ status }) => status))).toEqual(new Set([404]));
    expect((await ask('/health')).status).toBe(200);
  });

  it('says who may ask, where nobody may see it', async () => {
    const refusal = { status: 401, message: 'Say who asks.' } as const;
    const answer = await get({ access: () => Promise.resolve(refusal) }, '/api/v1/decisions');
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="quartermaster"']);
    expect((await get({ access: () => Promise.resolve(refusal) }, '/')).text).toContain('Say who asks.');
  });
});

describe('the page', () => {
  const PAGES = ['/', '/defaults', '/health', '/report', '/why?kind=Pod&namespace=team&name=step'];
  const evil = `<script>alert("1")</script>'"><img src=x onerror=alert(1)>`;
  const verdict = {
    source: evil,
    mode: 'Default',
    verdict: 'applied',
    why: evil,
    values: [{ verdict: 'applied', field: evil, value: evil, over: evil, why: evil }],
  } as const;
  const evilState = { isReady: false, reason: evil, message: evil };
  const hostile: Partial<StatusSources> = {
    replicas: () =>
      Promise.resolve({
        replicas: [
          {
            ...replica(evil, [
              decision({
                ...{
                  name: evil,
                  namespace: evil,
                  kind: evil,
                  operation: evil,
                  warnings: [evil],
                  denied: evil,
                  auditedDenial: evil,
                },
                explain: [{ path: evil, source: evil, mode: 'Default', why: evil }],
                audited: [{ path: evil, field: evil, source: evil, effect: 'set' }],
                details: { changes: [{ field: evil, before: evil, after: evil }], notes: [evil], defaults: [verdict] },
              }),
              decision({ explain: [{ path: evil, source: evil, mode: 'Default', why: evil }] }),
            ]),
            waitingFor: [evil],
            unreadable: [evil],
            isLeading: true,
            controllers: [{ name: evil, waiting: 1, failing: 1, failedAt: evil }],
          },
        ],
        silent: [{ name: evil, why: evil }],
      }),
    cluster: () => ({
      cloud: { name: 'aws', facts: { region: { value: evil, source: evil } }, classOptions: [], notes: [evil] },
      defaults: [{ ...defaults, namespace: evil, name: evil, kinds: [evil], mode: evil, state: evilState }],
      storageClasses: [{ name: evil, provisioner: evil, madeFor: evil }],
      objectStores: [{ namespace: evil, name: evil, provider: evil, bucket: evil, state: evilState }],
    }),
    report: () =>
      Promise.resolve({
        isKept: true,
        notes: [evil],
        namespaces: [{ namespace: evil, pass: 1, fail: 0, warn: 0, error: 0, skip: 0 }],
        findings: [
          {
            namespace: evil,
            group: evil,
            kind: evil,
            name: evil,
            defaults: evil,
            result: 'fail',
            standing: evil,
            message: evil,
          },
        ],
      }),
    why: () =>
      Promise.resolve({
        kind: evil,
        namespace: evil,
        name: evil,
        was: [evil],
        differs: [evil],
        now: { isSent: false, notes: [evil], defaults: [verdict] },
      }),
  };

  it.each([...PAGES, `/?name=${encodeURIComponent(evil)}&namespace=${encodeURIComponent(evil)}`])(
    'shows names and messages as text at %s, whatever they hold',
    async (path) => {
      const { status, text } = await get(hostile, path);
      expect(status).toBe(200);
      expect(text).not.toMatch(/<script|<img/);
      expect(text).not.toMatch(/value="[^"]*'"><img/);
    },
  );

  it.each(PAGES)('lets nothing run at %s', async (path) => {
    const { headers, text } = await get({}, path);
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
    );
    expect(text).not.toMatch(/ style=| on\w+=|<script|https?:\/\//);
  });

  it('tells one of a crowd by source and reason once, with every path', async () => {
    const { text } = await get({}, '/');
    expect(text.match(/the manifest says nothing here/g)).toHaveLength(1);
    expect(text).toContain('<code>/spec/a</code> <code>/spec/b</code>');
  });

  it('says why it does not show an object', async () => {
    const { AppError } = await import('../../src/api/errors.ts');
    const why = () => Promise.reject(new AppError('NotFound', 'There is no Pod team/step.'));
    expect((await get({ why }, '/why?kind=Pod&namespace=team&name=step')).text).toContain('There is no Pod team/step.');
  });
});

describe('the replicas of an install', () => {
  const slice = (...endpoints: readonly (readonly [address: string, name: string, port: number])[]) =>
    endpoints.map(([address, name, port]) => ({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name },
      ports: [
        { name: 'ops', port },
        { name: 'webhook', port: 1 },
      ],
      endpoints: [{ addresses: [address], targetRef: { kind: 'Pod', name } }],
    }));
  const ask = (own: number, listed: ReturnType<typeof slice>, key: string | undefined = 'key') =>
    askReplicas({
      kube: {
        list: <T>() =>
          Promise.resolve({ items: listed as unknown as readonly T[], resourceVersion: '1', continueToken: undefined }),
      },
      namespace: 'q',
      service: 'quartermaster',
      own: () => replica('own', []),
      isOwn: ({ port }) => port === own,
      proofs: createReplicaProofs(() => key, Date.now),
    });
  const remembering = (name: string) => sources({ own: () => replica(name, [decision({ name: `by ${name}` })]) });

  it('tell each other what they remember, those that have the key alone', async () => {
    const [two, three] = [
      await serve(remembering('two')),
      await serve(
        remembering('three'),
        createReplicaProofs(() => 'another', Date.now),
      ),
    ];
    const all = await ask(
      1,
      slice(
        ['127.0.0.1', 'own', 1],
        ['127.0.0.1', 'two', two],
        ['127.0.0.1', 'three', three],
        ['127.0.0.1', 'gone', 2],
      ),
    );
    expect(all.replicas.map(({ name, decisions }) => [name, decisions.length])).toEqual([
      ['own', 0],
      ['two', 1],
    ]);
    expect(all.silent).toEqual([
      { name: 'three', why: 'answered 401' },
      { name: 'gone', why: 'cannot be reached' },
    ]);
  });

  it('are asked though a slice of the Service is empty, which the API server writes as null', async () => {
    const two = await serve(remembering('two'));
    const metadata = { name: 'empty' };
    const empty = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata, ports: null, endpoints: null };
    const unbacked = { ...slice(['127.0.0.1', 'none', 1])[0], endpoints: null };
    const listed = [empty, unbacked, ...slice(['127.0.0.1', 'two', two])] as unknown as ReturnType<typeof slice>;
    const all = await ask(1, listed);
    expect(all.replicas.map(({ name }) => name)).toEqual(['own', 'two']);
    expect(all.silent).toEqual([]);
  });

  it('are not believed where somebody else answers, and not waited for long', async () => {
    const { createServer } = await import('node:http');
    const impostor = createServer((_request, response) => response.end(JSON.stringify(replica('two', [])))).listen(
      0,
      '127.0.0.1',
    );
    const mute = createServer(() => undefined).listen(0, '127.0.0.1');
    servers.push(impostor, mute);
    await Promise.all([once(impostor, 'listening'), once(mute, 'listening')]);
    const [first = 0, second = 0] = [impostor, mute].map((server) => (server.address() as AddressInfo).port);
    expect((await ask(1, slice(['127.0.0.1', 'two', first], ['127.0.0.1', 'mute', second]))).silent).toEqual([
      { name: 'two', why: 'answered something that no replica of this install says' },
      { name: 'mute', why: 'did not answer within 2 s' },
    ]);
  });

  it('prove who they are for one replica, and for half a minute', () => {
    let now = 1_000_000;
    const proofs = createReplicaProofs(
      () => 'key',
      () => now,
    );
    const target = { address: '10.0.0.1', port: 8080 };
    const question = proofs.ofQuestion(target);
    expect(proofs.isQuestion(question, target)).toBe(true);
    expect(proofs.isQuestion(question, { ...target, address: '10.0.0.2' })).toBe(false);
    expect(proofs.isQuestion(undefined, target)).toBe(false);
    now += 30_001;
    expect(proofs.isQuestion(question, target)).toBe(false);
  });
});

describe('the list of decisions', () => {
  it('says how much of an explanation is left out', async () => {
    const verdict = { source: 'q/d@1', mode: 'Default', verdict: 'applied', why: 'w', values: [] } as const;
    const details = {
      ...{ changes: [], notes: [], defaults: [{ ...verdict, valuesLeftOut: 13 }], defaultsLeftOut: 10 },
    };
    const replicas = () => Promise.resolve({ replicas: [replica('one', [decision({ details })])], silent: [] });
    const { text } = await get({ replicas }, '/');
    expect(text).toContain('13 more are left out here');
    expect(text).toContain('10 more PlatformDefaults are left out here');
    expect((await get({}, '/')).text).not.toContain('left out');
  });

  it('tells the day of each, since a quiet cluster has them of many', async () => {
    const { text } = await get({}, '/');
    expect(text).toContain('<time datetime="2026-11-20T10:20:30.000Z">2026-11-20 10:20:30</time>');
  });

  it('counts one warning as one', async () => {
    const replicas = () =>
      Promise.resolve({
        replicas: [replica('one', [decision({ warnings: ['a'] }), decision({ warnings: ['a', 'b'] })])],
        silent: [],
      });
    const { text } = await get({ replicas }, '/');
    expect(text).toContain('q/d@1 · 1 warning<');
    expect(text).toContain('q/d@1 · 2 warnings<');
  });

  it('says of none at all something else than of none that fits', async () => {
    const replicas = () => Promise.resolve({ replicas: [replica('one', [])], silent: [] });
    expect((await get({ replicas }, '/')).text).toContain('Nothing that was decided is remembered yet.');
    expect((await get({ replicas }, '/?namespace=team')).text).toContain('No decision that is remembered fits.');
  });
});
