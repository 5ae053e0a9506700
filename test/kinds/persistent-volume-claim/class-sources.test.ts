import { describe, expect, it } from 'vitest';
import type { CloudName } from '../../../src/api/facts.ts';
import type { PersistentVolumeClaimSpec, StorageClass, StringMap } from '../../../src/api/kubernetes.ts';
import { PENDING_VERDICT } from '../../../src/clouds/cloud.ts';
import { choose, made, pvc, RWX, refusal, SHARED, secrets } from '../../fixtures/storage.ts';

describe('a name that asks for storage of its own', () => {
  const s3 = { drivers: ['ebs.csi.aws.com', 'ru.yandex.s3.csi'] };

  it('s3: a bucket, wherever the cluster is', () => {
    for (const mode of ['ReadWriteOnce', ...SHARED] as const) {
      const { provisioner, parameters } = made(pvc({ storageClassName: 'csi-s3', accessModes: [mode] }), s3);
      expect(provisioner).toBe('ru.yandex.s3.csi');
      expect(parameters).toEqual({
        mounter: 'geesefs',
        options: '--memory-limit 1000 --dir-mode 0777 --file-mode 0666',
        ...secrets(['provisioner', 'controller-publish', 'node-stage', 'node-publish'], 'csi-s3-secret', 'csi-s3'),
      });
    }
  });

  it('s3 and calrissian: the one bucket of openEO’s guide', () => {
    const { parameters } = made(pvc({ storageClassName: 'csi-s3-calrissian', accessModes: RWX }), s3);
    expect(parameters?.['bucket']).toBe('calrissian');
    expect(parameters?.['options']).toMatch(/--no-systemd --fsync-on-close --stat-cache-ttl 0$/);
    const elsewhere = { ...s3, facts: { s3Bucket: 'ours' } };
    expect(
      made(pvc({ storageClassName: 'csi-s3-calrissian', accessModes: RWX }), elsewhere).parameters?.['bucket'],
    ).toBe('ours');
  });

  it('s3 is served by nothing else: not by a disk where the driver is missing, nor by NFS', () => {
    expect(refusal(pvc({ storageClassName: 'csi-s3' }))).toMatch(
      /ru\.yandex\.s3\.csi, which is not installed; install/,
    );
    const fallback = { policy: { rwxFallback: 'nfs' } } as const;
    expect(refusal(pvc({ storageClassName: 'csi-s3', accessModes: RWX }), fallback)).toMatch(/not installed/);
    expect(refusal(pvc({ storageClassName: 'csi-s3', volumeMode: 'Block' }), s3)).toMatch(
      /serves no ReadWriteOnce Block/,
    );
  });

  it('ceph: Rook where its driver is installed, the cloud’s own disk elsewhere', () => {
    const rook = { drivers: ['ebs.csi.aws.com', 'rook-ceph.rbd.csi.ceph.com'], facts: { rookPool: 'replicapool' } };
    expect(made(pvc({ storageClassName: 'ceph-rbd' }), rook)).toMatchObject({
      provisioner: 'rook-ceph.rbd.csi.ceph.com',
      parameters: { clusterID: 'rook-ceph', pool: 'replicapool' },
    });
    expect(made(pvc({ storageClassName: 'ceph-rbd' })).provisioner).toBe('ebs.csi.aws.com');
    expect(refusal(pvc({ storageClassName: 'ceph-rbd' }), { ...rook, facts: {} })).toMatch(/the fact rookPool/);
  });

  it.each<readonly [CloudName, string, PersistentVolumeClaimSpec, RegExp]>([
    ['aws', 'ceph', {}, /asks by its name for rook-ceph\.rbd\.csi\.ceph\.com and is made without: .* not installed/],
    ['aws', 'rook-ceph-gp3', {}, /rook-ceph\.rbd\.csi\.ceph\.com and is made without/],
    ['aws', 'rook-cephfs', { accessModes: RWX }, /rook-ceph\.cephfs\.csi\.ceph\.com and is made without/],
    ['aws', 'rook-ceph-block', { accessModes: RWX, volumeMode: 'Block' }, /not made for ReadWriteMany Block volumes/],
    ['azure', 'azureblob-fuse-premium', { accessModes: RWX }, /blob\.csi\.azure\.com and is made without/],
    ['azure', 'azureblob-nfs-premium', { accessModes: RWX }, /blob\.csi\.azure\.com and is made without/],
    ['azure', 'blob', {}, /blob\.csi\.azure\.com and is made without/],
    ['azure', 'posix', {}, /file\.csi\.azure\.com and is made without: .* not made for ReadWriteOnce Filesystem/],
    ['aws', 'local-shared', { accessModes: RWX }, /rancher\.io\/local-path and is made without/],
  ])('on %s %s (%j) is not given something else without a word', (cloud, storageClassName, spec, told) => {
    const choice = choose(pvc({ ...spec, storageClassName }), { cloud, policy: { rwxFallback: 'nfs' } });
    expect('warnings' in choice && choice.warnings).toContainEqual(expect.stringMatching(told));
  });

  it('and of Ceph what OpenStack has of it, by the same name', () => {
    const facts = { manilaShareType: 'cephfs-type', manilaSecretNamespace: 'default' };
    const drivers = ['nfs.manila.csi.openstack.org', 'cephfs.manila.csi.openstack.org'];
    const choice = choose(pvc({ storageClassName: 'cephfs', accessModes: RWX }), {
      cloud: 'openstack',
      facts,
      drivers,
    });
    expect(choice).toMatchObject({ storageClass: { provisioner: 'cephfs.manila.csi.openstack.org' }, warnings: [] });
  });

  it('local: a folder on the node, with a word of caution where nobody can see whether it works', () => {
    const choice = choose(pvc({ storageClassName: 'local-path' }));
    expect(choice).toMatchObject({ kind: 'make', storageClass: { provisioner: 'rancher.io/local-path' } });
    expect(choice.kind === 'make' && choice.warnings).toEqual([expect.stringMatching(/registers no CSIDriver/)]);
    const local = choose(pvc({ storageClassName: 'local-path' }), { cloud: 'local' });
    expect(local.kind === 'make' && local.warnings).toEqual([]);
  });

  it.each<readonly [string, string, StringMap]>([
    ['azurefile-posix', 'file.csi.azure.com', { protocol: 'nfs', skuName: 'Premium_LRS' }],
    ['blob', 'blob.csi.azure.com', { protocol: 'fuse2', skuName: 'Standard_LRS' }],
  ])('on Azure %s: %s', (storageClassName, provisioner, parameters) => {
    const drivers = ['file.csi.azure.com', 'blob.csi.azure.com'];
    const claim = pvc({ storageClassName, accessModes: RWX });
    expect(made(claim, { cloud: 'azure', drivers })).toMatchObject({ provisioner, parameters });
  });
});

