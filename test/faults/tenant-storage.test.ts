import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ServeProcess, untilReady } from '../../dev/serve-process.ts';
import type { KubeObject, PersistentVolumeClaim, StorageClass } from '../../src/api/kubernetes.ts';
import { MANAGED_BY, MANAGED_BY_LABEL, NFS_CLASS_ANNOTATION, NFS_ISOLATION_ANNOTATION } from '../../src/api/names.ts';
import type { PlatformDefaults, PlatformDefaultsSpec } from '../../src/api/platform-defaults.ts';
import { resources } from '../../src/kube/api-server.ts';
import { csiDriver } from '../fixtures/controller-runs.ts';
import { platformDefaults } from '../fixtures/defaults.ts';
import { NFS_NAMESPACE, type NfsStorage, nfsStorage } from '../fixtures/nfs-storage.ts';
import { startReplica } from '../fixtures/replica.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';

// What a tenant does to the cluster's storage, by one replica and the API server that asks it.

const LIMIT = 12;
const NODES = '10.0.0.0/24';
const ASKED = { 'example.org/asked': 'yes' };
const soon = { timeout: 60_000, interval: 50 };

let cluster: ShippedCluster;
let replica: ServeProcess;
let nfs: NfsStorage;

beforeAll(async () => {
  cluster = await startShippedCluster();
  nfs = await nfsStorage(cluster.admin);
  await cluster.admin.create<KubeObject>(resources.csiDrivers, csiDriver('ebs.csi.aws.com'));
  await give('asked', { match: { kinds: ['PersistentVolumeClaim'] }, inject: { labels: ASKED } });
  const limits = { NFS_CLAIM_LIMIT_GI: '10', NFS_NAMESPACE_LIMIT_GI: '15', STORAGE_CLASS_LIMIT: String(LIMIT) };
  const environment = { CLOUD: 'aws', NFS_CLIENTS: NODES, NFS_SERVER_IMAGE: 'registry.example.org/nfs:1', ...limits };
  replica = await startReplica(cluster, { environment });
  await untilReady(replica);
  await vi.waitFor(async () => {
    expect((await submit(claim('asked', 'standard'), true)).metadata.labels).toEqual(ASKED);
  }, soon);
});

afterAll(async () => {
  await replica?.stop();
  await cluster?.controlPlane.stop();
});

const give = (name: string, spec: Partial<PlatformDefaultsSpec>) => {
  const { uid: _, generation: __, ...metadata } = platformDefaults(name, {}).metadata;
  return cluster.admin.create<PlatformDefaults>(resources.platformDefaults, {
    ...platformDefaults(name, spec),
    metadata,
  });
};
const claim = (
  name: string,
  storageClassName: string,
  storage = '1Gi',
  mode: 'ReadWriteOnce' | 'ReadWriteMany' = 'ReadWriteOnce',
): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'default' },
  spec: { accessModes: [mode], storageClassName, resources: { requests: { storage } } },
});
const submit = (object: PersistentVolumeClaim, dryRun = false): Promise<PersistentVolumeClaim> =>
  cluster.admin.create(resources.persistentVolumeClaims, object, { dryRun });
const share = (name: string, storageClassName: string, storage?: string) =>
  submit(claim(name, storageClassName, storage, 'ReadWriteMany'));
const classesOfOurs = async (): Promise<readonly StorageClass[]> => {
  const labelSelector = `${MANAGED_BY_LABEL}=${MANAGED_BY}`;
  return (await cluster.admin.list<StorageClass>(resources.storageClasses, { labelSelector })).items;
};

