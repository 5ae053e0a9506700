import { describe, expect, it } from 'vitest';
import type { CloudName } from '../../src/api/facts.ts';
import type { StorageClass } from '../../src/api/kubernetes.ts';
import { clouds } from '../../src/clouds/index.ts';
import { choose, made, pvc, RWX, refusal, type Setting } from '../fixtures/storage.ts';

const classOf = (storageClassName: string, setting: Setting, storage = '200Gi'): StorageClass =>
  made(pvc({ storageClassName, resources: { requests: { storage } } }), setting);

const warningsOf = (storageClassName: string, setting: Setting, storage = '200Gi'): readonly string[] => {
  const choice = choose(pvc({ storageClassName, resources: { requests: { storage } } }), setting);
  if (!('warnings' in choice)) return [choice.why];
  return 'unread' in choice && choice.unread ? [...choice.warnings, choice.unread] : choice.warnings;
};

const FS_TYPE = 'csi.storage.k8s.io/fstype';
const csiClouds = clouds.map(({ name }) => name).filter((name) => name !== 'local');

describe('the rest of a name', () => {
  it.each(csiClouds)('on %s says whether the disk stays, how it is formatted, when it is made', (cloud) => {
    expect(classOf('volumes-retain', { cloud }).reclaimPolicy).toBe('Retain');
    expect(classOf('volumes-delete', { cloud }).reclaimPolicy).toBe('Delete');
    expect(classOf('volumes-xfs', { cloud }).parameters?.[FS_TYPE]).toBe('xfs');
    expect(classOf('volumes-ext4', { cloud }).parameters?.[FS_TYPE]).toBe('ext4');
    expect(classOf('volumes-immediate', { cloud }).volumeBindingMode).toBe('Immediate');
    expect(classOf('volumes-wait', { cloud }).volumeBindingMode).toBe('WaitForFirstConsumer');
    expect(classOf('volumes-expandable', { cloud }).allowVolumeExpansion).toBe(true);
    expect(classOf('volumes-xfs-retain-immediate', { cloud })).toMatchObject({
      reclaimPolicy: 'Retain',
      volumeBindingMode: 'Immediate',
      parameters: { [FS_TYPE]: 'xfs' },
    });
    expect(warningsOf('volumes-xfs-retain-immediate-expandable', { cloud })).toEqual([]);
  });

  it('keeps the volume where a name says both', () => {
    expect(classOf('delete-retain', {}).reclaimPolicy).toBe('Retain');
  });

  it('holds for a folder on a node, a copy of the default class and an NFS server too', () => {
    expect(classOf('local-path-retain', { cloud: 'local' }).reclaimPolicy).toBe('Retain');
    const original: StorageClass = { ...classOf('data', { cloud: 'local' }), provisioner: 'example.org/disks' };
    const storage = { defaultStorageClass: () => original };
    expect(classOf('team-retain', { cloud: 'unknown', storage }).reclaimPolicy).toBe('Retain');
  });

  it.each<readonly [CloudName, string, string, string]>([
    ['aws', 'gp3-encrypted', 'encrypted', 'true'],
    ['alibaba', 'essd-encrypted', 'encrypted', 'true'],
    ['gcp', 'regional', 'replication-type', 'regional-pd'],
    ['gcp', 'regionalpd-storageclass', 'replication-type', 'regional-pd'],
    ['gcp', 'pd-ssd-regional', 'type', 'pd-ssd'],
    ['gcp', 'hyperdisk-balanced-regional', 'type', 'hyperdisk-balanced-high-availability'],
    ['azure', 'managed-csi-zrs', 'skuName', 'StandardSSD_ZRS'],
    ['azure', 'managed-csi-lrs', 'skuName', 'StandardSSD_LRS'],
    ['azure', 'premium-regional', 'skuName', 'Premium_ZRS'],
  ])('on %s %s sets %s to %s', (cloud, name, parameter, value) => {
    expect(classOf(name, { cloud }).parameters?.[parameter]).toBe(value);
  });

  it.each<readonly [CloudName, string, RegExp]>([
    ['local', 'local-path-xfs', /“xfs” in its name asks for: rancher\.io\/local-path does not give it/],
    ['local', 'local-path-immediate', /“immediate”/],
    ['hetzner', 'volumes-encrypted', /“encrypted”.*csi\.hetzner\.cloud does not give it/],
    ['aws', 'ebs-regional', /“regional”/],
    ['hetzner', 'volumes-shared', /“shared”/],
  ])('on %s %s is told what cannot be had', (cloud, name, warning) => {
    expect(warningsOf(name, { cloud })).toEqual([expect.stringMatching(warning)]);
  });

  it.each<readonly [CloudName, string]>([
    ['azure', 'standardssd-zrs'],
    ['gcp', 'hyperdisk-balanced-ha-regional'],
  ])('on %s %s says twice what it gets, and nothing is told', (cloud, name) => {
    expect(warningsOf(name, { cloud })).toEqual([]);
  });

  it('asks for the cheap in a size that it is not made in, and is told what that comes to', () => {
    expect(warningsOf('archive', {}, '10Gi')).toEqual([
      'Volumes of type sc1, which the name of StorageClass archive asks for, begin at 125Gi: it is made with gp3, which costs more. Ask for 125Gi or more in the claim that has it made.',
    ]);
    expect(warningsOf('team-hdd', {}, '20Ti')).toEqual([
      expect.stringMatching(/st1, .* end at 16384Gi: .* gp3, which/),
    ]);
    expect(warningsOf('hyperdisk-throughput', {}, '10Gi')).toEqual([
      expect.stringMatching(
        /^StorageClass hyperdisk-throughput asks by its name for hyperdisk-throughput, which gcp has/,
      ),
      expect.stringMatching(/which costs more/),
    ]);
    expect(warningsOf('archive', {}, '200Gi')).toEqual([]);
  });

  it('tells of a word that is nearly one that is read', () => {
    expect(warningsOf('team-retian', {})).toEqual([
      'StorageClass team-retian: nothing is read from “retian”: if “retain” is meant, write that.',
    ]);
    expect(warningsOf('fsat-encryptd', {})).toEqual([
      expect.stringMatching(/“fsat”: if “fast” is meant, write that; nothing is read from “encryptd”: if “encrypted”/),
    ]);
  });

  it('tells that nothing at all is read from a name', () => {
    for (const name of ['sparkcheckpoint', 'my-own-very-odd-name', 'gold'])
      expect(warningsOf(name, {})).toEqual([
        `StorageClass ${name}: nothing is read from its name, so that it is the standard of this cluster; docs/storage-classes.md lists the words that are read.`,
      ]);
  });

  it.each(['scratch-ssd', 'team-gp3', 'results-retain', 'ebs-csi-sc-v2', 'standard-team'])(
    'tells nothing of %s, where a word decides and the others say whose or what for',
    (name) => {
      expect(warningsOf(name, {})).toEqual([]);
    },
  );

  it('has no zone by its name where the platform puts the volumes into another', () => {
    const setting: Setting = {
      cloud: 'openstack',
      storage: { zoneCalled: (text) => ['az-1', 'az-2'].find((zone) => zone === text) },
      injection: { parameters: { availability: 'az-1' } },
    };
    expect(classOf('data-az-2', setting).allowedTopologies).toBeUndefined();
    expect(warningsOf('data-az-2', setting)).toEqual([
      'StorageClass data-az-2 is made without the zone that its name asks for: a PlatformDefaults gives it availability az-1.',
    ]);
    expect(classOf('data-az-1', setting).allowedTopologies).toBeDefined();
  });

  it('leaves the words of a class to the platform, where it says what the class is', () => {
    expect(warningsOf('flash', { injection: { parameters: { type: 'gp2' } } })).toEqual([]);
    expect(classOf('flash-retain', { injection: { reclaimPolicy: 'Delete' } }).reclaimPolicy).toBe('Delete');
  });
});

