import { describe, expect, it } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../../../src/api/kubernetes.ts';
import { type ObservedServer, requestedGi } from '../../../../src/kinds/persistent-volume-claim/nfs/observed.ts';
import { exportListOf, planVolumes, volumeFor } from '../../../../src/kinds/persistent-volume-claim/nfs/volumes.ts';
import { policyOf, readSettings } from '../../../../src/settings/config.ts';
import { observedServer } from '../../../fixtures/nfs-storage.ts';

const address = '10.96.0.7';
const policy = policyOf(readSettings({ NFS_CLIENTS: '10.0.0.0/16' }));

const storageClass: StorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'shared-nfs' },
  provisioner: 'quartermaster.dev/shared-nfs-nfs',
  reclaimPolicy: 'Delete',
  mountOptions: ['nfsvers=4.1'],
};

const claim = (name: string, storage = '1Gi', more: PersistentVolumeClaim['spec'] = {}): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'team-a', uid: name },
  spec: {
    accessModes: ['ReadWriteMany'],
    storageClassName: 'shared-nfs',
    resources: { requests: { storage } },
    ...more,
  },
});

const volume = (name: string, phase = 'Bound'): PersistentVolume => ({
  ...volumeFor(claim(name), storageClass, address),
  status: { phase },
});

const at = (path: string): PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: 'by-hand' },
  spec: { nfs: { server: address, path } },
});

const planFor = (change: Partial<ObservedServer>, parameters?: StorageClass['parameters'], diskHas = '12Gi') => {
  const disk = {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'shared-nfs-nfs' },
    spec: { resources: { requests: { storage: '12Gi' } }, storageClassName: 'quartermaster-disk' },
    status: { phase: 'Bound', capacity: { storage: diskHas } },
  };
  const observed = observedServer({ storageClass, parts: { disk }, ...change });
  const itsClass = { ...storageClass, ...(parameters && { parameters }) };
  const plan = planVolumes(observed, itsClass, address);
  const { kept: exported, removes: removed } = plan;
  return { ...plan, list: exportListOf({ exported, removed }, itsClass, address, policy) };
};

const names = (objects: readonly { readonly metadata: { readonly name?: string } }[]) =>
  objects.map(({ metadata }) => metadata.name);

