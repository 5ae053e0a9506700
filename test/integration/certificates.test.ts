import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ControlPlane, startControlPlane } from '../../dev/control-plane/control-plane.ts';
import type { AdmissionRule } from '../../src/api/admission.ts';
import type { KubeObject, Secret } from '../../src/api/kubernetes.ts';
import { CERTIFICATE_SECRET, MANAGED_BY, MANAGED_BY_LABEL } from '../../src/api/names.ts';
import { type CertificateSource, tlsOptions } from '../../src/certificates/certificate.ts';
import { bundleOf, decodeState } from '../../src/certificates/rollover.ts';
import { secretSource } from '../../src/certificates/secret-source.ts';
import { watchCertificate } from '../../src/certificates/watcher.ts';
import {
  type MutatingWebhookConfiguration,
  webhookConfiguration,
} from '../../src/controller/webhooks/configuration.ts';
import { probeThrough } from '../../src/controller/webhooks/probe.ts';
import { isAuthorityPublished, webhookPublisher } from '../../src/controller/webhooks/publisher.ts';
import { type Kube, resources } from '../../src/kube/api-server.ts';
import { createKube } from '../../src/kube/client.ts';
import { findConnection } from '../../src/kube/connection.ts';

const names = ['localhost', '127.0.0.1'];
const signal = new AbortController().signal;
const webhookKey = { namespace: '', name: 'quartermaster' };
const rule: AdmissionRule = {
  name: 'configmap',
  group: '',
  versions: ['v1'],
  resource: 'configmaps',
  operations: ['CREATE'],
  failurePolicy: 'Fail',
  objectSelector: { matchLabels: { test: 'admitted' } },
};

let controlPlane: ControlPlane;
let kube: Kube;
let namespace: string;
let count = 0;

beforeAll(async () => {
  controlPlane = await startControlPlane();
  kube = createKube(await findConnection({ KUBECONFIG: controlPlane.kubeconfig }));
});
afterAll(() => controlPlane?.stop());

const named = (apiVersion: string, kind: string, name: string): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name, ...(kind !== 'Namespace' && { namespace }) },
});

beforeEach(async () => {
  count += 1;
  namespace = `certificates-${count}`;
  await kube.create(resources.namespaces, named('v1', 'Namespace', namespace));
  await kube.remove(resources.mutatingWebhooks, webhookKey);
});

const sourceHere = (settleMs = 0): CertificateSource =>
  secretSource({
    kube,
    namespace,
    names,
    settleMs,
    isTrusted: (authority) => isAuthorityPublished(kube, webhookKey.name, authority, signal),
  });
const secretKey = () => ({ namespace, name: CERTIFICATE_SECRET });
const stored = async (): Promise<Secret> => {
  const secret = await kube.get<Secret>(resources.secrets, secretKey());
  if (secret === undefined) throw new Error('no Secret');
  return secret;
};
const until = async (isTrue: () => Promise<boolean> | boolean, what: string): Promise<void> => {
  for (const end = Date.now() + 30_000; !(await isTrue()); await sleep(20)) {
    if (Date.now() > end) throw new Error(`not within 30 s: ${what}`);
  }
};

describe('the certificate Secret', () => {
  test('is one and the same for replicas that start together', async () => {
    const replicas = await Promise.all([1, 2, 3, 4, 5].map(() => sourceHere()(signal)));
    expect(new Set(replicas.map(({ cert }) => cert)).size).toBe(1);
    expect(replicas.every(({ notAfter, authorityNotAfter }) => notAfter < (authorityNotAfter ?? notAfter))).toBe(true);
    expect(replicas[0]?.caBundle).toBe(
      bundleOf(decodeState((await stored()).data ?? {}) ?? { authority: { cert: '' } }),
    );
  });

  test('is not written again while nothing is due', async () => {
    const source = sourceHere();
    await source(signal);
    const { resourceVersion } = (await stored()).metadata;
    await source(signal);
    await sourceHere()(signal);
    expect((await stored()).metadata.resourceVersion).toBe(resourceVersion);
  });

  test('comes back as it was when it is deleted', async () => {
    const source = sourceHere();
    const before = await source(signal);
    const { data } = await stored();
    await kube.remove(resources.secrets, secretKey());
    expect(await source(signal)).toEqual(before);
    expect((await stored()).data).toEqual(data);
  });

  test('is restored when it is filled with rubbish, by a replica that remembers and by one that does not', async () => {
    const source = sourceHere();
    const before = await source(signal);
    const rubbish = { 'ca.crt': 'cnViYmlzaA==', 'tls.crt': 'cnViYmlzaA==', 'tls.key': 'cnViYmlzaA==' };
    await kube.mergePatch(resources.secrets, secretKey(), { data: rubbish });
    expect((await source(signal)).cert).toBe(before.cert);
    await kube.mergePatch(resources.secrets, secretKey(), { data: rubbish });
    const fresh = await sourceHere()(signal);
    expect(fresh.cert).not.toBe(before.cert);
    expect((await source(signal)).cert).toBe(fresh.cert);
  });

  test('is left alone, with a sentence that says what to do, where it is not ours', async () => {
    await kube.create(resources.secrets, { ...named('v1', 'Secret', CERTIFICATE_SECRET), data: { mine: 'eA==' } });
    await expect(sourceHere()(signal)).rejects.toThrow(
      `Secret ${namespace}/${CERTIFICATE_SECRET} holds no certificate that can be used and is not labelled ${MANAGED_BY_LABEL}=${MANAGED_BY}: delete it`,
    );
    expect((await stored()).data).toEqual({ mine: 'eA==' });
  });

  test('gets a new serving certificate from the same authority when the old one is taken out', async () => {
    const source = sourceHere();
    const before = await source(signal);
    await kube.mergePatch(resources.secrets, secretKey(), { data: { 'tls.crt': null, 'tls.key': null } });
    const after = await source(signal);
    expect(after.cert).not.toBe(before.cert);
    expect(after.caBundle).toBe(before.caBundle);
  });

  test('waits with a new authority until the webhook configuration names it', async () => {
    const source = sourceHere();
    const before = await source(signal);
    await kube.create(resources.mutatingWebhooks, configurationFor('https://127.0.0.1:1/mutate', before.caBundle));
    await kube.mergePatch(resources.secrets, secretKey(), { data: { 'ca.key': null } });
    const announced = await source(signal);
    expect(announced.cert).toBe(before.cert);
    expect(announced.caBundle).not.toBe(before.caBundle);
    const { webhooks } = configurationFor('https://127.0.0.1:1/mutate', announced.caBundle);
    await kube.mergePatch(resources.mutatingWebhooks, webhookKey, { webhooks });
    expect((await source(signal)).cert).not.toBe(before.cert);
  });
});

