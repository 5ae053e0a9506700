import type { StorageClass, StringMap } from '../../src/api/kubernetes.ts';
import { FS_TYPE } from '../../src/storage-classes/parameters.ts';
import { namesSecret, refusedBySidecars, type SecretOperation, withoutSidecars } from './sidecars.ts';

/**
 * What a CSI driver takes in a class, for drivers whose own parser cannot be had as a Go module: read in its source, or in its
 * documentation where that is closed. Of its parameters those stand here that classes of ours name; any other is refused.
 */
export interface ParameterTable {
  /** Where it was read: repository, file and commit, or the page. docs/compatibility.md has the same. */
  readonly source: string;
  /** Names as the driver compares them, in small letters where it does not tell letters apart, each with all values it takes. */
  readonly parameters: Readonly<Record<string, RegExp>>;
  readonly ignoresCase?: boolean;
  /** Those without which it makes no volume. */
  readonly required?: readonly string[];
  /** What it is given a Secret for. */
  readonly secrets?: readonly SecretOperation[];
  /** File systems it makes; none where a volume comes with its own. */
  readonly fileSystems?: readonly string[];
  /** What it refuses of several parameters together. */
  readonly rules?: readonly Rule[];
}

interface Rule {
  readonly why: string;
  readonly breaks: (parameters: StringMap) => boolean;
}

/** Why a class gets no volume, as parts of sentences; none where its driver takes it. */
export const refusalsOf = ({
  provisioner,
  ...said
}: Pick<StorageClass, 'provisioner' | 'parameters'>): readonly string[] => {
  const table = parameterTables[provisioner];
  if (table === undefined) throw new Error(`There is no table of the parameters of ${provisioner}.`);
  const parameters = said.parameters ?? {};
  const own = ownParameters(table, parameters);
  return [
    ...refusedBySidecars(parameters),
    ...refusedFileSystem(table, parameters[FS_TYPE]),
    ...(table.secrets ?? [])
      .filter((operation) => !namesSecret(parameters, operation))
      .map((operation) => `no Secret is named for ${operation}`),
    ...Object.entries(own).flatMap(([name, value]) => refusedValue(table, name, value)),
    ...(table.required ?? []).filter((name) => !Object.hasOwn(own, name)).map((name) => `${name} is missing`),
    ...(table.rules ?? []).filter(({ breaks }) => breaks(own)).map(({ why }) => why),
  ];
};

const ownParameters = ({ ignoresCase = false }: ParameterTable, parameters: StringMap): StringMap =>
  Object.fromEntries(
    Object.entries(withoutSidecars(parameters)).map(([name, value]) => [
      ignoresCase ? name.toLowerCase() : name,
      value,
    ]),
  );

const refusedFileSystem = ({ fileSystems = [] }: ParameterTable, fileSystem: string | undefined): readonly string[] =>
  fileSystem === undefined || fileSystems.includes(fileSystem) ? [] : [`it makes no file system ${fileSystem}`];

const refusedValue = ({ parameters }: ParameterTable, name: string, value: string): readonly string[] => {
  const values = Object.hasOwn(parameters, name) ? parameters[name] : undefined;
  if (values === undefined) return [`it has no parameter ${name}`];
  return values.test(value) ? [] : [`${name} cannot be ${value}`];
};

const ANYTHING = /^\S+$/;
const BOOLEAN = /^(true|false)$/;
const NUMBER = /^\d+$/;
/** What Kubernetes' mount-utils makes, which most drivers format disks with, of those that names can ask for. */
const FORMATTED = ['ext4', 'xfs'];

