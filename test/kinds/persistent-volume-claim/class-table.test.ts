import { describe, expect, it } from 'vitest';
import type { CloudName } from '../../../src/api/facts.ts';
import type { AccessMode, StorageClass, StringMap } from '../../../src/api/kubernetes.ts';
import { FACT_NAMES } from '../../../src/clouds/cloud.ts';
import { clouds } from '../../../src/clouds/index.ts';
import { DISK, made, pvc, RWX, refusal, SHARED, secrets } from '../../fixtures/storage.ts';

const EBS = { 'csi.storage.k8s.io/fstype': 'ext4', encrypted: 'true' };
const SMB = ['dir_mode=0777', 'file_mode=0777', 'mfsymlinks', 'cache=strict', 'nosharesock', 'actimeo=30', 'nobrl'];
const NAS = { provisioner: 'nasplugin.csi.alibabacloud.com', mountOptions: ['nolock,tcp,noresvport', 'vers=3'] };

interface Row {
  readonly cloud: CloudName;
  readonly modes: readonly AccessMode[];
  readonly volumeModes?: readonly ('Filesystem' | 'Block')[];
  readonly facts?: StringMap;
  readonly expected: Partial<StorageClass>;
  readonly binding: 'Immediate' | 'WaitForFirstConsumer';
  readonly isExpandable: boolean;
}

const disk = (cloud: CloudName, provisioner: string, parameters?: StringMap): Row => ({
  cloud,
  modes: DISK,
  volumeModes: ['Filesystem', 'Block'],
  expected: { provisioner, ...(parameters && { parameters }) },
  binding: 'WaitForFirstConsumer',
  isExpandable: true,
});

const share = (cloud: CloudName, facts: StringMap, expected: Partial<StorageClass>): Row => ({
  cloud,
  modes: SHARED,
  facts,
  expected,
  binding: 'Immediate',
  isExpandable: true,
});

const table: readonly Row[] = [
  disk('aws', 'ebs.csi.aws.com', { type: 'gp3', ...EBS }),
  {
    ...share(
      'aws',
      { efsFileSystemId: 'fs-1' },
      {
        provisioner: 'efs.csi.aws.com',
        parameters: { provisioningMode: 'efs-ap', fileSystemId: 'fs-1', directoryPerms: '700' },
      },
    ),
    isExpandable: false,
  },
  {
    ...disk('aws', 'ebs.csi.aws.com', { type: 'io2', encrypted: 'true', iops: '3000' }),
    modes: RWX,
    volumeModes: ['Block'],
  },
  disk('gcp', 'pd.csi.storage.gke.io', { type: 'pd-balanced' }),
  {
    ...share(
      'gcp',
      { gcpNetwork: 'vpc-1' },
      { provisioner: 'filestore.csi.storage.gke.io', parameters: { tier: 'standard', network: 'vpc-1' } },
    ),
    binding: 'WaitForFirstConsumer',
  },
  disk('azure', 'disk.csi.azure.com', { skuName: 'StandardSSD_LRS' }),
  share(
    'azure',
    {},
    {
      provisioner: 'file.csi.azure.com',
      parameters: { skuName: 'Standard_LRS', protocol: 'smb' },
      mountOptions: SMB,
    },
  ),
  disk('openstack', 'cinder.csi.openstack.org'),
  {
    ...disk('openstack', 'cinder.csi.openstack.org', { type: 'multiattach' }),
    modes: RWX,
    volumeModes: ['Block'],
    facts: { cinderMultiattachType: 'multiattach' },
  },
  share(
    'openstack',
    { manilaShareType: 'nfs-type', manilaSecretNamespace: 'kube-system' },
    {
      provisioner: 'nfs.manila.csi.openstack.org',
      parameters: {
        type: 'nfs-type',
        ...secrets(
          ['provisioner', 'controller-expand', 'node-stage', 'node-publish'],
          'csi-manila-secrets',
          'kube-system',
        ),
      },
    },
  ),
  disk('oracle', 'blockvolume.csi.oraclecloud.com', { vpusPerGB: '10', 'attachment-type': 'paravirtualized' }),
  {
    ...share(
      'oracle',
      { availabilityDomain: 'qIZq:PHX-AD-1', mountTargetSubnetOcid: 'ocid1.subnet.1' },
      {
        provisioner: 'fss.csi.oraclecloud.com',
        parameters: {
          availabilityDomain: 'qIZq:PHX-AD-1',
          mountTargetSubnetOcid: 'ocid1.subnet.1',
          encryptInTransit: 'false',
        },
      },
    ),
    isExpandable: false,
  },
  {
    ...share(
      'oracle',
      { availabilityDomain: 'qIZq:PHX-AD-1', mountTargetOcid: 'ocid1.mounttarget.1' },
      {
        provisioner: 'fss.csi.oraclecloud.com',
        parameters: {
          availabilityDomain: 'qIZq:PHX-AD-1',
          mountTargetOcid: 'ocid1.mounttarget.1',
          encryptInTransit: 'false',
        },
      },
    ),
    isExpandable: false,
  },
  {
    ...disk('digitalocean', 'dobs.csi.digitalocean.com', { 'csi.storage.k8s.io/fstype': 'ext4' }),
    binding: 'Immediate',
  },
  disk('hetzner', 'csi.hetzner.cloud'),
  disk('alibaba', 'diskplugin.csi.alibabacloud.com', {
    type: 'cloud_essd,cloud_ssd,cloud_efficiency',
    volumeSizeAutoAvailable: 'true',
  }),
  share(
    'alibaba',
    { nasServer: 'nas-1.cn-hangzhou.nas.aliyuncs.com:/share/' },
    { ...NAS, parameters: { volumeAs: 'subpath', server: 'nas-1.cn-hangzhou.nas.aliyuncs.com:/share/' } },
  ),
  share(
    'alibaba',
    { vpcId: 'vpc-1', vSwitchId: 'vsw-1' },
    { ...NAS, parameters: { volumeAs: 'filesystem', vpcId: 'vpc-1', vSwitchId: 'vsw-1' } },
  ),
  { ...disk('local', 'rancher.io/local-path'), volumeModes: ['Filesystem'], isExpandable: false },
];