const optionsFor = (url: string, caBundle: string | undefined) => ({
  rules: [rule],
  target: { url },
  caBundle,
  systemNamespace: namespace,
  nfsNamespace: 'quartermaster-nfs',
});
const configurationFor = (url: string, caBundle: string | undefined): MutatingWebhookConfiguration =>
  webhookConfiguration({ ...optionsFor(url, caBundle), name: webhookKey.name });

describe('admissions', () => {
  /** Answers every review with yes. */
  const startWebhook = async (server: Server): Promise<string> => {
    server.on('request', (request, response) => {
      void json(request).then((review) => {
        const { uid } = (review as { readonly request: { readonly uid: string } }).request;
        // Every review over a connection of its own, so that every certificate is really met.
        response.setHeader('connection', 'close');
        response.setHeader('content-type', 'application/json');
        response.end(
          JSON.stringify({
            apiVersion: 'admission.k8s.io/v1',
            kind: 'AdmissionReview',
            response: { uid, allowed: true },
          }),
        );
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}/mutate`;
  };
  const stopped: (() => void)[] = [];
  afterAll(() => {
    for (const stop of stopped) stop();
  });

  test('never fail while the serving certificate is replaced 10 times and the authority twice', async () => {
    const ending = new AbortController();
    const keeper = watchCertificate({
      // The API server reads the new authority meanwhile: in an install it has 15 s.
      source: sourceHere(3_000),
      signal: ending.signal,
      intervalMs: 50,
      onFailure: (error) => failures.push(String(error)),
    });
    const failures: string[] = [];
    const server = createServer(tlsOptions(await keeper.first));
    const url = await startWebhook(server);
    const look = webhookPublisher({
      kube,
      name: webhookKey.name,
      desired: () => optionsFor(url, keeper.current()?.caBundle),
      probe: probeThrough(kube),
      unavailablePolicy: 'keep',
      unavailableMs: 60_000,
    });
    const served = new Set<string>();
    keeper.onChange((certificate) => {
      server.setSecureContext(tlsOptions(certificate));
      served.add(certificate.cert);
    });
    const every = async (ms: number, act: () => Promise<unknown>): Promise<void> => {
      while (!ending.signal.aborted) {
        await act();
        await sleep(ms);
      }
    };
    stopped.push(
      () => ending.abort(),
      () => server.close(),
      () => server.closeAllConnections(),
    );
    await look(signal);
    expect(await look(signal)).toBe('failing closed');
    let admitted = 0;
    const admit = async (): Promise<void> => {
      const object = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { generateName: 'admitted-', namespace, labels: { test: 'admitted' } },
      };
      await kube.create(resources.configMaps, object).then(
        () => (admitted += 1),
        (error: unknown) => failures.push(String(error)),
      );
    };
    const running = [every(100, () => look(signal)), every(10, admit)];
    const change = async (what: Readonly<Record<string, null>>): Promise<void> => {
      const before = keeper.current()?.cert;
      await kube.mergePatch(resources.secrets, secretKey(), { data: what });
      await until(() => keeper.current()?.cert !== before, 'another serving certificate');
    };
    for (let turn = 0; turn < 10; turn += 1) {
      await change({ 'tls.crt': null, 'tls.key': null });
      if (turn === 3 || turn === 6) await change({ 'ca.key': null });
    }
    const before = admitted;
    await until(() => admitted > before + 20, 'admissions after the last change');
    ending.abort();
    await Promise.all(running);
    expect(failures).toEqual([]);
    expect(served.size).toBe(12);
  });
});