describe('a name for many nodes', () => {
  const facts = { efsFileSystemId: 'fs-1' };

  it('gets a share for any mode', () => {
    expect(classOf('team-shared', { facts }).provisioner).toBe('efs.csi.aws.com');
    expect(classOf('data-rwx', { cloud: 'azure' }).provisioner).toBe('file.csi.azure.com');
  });

  it('gets a disk, and a word about it, where there is none', () => {
    expect(classOf('shared', {}).provisioner).toBe('ebs.csi.aws.com');
    expect(warningsOf('shared', {})).toEqual([expect.stringMatching(/“shared”.*ebs\.csi\.aws\.com does not give it/)]);
  });

  it.each<readonly [CloudName, string, Setting['facts'], string]>([
    ['aws', 'efs-sc', facts, 'efs.csi.aws.com'],
    ['gcp', 'filestore', {}, 'filestore.csi.storage.gke.io'],
    ['azure', 'azurefile-csi', {}, 'file.csi.azure.com'],
    ['openstack', 'manila', { manilaShareType: 't', manilaSecretNamespace: 'n' }, 'nfs.manila.csi.openstack.org'],
    ['oracle', 'oci-fss', { availabilityDomain: 'a', mountTargetOcid: 'o' }, 'fss.csi.oraclecloud.com'],
    ['alibaba', 'nas', { nasServer: 's' }, 'nasplugin.csi.alibabacloud.com'],
  ])('on %s %s is that share for one node too, without a warning', (cloud, name, known = {}, provisioner) => {
    const setting: Setting = { cloud, facts: known };
    expect(classOf(name, setting).provisioner).toBe(provisioner);
    expect(warningsOf(name, setting).filter((warning) => !warning.startsWith('Filestore makes'))).toEqual([]);
    const storage = { storageClass: () => made(pvc({ storageClassName: name, accessModes: RWX }), setting) };
    expect(warningsOf(name, { ...setting, storage })).toEqual([]);
  });

  it('CephFS serves one node too, where Rook is installed', () => {
    const drivers = ['rook-ceph.rbd.csi.ceph.com', 'rook-ceph.cephfs.csi.ceph.com'];
    const rook = { rookFileSystem: 'fs', rookPool: 'pool' };
    expect(classOf('rook-cephfs', { drivers, facts: rook }).provisioner).toBe('rook-ceph.cephfs.csi.ceph.com');
    expect(classOf('rook-ceph-block', { drivers, facts: rook }).provisioner).toBe('rook-ceph.rbd.csi.ceph.com');
  });

  it('is never made of a type of disk', () => {
    const claim = pvc({ storageClassName: 'gp3', accessModes: RWX });
    expect(refusal(claim, { facts })).toMatch(
      /gp3, which its name asks for, serves no ReadWriteMany Filesystem volumes/,
    );
  });
});

