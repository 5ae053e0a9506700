import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Quartermaster, startQuartermaster } from '../../dev/demo/quartermaster.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { startMetadataStub } from '../../dev/stubs/metadata.ts';
import type {
  KubeObject,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  StorageClass,
} from '../../src/api/kubernetes.ts';
import { defaults } from '../../src/install/options.ts';
import { resources } from '../../src/kube/api-server.ts';
import { untilAsked } from '../fixtures/asked.ts';
import { eventsAbout } from '../fixtures/controller-runs.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';

const soon = { timeout: 30_000, interval: 50 };

let cluster: ShippedCluster;
let quartermaster: Quartermaster;
let metadata: Awaited<ReturnType<typeof startMetadataStub>>;

const create = (name: string, spec: PersistentVolumeClaimSpec): Promise<PersistentVolumeClaim> =>
  cluster.admin.create(resources.persistentVolumeClaims, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'default' },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Gi' } }, ...spec },
  });
const classNamed = (name: string) => cluster.admin.get<StorageClass>(resources.storageClasses, { namespace: '', name });
const messagesAbout = async (name: string) =>
  (await eventsAbout(cluster, { namespace: 'default', name })).map(({ message }) => message);

beforeAll(async () => {
  cluster = await startShippedCluster();
  metadata = await startMetadataStub('aws');
  const [webhookPort = 0, opsPort = 0] = await freePorts(2);
  const driver: KubeObject & { readonly spec: object } = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata: { name: 'ebs.csi.aws.com' },
    spec: {},
  };
  await cluster.admin.create(resources.csiDrivers, driver);
  quartermaster = await startQuartermaster({
    kubeconfig: await cluster.controlPlane.serviceAccountKubeconfig(defaults.namespace, 'quartermaster'),
    metadataUrl: metadata.url,
    webhookPort,
    opsPort,
  });
  await untilAsked(cluster.admin);
});

afterAll(async () => {
  await quartermaster?.stop();
  await metadata?.stop();
  await cluster?.controlPlane.stop();
});

describe('names of classes, through the real API server', () => {
  it.each<readonly [string, Partial<StorageClass>]>([
    ['gp3', { reclaimPolicy: 'Delete', parameters: { type: 'gp3', encrypted: 'true' } }],
    ['ebs-gp3-encrypted', { parameters: { type: 'gp3', encrypted: 'true' } }],
    ['ssd', { parameters: { type: 'gp3' } }],
    ['gp2-retain', { reclaimPolicy: 'Retain', parameters: { type: 'gp2' } }],
    ['gp3-xfs-immediate', { volumeBindingMode: 'Immediate', parameters: { 'csi.storage.k8s.io/fstype': 'xfs' } }],
  ])('%s is what it says', async (storageClassName, said) => {
    await create(`of-${storageClassName}`, { storageClassName });
    const made = await classNamed(storageClassName);
    expect(made).toMatchObject({ provisioner: 'ebs.csi.aws.com', ...said });
    expect(made?.parameters).not.toHaveProperty('iops');
  });

  it('a claim that the class of an earlier one cannot serve is told so', async () => {
    await create('rec-db', { storageClassName: 'store' });
    await create('rec-streams', { storageClassName: 'store', accessModes: ['ReadWriteMany'] });
    expect(await classNamed('store')).toMatchObject({ provisioner: 'ebs.csi.aws.com' });
    await expect
      .poll(() => messagesAbout('rec-streams'), soon)
      .toEqual([expect.stringMatching(/^StorageClass store was made for aws ReadWriteOnce .*serves no ReadWriteMany/)]);
  });

  it('a claim under the least size of its type is told the figure', async () => {
    await create('wal', { storageClassName: 'io2', resources: { requests: { storage: '1Gi' } } });
    await create('wal-2', { storageClassName: 'io2', resources: { requests: { storage: '1Gi' } } });
    await expect
      .poll(() => messagesAbout('wal-2'), soon)
      .toEqual([expect.stringMatching(/^Volumes of type io2 begin at 4Gi: .* stays pending/)]);
  });

  it('a populator fills any class, and a snapshot one of its driver', async () => {
    const populator = { apiGroup: 'cdi.kubevirt.io', kind: 'VolumeImportSource', name: 'fedora' };
    await create('vm-disk', { storageClassName: 'vm-ssd', volumeMode: 'Block', dataSourceRef: populator });
    expect(await classNamed('vm-ssd')).toMatchObject({ provisioner: 'ebs.csi.aws.com' });
    const snapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'mysql-snap' };
    await create('restored', { storageClassName: 'prod-ssd', dataSource: snapshot });
    expect(await classNamed('prod-ssd')).toMatchObject({ provisioner: 'ebs.csi.aws.com' });
    const clone = { kind: 'PersistentVolumeClaim', name: 'restored' };
    await create('copied', { storageClassName: 'other-ssd', dataSource: clone });
    expect(await classNamed('other-ssd')).toBeUndefined();
    await expect
      .poll(() => messagesAbout('copied'), soon)
      .toEqual([expect.stringMatching(/spec\.dataSource is a claim, whose class makes the copy too/)]);
  });
});
