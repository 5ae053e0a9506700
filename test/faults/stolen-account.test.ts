import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { until } from '../../dev/until.ts';
import type { KubeObject } from '../../src/api/kubernetes.ts';
import { RELEASE_PATCH } from '../../src/defaults/provisioning/plan.ts';
import { type Kube, type Resource, resources } from '../../src/kube/api-server.ts';
import { createKube } from '../../src/kube/client.ts';
import { findConnection } from '../../src/kube/connection.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';

type Json = KubeObject & Readonly<Record<string, unknown>>;

const IN_USE = ['banzaicloud.com/in-use-by-objectstore'];
const OURS = { 'app.kubernetes.io/managed-by': 'quartermaster' };
const NFS = 'quartermaster-nfs';
const PODS: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', isNamespaced: true };
let cluster: ShippedCluster;
/** The account of Quartermaster, and that of an NFS server. */
let self: Kube;
let server: Kube;

const object = (
  apiVersion: string,
  kind: string,
  metadata: KubeObject['metadata'],
  rest: Readonly<Record<string, unknown>> = {},
): Json => ({ apiVersion, kind, metadata: { name: 'stolen', ...metadata }, ...rest });

const secret = (metadata: KubeObject['metadata'], rest = {}) => object('v1', 'Secret', metadata, rest);
const configMap = (metadata: KubeObject['metadata']) => object('v1', 'ConfigMap', metadata);
const binding = (metadata: KubeObject['metadata'], role: string, subject: Readonly<Record<string, string>>) =>
  object('rbac.authorization.k8s.io/v1', 'RoleBinding', metadata, {
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [subject],
  });
const deployment = (spec: Readonly<Record<string, unknown>>, container = {}) =>
  object(
    'apps/v1',
    'Deployment',
    { namespace: NFS, labels: OURS },
    {
      spec: {
        selector: { matchLabels: OURS },
        template: {
          metadata: { labels: OURS },
          spec: { containers: [{ name: 'main', image: 'main', ...container }], ...spec },
        },
      },
    },
  );
const volume = (name: string, source: Readonly<Record<string, unknown>>, provisioner: string) =>
  object(
    'v1',
    'PersistentVolume',
    { name, annotations: { 'pv.kubernetes.io/provisioned-by': provisioner } },
    {
      spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteMany'], ...source },
    },
  );
const nfsVolume = (name: string) =>
  volume(name, { nfs: { server: '10.0.0.1', path: '/export/pvc-1' } }, 'quartermaster.dev/team-nfs');
const claim = (metadata: KubeObject['metadata'], spec = {}) =>
  object('v1', 'PersistentVolumeClaim', metadata, {
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  });
const event = (metadata: KubeObject['metadata'], reportingComponent: string) =>
  object('v1', 'Event', metadata, {
    involvedObject: { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'theirs' },
    reason: 'Unhealthy',
    message: 'Readiness probe failed',
    type: 'Warning',
    reportingComponent,
    reportingInstance: 'node-1',
  });
const labelled = (made: Json): Json => ({ ...made, metadata: { ...made.metadata, labels: OURS } });
const asksForMore = { spec: { resources: { requests: { storage: '8Ei' } } } };
const grown = { spec: { capacity: { storage: '2Gi' } } };
const renoted = { metadata: { annotations: { 'quartermaster.dev/noted': 'again' } } };
const runner = { kind: 'ServiceAccount', name: 'default', namespace: 'default' };
const podManager = 'quartermaster-calrissian-pod-manager';