describe('a class that is there', () => {
  it('is told to be other than its name asks, if we made it, and is left alone', () => {
    const older = { ...classOf('data', {}), reclaimPolicy: 'Delete' } as const;
    const io2 = { ...older, parameters: { ...older.parameters, type: 'io2', iops: '3000' } };
    const storage = { storageClass: () => io2 };
    expect(warningsOf('gp3-retain', { storage })).toEqual([
      'StorageClass gp3-retain has reclaimPolicy Delete and type io2, which is not what its name asks for: it stays as it was made. Delete it once no claim names it, and it is made anew.',
    ]);
    expect(warningsOf('gp3-retain', { storage, injection: { reclaimPolicy: 'Delete', parameters: {} } })).toEqual([]);
    expect(
      warningsOf('gp3-retain', { storage: { storageClass: () => ({ ...io2, metadata: { name: 'x' } }) } }),
    ).toEqual([]);
  });

  it('is told to be too large or too small for a claim, whoever made it', () => {
    const others = { ...classOf('io2', {}), metadata: { name: 'io2' } };
    const storage = { storageClass: () => others };
    expect(warningsOf('io2', { storage }, '1Gi')).toEqual([expect.stringMatching(/^Volumes of type io2 begin at 4Gi/)]);
    expect(warningsOf('io2', { storage }, '65Ti')).toEqual([
      expect.stringMatching(/^Volumes of type io2 end at 65536Gi/),
    ]);
    expect(warningsOf('io2', { storage }, '10Gi')).toEqual([]);
  });

  it('is told to be dearer than one made for the claim would be, if we made it', () => {
    const small = classOf('archive', {}, '10Gi');
    const storage = { storageClass: () => small };
    expect(warningsOf('archive', { storage }, '10Ti')).toEqual([
      'StorageClass archive makes volumes of type gp3, which costs more than sc1, what a class of this name is made with for this claim. Name a class of its own in this claim.',
    ]);
    expect(warningsOf('archive', { storage }, '20Gi')).toEqual([]);
    expect(warningsOf('archive', { storage, injection: { parameters: { type: 'gp3' } } }, '10Ti')).toEqual([]);
    const others = { storageClass: () => ({ ...small, metadata: { name: 'archive' } }) };
    expect(warningsOf('archive', { storage: others }, '10Ti')).toEqual([]);
  });

  it('is told what its volumes bill, if we made it for another mode', () => {
    const setting: Setting = { cloud: 'gcp' };
    for (const [name, told] of [
      ['fast', [expect.stringMatching(/^StorageClass fast was made for gcp ReadWriteMany .* 2\.5 TiB .* of its own/)]],
      ['fast-shared', []],
      ['filestore-fast', []],
    ] as const) {
      const share = made(pvc({ storageClassName: name, accessModes: RWX }), setting);
      expect(warningsOf(name, { ...setting, storage: { storageClass: () => share } }, '10Gi')).toEqual(told);
    }
  });

  it('is told apart from one of the same tier whose volumes share an instance', () => {
    const shares = made(pvc({ storageClassName: 'enterprise-multishare-rwx', accessModes: RWX }), { cloud: 'gcp' });
    const others = { ...shares, metadata: { name: 'enterprise-multishare-rwx' } };
    const setting: Setting = { cloud: 'gcp', storage: { storageClass: () => others } };
    expect(warningsOf('enterprise-multishare-rwx', setting, '5Gi')).toEqual([
      expect.stringMatching(/^Volumes of type enterprise multishare begin at 10Gi: .* stays pending/),
    ]);
    expect(warningsOf('enterprise-multishare-rwx', setting, '2Ti')).toEqual([
      expect.stringMatching(/^Volumes of type enterprise multishare end at 1024Gi/),
    ]);
    expect(warningsOf('enterprise-multishare-rwx', setting, '200Gi')).toEqual([]);
  });

  it('is told not to serve many nodes where it is somebody else’s class of disks', () => {
    const others = { ...classOf('data', {}), metadata: { name: 'data' } };
    const choice = choose(pvc({ accessModes: RWX }), { storage: { storageClass: () => others } });
    expect(choice).toEqual({
      kind: 'none',
      warnings: [
        'StorageClass data makes volumes by ebs.csi.aws.com, which serves no ReadWriteMany Filesystem volumes: name another class in this claim.',
      ],
    });
  });
});

describe('what a claim starts from', () => {
  it('ties it to a class only where it is a claim or a snapshot', () => {
    const populator = { apiGroup: 'cdi.kubevirt.io', kind: 'VolumeImportSource', name: 'fedora' };
    const spec = { storageClassName: 'vm-ssd', volumeMode: 'Block' } as const;
    expect(made(pvc({ ...spec, dataSourceRef: populator })).parameters?.['type']).toBe('gp3');
    const like = { apiGroup: 'example.org', kind: 'VolumeSnapshot', name: 'own' };
    expect(made(pvc({ ...spec, dataSourceRef: like })).provisioner).toBe('ebs.csi.aws.com');
    const clone = { kind: 'PersistentVolumeClaim', name: 'source' };
    expect(refusal(pvc({ ...spec, dataSource: clone }))).toMatch(
      /spec\.dataSource is a claim, whose class makes the copy/,
    );
    const snapshot = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'mysql-snap' };
    expect(choose(pvc({ ...spec, dataSource: snapshot }))).toMatchObject({
      kind: 'make',
      warnings: [expect.stringMatching(/VolumeSnapshot, whose driver decides who can restore it/)],
    });
  });
});
