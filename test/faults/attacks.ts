import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { MAX_BODY_BYTES } from '../../src/admission/server.ts';
import { platformDefaults } from '../fixtures/defaults.ts';
import { readSeeds, reviewOf, type Seed } from '../fixtures/fuzz-seeds.ts';
import { requestFor } from '../fixtures/golden-case.ts';
import { grownTo } from '../fuzz/cost/cases.ts';
import { drip, type Endpoint, type Line, openLine, openTcp, send } from './abuse-client.ts';

/** Goes on until its process is ended. */
type Attack = (server: Endpoint) => Promise<unknown>;

const START = 'POST /mutate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
const CLOSE = 'Connection: close\r\n';
/** One for each pod of a tenant who has a hundred. */
const HOSTS = Array.from({ length: 100 }, (_, at) => `127.0.1.${at + 1}`);
const hostOf = (at: number): string => HOSTS[at % HOSTS.length] ?? '';
const HEADERS = Array.from({ length: 1_000 }, (_, at) => `a${at}: b\r\n`).join('');
/** Nothing of it is counted. */
const SMALL = 64 * 1024;
const announced = `${START}Content-Length: ${MAX_BODY_BYTES}\r\n\r\n`;

const post = (body: string | Buffer, headers = ''): Buffer =>
  Buffer.concat([
    Buffer.from(`${START}${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n`),
    Buffer.from(body),
  ]);
const lasting = (body: string | Buffer, headers = ''): Buffer => post(body, `${CLOSE}${headers}`);

let reached = 0;
/** How many connections the server took, or messages it answered. */
export const reachedCount = (): number => reached;
const counted = async <T>(step: Promise<T>): Promise<T> => {
  const done = await step;
  reached += 1;
  return done;
};

/** So many at once, each of which begins again once it has ended, well or not. */
const keepUp = (atOnce: number, once: (at: number) => Promise<unknown>): Promise<unknown> => {
  const goOn = async (at: number): Promise<void> => {
    for (;;) {
      await once(at).catch(() => undefined);
      // What fails at once must not keep this process from all else.
      await sleep(0);
    }
  };
  return Promise.all(Array.from({ length: atOnce }, (_, at) => goOn(at)));
};

type Open = (server: Endpoint, host?: string) => Promise<Line>;

/** Says something on connections of a hundred addresses, reads no answer, and leaves each after a while. */
const saying =
  (atOnce: number, open: Open, text: string | Buffer, afterwards?: (line: Line) => void): Attack =>
  (server) =>
    keepUp(atOnce, async (at) => {
      const line = await counted(open(server, hostOf(at)));
      line.socket.pause();
      if (text.length > 0) line.socket.write(text);
      afterwards?.(line);
      await Promise.race([line.ended, sleep(HELD_MS)]);
      line.socket.destroy();
    });
const HELD_MS = 2_000;

/** Opens connections as fast as it can, and closes none. */
const flooding =
  (hosts: readonly string[], open: Open): Attack =>
  (server) =>
    keepUp(50, (at) => counted(open(server, hosts[at % hosts.length])));

/** Sends bodies one after the other, so many at once, and waits for each answer. */
const sending =
  (atOnce: number, message: Buffer): Attack =>
  (server) =>
    keepUp(atOnce, () => counted(send(server, message)));

const seeds = readSeeds();
const seedOf = (name: string): Seed => {
  const found = seeds.find((seed) => seed.name.startsWith(name));
  if (found === undefined) throw new Error(`there is no golden case ${name}`);
  return found;
};
const review = JSON.stringify(reviewOf(seedOf('spark-application/spark-pi').request));
const dense = Array.from({ length: 200_000 }, (_, at) => `{"key-${at}":"${'x'.repeat(16)}"}`).join();

/** A namespace of the tenant that attacks. */
const TENANT = 'team-hostile';

const times = <T>(count: number, make: (at: number) => T): readonly T[] =>
  Array.from({ length: count }, (_, at) => make(at));
const fields = (count: number, nameOf: (at: number) => string, value: string) =>
  Object.fromEntries(times(count, (at) => [nameOf(at), value]));

/** The PlatformDefaults of that tenant: as many keys as may be, and every one of them ties with all others. */
export const hostileDefaults = () => [
  ...times(40, (at) =>
    platformDefaults(
      `d${at}`,
      { inject: { sparkConf: fields(500, (key) => `spark.x${key}`, `${at}`) } },
      { namespace: TENANT },
    ),
  ),
  ...times(16, (part) =>
    platformDefaults(
      `labels-${part}`,
      { match: { kinds: ['Pod'] }, inject: { labels: fields(60, (at) => `example.org/l${part * 60 + at}`, 'x') } },
      { namespace: TENANT },
    ),
  ),
];

/** What any platform may enforce: Pod Security `restricted`, resources, and a mirror of images. */
export const platformRules = () => [
  platformDefaults('restricted', {
    mode: 'Enforce',
    match: { kinds: ['Pod'] },
    inject: {
      containerSecurityContext: {
        allowPrivilegeEscalation: false,
        runAsNonRoot: true,
        capabilities: { drop: ['ALL'] },
        seccompProfile: { type: 'RuntimeDefault' },
      },
      resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '2Gi' } },
    },
  }),
  platformDefaults('mirror', {
    mode: 'Enforce',
    match: { kinds: ['Pod'] },
    inject: { imageRegistries: [{ from: 'docker.io/', to: 'mirror.example.org/' }] },
  }),
];