beforeAll(async () => {
  cluster = await startShippedCluster();
  ({ self } = cluster);
  const kubeconfig = await cluster.controlPlane.serviceAccountKubeconfig(NFS, 'team-nfs');
  server = createKube(await findConnection({ KUBECONFIG: kubeconfig }));
  const { admin } = cluster;
  await admin.create(
    resources.namespaces,
    object('v1', 'Namespace', { name: 'cwl', labels: { 'quartermaster.dev/calrissian': 'enabled' } }),
  );
  await admin.create(resources.configMaps, configMap({ name: 'theirs', namespace: 'default' }));
  await admin.create(resources.secrets, secret({ name: 'theirs', namespace: 'default' }));
  await admin.create(
    resources.storageClasses,
    object(
      'storage.k8s.io/v1',
      'StorageClass',
      { name: 'theirs' },
      { provisioner: 'csi.example.org', allowVolumeExpansion: true },
    ),
  );
  await admin.create(resources.roleBindings, binding({ name: 'theirs', namespace: 'default' }, 'view', runner));
  await admin.create(
    resources.persistentVolumes,
    volume('theirs', { csi: { driver: 'csi.example.org', volumeHandle: 'disk' } }, 'csi.example.org'),
  );
  await admin.create(
    resources.persistentVolumeClaims,
    claim({ name: 'theirs', namespace: 'default' }, { storageClassName: 'theirs', volumeName: 'theirs' }),
  );
  await admin.create(resources.persistentVolumeClaims, claim({ name: 'theirs', namespace: NFS }));
  const provided = claim(
    { name: 'provided', namespace: 'default' },
    { storageClassName: 'theirs', volumeName: 'provided' },
  );
  await admin.create(resources.persistentVolumeClaims, labelled(provided));
  await admin.create(resources.events, event({ name: 'theirs', namespace: 'default' }, 'kubelet'));
  const store = { spec: { name: 'acme-theirs', deletionPolicy: 'Retain', labels: { team: 'a' } } };
  await admin.create(
    resources.objectStores,
    object('banzaicloud.com/v1alpha1', 'ObjectStore', { name: 'theirs', namespace: 'default' }, store),
  );
  const bound = ['--subresource=status', '--type=merge', '-p', '{"status":{"phase":"Bound"}}'];
  await kubectl(cluster.controlPlane, ['patch', 'persistentvolumeclaim', 'theirs', 'provided', ...bound]);
  // The API server reads new policies a moment after they are stored.
  await until(60_000, async () => {
    await expect(
      self.create(resources.configMaps, configMap({ namespace: 'default' }), { dryRun: true }),
    ).rejects.toThrow('makes only what it labels');
    await expect(
      server.create(resources.persistentVolumes, volume('any', { hostPath: { path: '/' } }, 'any'), { dryRun: true }),
    ).rejects.toThrow('no others');
  });
});

afterAll(() => cluster?.controlPlane.stop());

const objectStore = { apiVersion: 'banzaicloud.com/v1alpha1', kind: 'ObjectStore', name: 'history', uid: 'uid-1' };
const theirs = { namespace: 'default', name: 'theirs' };
const clusterWide = { namespace: '', name: 'theirs' };

