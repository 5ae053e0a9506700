import { expect, it } from 'vitest';
import type { Facts } from '../../../../src/api/facts.ts';
import type { KubeObject, PersistentVolumeClaim, StorageClass } from '../../../../src/api/kubernetes.ts';
import type { Note } from '../../../../src/controller/events.ts';
import {
  createProvisioning,
  type ProvisioningTools,
} from '../../../../src/kinds/persistent-volume-claim/nfs/provisioning.ts';
import { policyOf, readSettings } from '../../../../src/settings/config.ts';
import { observedServer } from '../../../fixtures/nfs-storage.ts';

const storageClass: StorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'shared-nfs' },
  provisioner: 'quartermaster.dev/shared-nfs-nfs',
};
const claim: PersistentVolumeClaim = {
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name: 'results', namespace: 'team-a', uid: 'uid-1' },
  spec: {
    accessModes: ['ReadWriteMany'],
    storageClassName: 'shared-nfs',
    resources: { requests: { storage: '5Gi' } },
  },
};
const part = (kind: string, fields: object): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name: 'shared-nfs-nfs' },
  ...fields,
});
const serverWith = (diskStatus: Readonly<Record<string, unknown>> = {}) =>
  observedServer({
    storageClass,
    diskClass: { ...storageClass, allowVolumeExpansion: true },
    parts: {
      disk: part('PersistentVolumeClaim', {
        metadata: { name: 'shared-nfs-nfs', annotations: { 'quartermaster.dev/nfs-server': 'quartermaster' } },
        spec: { resources: { requests: { storage: '12Gi' } } },
        status: { phase: 'Bound', capacity: { storage: '12Gi' }, ...diskStatus },
      }),
      service: part('Service', { spec: { clusterIP: '10.96.0.7' } }),
      deployment: part('Deployment', { status: { availableReplicas: 1 } }),
    },
  });

const provisionedFor = async (claims: readonly PersistentVolumeClaim[], observed = serverWith()) => {
  const made: string[] = [];
  let secret: KubeObject | undefined;
  const told: (readonly [KubeObject['metadata'], Note])[] = [];
  const kube = {
    get: () => Promise.resolve(secret),
    list: () => Promise.resolve({ items: [], resourceVersion: '1', continueToken: undefined }),
    create: (_: unknown, object: KubeObject) => {
      made.push(`${object.kind} ${object.metadata.name}`);
      if (object.kind === 'Secret') secret = object;
      return Promise.resolve(object);
    },
  } as unknown as ProvisioningTools['kube'];
  const provision = createProvisioning({
    kube,
    facts: () => ({ policy: policyOf(readSettings({})) }) as Facts,
    events: { record: ({ metadata }, note) => void told.push([metadata, note]) },
    agents: {
      versionOf: () => Promise.resolve(undefined),
      send: (_, { exports }) => {
        made.push(`export ${exports.map(({ path }) => path).join()}`);
        return Promise.resolve(undefined);
      },
    },
  });
  await provision({ ...observed, pendingClaims: claims }, AbortSignal.timeout(10_000));
  return { made, told };
};

it('the claim of a folder is told that no quota bounds it, once the folder is exported and its volume made', async () => {
  const { made, told } = await provisionedFor([claim]);
  expect(made).toEqual([
    'Secret shared-nfs-nfs',
    'export /export/volumes/team-a/pvc-uid-1',
    'PersistentVolume pvc-uid-1',
  ]);
  expect(told).toEqual([
    [
      { namespace: 'team-a', name: 'results', uid: 'uid-1' },
      {
        type: 'Normal',
        reason: 'NfsVolumeMade',
        message: expect.stringContaining('room for the 5Gi asked for, but no quota bounds the folder') as string,
      },
    ],
  ]);
});

it('a claim of what can bind to no folder gets no volume, and is told what to do', async () => {
  const raw: PersistentVolumeClaim = { ...claim, spec: { ...claim.spec, volumeMode: 'Block' } };
  const { made, told } = await provisionedFor([raw]);
  expect(made).toEqual(['Secret shared-nfs-nfs', 'export ']);
  expect(told).toEqual([
    [
      raw.metadata,
      {
        type: 'Warning',
        reason: 'NfsVolumeNotMade',
        message: expect.stringContaining('again without spec.volumeMode') as string,
      },
    ],
  ]);
});

it('a claim with a populator of its own is left to that, which is no fault of the claim', async () => {
  const dataSourceRef = { apiGroup: 'example.org', kind: 'Sample', name: 'db' };
  const asked: PersistentVolumeClaim = { ...claim, spec: { ...claim.spec, dataSourceRef } };
  const { made, told } = await provisionedFor([asked]);
  expect(made).toEqual(['Secret shared-nfs-nfs', 'export ']);
  expect(told).toMatchObject([[asked.metadata, { type: 'Normal', reason: 'NfsVolumeLeftToPopulator' }]]);
});

it.each([
  [{}, 'Normal', 'NfsDiskGrowing', /has 12Gi and is to have 92Gi\. The claim gets its size when it has\.$/],
  [
    {
      conditions: [
        { type: 'Resizing', status: 'True', message: '' },
        { type: 'ControllerResizeError', status: 'True', message: 'quota exceeded' },
      ],
    },
    'Warning',
    'NfsDiskNotGrown',
    /has 12Gi and is to have 92Gi.*: quota exceeded$/,
  ],
  [
    { allocatedResourceStatuses: { storage: 'ControllerResizeInfeasible' } },
    'Warning',
    'NfsDiskNotGrown',
    /ControllerResizeInfeasible$/,
  ],
])(
  'a claim that waits for the disk to grow is told so, and why it does not: %j',
  async (status, type, reason, message) => {
    const large: PersistentVolumeClaim = {
      ...claim,
      spec: { ...claim.spec, resources: { requests: { storage: '90Gi' } } },
    };
    const { made, told } = await provisionedFor([large], serverWith(status));
    expect(made).toEqual(['Secret shared-nfs-nfs', 'export ']);
    expect(told).toEqual([[claim.metadata, { type, reason, message: expect.stringMatching(message) as string }]]);
  },
);
