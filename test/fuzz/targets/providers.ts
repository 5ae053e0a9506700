import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAzureKeyProvider } from '../../../src/kinds/object-store/providers/azure/account-key.ts';
import { BucketError, type BucketProvider } from '../../../src/kinds/object-store/providers/bucket.ts';
import { createGcsProvider } from '../../../src/kinds/object-store/providers/gcs/provider.ts';
import { guarded } from '../../../src/kinds/object-store/providers/index.ts';
import { createS3Provider } from '../../../src/kinds/object-store/providers/s3/provider.ts';
import { desiredBucket } from '../../fixtures/desired-bucket.ts';
import { mutateBytes } from '../mutate-bytes.ts';
import { createRandom, type Random } from '../random.ts';
import type { OpenTarget } from '../target.ts';

const TIMEOUT_MS = 300;

/** What clouds answer, for every provider to misread. */
const BODIES: readonly string[] = [
  '',
  '{}',
  'null',
  '[]',
  '<html><body>Welcome</body></html>',
  '<?xml version="1.0"?><Error><Code>BucketAlreadyExists</Code><Message>taken</Message></Error>',
  '<?xml version="1.0"?><Tagging><TagSet><Tag><Key>quartermaster-objectstore</Key><Value>x</Value></Tag></TagSet></Tagging>',
  '<?xml version="1.0"?><VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>',
  '<?xml version="1.0"?><LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status></Rule></LifecycleConfiguration>',
  '<?xml version="1.0"?><ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>',
  '{"kind":"storage#bucket","name":"sparkhistory","location":"EU","labels":{"quartermaster-objectstore":"x"},"metageneration":"1"}',
  '{"error":{"code":409,"message":"taken","errors":[{"reason":"conflict"}]}}',
  '{"error":{"code":"ContainerAlreadyExists","message":"taken"}}',
];
const STATUSES = [200, 200, 200, 204, 206, 301, 400, 403, 404, 409, 412, 429, 500, 503] as const;
const HEADERS: readonly Readonly<Record<string, string>>[] = [
  {},
  { 'content-type': 'application/xml' },
  { 'content-type': 'application/json' },
  { 'x-amz-bucket-region': 'eu-west-1' },
  { 'retry-after': '1' },
  { 'retry-after': '99999999999' },
  { 'x-ms-error-code': 'ContainerNotFound', 'x-ms-meta-quartermasterobjectstore': 'x' },
  { location: 'http://127.0.0.1:1/elsewhere' },
];

const wanted = desiredBucket({ versioning: true, labels: { team: 'a' }, lifecycle: [{ prefix: 'a/', expireDays: 3 }] });

/** Clouds that answer anything at all, behind real HTTP: each call ends, with what was asked for or with a BucketError. */
export const providersTarget: OpenTarget = async () => {
  let random = createRandom(0);
  const server = createServer((request, response) => {
    request.resume();
    response.writeHead(random.pick(STATUSES), random.pick(HEADERS));
    const body = Buffer.from(random.pick(BODIES));
    response.end(random.chance(0.5) ? mutateBytes(body, random) : body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const providers = openAll(endpoint).map(guarded);
  return {
    name: 'providers',
    longestMs: 10_000,
    make: (numbers) =>
      Buffer.from(JSON.stringify({ provider: numbers.below(providers.length), seed: numbers.below(2 ** 31) })),
    check: async (input) => {
      const given = JSON.parse(input.toString()) as { readonly provider: number; readonly seed: number };
      random = createRandom(given.seed);
      const provider = providers[given.provider];
      if (provider !== undefined) await callAny(provider, random);
    },
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
};

const openAll = (endpoint: string): readonly BucketProvider[] => [
  createS3Provider({
    endpoint,
    credentials: { accessKeyId: 'A', secretAccessKey: 'S' },
    isLoopbackAllowed: true,
    timeoutMs: TIMEOUT_MS,
  }),
  createGcsProvider({ project: 'p', endpoint, isAnonymous: true, timeoutMs: TIMEOUT_MS }),
  createAzureKeyProvider({ account: 'acct', key: 'AAAA', blobEndpoint: `${endpoint}/acct`, timeoutMs: TIMEOUT_MS }),
];

const callAny = async (provider: BucketProvider, random: Random): Promise<void> => {
  const signal = AbortSignal.timeout(5_000);
  const features = provider.features(wanted);
  const calls: readonly (() => Promise<unknown>)[] = [
    () => provider.observe(wanted, signal),
    () => provider.create(wanted, signal),
    () => provider.mark(wanted, signal),
    () => provider.unmark(wanted, signal),
    () => provider.remove(wanted, random.chance(0.5), signal),
    ...features.flatMap(({ isApplied, apply }) => [() => isApplied(signal), () => apply(signal)]),
  ];
  try {
    await random.pick(calls)();
  } catch (error) {
    if (!(error instanceof BucketError)) throw error;
  }
};
