import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { manifests } from '../../src/cli/manifests.ts';
import { toYaml } from '../../src/install/manifests.ts';
import { resources } from '../../src/kube/api-server.ts';
import { type Bundle, makeBundle, startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';
import { prepareSpark, sparkApplication, untilAdmitted } from '../fixtures/spark-world.ts';
import { type LoadReport, startSteadyLoad } from '../fixtures/steady-load.ts';

const PER_SECOND = 100;
/** The API server finds the webhook as in a cluster: at the address and the port of its Service. Here the replica itself is there. */
const SERVICE = { range: '127.100.0.0/24', address: '127.100.0.10', port: 443 };
const deploymentKey = { namespace: 'quartermaster-system', name: 'quartermaster' };
const webhookKey = { namespace: '', name: 'quartermaster' };
const soon = { timeout: 60_000, interval: 20 };

let bundle: Bundle;
let cluster: ShippedCluster;

beforeAll(async () => {
  bundle = await makeBundle();
  cluster = await startShippedCluster({ apiServerFlags: { 'service-cluster-ip-range': SERVICE.range } });
  await prepareSpark(cluster.admin);
});

afterAll(async () => {
  await cluster?.controlPlane.stop();
  await bundle?.remove();
});

/** What is installed, without the budget where the API server does not know policy/v1 yet. */
const printInstall = async (): Promise<string> => {
  const hasBudgets = await cluster.admin.read('/apis/policy/v1').then(
    () => true,
    () => false,
  );
  const objects = parseAllDocuments(manifests()).map((document) => document.toJS() as KubeObject);
  const known = objects.filter(({ kind }) => hasBudgets || kind !== 'PodDisruptionBudget');
  return toYaml(known.map((object) => (object.kind === 'Service' ? atAddress(object) : object)));
};
const atAddress = (service: KubeObject & { readonly spec?: object }): KubeObject =>
  ({ ...service, spec: { ...service.spec, clusterIP: SERVICE.address } }) as KubeObject;

const startInstalled = async (install: string): Promise<ServeProcess> => {
  await kubectl(cluster.controlPlane, ['apply', '--validate=false', '-f', '-'], { input: install });
  const environment = { ...bundle.environment, WEBHOOK_HOST: SERVICE.address, WEBHOOK_URL: '', DRAIN_SECONDS: '2' };
  const replica = await startReplica(cluster, { webhookPort: SERVICE.port, program: bundle.program, environment });
  await untilReady(replica);
  await untilAdmitted(cluster.admin);
  return replica;
};
/** What the kubelet goes by: without it, or with no replicas in it, the pods are told to end. */
const hasPods = async (): Promise<boolean> => {
  const deployment: (KubeObject & { readonly spec?: { readonly replicas?: number } }) | undefined =
    await cluster.admin.get(resources.deployments, deploymentKey);
  return (deployment?.spec?.replicas ?? 0) > 0;
};

/** A steady load of objects whose webhook fails closed, from before `remove` until the last replica has ended. */
const loadWhile = async (replica: ServeProcess, remove: () => Promise<unknown>): Promise<LoadReport> => {
  const create = async (index: number): Promise<void> => {
    await cluster.admin.create(resources.sparkApplications, sparkApplication(`job-${index}`), { dryRun: true });
  };
  const load = startSteadyLoad(PER_SECOND, create);
  const removing = remove();
  await expect.poll(hasPods, soon).toBe(false);
  expect(await replica.stop()).toBe(0);
  await removing;
  // Nor is it missed by what comes later.
  for (let index = 0; index < PER_SECOND; index += 1) await create(index);
  return load.stop();
};

describe.skipIf(process.getuid?.() !== 0)('Quartermaster taken away under load (as root, for port 443)', () => {
  it.each<[string, (install: string) => Promise<unknown>]>([
    [
      'scaling it to nothing',
      () => cluster.admin.mergePatch(resources.deployments, deploymentKey, { spec: { replicas: 0 } }),
    ],
    ['deleting its Deployment', () => cluster.admin.remove(resources.deployments, deploymentKey)],
    [
      'kubectl delete',
      (install) => kubectl(cluster.controlPlane, ['delete', '--wait=false', '-f', '-'], { input: install }),
    ],
  ])('by %s: no admission fails at any moment, and no webhook is left', async (_, remove) => {
    const install = await printInstall();
    const replica = await startInstalled(install);
    const { failures, sent } = await loadWhile(replica, () => remove(install));
    expect(failures, failures.join('\n')).toEqual([]);
    expect(await cluster.admin.get(resources.mutatingWebhooks, webhookKey)).toBeUndefined();
    expect(sent).toBeGreaterThan(PER_SECOND);
  });
});