const cells = table.flatMap(({ modes, volumeModes = ['Filesystem'], ...row }) =>
  modes.flatMap((mode) => volumeModes.map((volumeMode) => ({ ...row, mode, volumeMode }))),
);

describe('the class for a cloud, an access mode and a volume mode', () => {
  it.each(cells)('$cloud, $mode, $volumeMode: $expected.provisioner', (cell) => {
    const { cloud, mode, volumeMode, facts = {}, expected, binding, isExpandable } = cell;
    const { apiVersion, kind, metadata, ...said } = made(pvc({ accessModes: [mode], volumeMode }), { cloud, facts });
    expect([apiVersion, kind, metadata.name]).toEqual(['storage.k8s.io/v1', 'StorageClass', 'data']);
    expect(said).toEqual({
      ...expected,
      reclaimPolicy: 'Delete',
      volumeBindingMode: binding,
      allowVolumeExpansion: isExpandable,
    });
  });

  it.each<readonly [CloudName, readonly AccessMode[], 'Filesystem' | 'Block', RegExp]>([
    ['aws', SHARED, 'Filesystem', /needs the fact efsFileSystemId for efs\.csi\.aws\.com; give facts .*FACTS.*--fact/],
    ['aws', ['ReadOnlyMany'], 'Block', /aws has nothing that serves ReadOnlyMany Block volumes; name a provisioner/],
    ['gcp', SHARED, 'Block', /gcp has nothing that serves/],
    ['azure', SHARED, 'Block', /azure has nothing that serves/],
    ['openstack', SHARED, 'Filesystem', /needs the facts manilaShareType and manilaSecretNamespace/],
    ['openstack', RWX, 'Block', /needs the fact cinderMultiattachType/],
    ['oracle', SHARED, 'Filesystem', /facts availabilityDomain and mountTargetOcid .*, or .*mountTargetSubnetOcid/],
    [
      'digitalocean',
      SHARED,
      'Filesystem',
      /digitalocean has nothing .*; name a provisioner .* set RWX_FALLBACK to nfs/,
    ],
    ['hetzner', SHARED, 'Filesystem', /hetzner has nothing that serves/],
    ['alibaba', SHARED, 'Filesystem', /needs the fact nasServer .*, or the facts vpcId and vSwitchId/],
    ['local', SHARED, 'Filesystem', /local has nothing that serves/],
    ['local', DISK, 'Block', /local has nothing that serves/],
  ])('%s, %j, %s: none, and a sentence says what is missing', (cloud, modes, volumeMode, why) => {
    for (const mode of modes) {
      expect(refusal(pvc({ accessModes: [mode], volumeMode }), { cloud })).toMatch(why);
      expect(refusal(pvc({ accessModes: [mode], volumeMode }), { cloud })).toMatch(/^StorageClass data is not made: /);
    }
  });

  it('every fact that an offer names is one that can be given', () => {
    const texts = clouds.flatMap(({ classOptions: offers }) =>
      offers.flatMap(({ tiers, requires }) => [
        ...requires.map((fact) => `\${${fact}}`),
        ...Object.values(tiers).flatMap(({ parameters }) => Object.values(parameters)),
      ]),
    );
    const facts = new Set(texts.flatMap((text) => [...text.matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name)));
    expect(facts.size).toBeGreaterThan(10);
    expect([...facts].filter((name) => !Object.hasOwn(FACT_NAMES, name))).toEqual([]);
  });
});