const podOf = (spec: object, labels: Readonly<Record<string, string>> = {}) =>
  ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'it', namespace: TENANT, labels }, spec }) as const;

const podReview = (pod: ReturnType<typeof podOf>, oldObject?: ReturnType<typeof podOf>): Buffer =>
  lasting(JSON.stringify(reviewOf(inTenant(requestFor({ circumstances: {}, oldObject }, pod)))));

const containers = (count: number) => times(count, (at) => ({ name: `c${at.toString(36)}`, image: 'a' }));

const inTenant = (request: Seed['request']) => ({
  ...request,
  namespace: TENANT,
  object: { ...request.object, metadata: { ...request.object.metadata, namespace: TENANT } },
});

/** As large as the API server takes, and nothing but what is compared with each other. */
const largePod = (): Buffer => {
  const seed = seedOf('calrissian-pod/');
  const paths = [
    ['spec', 'volumes'],
    ['spec', 'containers', '0', 'volumeMounts'],
  ];
  const growing = { seed: seed.name, paths, shape: 'distinct', mode: 'Default', operation: 'CREATE' } as const;
  return lasting(JSON.stringify(reviewOf(grownTo({ ...growing, giving: undefined }, seed, 1).request)));
};

const claimOfClass = (name: string): Buffer => {
  const { request } = seedOf('persistent-volume-claim/');
  const spec = { ...(request.object as { readonly spec?: object }).spec, storageClassName: name };
  return lasting(JSON.stringify(reviewOf({ ...request, object: { ...request.object, spec } as never })));
};

const openAndAsk: Open = async (server, host) => {
  const line = await openLine(server, host);
  line.socket.write(post(review));
  await Promise.race([new Promise((resolve) => line.socket.once('data', resolve)), line.ended]);
  return line;
};

/** What somebody with one namespace, or none, can do to the port without an end. */
export const ATTACKS: Readonly<Record<string, () => Attack>> = {
  'bodies of 7 MiB announced, and one byte sent': () => saying(50, openLine, `${announced}x`),
  'slow bodies from a hundred addresses': () =>
    saying(100, openLine, `${announced}${'x'.repeat(600 * 1024)}`, (line) => drip(line, 'x', 200)),
  'connections from one address': () => flooding(HOSTS.slice(0, 1), openTcp),
  'connections from a hundred addresses': () => flooding(HOSTS, openTcp),
  'TLS on connections from a hundred addresses': () => flooding(HOSTS, openLine),
  'a review on each of thousands of connections': () => flooding(HOSTS, openAndAsk),
  'half a request': () => saying(500, openLine, START),
  'half of a thousand headers': () => saying(500, openLine, `${START}${HEADERS.slice(0, -4)}`),
  'a thousand headers': () => saying(500, openLine, `${START}${HEADERS}Content-Length: 2\r\n\r\n{}`),
  'fifty reviews in a row, no answer read': () =>
    saying(500, openLine, Buffer.from(post(review).toString().repeat(50))),
  'thousands of empty requests in a row': () => saying(500, openLine, 'GET / HTTP/1.1\r\n\r\n'.repeat(5_000)),
  'small bodies that do not end on a thousand connections': () =>
    saying(1_000, openLine, `${START}Content-Length: ${SMALL}\r\n\r\n${'x'.repeat(SMALL - 1)}`),
  'bodies in pieces of one byte': () =>
    saying(100, openLine, `${START}Transfer-Encoding: chunked\r\n\r\n${'1\r\nx\r\n'.repeat(500_000)}`),
  'one handshake after another': () => (server) =>
    keepUp(50, async () => {
      const { socket, ended } = await counted(openLine(server, undefined, 'TLSv1.2'));
      socket.renegotiate({}, () => undefined);
      await Promise.race([ended, sleep(HELD_MS)]);
      socket.destroy();
    }),
  'dense bodies of 6 MiB': () => sending(10, lasting(review.replace(/"object":\{/, `"object":{"dense":[${dense}],`))),
  'bodies of 7 MiB that are nothing but brackets': () => sending(4, lasting('['.repeat(MAX_BODY_BYTES))),
  'compressed bodies': () => sending(50, lasting(gzipSync(Buffer.alloc(2 ** 26)), 'Content-Encoding: gzip\r\n')),
  'pods of 1.4 MB that are nothing but mounts': () => sending(4, largePod()),
  'pods of 25,000 containers, where fields of each are enforced': () =>
    sending(4, podReview(podOf({ containers: containers(25_000) }))),
  'pods of as many containers as may be given fields': () =>
    sending(4, podReview(podOf({ containers: containers(250) }))),
  'changes of 30,000 images, where it is enforced whence they come': () =>
    sending(4, podReview(podOf({ containers: containers(30_000) }), podOf({ containers: containers(1) }))),
  'pods of as many labels as any are added to, in a namespace that gives them a thousand': () =>
    sending(
      4,
      podReview(
        podOf(
          { containers: containers(1) },
          fields(20_000, (at) => `k${at}`, 'x'),
        ),
      ),
    ),
  'applications that forty PlatformDefaults tie for': () =>
    sending(50, lasting(JSON.stringify(reviewOf(inTenant(seedOf('spark-application/spark-pi').request))))),
  'claims of two hundred classes at once': () => (server) =>
    keepUp(200, (at) => counted(send(server, claimOfClass(`class-${at}-${Math.trunc(performance.now())}`)))),
};