describe('whoever has stolen the account of a replica', () => {
  it.each<readonly [string, () => Promise<unknown>, string]>([
    [
      'has no token made for another account',
      () =>
        self.create(
          resources.secrets,
          secret(
            {
              namespace: 'kube-system',
              labels: OURS,
              annotations: { 'kubernetes.io/service-account.name': 'default' },
            },
            { type: 'kubernetes.io/service-account-token' },
          ),
        ),
      'makes no tokens',
    ],
    [
      'lets no node join',
      () =>
        self.create(
          resources.secrets,
          secret(
            { name: 'bootstrap-token-abcdef', namespace: 'kube-system', labels: OURS },
            { type: 'bootstrap.kubernetes.io/token' },
          ),
        ),
      'makes no tokens',
    ],
    [
      'makes no Secret without our label',
      () => self.create(resources.secrets, secret({ namespace: 'default' })),
      'makes only what it labels',
    ],
    [
      'makes no Secret that nothing asks for',
      () => self.create(resources.secrets, secret({ namespace: 'default', labels: OURS })),
      'makes Secrets for the access of an ObjectStore',
    ],
    [
      'makes no Secret of another type for an ObjectStore',
      () =>
        self.create(
          resources.secrets,
          secret(
            { namespace: 'default', labels: OURS, ownerReferences: [objectStore] },
            {
              type: 'kubernetes.io/dockerconfigjson',
              data: { '.dockerconfigjson': Buffer.from('{"auths":{}}').toString('base64') },
            },
          ),
        ),
      'makes Secrets for the access of an ObjectStore',
    ],
    [
      'changes nobody else’s Secret',
      () => self.mergePatch(resources.secrets, theirs, { metadata: { labels: OURS } }),
      'changes and deletes only',
    ],
    [
      'keeps nobody else’s Secret from being deleted with another finalizer than that of ObjectStores',
      () => self.mergePatch(resources.secrets, theirs, { metadata: { finalizers: ['example.org/kept'] } }),
      'changes and deletes only',
    ],
    [
      'changes nothing else of a Secret beside that finalizer',
      () => self.mergePatch(resources.secrets, theirs, { metadata: { finalizers: IN_USE }, data: { token: 'YQ==' } }),
      'changes and deletes only',
    ],
    [
      'takes no Secret for its own beside that finalizer',
      () => self.mergePatch(resources.secrets, theirs, { metadata: { finalizers: IN_USE, labels: OURS } }),
      'changes and deletes only',
    ],
    ['deletes nobody else’s Secret', () => self.remove(resources.secrets, theirs), 'changes and deletes only'],
    [
      'changes nobody else’s ConfigMap',
      () => self.mergePatch(resources.configMaps, theirs, { metadata: { labels: OURS } }),
      'changes and deletes only',
    ],
    [
      'changes nothing else of a ConfigMap beside that finalizer',
      () =>
        self.mergePatch(resources.configMaps, theirs, { metadata: { finalizers: IN_USE }, data: { 'ca.crt': 'any' } }),
      'changes and deletes only',
    ],
    ['deletes nobody else’s ConfigMap', () => self.remove(resources.configMaps, theirs), 'changes and deletes only'],
    [
      'changes nobody else’s class',
      () => self.mergePatch(resources.storageClasses, clusterWide, { allowVolumeExpansion: true }),
      'changes and deletes only',
    ],
    [
      'deletes nobody else’s class',
      () => self.remove(resources.storageClasses, clusterWide),
      'changes and deletes only',
    ],
    [
      'deletes nobody else’s role binding',
      () => self.remove(resources.roleBindings, theirs),
      'changes and deletes only',
    ],
    [
      'gives nobody pods in a namespace that is not for Calrissian',
      () => self.create(resources.roleBindings, binding({ namespace: 'default', labels: OURS }, podManager, runner)),
      'hands out roles in namespaces labelled',
    ],
    [
      'gives no user pods',
      () =>
        self.create(
          resources.roleBindings,
          binding({ namespace: 'cwl', labels: OURS }, podManager, {
            kind: 'User',
            name: 'mallory',
            apiGroup: 'rbac.authorization.k8s.io',
          }),
        ),
      'service accounts alone',
    ],
    [
      'makes nobody a cluster admin',
      () => self.create(resources.roleBindings, binding({ namespace: 'cwl', labels: OURS }, 'cluster-admin', runner)),
      'attempting to grant',
    ],
    [
      'mounts no node’s disk',
      () => self.create(resources.deployments, deployment({ volumes: [{ name: 'root', hostPath: { path: '/' } }] })),
      'nothing of the node',
    ],
    [
      'joins no node’s network',
      () => self.create(resources.deployments, deployment({ hostNetwork: true })),
      'nothing of the node',
    ],
    [
      'runs nothing privileged',
      () => self.create(resources.deployments, deployment({}, { securityContext: { privileged: true } })),
      'not privileged',
    ],
    [
      'adds no capability',
      () =>
        self.create(
          resources.deployments,
          deployment({}, { securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }),
        ),
      'few capabilities',
    ],
    [
      'makes no volume of a node’s disk',
      () =>
        self.create(
          resources.persistentVolumes,
          labelled(volume('root', { hostPath: { path: '/' } }, 'quartermaster.dev/team-nfs')),
        ),
      'and no others',
    ],
    [
      'makes no volume in another’s name',
      () =>
        self.create(
          resources.persistentVolumes,
          labelled(volume('other', { nfs: { server: '10.0.0.1', path: '/' } }, 'csi.example.org')),
        ),
      'and no others',
    ],
    ['deletes nobody else’s volume', () => self.remove(resources.persistentVolumes, clusterWide), 'and no others'],
    [
      'takes nobody else’s volume for its own',
      () => {
        const annotations = { 'pv.kubernetes.io/provisioned-by': 'quartermaster.dev/team-nfs' };
        return self.mergePatch(resources.persistentVolumes, clusterWide, { metadata: { annotations } });
      },
      'and no others',
    ],
    [
      'has nobody else’s claim ask for more',
      () => self.mergePatch(resources.persistentVolumeClaims, theirs, asksForMore),
      'changes and deletes only',
    ],
    [
      'takes nobody else’s claim for its own',
      () => self.mergePatch(resources.persistentVolumeClaims, theirs, { metadata: { labels: OURS } }),
      'changes and deletes only',
    ],
    [
      'keeps nobody else’s claim from being deleted',
      () =>
        self.mergePatch(resources.persistentVolumeClaims, theirs, { metadata: { finalizers: ['example.org/kept'] } }),
      'changes and deletes only',
    ],
    [
      'deletes nobody else’s claim beside its NFS servers',
      () => self.remove(resources.persistentVolumeClaims, { namespace: NFS, name: 'theirs' }),
      'changes and deletes only',
    ],
    [
      'makes no claim without our label',
      () => self.create(resources.persistentVolumeClaims, claim({ namespace: 'default' })),
      'makes only what it labels',
    ],
    [
      'has no claim ask for more that it made for a tenant',
      () => self.mergePatch(resources.persistentVolumeClaims, { ...theirs, name: 'provided' }, asksForMore),
      'nothing of what a claim asks for',
    ],
    [
      'has no bucket emptied',
      () => self.mergePatch(resources.objectStores, theirs, { spec: { deletionPolicy: 'Delete', forceDelete: true } }),
      'nothing of what an ObjectStore asks for',
    ],
    [
      'gives nobody else a bucket',
      () => self.mergePatch(resources.objectStores, theirs, { spec: { grants: [{ namespace: 'cwl' }] } }),
      'nothing of what an ObjectStore asks for',
    ],
    [
      'says nothing in the name of another',
      () => self.create(resources.events, event({ namespace: 'default' }, 'kubelet')),
      'Events of its own',
    ],
    [
      'changes nothing that another said',
      () => self.mergePatch(resources.events, theirs, { reportingComponent: 'quartermaster' }),
      'Events of its own',
    ],
    [
      'opens no way to a server that somebody else made',
      () =>
        self.create(
          resources.networkPolicies,
          object('networking.k8s.io/v1', 'NetworkPolicy', { namespace: NFS }, { spec: { podSelector: {} } }),
        ),
      'makes only what it labels',
    ],
    [
      'makes no pod',
      () =>
        self.create(
          PODS,
          object('v1', 'Pod', { namespace: 'default' }, { spec: { containers: [{ name: 'main', image: 'main' }] } }),
        ),
      'cannot create resource "pods"',
    ],
    [
      'takes the policy away neither',
      () =>
        self.remove(
          {
            group: 'admissionregistration.k8s.io',
            version: 'v1',
            plural: 'validatingadmissionpolicies',
            kind: 'ValidatingAdmissionPolicy',
            isNamespaced: false,
          },
          { namespace: '', name: 'quartermaster-account' },
        ),
      'cannot delete resource',
    ],
  ])('%s', async (_, attempt, refusal) => {
    await expect(attempt()).rejects.toThrow(refusal);
  });

  it('may still keep what an ObjectStore names, and let it go', async () => {
    for (const resource of [resources.secrets, resources.configMaps]) {
      await self.mergePatch(resource, theirs, { metadata: { finalizers: IN_USE } });
      await self.mergePatch(resource, theirs, { metadata: { finalizers: [] } });
    }
  });

  it('may still do what Quartermaster does', async () => {
    for (const metadata of [
      { labels: OURS, ownerReferences: [objectStore] },
      { labels: { ...OURS, 'quartermaster.dev/provisioned': 'true' } },
    ]) {
      await self.create(resources.secrets, secret({ name: 'ours', namespace: 'default', ...metadata }));
      await self.remove(resources.secrets, { namespace: 'default', name: 'ours' });
    }
    await self.create(
      resources.roleBindings,
      binding({ name: 'ours', namespace: 'cwl', labels: OURS }, podManager, { ...runner, namespace: 'cwl' }),
    );
    const ofServer = { ...OURS, 'quartermaster.dev/nfs-class': 'team' };
    await self.create(resources.secrets, secret({ name: 'team-nfs', namespace: NFS, labels: ofServer }));
    await self.create(resources.persistentVolumes, labelled(nfsVolume('of-a-server')));
    await self.mergePatch(resources.persistentVolumes, { namespace: '', name: 'of-a-server' }, grown);
    await self.remove(resources.persistentVolumes, { namespace: '', name: 'of-a-server' });
    const provided = { namespace: 'default', name: 'provided' };
    await self.create(resources.persistentVolumeClaims, labelled(claim({ name: 'ours', namespace: NFS })));
    await self.mergePatch(resources.persistentVolumeClaims, { namespace: NFS, name: 'ours' }, renoted);
    await self.remove(resources.persistentVolumeClaims, { namespace: NFS, name: 'ours' });
    await self.mergePatch(resources.persistentVolumeClaims, provided, RELEASE_PATCH);
    await self.create(resources.events, event({ name: 'ours', namespace: 'default' }, 'quartermaster'));
    await self.mergePatch(resources.events, { namespace: 'default', name: 'ours' }, { count: 2 });
    // As it is where the webhook fills in what it missed.
    const filled = { provider: 's3', location: 'eu-west-1', labels: { team: 'a', stage: 'b' } };
    const finalizers = ['banzaicloud.com/objectstore'];
    await self.mergePatch(resources.objectStores, theirs, { metadata: { finalizers }, spec: filled });
    await self.applyStatus(
      resources.persistentVolumeClaims,
      object('v1', 'PersistentVolumeClaim', theirs, { status: { capacity: { storage: '2Gi' } } }),
    );
    await self.create(
      resources.deployments,
      deployment(
        {
          volumes: [
            { name: 'export', persistentVolumeClaim: { claimName: 'ours' } },
            { name: 'run', emptyDir: {} },
          ],
        },
        { securityContext: { capabilities: { add: ['DAC_READ_SEARCH', 'SYS_RESOURCE'] } } },
      ),
    );
  });
});

