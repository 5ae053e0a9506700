import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Quartermaster, startQuartermaster } from '../../dev/demo/quartermaster.ts';
import { freePorts } from '../../dev/free-ports.ts';
import { startMetadataStub } from '../../dev/stubs/metadata.ts';
import type { KubeObject, PersistentVolumeClaim } from '../../src/api/kubernetes.ts';
import type { Service } from '../../src/kinds/persistent-volume-claim/nfs/observed.ts';
import { type Resource, resources } from '../../src/kube/api-server.ts';
import { type ShippedCluster, startShippedCluster } from '../fixtures/shipped-cluster.ts';

const SERVER = { namespace: 'quartermaster-nfs', name: 'team-nfs-nfs' };
const CLAIM = { namespace: 'default', name: 'files' };
const soon = { timeout: 60_000, interval: 200 };

let cluster: ShippedCluster;
let metadata: Awaited<ReturnType<typeof startMetadataStub>>;
let quartermaster: Quartermaster;

beforeAll(async () => {
  cluster = await startShippedCluster({ controllerManager: true });
  metadata = await startMetadataStub('gcp');
  const driver = { ...described('storage.k8s.io/v1', 'CSIDriver', 'pd.csi.storage.gke.io'), spec: {} };
  await cluster.admin.create<KubeObject>(resources.csiDrivers, driver);
  const [webhookPort = 0, opsPort = 0] = await freePorts(2);
  quartermaster = await startQuartermaster({
    kubeconfig: await cluster.controlPlane.serviceAccountKubeconfig('quartermaster-system', 'quartermaster'),
    metadataUrl: metadata.url,
    webhookPort,
    opsPort,
    environment: { NFS_GRACE_SECONDS: '1' },
  });
});
afterAll(async () => {
  await quartermaster?.stop();
  await metadata?.stop();
  await cluster?.controlPlane.stop();
});

const described = (apiVersion: string, kind: string, name: string): KubeObject => ({
  apiVersion,
  kind,
  metadata: { name },
});

const there = async (resource: Resource, key = SERVER) => (await cluster.admin.get(resource, key)) !== undefined;
const claimAt = (key: typeof SERVER) => cluster.admin.get<PersistentVolumeClaim>(resources.persistentVolumeClaims, key);
const phaseOf = async (key: typeof SERVER) => (await claimAt(key))?.status?.phase;

/** What a provisioner does: a volume for that very claim. */
const provision = async (name: string, key: typeof SERVER, spec: Readonly<Record<string, unknown>>): Promise<void> => {
  const claimRef = { ...key, uid: (await claimAt(key))?.metadata.uid };
  const volume = { ...described('v1', 'PersistentVolume', name), spec: { ...spec, claimRef } };
  await cluster.admin.create<KubeObject>(resources.persistentVolumes, volume);
};

describe('an NFS class, with Kubernetes’ own controllers around it', () => {
  it('gets a server, and a disk that is no larger than asked for when all are bound', async () => {
    await cluster.admin.create<PersistentVolumeClaim>(resources.persistentVolumeClaims, {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: CLAIM,
      spec: {
        accessModes: ['ReadWriteMany'],
        storageClassName: 'team-nfs',
        resources: { requests: { storage: '20Gi' } },
      },
    });
    await expect.poll(() => there(resources.deployments), soon).toBe(true);
    const { spec } = (await cluster.admin.get<Service>(resources.services, SERVER)) ?? {};
    await provision('disk', SERVER, {
      storageClassName: 'quartermaster-disk',
      capacity: { storage: '22Gi' },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Retain',
      csi: { driver: 'pd.csi.storage.gke.io', volumeHandle: 'disk' },
    });
    await expect.poll(() => phaseOf(SERVER), soon).toBe('Bound');
    await provision('files', CLAIM, {
      storageClassName: 'team-nfs',
      capacity: { storage: '20Gi' },
      accessModes: ['ReadWriteMany'],
      persistentVolumeReclaimPolicy: 'Retain',
      nfs: { server: spec?.clusterIP, path: '/export/files' },
    });
    await expect.poll(() => phaseOf(CLAIM), soon).toBe('Bound');
    expect((await claimAt(SERVER))?.spec?.resources?.requests?.['storage']).toBe('22Gi');
  });

  it('keeps its server while the volume is there, and its disk when the server is gone', async () => {
    await cluster.admin.remove(resources.persistentVolumeClaims, CLAIM);
    await expect.poll(() => claimAt(CLAIM), soon).toBeUndefined();
    await cluster.admin.remove(resources.services, SERVER);
    await expect.poll(() => there(resources.services), soon).toBe(true);
    await cluster.admin.remove(resources.persistentVolumes, { namespace: '', name: 'files' });
    await expect.poll(() => there(resources.storageClasses, { namespace: '', name: 'team-nfs' }), soon).toBe(false);
    expect(await there(resources.deployments)).toBe(false);
    expect(await phaseOf(SERVER)).toBe('Bound');
  });
});
