import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../dev/control-plane/command.ts';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { type ServeProcess, startServe, untilReady } from '../../dev/serve-process.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { FAIL_CLOSED_BINDING } from '../../src/api/names.ts';
import type { MutatingWebhookConfiguration } from '../../src/controller/webhooks/configuration.ts';
import { type Kube, resources } from '../../src/kube/api-server.ts';
import { createKube } from '../../src/kube/client.ts';
import { findConnection } from '../../src/kube/connection.ts';
import { type Removal, SERVICE, SYSTEM, soon, startRemoval } from '../fixtures/removal.ts';
import { claim } from '../fixtures/storage.ts';

const NAME = 'team-quartermaster-blue';
const KUSTOMIZATION = `
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namePrefix: team-
nameSuffix: -blue
sortOptions: { order: fifo }
resources: [manifests/base]
components: [manifests/components/nfs, manifests/components/network-policy]
patches:
  - target: { kind: Service, name: quartermaster }
    patch: |
      [{ "op": "add", "path": "/spec/clusterIP", "value": "${SERVICE.address}" }]
`;

let removal: Removal;
let folder: string;
let kubeconfig: string;
let replica: ServeProcess;
/** The account that the replica runs as. */
let self: Kube;

/** As the kustomization says it, and as the downward API tells the replica. */
beforeAll(async () => {
  removal = await startRemoval();
  folder = await mkdtemp(join(tmpdir(), 'quartermaster-prefix-'));
  await cp('manifests', join(folder, 'manifests'), { recursive: true });
  await writeFile(join(folder, 'kustomization.yaml'), KUSTOMIZATION);
  await kubectl(removal.controlPlane, ['apply', '-k', folder]);
  await removal.admin.create(resources.csiDrivers, {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata: { name: 'ebs.csi.aws.com' },
  });
  kubeconfig = await removal.controlPlane.serviceAccountKubeconfig(SYSTEM, NAME);
  self = createKube(await findConnection({ KUBECONFIG: kubeconfig }));
  const [opsPort = 0] = await freePorts(1);
  replica = startServe({
    kubeconfig,
    webhookPort: SERVICE.port,
    opsPort,
    environment: {
      CLOUD: 'aws',
      WEBHOOK_HOST: SERVICE.address,
      WEBHOOK_URL: '',
      SYSTEM_NAMESPACE: SYSTEM,
      SERVICE_ACCOUNT: NAME,
      DRAIN_SECONDS: '1',
    },
  });
  await untilReady(replica);
});
afterAll(async () => {
  await replica?.stop();
  await removal?.controlPlane.stop();
  if (removal) await rm(removal.controlPlane.directory, { recursive: true, force: true });
  if (folder) await rm(folder, { recursive: true, force: true });
});

describe.skipIf(process.getuid?.() !== 0)(
  'an install with a namePrefix and a nameSuffix (as root, for port 443)',
  () => {
    it('is found by the check of the command line', async () => {
      const said = await run(process.execPath, ['src/main.ts', 'check'], {
        timeoutMs: 60_000,
        env: { KUBECONFIG: kubeconfig },
      });
      expect(said).toContain('Quartermaster answered about a claim');
    });

    it('answers reviews by the configuration of its name, and fails closed', async () => {
      const bound = () =>
        self.get<KubeObject & { readonly roleRef: { readonly name: string } }>(resources.roleBindings, {
          namespace: SYSTEM,
          name: FAIL_CLOSED_BINDING,
        });
      await expect.poll(bound, soon).toMatchObject({ roleRef: { name: 'team-quartermaster-fail-closed-blue' } });
      await removal.admin.create(resources.persistentVolumeClaims, claim('scratch', 'scratch-gp3'));
      const made = await removal.admin.get(resources.storageClasses, { namespace: '', name: 'scratch-gp3' });
      expect(made).toMatchObject({ provisioner: 'ebs.csi.aws.com' });
      const { items } = await removal.admin.list<MutatingWebhookConfiguration>(resources.mutatingWebhooks, {});
      expect(items.map(({ metadata }) => metadata.name)).toEqual([NAME]);
      expect(items[0]?.webhooks?.map(({ name }) => name)).toContain('spark-application-fail-closed.quartermaster.dev');
    });

    it('keeps its account to what it made, and to the roles of the install', async () => {
      const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'any', namespace: 'default' } };
      await expect(self.create(resources.configMaps, configMap)).rejects.toThrow(
        'Quartermaster makes only what it labels',
      );
      const binding = (namespace: string, role: string) =>
        ({
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'RoleBinding',
          metadata: { name: 'any', namespace, labels: { 'app.kubernetes.io/managed-by': 'quartermaster' } },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
          subjects: [{ kind: 'ServiceAccount', name: 'any', namespace }],
        }) as KubeObject;
      const { roleBindings } = resources;
      const nfsServer = 'team-quartermaster-nfs-server-blue';
      await expect(self.create(roleBindings, binding('default', nfsServer))).rejects.toThrow('hands out roles');
      await expect(
        self.create(roleBindings, binding('quartermaster-nfs', 'team-quartermaster-fail-closed-blue')),
      ).rejects.toThrow('hands out roles');
      await self.create(roleBindings, binding('quartermaster-nfs', nfsServer));
    });
  },
);