describe('whoever has stolen the account of an NFS server', () => {
  it.each<readonly [string, () => Promise<unknown>, string]>([
    [
      'makes no volume of a node’s disk',
      () =>
        server.create(
          resources.persistentVolumes,
          volume('root', { hostPath: { path: '/' } }, 'quartermaster.dev/team-nfs'),
        ),
      'no others',
    ],
    [
      'makes no volume of a disk in the cloud',
      () =>
        server.create(
          resources.persistentVolumes,
          volume('disk', { csi: { driver: 'csi.example.org', volumeHandle: 'disk' } }, 'quartermaster.dev/team-nfs'),
        ),
      'no others',
    ],
    [
      'makes no volume in another’s name',
      () =>
        server.create(
          resources.persistentVolumes,
          volume('other', { nfs: { server: '10.0.0.1', path: '/' } }, 'csi.example.org'),
        ),
      'no others',
    ],
    [
      'makes no volume of another server',
      () =>
        server.create(
          resources.persistentVolumes,
          volume('other-server', { nfs: { server: '10.0.0.1', path: '/export/a' } }, 'quartermaster.dev/other-nfs'),
        ),
      'no others',
    ],
    ['deletes nobody else’s volume', () => server.remove(resources.persistentVolumes, clusterWide), 'no others'],
    [
      'lets no claim ask for more',
      async () => {
        const claim = await server.get<Json>(resources.persistentVolumeClaims, theirs);
        const spec = { ...(claim?.['spec'] as object), resources: { requests: { storage: '8Ei' } } };
        return server.replace(resources.persistentVolumeClaims, { ...claim, spec } as Json);
      },
      'nothing of what a claim asks for',
    ],
  ])('%s', async (_, attempt, refusal) => {
    await expect(attempt()).rejects.toThrow(refusal);
  });

  it('may still make and delete its own', async () => {
    await server.create(resources.persistentVolumes, nfsVolume('ours'));
    await server.remove(resources.persistentVolumes, { namespace: '', name: 'ours' });
  });
});

describe('an administrator whose account has our name in its own', () => {
  it('is not held to what we may do', async () => {
    const subject = { kind: 'ServiceAccount', name: 'quartermaster-deployer', namespace: 'default' };
    await cluster.admin.create(
      { ...resources.roleBindings, plural: 'clusterrolebindings', kind: 'ClusterRoleBinding', isNamespaced: false },
      { ...binding({ name: 'deployer' }, 'cluster-admin', subject), kind: 'ClusterRoleBinding' },
    );
    const kubeconfig = await cluster.controlPlane.serviceAccountKubeconfig('default', subject.name);
    const deployer = createKube(await findConnection({ KUBECONFIG: kubeconfig }));
    const made = await deployer.create(resources.configMaps, configMap({ name: 'deployed', namespace: 'default' }));
    expect(made.metadata.name).toBe('deployed');
  });
});