const ebs: ParameterTable = {
  source:
    'kubernetes-sigs/aws-ebs-csi-driver, `pkg/driver/controller.go` (adfbf1e84d) and its page of parameters (038816d93b)',
  ignoresCase: true,
  parameters: {
    type: /^(io1|io2|gp2|gp3|sc1|st1|standard|sbp1|sbg1)$/,
    iops: NUMBER,
    encrypted: BOOLEAN,
  },
  fileSystems: ['ext2', 'ext3', 'ext4', 'xfs', 'ntfs'],
  rules: [
    {
      why: 'EC2 makes no io1 and io2 without a number of IOPS, and the driver has none of its own',
      breaks: ({ type = '', iops }) => /^io[12]$/.test(type) && iops === undefined,
    },
    {
      why: 'EC2 takes a number of IOPS for io1, io2 and gp3 only',
      breaks: ({ type = 'gp3', iops }) => iops !== undefined && !/^(io1|io2|gp3)$/.test(type),
    },
    {
      why: 'the number of IOPS is under the least, 100 of io1 and io2 and 3000 of gp3',
      breaks: ({ type = 'gp3', iops }) => iops !== undefined && Number(iops) < (type === 'gp3' ? 3_000 : 100),
    },
  ],
};

const azureDisk: ParameterTable = {
  source: 'kubernetes-sigs/azuredisk-csi-driver, `pkg/azureutils/azure_disk_utils.go` (01b282ad29)',
  ignoresCase: true,
  parameters: {
    skuname: /^(Standard_LRS|(StandardSSD|Premium)_(LRS|ZRS)|PremiumV2_LRS|UltraSSD_LRS)$/,
    cachingmode: /^(None|ReadOnly|ReadWrite)$/,
  },
  fileSystems: ['ext2', 'ext3', 'ext4', 'xfs'],
  rules: [
    {
      why: 'Azure caches no UltraSSD_LRS or PremiumV2_LRS on the host, and the driver asks for ReadOnly where nothing is said',
      breaks: ({ skuname = '', cachingmode }) => /^(UltraSSD|PremiumV2)_LRS$/.test(skuname) && cachingmode !== 'None',
    },
  ],
};

const SHARE_SKU = /^(Standard_(LRS|GRS|ZRS|RAGRS|RAGZRS|GZRS)|Premium_(LRS|ZRS))$/;

const azureFile: ParameterTable = {
  source: 'kubernetes-sigs/azurefile-csi-driver, `pkg/azurefile/controllerserver.go` (001eb0f090)',
  ignoresCase: true,
  parameters: {
    skuname: SHARE_SKU,
    protocol: /^(smb|nfs)$/,
    storageaccount: /^[a-z0-9]{3,24}$/,
    resourcegroup: ANYTHING,
  },
  rules: [
    {
      why: 'NFS shares are of premium storage only',
      breaks: ({ protocol, skuname = '' }) => protocol === 'nfs' && /^standard/i.test(skuname),
    },
  ],
};

const filestore: ParameterTable = {
  source:
    'kubernetes-sigs/gcp-filestore-csi-driver, `pkg/csi_driver/controller.go` (7417ffc4bf) and `multishare_controller.go` (15cf884d52)',
  ignoresCase: true,
  parameters: {
    tier: /^(standard|basic_hdd|premium|basic_ssd|high_scale_ssd|zonal|regional|enterprise)$/,
    network: ANYTHING,
    multishare: BOOLEAN,
    'instance-storageclass-label': /^[a-z0-9_-]{1,63}$/,
  },
  rules: [
    {
      why: 'shares of one instance want instance-storageclass-label, which says what instances they may share',
      breaks: (parameters) => isMultishare(parameters) && parameters['instance-storageclass-label'] === undefined,
    },
    {
      why: 'shares of one instance are of the enterprise tier only',
      breaks: (parameters) => isMultishare(parameters) && (parameters['tier'] ?? 'enterprise') !== 'enterprise',
    },
    {
      why: 'multishare and instance-storageclass-label are no parameters of an instance for each volume',
      breaks: (parameters) =>
        !isMultishare(parameters) &&
        ['multishare', 'instance-storageclass-label'].some((name) => Object.hasOwn(parameters, name)),
    },
  ],
};

function isMultishare({ multishare = '' }: StringMap): boolean {
  return multishare === 'true';
}

const manila: ParameterTable = {
  source: 'kubernetes/cloud-provider-openstack, `pkg/csi/manila/options/shareoptions.go` (1241a2b1c2)',
  parameters: { type: ANYTHING, shareNetworkID: ANYTHING },
  secrets: ['provisioner', 'controller-expand', 'node-stage', 'node-publish'],
};

