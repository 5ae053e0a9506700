import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { run } from '../../dev/control-plane/command.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { ensureHelm, helmVersions } from '../../dev/helm.ts';
import { startServe, untilReady } from '../../dev/serve-process.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import type { MutatingWebhookConfiguration } from '../../src/controller/webhooks/configuration.ts';
import { webhookPublisher } from '../../src/controller/webhooks/publisher.ts';
import { rulesInForce } from '../../src/kinds/index.ts';
import { resources } from '../../src/kube/api-server.ts';
import { type Removal, SERVICE, SYSTEM, soon, startRemoval } from '../fixtures/removal.ts';

const CHART = 'charts/quartermaster';
const EACH = 100;
const webhookKey = { namespace: '', name: 'quartermaster' };
const deploymentKey = { namespace: SYSTEM, name: 'quartermaster' };
const pods = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true };
const signal = new AbortController().signal;

interface CheckPod extends KubeObject {
  readonly spec: { readonly containers: readonly { readonly args: readonly string[] }[] };
}

describe.each(helmVersions)('the chart, by helm %s against a real API server', (version) => {
  let removal: Removal;
  let program: string;
  beforeAll(async () => {
    program = await ensureHelm(version, (line) => process.stderr.write(`${line}\n`));
    removal = await startRemoval();
  });
  afterAll(async () => {
    await removal?.controlPlane.stop();
    if (removal) await rm(removal.controlPlane.directory, { recursive: true, force: true });
  });

  const helm = (...args: readonly string[]): Promise<string> => {
    const { kubeconfig, directory } = removal.controlPlane;
    return run(program, [...args, '-n', SYSTEM], {
      timeoutMs: 120_000,
      env: { HOME: directory, KUBECONFIG: kubeconfig },
    });
  };
  const versionsOf = async (manifest: string): Promise<readonly string[]> => {
    const columns = 'jsonpath={range .items[*]}{.kind}/{.metadata.name} {.metadata.resourceVersion}{"\\n"}{end}';
    const text = await kubectl(removal.controlPlane, ['get', '-f', '-', '-o', columns], {
      input: manifest,
    });
    // The controller manager writes status into these.
    return text.split('\n').filter((line) => !/^(Deployment|PodDisruptionBudget|ClusterRole)\//.test(line));
  };
  const replicas = async () => {
    const live = await removal.admin.get<KubeObject & { readonly spec?: { readonly replicas?: number } }>(
      resources.deployments,
      deploymentKey,
    );
    return live?.spec?.replicas;
  };
  const webhooks = async () =>
    (await removal.admin.get<MutatingWebhookConfiguration>(resources.mutatingWebhooks, webhookKey))?.webhooks ?? [];
  /** What a leader does once a replica has answered. */
  const failClosed = async (): Promise<void> => {
    const look = webhookPublisher({
      kube: removal.admin,
      name: webhookKey.name,
      installation: {
        ...deploymentKey,
        deployment: 'quartermaster',
        service: 'quartermaster',
        serviceAccount: 'quartermaster',
      },
      probe: () => Promise.resolve(true),
      unavailablePolicy: 'keep',
      unavailableMs: 60_000,
      desired: () => ({
        rules: rulesInForce([]),
        target: { service: { name: 'quartermaster', namespace: SYSTEM } },
        caBundle: '-----BEGIN CERTIFICATE-----\n',
        systemNamespace: SYSTEM,
        nfsNamespace: 'quartermaster-nfs',
      }),
    });
    await look(signal);
    expect(await look(signal)).toBe('failing closed');
  };

  /** At the address of the Service, as the API server finds it. */
  const startReplica = async () => {
    const kubeconfig = await removal.controlPlane.serviceAccountKubeconfig(SYSTEM, 'quartermaster');
    const service = await removal.admin.get<KubeObject & { readonly spec?: { readonly clusterIP?: string } }>(
      resources.services,
      deploymentKey,
    );
    const [opsPort = 0] = await freePorts(1);
    const replica = startServe({
      kubeconfig,
      webhookPort: SERVICE.port,
      opsPort,
      environment: {
        CLOUD: 'local',
        WEBHOOK_HOST: service?.spec?.clusterIP ?? '',
        WEBHOOK_URL: '',
        DRAIN_SECONDS: '1',
      },
    });
    await untilReady(replica);
    return { kubeconfig, [Symbol.asyncDispose]: async () => void (await replica.stop()) };
  };

  /** Runs the pod of `helm test` as its spec has it, there being no kubelet, and says that it succeeded. */
  const asKubelet = async (kubeconfig: string): Promise<string> => {
    const key = { namespace: SYSTEM, name: 'quartermaster-check' };
    await expect.poll(() => removal.admin.get(pods, key), soon).toBeDefined();
    const args = (await removal.admin.get<CheckPod>(pods, key))?.spec.containers[0]?.args ?? [];
    const said = await run(process.execPath, ['src/main.ts', ...args], {
      timeoutMs: 60_000,
      env: { KUBECONFIG: kubeconfig },
    });
    await removal.admin.applyStatus(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: key,
      status: { phase: 'Succeeded' },
    } as KubeObject);
    return said;
  };

  it('is installed with an image that never starts, and refuses nothing', async () => {
    expect(await helm('install', 'quartermaster', CHART, '--create-namespace')).toContain('STATUS: deployed');
    expect(await removal.refusedOf(EACH)).toEqual([]);
    await kubectl(removal.controlPlane, ['wait', '--for=condition=established', '--timeout=50s', 'crd', '--all']);
    const defaults = {
      apiVersion: 'quartermaster.dev/v1alpha1',
      kind: 'PlatformDefaults',
      metadata: { name: 'kept', namespace: SYSTEM },
      spec: { match: { kinds: ['SparkApplication'] }, inject: { labels: { team: 'data' } } },
    };
    await removal.admin.create(resources.platformDefaults, defaults);
  });

  it('upgraded with the same values changes nothing, what the leader wrote among it', async () => {
    await failClosed();
    const manifest = await helm('get', 'manifest', 'quartermaster');
    const [before, asked] = [await versionsOf(manifest), await webhooks()];
    expect(before.length).toBeGreaterThan(15);
    await helm('upgrade', 'quartermaster', CHART);
    expect(await versionsOf(manifest)).toEqual(before);
    expect(await webhooks()).toEqual(asked);
  });

  it('upgraded with others, and rolled back, leaves what is in place', async () => {
    const { length } = await webhooks();
    await helm('upgrade', 'quartermaster', CHART, '--set', 'replicas=3,timeoutSeconds=9');
    expect(await replicas()).toBe(3);
    expect((await webhooks())[0]).toMatchObject({ timeoutSeconds: 9 });
    await helm('rollback', 'quartermaster', '1');
    expect(await replicas()).toBe(2);
    expect((await webhooks())[0]).toMatchObject({ timeoutSeconds: 5 });
    expect(await webhooks()).toHaveLength(length);
    expect(await removal.admin.get(resources.platformDefaults, { namespace: SYSTEM, name: 'kept' })).toBeDefined();
  });

  it.skipIf(process.getuid?.() !== 0)('tested tells that a replica answered (as root, for port 443)', async () => {
    await using replica = await startReplica();
    const tested = helm('test', 'quartermaster', '--timeout', '90s');
    const said = await asKubelet(replica.kubeconfig);
    expect(said).toMatch(/StorageClass quartermaster-check-\w+ would be made/);
    expect(await tested).toMatch(/TEST SUITE:\s+quartermaster-check[\s\S]*Phase:\s+Succeeded/);
  });

  it('removed refuses nothing, keeps CRDs and the disks of NFS servers, and can be installed again', async () => {
    const kept = parseAllDocuments(await helm('get', 'manifest', 'quartermaster'))
      .map((document) => document.toJS() as KubeObject | null)
      .flatMap((object) => (object?.metadata.annotations?.['helm.sh/resource-policy'] === 'keep' ? [object] : []));
    expect(kept.map(({ kind }) => kind).toSorted()).toEqual([
      'CustomResourceDefinition',
      'CustomResourceDefinition',
      'Namespace',
    ]);
    await helm('uninstall', 'quartermaster');
    await expect.poll(() => removal.refusedOf(1), soon).toEqual([]);
    expect(await removal.refusedOf(EACH)).toEqual([]);
    expect(await webhooks()).toEqual([]);
    expect(await removal.admin.get(resources.platformDefaults, { namespace: SYSTEM, name: 'kept' })).toBeDefined();
    expect(await removal.admin.get(resources.namespaces, { namespace: '', name: 'quartermaster-nfs' })).toBeDefined();
    expect(await helm('install', 'quartermaster', CHART)).toContain('STATUS: deployed');
  });
});
