import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { type Quartermaster, startQuartermaster } from '../../dev/demo/quartermaster.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { startMetadataStub } from '../../dev/stubs/metadata.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { INJECTED_ANNOTATION } from '../../src/api/names.ts';
import { defaults } from '../../src/install/options.ts';
import { resources } from '../../src/kube/api-server.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { sparkOperatorWebhook } from '../fixtures/spark-operator-webhook.ts';

interface SparkApplication extends KubeObject {
  readonly spec: {
    readonly sparkConf?: Readonly<Record<string, string>>;
    readonly monitoring?: { readonly prometheus?: { readonly port?: number } };
    readonly driver: { readonly env?: readonly { readonly name: string; readonly value?: string }[] };
    readonly timeToLiveSeconds?: number;
  };
  readonly status?: unknown;
}

const root = resolve(import.meta.dirname, '../..');
const example = (path: string): string => readFileSync(join(root, 'examples', path), 'utf8');
const soon = { timeout: 30_000, interval: 50 };
const key = (name: string) => ({ namespace: 'default', name });

let cluster: ShippedCluster;
let quartermaster: Quartermaster;
let metadata: Awaited<ReturnType<typeof startMetadataStub>>;

const apply = (manifest: string): Promise<string> =>
  kubectl(cluster.controlPlane, ['apply', '-f', '-'], { input: manifest });

const stored = async (name: string): Promise<SparkApplication> => {
  const found = await cluster.admin.get<SparkApplication>(resources.sparkApplications, key(name));
  if (found === undefined) throw new Error(`SparkApplication ${name} is not stored`);
  return found;
};

const applyDefaults = async (manifest: string): Promise<void> => {
  await apply(manifest);
  await kubectl(cluster.controlPlane, [
    'wait',
    '--for=condition=Ready',
    'platformdefaults',
    '--all',
    '-A',
    '--timeout=50s',
  ]);
};

beforeAll(async () => {
  cluster = await startShippedCluster();
  metadata = await startMetadataStub('openstack');
  await kubectl(cluster.controlPlane, ['apply', '-f', join(root, 'test/schemas')]);
  await kubectl(cluster.controlPlane, ['wait', '--for=condition=Established', 'crd', '--all', '--timeout=50s']);
  await cluster.admin.create(resources.mutatingWebhooks, sparkOperatorWebhook);
  const [webhookPort = 0, opsPort = 0] = await freePorts(2);
  quartermaster = await startQuartermaster({
    kubeconfig: await cluster.controlPlane.serviceAccountKubeconfig(defaults.namespace, 'quartermaster'),
    metadataUrl: metadata.url,
    webhookPort,
    opsPort,
    environment: { FACTS: 'region=waw4-1' },
  });
  const webhooks = { namespace: '', name: 'quartermaster' };
  await vi.waitFor(
    async () => expect(await cluster.admin.get(resources.mutatingWebhooks, webhooks)).toBeDefined(),
    soon,
  );
  await applyDefaults(example('openeo/defaults.yaml'));
  // The API server asks a moment after the configuration is stored.
  const tried = ['create', '--dry-run=server', '-o', 'yaml', '-f', '-'];
  const input = example('openeo/batch-job.yaml');
  const asked = () => kubectl(cluster.controlPlane, tried, { input });
  await vi.waitFor(async () => expect(await asked()).toContain(INJECTED_ANNOTATION), soon);
});

afterAll(async () => {
  await quartermaster?.stop();
  await metadata?.stop();
  await cluster?.controlPlane.stop();
});