const nas: ParameterTable = {
  source:
    'kubernetes-sigs/alibaba-cloud-csi-driver, `pkg/nas/filesystem_controller.go` (1bd5cce98c) and `subpath_controller.go` (019bbf4d01)',
  parameters: { volumeAs: /^(filesystem|subpath|sharepath)$/, server: ANYTHING, vpcId: ANYTHING, vSwitchId: ANYTHING },
  required: ['volumeAs'],
  rules: [
    {
      why: 'a folder for each volume wants the server it is on',
      breaks: ({ volumeAs, server }) => volumeAs === 'subpath' && server === undefined,
    },
    {
      why: 'a file system for each volume wants vpcId and vSwitchId',
      breaks: ({ volumeAs, vpcId, vSwitchId }) =>
        volumeAs === 'filesystem' && (vpcId === undefined || vSwitchId === undefined),
    },
  ],
};

const DISK_CATEGORY =
  '(cloud|cloud_efficiency|cloud_ssd|cloud_essd|cloud_auto|cloud_essd_entry|cloud_regional_disk_auto)';

const alibabaDisk: ParameterTable = {
  source: 'kubernetes-sigs/alibaba-cloud-csi-driver, `pkg/disk/utils.go` (cff7f7d424) and `category.go` (0a1643a081)',
  parameters: {
    type: new RegExp(`^${DISK_CATEGORY}(,${DISK_CATEGORY})*$`),
    performanceLevel: /^PL[0-3](,PL[0-3])*$/,
    volumeSizeAutoAvailable: BOOLEAN,
    encrypted: BOOLEAN,
  },
  fileSystems: ['ext3', 'ext4', 'xfs', 'ntfs'],
  rules: [
    {
      why: 'only cloud_essd has levels of performance',
      breaks: ({ type = '', performanceLevel }) =>
        performanceLevel !== undefined && !type.split(',').includes('cloud_essd'),
    },
  ],
};

const lustre: ParameterTable = {
  source: 'kubernetes-sigs/aws-fsx-csi-driver, `pkg/driver/controller.go` (046f36821d)',
  parameters: {
    subnetId: /^subnet-/,
    securityGroupIds: /^sg-/,
    deploymentType: /^(SCRATCH_[12]|PERSISTENT_[12])$/,
    perUnitStorageThroughput: NUMBER,
  },
  required: ['subnetId', 'securityGroupIds'],
  rules: [
    {
      why: 'FSx makes PERSISTENT_1 on SSDs with 50, 100 or 200 MB/s for each TiB',
      breaks: ({ deploymentType, perUnitStorageThroughput = '' }) =>
        deploymentType === 'PERSISTENT_1' && !/^(50|100|200)$/.test(perUnitStorageThroughput),
    },
    {
      why: 'FSx takes no throughput for scratch file systems',
      breaks: ({ deploymentType = 'SCRATCH_1', perUnitStorageThroughput }) =>
        deploymentType.startsWith('SCRATCH') && perUnitStorageThroughput !== undefined,
    },
  ],
};