describe('what is installed', () => {
  it('no class names a driver that is not there', () => {
    expect(refusal(pvc({}), { drivers: [] })).toMatch(
      /needs the CSI driver ebs\.csi\.aws\.com, which is not installed, or the CSI driver ebs\.csi\.eks\.amazonaws\.com/,
    );
    expect(refusal(pvc({ accessModes: RWX }), { drivers: ['ebs.csi.aws.com'] })).toMatch(
      /efs\.csi\.aws\.com, which is not installed, with the fact efsFileSystemId/,
    );
  });

  it('EKS Auto Mode’s own driver is named where it is the one installed', () => {
    expect(made(pvc({}), { drivers: ['ebs.csi.eks.amazonaws.com'] }).provisioner).toBe('ebs.csi.eks.amazonaws.com');
    const both = { drivers: ['ebs.csi.eks.amazonaws.com', 'ebs.csi.aws.com'] };
    expect(made(pvc({}), both).provisioner).toBe('ebs.csi.aws.com');
  });

  it('Manila over CephFS serves where Manila over NFS is not installed', () => {
    const facts = { manilaShareType: 'cephfs-type', manilaSecretNamespace: 'default' };
    const setting = { cloud: 'openstack', facts, drivers: ['cephfs.manila.csi.openstack.org'] } as const;
    expect(made(pvc({ accessModes: RWX }), setting).provisioner).toBe('cephfs.manila.csi.openstack.org');
  });
});

describe('where the table knows little', () => {
  const standard: StorageClass = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'k8s.io/minikube-hostpath',
    parameters: { a: 'b' },
    reclaimPolicy: 'Retain',
    volumeBindingMode: 'Immediate',
    mountOptions: ['noatime'],
  };
  const storage = { defaultStorageClass: () => standard };

  it.each<CloudName>(['local', 'unknown'])('%s: the default class is copied under the name asked for', (cloud) => {
    const { metadata, ...copy } = made(pvc({ storageClassName: 'fast' }), { cloud, storage });
    expect(metadata.name).toBe('fast');
    expect(metadata.annotations).toEqual({ 'quartermaster.dev/made-for': 'copy of the default class standard' });
    expect(copy).toEqual({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      provisioner: 'k8s.io/minikube-hostpath',
      parameters: { a: 'b' },
      reclaimPolicy: 'Retain',
      volumeBindingMode: 'Immediate',
      mountOptions: ['noatime'],
    });
  });

  it('an unknown cloud is told of in a warning, a local one is not', () => {
    const warnings = (cloud: CloudName) => {
      const choice = choose(pvc({}), { cloud, storage });
      return choice.kind === 'make' ? choice.warnings : [];
    };
    expect(warnings('unknown')).toEqual([expect.stringMatching(/copy of the default class standard.*A test says so/)]);
    expect(warnings('local')).toEqual([]);
  });

  it('the default class is not copied for what it cannot serve', () => {
    expect(refusal(pvc({ accessModes: RWX }), { cloud: 'unknown', storage })).toMatch(
      /cloud is not known \(A test says so\.\)/,
    );
    expect(refusal(pvc({ volumeMode: 'Block' }), { cloud: 'local', storage })).toMatch(/nothing that serves/);
  });

  it('an unknown cloud without a default class gets none', () => {
    expect(refusal(pvc({}), { cloud: 'unknown' })).toMatch(/the cloud is not known/);
  });

  it('a known cloud’s disk is never a copy', () => {
    expect(made(pvc({}), { cloud: 'aws', storage }).provisioner).toBe('ebs.csi.aws.com');
  });

  it('nothing lasting is decided while the cloud is still being asked', () => {
    expect(refusal(pvc({}), { cloud: PENDING_VERDICT, storage })).toMatch(/not known yet; the controller makes it/);
  });
});