describe('the volumes of an NFS server of our own', () => {
  it('are one for each claim that waits, a folder below that of its namespace, exported before it is made', () => {
    const { makes, list } = planFor({ pendingClaims: [claim('one')], volumes: [volume('two')] });
    expect(makes).toMatchObject([
      {
        metadata: { name: 'pvc-one', annotations: { 'pv.kubernetes.io/provisioned-by': storageClass.provisioner } },
        spec: {
          claimRef: { namespace: 'team-a', name: 'one', uid: 'one' },
          nfs: { server: address, path: '/export/volumes/team-a/pvc-one' },
          persistentVolumeReclaimPolicy: 'Delete',
          mountOptions: ['nfsvers=4.1'],
          capacity: { storage: '1Gi' },
        },
      },
    ]);
    expect(list).toEqual({
      clients: ['10.0.0.0/16'],
      exports: [
        { path: '/export/volumes/team-a/pvc-one', squash: 'root' },
        { path: '/export/volumes/team-a/pvc-two', squash: 'root' },
      ],
      removed: [],
    });
  });

  it('are made once, however often they are looked at', () => {
    expect(planFor({ pendingClaims: [claim('one')], volumes: [volume('one', 'Available')] }).makes).toEqual([]);
  });

  it('have a root that is nobody, unless the class says otherwise; folders of nfs-provisioner stay as they were', () => {
    const volumes = [volume('new'), at('/export/pvc-old')];
    const squashes = (parameters?: StorageClass['parameters']) =>
      planFor({ volumes }, parameters).list.exports.map(({ squash }) => squash);
    expect(squashes()).toEqual(['none', 'root']);
    expect(squashes({ rootSquash: 'false' })).toEqual(['none', 'none']);
    expect(squashes({ rootSquash: 'true' })).toEqual(['root', 'root']);
  });

  it('belong to the group that the class names', () => {
    expect(planFor({ pendingClaims: [claim('one')] }, { gid: '2000' })).toMatchObject({
      makes: [{ metadata: { annotations: { 'pv.beta.kubernetes.io/gid': '2000' } } }],
      list: { exports: [{ gid: '2000' }] },
    });
  });

  it.each(['4294967295', '9999999999', '-1', 'users'])(
    'belong to none where it names %s, which no folder can',
    (gid) => {
      const { makes, list } = planFor({ pendingClaims: [claim('one')] }, { gid });
      expect(list.exports).toEqual([{ path: '/export/volumes/team-a/pvc-one', squash: 'root' }]);
      expect(makes[0]?.metadata.annotations).not.toHaveProperty('pv.beta.kubernetes.io/gid');
    },
  );

  it('are nothing that lies elsewhere', () => {
    const paths = [
      '/etc',
      '/export/../etc',
      '/export/.quartermaster',
      '/export/volumes',
      '/export/a b',
      '/export/volumes/a/..',
    ];
    expect(planFor({ volumes: paths.map(at) }).list.exports).toEqual([]);
  });

  it('go with what they hold where the class said Delete, and never while another volume names the folder', () => {
    const over = volume('gone', 'Released');
    const going = { ...over, metadata: { ...over.metadata, deletionTimestamp: '2026-12-01T00:00:00Z' } };
    expect(planFor({ volumes: [over, volume('here')] })).toMatchObject({
      ends: [{ metadata: { name: 'pvc-gone', finalizers: ['quartermaster.dev/nfs-volume'] } }],
      removes: [],
      list: { exports: [{}, {}], removed: [] },
    });
    expect(planFor({ volumes: [going, volume('here')] })).toMatchObject({
      ends: [],
      removes: [{ metadata: { name: 'pvc-gone' } }],
      list: { exports: [{ path: '/export/volumes/team-a/pvc-here' }], removed: ['/export/volumes/team-a/pvc-gone'] },
    });
    expect(planFor({ volumes: [going, at('/export/volumes/team-a/pvc-gone')] }).list.removed).toEqual([]);
  });

  it('stay with what they hold where somebody says Retain; one that is being deleted then is let go', () => {
    const over = volume('gone', 'Released');
    const kept = { ...over, spec: { ...over.spec, persistentVolumeReclaimPolicy: 'Retain' } };
    const nothing = { ends: [], removes: [], list: { removed: [] } };
    expect(planFor({ volumes: [kept] })).toMatchObject({ ...nothing, releases: [] });
    const going = { ...kept, metadata: { ...kept.metadata, deletionTimestamp: '2026-12-01T00:00:00Z' } };
    expect(planFor({ volumes: [going] })).toMatchObject({ ...nothing, releases: [{}] });
  });

  it('are made for those that the disk has room for, whoever asks for more than there can be', () => {
    const pendingClaims = [claim('huge', '90Gi'), claim('one', '4Gi'), claim('two', '6Gi'), claim('three', '1Gi')];
    expect(names(planFor({ pendingClaims }).makes)).toEqual(['pvc-one', 'pvc-two']);
  });

  it('grow as soon as the disk has what their claims ask for', () => {
    const growing = (storage: string) => planFor({ volumes: [volume('one')], growingClaims: [claim('one', storage)] });
    expect(growing('10Gi').grows).toMatchObject([{ volume: { metadata: { name: 'pvc-one' } }, quantity: '10Gi' }]);
    expect(growing('11Gi').grows).toEqual([]);
  });

  it('are made and grow by what the disk has, not by what it was asked for: it may take hours to grow, or fail to', () => {
    const diskClass = { ...storageClass, allowVolumeExpansion: true };
    const growing = { volumes: [volume('one')], growingClaims: [claim('one', '100Gi')], diskClass };
    const waiting = { pendingClaims: [claim('large', '90Gi'), claim('small', '4Gi')], diskClass };
    expect(planFor(growing)).toMatchObject({ grows: [], waits: [{ metadata: { name: 'one' } }] });
    expect(planFor(growing, undefined, '102Gi')).toMatchObject({ grows: [{ quantity: '100Gi' }], waits: [] });
    const { makes, waits } = planFor(waiting);
    expect([names(makes), names(waits)]).toEqual([['pvc-small'], ['large']]);
    const grown = planFor(waiting, undefined, '96Gi');
    expect([names(grown.makes), names(grown.waits)]).toEqual([['pvc-large', 'pvc-small'], []]);
    const shrunk = planFor({ pendingClaims: [claim('one', '4Gi')] }, undefined, '5Gi');
    expect([names(shrunk.makes), names(shrunk.waits)]).toEqual([[], ['one']]);
  });

  it.each([
    ['a copy', { dataSource: { kind: 'PersistentVolumeClaim', name: 'one' } }, 'spec.dataSource'],
    ['a raw device', { volumeMode: 'Block' }, 'spec.volumeMode'],
    ['attributes', { volumeAttributesClassName: 'gold' }, 'spec.volumeAttributesClassName'],
    ['one pod alone', { accessModes: ['ReadWriteOncePod'] }, 'ReadWriteOncePod'],
    [
      'what a populator puts there',
      { dataSourceRef: { apiGroup: 'forklift.konveyor.io', kind: 'OvirtVolumePopulator', name: 'db' } },
      'volume populator of OvirtVolumePopulator.forklift.konveyor.io',
    ],
    [
      'what a populator of a core kind puts there',
      { dataSourceRef: { kind: 'Secret', name: 'db', namespace: 'team-b' } },
      'volume populator of Secret,',
    ],
  ] as const)(
    'are empty folders: a claim that wants %s gets none, is told so and has no disk grow',
    (_, more, field) => {
      const pendingClaims = [claim('other', '90Gi', more), claim('one')];
      const { makes, refuses } = planFor({ pendingClaims });
      expect(names(makes)).toEqual(['pvc-one']);
      expect(refuses).toMatchObject([
        { claim: { metadata: { name: 'other' } }, why: expect.stringContaining(field) as string },
      ]);
      expect(requestedGi(observedServer({ pendingClaims }))).toBe(1);
    },
  );

  it('are made for the claim that a populator fills, and theirs when it hands it over', () => {
    const asked = claim('asked', '5Gi', { dataSourceRef: { apiGroup: 'example.org', kind: 'Sample', name: 'db' } });
    const prime = claim('prime', '5Gi');
    expect(names(planFor({ pendingClaims: [asked, prime] }).makes)).toEqual(['pvc-prime']);
    const filled = volume('prime');
    const claimRef = { namespace: 'team-a', name: 'asked', uid: 'asked' };
    const volumes = [{ ...filled, spec: { ...filled.spec, claimRef } }];
    expect(planFor({ pendingClaims: [asked], volumes })).toMatchObject({ makes: [], refuses: [], removes: [] });
  });

  it('are made for claims that say what is so anyway', () => {
    const plain = claim('one', '1Gi', { volumeMode: 'Filesystem', volumeAttributesClassName: '' });
    expect(planFor({ pendingClaims: [plain] })).toMatchObject({ makes: [{}], refuses: [] });
  });
});