/** By provisioner. */
export const parameterTables: Readonly<Record<string, ParameterTable>> = {
  'ebs.csi.aws.com': ebs,
  'ebs.csi.eks.amazonaws.com': {
    ...ebs,
    source: 'awsdocs/amazon-eks-user-guide, `latest/ug/automode/create-storage-class.adoc` (1eb6aa42dc)',
    fileSystems: ['ext2', 'ext3', 'ext4', 'xfs'],
  },
  'efs.csi.aws.com': {
    source:
      'kubernetes-sigs/aws-efs-csi-driver, `pkg/driver/provisioner_ap.go` (1978cf868f) and its README (0043707e15)',
    parameters: { provisioningMode: /^efs-(ap|dir)$/, fileSystemId: /^fs-/, directoryPerms: /^[0-7]{3,4}$/ },
    required: ['provisioningMode', 'fileSystemId', 'directoryPerms'],
  },
  'fsx.csi.aws.com': lustre,
  'filestore.csi.storage.gke.io': filestore,
  'disk.csi.azure.com': azureDisk,
  'file.csi.azure.com': azureFile,
  'blob.csi.azure.com': {
    source: 'kubernetes-sigs/blob-csi-driver, `pkg/blob/controllerserver.go` (013b56e5f7)',
    ignoresCase: true,
    parameters: { skuname: SHARE_SKU, protocol: /^(fuse|fuse2|nfs)$/ },
  },
  'blockvolume.csi.oraclecloud.com': {
    source: 'oracle/oci-cloud-controller-manager, `pkg/csi/driver/bv_controller.go` (fb6cd2002e)',
    parameters: { vpusPerGB: /^(\d|[1-9]\d|1[01]\d|120)$/, 'attachment-type': /^(iscsi|paravirtualized)$/i },
    fileSystems: FORMATTED,
  },
  'fss.csi.oraclecloud.com': {
    source: 'oracle/oci-cloud-controller-manager, `pkg/csi/driver/fss_controller.go` (eda5e1dfdc)',
    parameters: {
      availabilityDomain: ANYTHING,
      mountTargetOcid: /^ocid1\.mounttarget\./,
      mountTargetSubnetOcid: /^ocid1\.subnet\./,
      encryptInTransit: BOOLEAN,
    },
    required: ['availabilityDomain'],
    rules: [
      {
        why: 'it wants a mount target, or a subnet to make one in',
        breaks: ({ mountTargetOcid, mountTargetSubnetOcid }) =>
          (mountTargetOcid ?? mountTargetSubnetOcid) === undefined,
      },
    ],
  },
  'diskplugin.csi.alibabacloud.com': alibabaDisk,
  'nasplugin.csi.alibabacloud.com': nas,
  'cinder.csi.openstack.org': {
    source: 'kubernetes/cloud-provider-openstack, `pkg/csi/cinder/controllerserver.go` (21a8b17713)',
    parameters: { type: ANYTHING, availability: ANYTHING },
    fileSystems: FORMATTED,
  },
  'nfs.manila.csi.openstack.org': manila,
  'cephfs.manila.csi.openstack.org': manila,
  'dobs.csi.digitalocean.com': {
    source: 'digitalocean/csi-digitalocean, `driver/controller.go` (02f2da22fb)',
    parameters: {},
    fileSystems: FORMATTED,
  },
  'csi.hetzner.cloud': {
    source: 'hetznercloud/csi-driver, `internal/driver/controller.go` (03ad6d3eca)',
    parameters: {},
    fileSystems: FORMATTED,
  },
  'rook-ceph.rbd.csi.ceph.com': {
    source: 'rook/rook, `deploy/examples/csi/rbd/storageclass.yaml` (1938299fc9), and ceph-csi pull request 5429',
    parameters: { clusterID: ANYTHING, pool: ANYTHING, imageFormat: /^2$/, imageFeatures: /^[a-z-]+(,[a-z-]+)*$/ },
    required: ['clusterID', 'pool'],
    secrets: ['provisioner', 'controller-expand', 'controller-publish', 'node-stage'],
    fileSystems: FORMATTED,
  },
  'rook-ceph.cephfs.csi.ceph.com': {
    source: 'rook/rook, `deploy/examples/csi/cephfs/storageclass.yaml` (05315ae64f), and ceph-csi pull request 5429',
    parameters: { clusterID: ANYTHING, fsName: ANYTHING },
    required: ['clusterID', 'fsName'],
    secrets: ['provisioner', 'controller-expand', 'controller-publish', 'node-stage'],
  },
  'ru.yandex.s3.csi': {
    source: 'yandex-cloud/k8s-csi-s3, `pkg/mounter/mounter.go` (02568bfa05)',
    parameters: { mounter: /^(geesefs|s3fs|rclone)$/, options: /./, bucket: ANYTHING },
    secrets: ['provisioner', 'controller-publish', 'node-stage', 'node-publish'],
  },
  'nfs.csi.k8s.io': {
    source: 'kubernetes-csi/csi-driver-nfs, `pkg/nfs/controllerserver.go` (09cd86f3a8)',
    ignoresCase: true,
    parameters: { server: ANYTHING, share: /^\//, subdir: ANYTHING },
    required: ['server', 'share'],
  },
};