describe('an NFS server that tenants share', () => {
  it('has a disk for what the limits let a claim and a namespace have, whether 8Ei are asked for or 1e99', async () => {
    await share('exbibytes', 'shared-nfs', '8Ei');
    await expect.poll(() => nfs.sizeOf('shared-nfs-nfs'), soon).toBe('12Gi');
    await share('unreadable', 'shared-nfs', '1e99');
    await expect.poll(() => nfs.whole('shared-nfs-nfs'), soon).toEqual(nfs.parts.map(({ kind }) => kind));
    await nfs.bindDisk('shared-nfs-nfs');
    await expect.poll(() => nfs.sizeOf('shared-nfs-nfs'), soon).toBe('17Gi');
  });

  it('lets in the nodes alone, and says what NFS does not promise', async () => {
    const policy = await nfs.part<KubeObject & { readonly spec?: { readonly ingress?: readonly unknown[] } }>(
      resources.networkPolicies,
      'shared-nfs-nfs',
    );
    expect(policy?.spec?.ingress?.[0]).toMatchObject({ from: [{ ipBlock: { cidr: NODES } }] });
    const shared = await nfs.classNamed('shared-nfs');
    expect(shared?.metadata.annotations?.[NFS_ISOLATION_ANNOTATION]).toContain('NFS without Kerberos believes');
  });

  it('is not shared by a class that is called as another’s server is', async () => {
    const names = ['team.nfs', 'team-nfs-5b13ff7591'];
    for (const [at, name] of names.entries()) await share(`named-${at}`, name);
    const served = async () =>
      (await cluster.admin.list(resources.deployments, { namespace: NFS_NAMESPACE })).items
        .map(({ metadata }) => metadata.annotations?.[NFS_CLASS_ANNOTATION])
        .toSorted();
    await expect.poll(served, soon).toEqual(['shared-nfs', ...names.toSorted()]);
  });
});

describe('a StorageClass, which is for the whole cluster', () => {
  it('takes nothing of the namespace, the name or the labels of a tenant’s claim', async () => {
    await give('named', {
      match: { kinds: ['PersistentVolumeClaim'] },
      inject: { storageClass: { parameters: { directory: '${namespace}-${labels.team}' } } },
    });
    const messages = async () =>
      (
        await cluster.admin.get<PlatformDefaults>(resources.platformDefaults, {
          namespace: 'quartermaster-system',
          name: 'named',
        })
      )?.status?.conditions?.map(({ message }) => message);
    await expect
      .poll(messages, soon)
      .toContainEqual(expect.stringMatching(/^spec\.inject\.storageClass: \$\{\w+(\.team)?\} follows from one object/));
    await submit(claim('plain', 'plain-class'));
    await expect.poll(async () => (await nfs.classNamed('plain-class'))?.provisioner, soon).toBe('ebs.csi.aws.com');
    expect((await nfs.classNamed('plain-class'))?.parameters).not.toHaveProperty('directory');
  });

  it('is made of 200 names at once as often as STORAGE_CLASS_LIMIT says, and no more afterwards', async () => {
    await Promise.all(Array.from({ length: 200 }, (_, at) => submit(claim(`many-${at}`, `class-${at}`))));
    await expect.poll(async () => (await classesOfOurs()).length, soon).toBe(LIMIT);
    await submit(claim('late', 'late-class'));
    // The controller looks at the last of them after all others.
    const refused = () => replica.lines().filter((line) => line.includes('StorageClass not made')).length;
    await expect.poll(refused, soon).toBeGreaterThanOrEqual(201 - LIMIT);
    expect(await classesOfOurs()).toHaveLength(LIMIT);
  });
});

describe('an ObjectStore', () => {
  const store = (spec: object): KubeObject & { readonly spec: object } => ({
    apiVersion: 'banzaicloud.com/v1alpha1',
    kind: 'ObjectStore',
    metadata: { name: 'hostile', namespace: 'default' },
    spec: { name: 'hostile-bucket', ...spec },
  });
  it.each([
    [
      'an endpoint with a path',
      { provider: 's3', s3: { endpoint: 'https://s3.example.com/other' } },
      'spec.s3.endpoint',
    ],
    ['an endpoint with a user', { provider: 's3', s3: { endpoint: 'https://a:b@s3.example.com' } }, 'spec.s3.endpoint'],
    [
      'an endpoint with a query',
      { provider: 's3', s3: { endpoint: 'https://s3.example.com?a=b' } },
      'spec.s3.endpoint',
    ],
    [
      'an endpoint of a metadata service',
      { provider: 's3', s3: { endpoint: 'http://[fd00:ec2::23]' } },
      'spec.s3.endpoint',
    ],
    [
      'a resource group that is a path',
      { provider: 'azure', azure: { resourceGroup: '..' } },
      'spec.azure.resourceGroup',
    ],
  ])('is refused that has %s', async (_what, spec, field) => {
    await expect(cluster.admin.create(resources.objectStores, store(spec), { dryRun: true })).rejects.toThrow(field);
  });
});
