import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import type { KubeObject, PersistentVolumeClaim } from '../../src/api/kubernetes.ts';
import type { PlatformDefaults, PlatformDefaultsSpec } from '../../src/api/platform-defaults.ts';
import { describedCluster } from '../../src/cli/described-cluster.ts';
import { parseObjects } from '../../src/cli/documents.ts';
import { type PreviewedDocument, preview } from '../../src/cli/preview/session.ts';
import { render } from '../../src/cli/preview.ts';
import { toYaml } from '../../src/install/manifests.ts';
import { resources } from '../../src/kube/api-server.ts';
import { readSettings } from '../../src/settings/config.ts';
import { quartermasterWith } from '../fixtures/command-line.ts';
import { platformDefaults } from '../fixtures/defaults.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';

const claim = (name: string, storageClassName: string): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'cwl' },
  spec: { storageClassName, accessModes: ['ReadWriteMany'], resources: { requests: { storage: '5Gi' } } },
});

const manifests: readonly KubeObject[] = [
  {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'cwl', labels: { 'quartermaster.dev/calrissian': 'enabled' } },
  },
  claim('one', 'shared-nfs'),
  claim('two', 'shared-nfs'),
  claim('three', 'other-nfs'),
];

let cluster: ShippedCluster;
beforeAll(async () => {
  cluster = await startShippedCluster();
});
afterAll(() => cluster?.controlPlane.stop());

describe('what preview prints', () => {
  it('goes in by kubectl apply in one go, and a second time with nothing to change', async () => {
    const settings = readSettings({ CALRISSIAN_SERVICE_ACCOUNTS: 'spark-jobs-dev:openeo' });
    const world = describedCluster({ cloud: 'aws', namespace: 'default' }, settings);
    const printed = render(preview(parseObjects('manifests.yaml', toYaml(manifests)), world, 'default'), 'yaml', false);
    const apply = () => kubectl(cluster.controlPlane, ['apply', '-f', '-'], { input: printed });
    const versions = () =>
      kubectl(cluster.controlPlane, ['get', '-f', '-', '-o', 'jsonpath={.items[*].metadata.resourceVersion}'], {
        input: printed,
      });
    const created = (await apply()).split('\n').filter((line) => line.endsWith('created'));
    expect(created).toHaveLength(parseAllDocuments(printed).length);
    const stored = await versions();
    // kubectl calls a PodDisruptionBudget `configured` each time: it sends the whole selector, whose patchStrategy is `replace`.
    await apply();
    expect(await versions()).toBe(stored);
  });
});

describe('preview --live', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quartermaster-live-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  const file = (name: string, ...objects: readonly KubeObject[]): string => {
    const path = join(folder, name);
    writeFileSync(path, toYaml(objects));
    return path;
  };
  const live = async (...args: readonly string[]) => {
    const environment = { KUBECONFIG: cluster.controlPlane.kubeconfig };
    const { code, out, err } = await quartermasterWith(environment, 'preview', '--live', '-o', 'json', ...args);
    const { documents } = (code === 2 ? { documents: [] } : JSON.parse(out)) as {
      readonly documents: readonly PreviewedDocument[];
    };
    return {
      code,
      err,
      labels: documents[0]?.object.metadata.labels,
      warnings: documents[0]?.warnings ?? [],
    };
  };
  const forPods = (name: string, inject: NonNullable<PlatformDefaultsSpec['inject']>): PlatformDefaults =>
    platformDefaults(name, { match: { kinds: ['CalrissianPod'] }, inject });
  const add = async (defaults: PlatformDefaults): Promise<PlatformDefaults> => {
    const { metadata, ...rest } = defaults;
    const { generation: _, uid: __, ...kept } = metadata;
    return cluster.admin.apply(resources.platformDefaults, { ...rest, metadata: kept });
  };
  const runner = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'job', namespace: 'live' },
    spec: { restartPolicy: 'Never', containers: [{ name: 'runner', image: 'calrissian', command: ['calrissian'] }] },
  };

  beforeAll(async () => {
    const labels = { 'quartermaster.dev/calrissian': 'enabled' };
    await cluster.admin.create(resources.namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'live', labels },
    });
    const { spec, ...rest } = claim('local', '');
    await cluster.admin.create(resources.persistentVolumeClaims, {
      ...rest,
      metadata: { name: 'local', namespace: 'live' },
      spec: { ...spec, accessModes: ['ReadWriteOnce'] },
    });
    await add(
      forPods('volumes', {
        volumes: [{ name: 'local', persistentVolumeClaim: { claimName: 'local' } }],
        volumeMounts: [{ name: 'local', mountPath: '/local' }],
      }),
    );
    const stored = await add(forPods('labels', { labels: { said: 'by-the-valid-version' } }));
    const { metadata, spec: inForce } = stored;
    await cluster.admin.applyStatus(resources.platformDefaults, {
      ...stored,
      metadata: { name: metadata.name ?? '', namespace: metadata.namespace ?? '' },
      status: { inForce: { generation: metadata.generation ?? 0, spec: inForce } },
    });
    await add(forPods('labels', { labels: { said: '${no.such.variable' } }));
  });

  it('takes namespaces, claims and the defaults in force from the cluster', async () => {
    const { code, labels, warnings } = await live('-f', file('runner.yaml', runner));
    expect(code).toBe(0);
    expect(labels).toMatchObject({ said: 'by-the-valid-version' });
    expect(warnings.join()).toContain('claim local is ReadWriteOnce');
  });

  it('shows what new defaults would do there, or others instead of those of the same name', async () => {
    const defaults = file(
      'defaults.yaml',
      forPods('more', { labels: { more: 'by-file' } }),
      forPods('labels', { labels: { said: 'by-file' } }),
    );
    const { labels } = await live('-f', file('runner.yaml', runner), '--defaults', defaults);
    expect(labels).toMatchObject({ more: 'by-file', said: 'by-file' });
  });

  it('tells at once what its kubeconfig may not list', async () => {
    await kubectl(cluster.controlPlane, ['-n', 'default', 'create', 'serviceaccount', 'stranger']);
    await kubectl(cluster.controlPlane, ['create', 'clusterrole', 'some', '--verb=list,watch', '--resource=nodes']);
    const binding = ['clusterrolebinding', 'some', '--clusterrole=some', '--serviceaccount=default:stranger'];
    await kubectl(cluster.controlPlane, ['create', ...binding]);
    const kubeconfig = await cluster.controlPlane.serviceAccountKubeconfig('default', 'stranger');
    const args = ['preview', '--live', '-f', file('runner.yaml', runner)];
    const { code, err } = await quartermasterWith({ KUBECONFIG: kubeconfig }, ...args);
    expect(code).toBe(2);
    expect(err).toMatch(
      /^quartermaster: The cluster does not let you list its storageClasses, persistentVolumes, csiDrivers, namespaces, platformDefaults, objectStores, claims: .* was answered 403: .*"system:serviceaccount:default:stranger" cannot list/,
    );
  });

  it('refuses what would describe another cluster', async () => {
    const { code, err } = await live('-f', file('runner.yaml', runner), '--cloud', 'aws');
    expect(code).toBe(2);
    expect(err).toContain("'--live' cannot be used with option '--cloud <name>'");
  });
});
