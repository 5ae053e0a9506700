import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import type { Secret } from '../../src/api/kubernetes.ts';
import { CERTIFICATE_SECRET } from '../../src/api/names.ts';
import { decodeState } from '../../src/certificates/rollover.ts';
import type { MutatingWebhookConfiguration } from '../../src/controller/webhooks/configuration.ts';
import { resources } from '../../src/kube/api-server.ts';
import { startOwnClock } from '../fixtures/own-clock.ts';
import { startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { admitSpark, prepareSpark, untilAdmitted } from '../fixtures/spark-world.ts';

const SYSTEM = 'quartermaster-system';
const soon = { timeout: 60_000, interval: 50 };
const webhookKey = { namespace: '', name: 'quartermaster' };
const secretKey = { namespace: SYSTEM, name: CERTIFICATE_SECRET };
const rubbish = {
  'ca.crt': 'cnViYmlzaA==',
  'ca.key': 'cnViYmlzaA==',
  'tls.crt': 'cnViYmlzaA==',
  'tls.key': 'cnViYmlzaA==',
};

let cluster: ShippedCluster;
let replica: ServeProcess;

beforeAll(async () => {
  cluster = await startShippedCluster();
  await prepareSpark(cluster.admin);
  replica = await startReplica(cluster);
  await untilReady(replica);
  await untilAdmitted(cluster.admin);
});

afterAll(async () => {
  await replica?.stop();
  await cluster?.controlPlane.stop();
});

const liveWebhooks = async () =>
  (await cluster.admin.get<MutatingWebhookConfiguration>(resources.mutatingWebhooks, webhookKey))?.webhooks ?? [];
/** The API server is told to trust the authority that the Secret holds, and that one can sign. */
const isWhole = async (): Promise<boolean> => {
  const { data = {} } = (await cluster.admin.get<Secret>(resources.secrets, secretKey)) ?? {};
  const state = decodeState(data);
  const webhooks = await liveWebhooks();
  const bundles = webhooks.map(({ clientConfig }) => Buffer.from(clientConfig.caBundle ?? '', 'base64').toString());
  return (
    state?.serving !== undefined &&
    state.authority.key !== undefined &&
    bundles.length > 0 &&
    bundles.every((bundle) => bundle.includes(state.authority.cert))
  );
};
const isAdmitted = (): Promise<boolean> =>
  admitSpark(cluster.admin, 'healed').then(
    () => true,
    () => false,
  );

const untilPutRight = async (isRight: () => Promise<boolean>): Promise<void> => {
  using clock = startOwnClock();
  await expect.poll(isRight, soon).toBe(true);
  expect(clock.ms()).toBeLessThan(10_000);
};

describe('Quartermaster puts right within ten seconds', () => {
  it('a webhook configuration that was deleted', async () => {
    await cluster.admin.remove(resources.mutatingWebhooks, webhookKey);
    await untilPutRight(isWhole);
    await untilPutRight(isAdmitted);
  });

  it('a caBundle that was emptied', async () => {
    const emptied = (await liveWebhooks()).map(({ clientConfig: { caBundle: _, ...rest }, ...webhook }) => ({
      ...webhook,
      clientConfig: rest,
    }));
    const patch = { webhooks: emptied };
    // What is there a moment later may be put right already: the answer is what was stored.
    const stored = await cluster.admin.mergePatch<MutatingWebhookConfiguration>(
      resources.mutatingWebhooks,
      webhookKey,
      patch,
    );
    expect(stored.webhooks?.map(({ clientConfig }) => clientConfig.caBundle)).toEqual(emptied.map(() => undefined));
    await untilPutRight(isWhole);
    await untilPutRight(isAdmitted);
  });

  it('a certificate Secret that was deleted', async () => {
    await cluster.admin.remove(resources.secrets, secretKey);
    await untilPutRight(isWhole);
    expect(await isAdmitted()).toBe(true);
  });

  it('a certificate Secret that was filled with rubbish', async () => {
    const stored = await cluster.admin.mergePatch<Secret>(resources.secrets, secretKey, { data: rubbish });
    expect(stored.data).toMatchObject(rubbish);
    await untilPutRight(isWhole);
    expect(await isAdmitted()).toBe(true);
  });

  it('rubbish in the Secret at its own start, when nobody remembers what was there', async () => {
    await replica.stop();
    await cluster.admin.mergePatch(resources.secrets, secretKey, { data: rubbish });
    replica = await startReplica(cluster);
    await untilReady(replica);
    await untilPutRight(isWhole);
    await untilPutRight(isAdmitted);
  });
});

describe('where it cannot put it right', () => {
  it('says why, and goes on with the certificate it has', async () => {
    await cluster.admin.remove(resources.secrets, secretKey);
    const theirs = { apiVersion: 'v1', kind: 'Secret', metadata: { ...secretKey }, data: { mine: 'eA==' } };
    await cluster.admin.apply(resources.secrets, theirs);
    await expect
      .poll(() => replica.lines().join('\n'), soon)
      .toContain(`Secret ${SYSTEM}/${CERTIFICATE_SECRET} holds no certificate that can be used and is not labelled`);
    expect(await isAdmitted()).toBe(true);
  });
});