describe('an openEO application, through the real API server', () => {
  it('is accepted and stored with what the platform owes it', async () => {
    await apply(example('openeo/batch-job.yaml'));
    const { spec, metadata: meta } = await stored('job-2403041030084c9e');
    expect(spec.monitoring).toMatchObject({ prometheus: { port: 8090 } });
    expect(spec.driver.env).toContainEqual({ name: 'VSI_CACHE', value: 'TRUE' });
    expect(meta.annotations?.[INJECTED_ANNOTATION]).toContain('quartermaster-system/openeo@');
  });

  it('is stored the same when its manifest is applied again', async () => {
    await apply(example('openeo/web-app.yaml'));
    const before = await stored('openeo-web-app');
    expect(await apply(example('openeo/web-app.yaml'))).toMatch(/unchanged|configured/);
    const after = await stored('openeo-web-app');
    expect(after.spec).toEqual(before.spec);
    expect(after.metadata.generation).toBe(before.metadata.generation);
  });

  it('keeps what it was given when a list of its own is applied again over it', async () => {
    await apply(example('openeo/web-app.yaml'));
    const before = await stored('openeo-web-app');
    const patch = {
      spec: { driver: { configMaps: [{ name: 'prometheus-jmx-config', path: '/opt/prometheus_config' }] } },
    };
    await cluster.admin.mergePatch(resources.sparkApplications, key('openeo-web-app'), patch);
    expect((await stored('openeo-web-app')).spec).toEqual(before.spec);
  });

  it('stays as it is when the defaults change, and new ones get the new values', async () => {
    await apply(example('openeo/web-app.yaml'));
    const before = await stored('openeo-web-app');
    await applyDefaults(example('openeo/defaults.yaml').replace('port: 8090', 'port: 8091'));
    await apply(example('openeo/web-app.yaml'));
    expect((await stored('openeo-web-app')).spec).toEqual(before.spec);
    await vi.waitFor(async () => {
      const name = `fresh-${Date.now()}`;
      await apply(example('openeo/batch-job.yaml').replaceAll('job-2403041030084c9e', name));
      expect((await stored(name)).spec.monitoring?.prometheus?.port).toBe(8091);
    }, soon);
  });

  it('takes a status and a change of its own without anything else moving', async () => {
    await apply(example('openeo/web-app.yaml'));
    const before = await stored('openeo-web-app');
    await cluster.admin.applyStatus(resources.sparkApplications, {
      apiVersion: before.apiVersion,
      kind: before.kind,
      metadata: key('openeo-web-app'),
      status: { applicationState: { state: 'RUNNING' } },
    } as KubeObject);
    expect((await stored('openeo-web-app')).spec).toEqual(before.spec);
    await cluster.admin.mergePatch(resources.sparkApplications, key('openeo-web-app'), {
      spec: { timeToLiveSeconds: 60 },
    });
    expect((await stored('openeo-web-app')).spec).toEqual({ ...before.spec, timeToLiveSeconds: 60 });
  });

  const untilExporter = (isGiven: boolean): Promise<void> =>
    vi.waitFor(async () => {
      const fresh = `fresh-${Date.now()}`;
      await apply(example('openeo/batch-job.yaml').replaceAll('job-2403041030084c9e', fresh));
      expect((await stored(fresh)).spec.monitoring !== undefined).toBe(isGiven);
    }, soon);

  it('gets no exporter where the webhook of its operator is for other namespaces', async () => {
    const webhooks = { namespace: '', name: sparkOperatorWebhook.metadata.name };
    const selecting = (namespaces: readonly string[]) =>
      cluster.admin.mergePatch(resources.mutatingWebhooks, webhooks, {
        webhooks: sparkOperatorWebhook.webhooks.map((webhook) => ({
          ...webhook,
          namespaceSelector: {
            matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator: 'In', values: namespaces }],
          },
        })),
      });
    await selecting(['elsewhere']);
    await untilExporter(false);
    await selecting(['elsewhere', 'default']);
    await untilExporter(true);
  });

  it('gets no exporter once the webhook of its operator has gone', async () => {
    const { name } = sparkOperatorWebhook.metadata;
    await cluster.admin.remove(resources.mutatingWebhooks, { namespace: '', name });
    await untilExporter(false);
  });

  it('is left to its children where it is scheduled', async () => {
    const scheduled = {
      apiVersion: 'sparkoperator.k8s.io/v1beta2',
      kind: 'ScheduledSparkApplication',
      metadata: { name: 'nightly', labels: { app: 'openeo' } },
      spec: {
        schedule: '@daily',
        template: {
          type: 'Python',
          sparkVersion: '3.5.5',
          mainApplicationFile: 'local:///a.py',
          driver: {},
          executor: {},
        },
      },
    };
    await apply(JSON.stringify(scheduled));
    const text = await kubectl(cluster.controlPlane, ['get', 'scheduledsparkapplication', 'nightly', '-o', 'json']);
    expect((JSON.parse(text) as { spec: unknown }).spec).toEqual(scheduled.spec);
  });
});