describe('what a class says about itself', () => {
  it('who made it, for what, and from which facts', () => {
    const { metadata } = made(pvc({ accessModes: RWX }), { facts: { efsFileSystemId: 'fs-1', region: 'eu-west-1' } });
    expect(metadata).toEqual({
      name: 'data',
      labels: { 'app.kubernetes.io/managed-by': 'quartermaster' },
      annotations: {
        'quartermaster.dev/made-for': 'aws ReadWriteMany Filesystem, standard tier',
        'quartermaster.dev/made-from': 'efsFileSystemId=fs-1 (test)',
      },
    });
  });

  it('the decision is explained', () => {
    const choice = choose(pvc({ storageClassName: 'cold', resources: { requests: { storage: '1Gi' } } }));
    expect(choice.kind === 'make' && choice.explain).toEqual([
      {
        path: '/spec/storageClassName',
        source: 'cloud aws',
        mode: 'Derived',
        why: 'ebs.csi.aws.com serves ReadWriteOnce Filesystem volumes; standard tier, since the cold one starts at 125Gi',
      },
    ]);
  });
});

describe('what PlatformDefaults say', () => {
  it('wins field by field, and parameter by parameter', () => {
    const injection = {
      parameters: { type: 'gp2', kmsKeyId: 'arn:1' },
      reclaimPolicy: 'Retain',
      mountOptions: ['noatime'],
    } as const;
    expect(made(pvc({}), { injection })).toMatchObject({
      provisioner: 'ebs.csi.aws.com',
      parameters: { type: 'gp2', kmsKeyId: 'arn:1', encrypted: 'true' },
      reclaimPolicy: 'Retain',
      volumeBindingMode: 'WaitForFirstConsumer',
      allowVolumeExpansion: true,
      mountOptions: ['noatime'],
    });
  });

  it('supplies what no fact does', () => {
    const injection = { parameters: { fileSystemId: 'fs-9' } };
    expect(made(pvc({ accessModes: RWX }), { injection }).parameters?.['fileSystemId']).toBe('fs-9');
  });

  it('names a provisioner the table knows, and gets the rest from there', () => {
    const injection = { provisioner: 'cephfs.manila.csi.openstack.org', parameters: { type: 'cephfs' } };
    const setting = {
      cloud: 'openstack',
      facts: { manilaSecretNamespace: 'kube-system' },
      drivers: [injection.provisioner, 'nfs.manila.csi.openstack.org'],
      injection,
    } as const;
    expect(made(pvc({ accessModes: RWX }), setting)).toMatchObject({
      provisioner: injection.provisioner,
      parameters: { type: 'cephfs', 'csi.storage.k8s.io/node-stage-secret-namespace': 'kube-system' },
    });
  });

  it('names a provisioner of its own, which nothing else is mixed into', () => {
    const injection = { provisioner: 'nfs.example.org', parameters: { server: 'nfs-1' } };
    const { metadata: _, ...said } = made(pvc({ accessModes: RWX, storageClassName: 'shared-nfs' }), { injection });
    expect(said).toEqual({
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      provisioner: 'nfs.example.org',
      parameters: { server: 'nfs-1' },
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'Immediate',
      allowVolumeExpansion: false,
    });
  });

  it('is warned about a provisioner that nobody can see', () => {
    const injection = { provisioner: 'nfs.example.org' };
    const warnings = (drivers: readonly string[]) => {
      const choice = choose(pvc({}), { injection, drivers });
      return choice.kind === 'make' ? choice.warnings : undefined;
    };
    expect(warnings([])).toEqual([expect.stringMatching(/No CSIDriver nfs\.example\.org is registered/)]);
    expect(warnings(['nfs.example.org'])).toEqual([]);
  });

  it('is named in the explanation', () => {
    const choice = choose(pvc({}), { injection: { reclaimPolicy: 'Retain' } });
    expect(choice.kind === 'make' && choice.explain[1]).toEqual({
      path: '/spec/storageClassName',
      source: 'PlatformDefaults quartermaster-system/classes@3',
      mode: 'Default',
      why: 'gives the class its reclaimPolicy',
      effect: 'companion',
    });
  });
});
