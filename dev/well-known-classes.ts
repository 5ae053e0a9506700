import type { CloudName } from '../src/api/facts.ts';
import type { StringMap } from '../src/api/kubernetes.ts';

/** A class that a distribution or a driver's chart ships under this name, or that its documentation has people make. */
export interface WellKnownClass {
  readonly cloud: CloudName;
  readonly name: string;
  readonly from: string;
  readonly provisioner: string;
  /** Those of its parameters that say what the volumes are. */
  readonly parameters: StringMap;
  /** For many nodes; for one where it is not set. */
  readonly isShared?: boolean;
  readonly reclaimPolicy?: 'Retain';
}

const EBS = 'ebs.csi.aws.com';
const PD = 'pd.csi.storage.gke.io';
const FILESTORE = 'filestore.csi.storage.gke.io';
const AZURE_DISK = 'disk.csi.azure.com';
const AZURE_FILE = 'file.csi.azure.com';
const AZURE_BLOB = 'blob.csi.azure.com';
const CINDER = 'cinder.csi.openstack.org';
const BLOCK_VOLUME = 'blockvolume.csi.oraclecloud.com';
const ALICLOUD = 'diskplugin.csi.alibabacloud.com';
const DO = 'dobs.csi.digitalocean.com';

const row = (
  cloud: CloudName,
  from: string,
  name: string,
  provisioner: string,
  parameters: StringMap = {},
  more: Pick<WellKnownClass, 'isShared' | 'reclaimPolicy'> = {},
): WellKnownClass => ({ cloud, from, name, provisioner, parameters, ...more });

const shared = { isShared: true } as const;

/** By cloud, as those who ship them document them. Old ones of in-tree provisioners have the CSI driver that took over. */
export const wellKnownClasses: readonly WellKnownClass[] = [
  row('aws', 'EKS', 'gp2', EBS, { type: 'gp2' }),
  row('aws', 'EKS guides', 'gp3', EBS, { type: 'gp3' }),
  row('aws', 'EKS Auto Mode guide', 'auto-ebs-sc', EBS, { type: 'gp3', encrypted: 'true' }),
  row('aws', 'EBS CSI driver', 'ebs-sc', EBS, { type: 'gp3' }),
  row('aws', 'OpenShift', 'gp2-csi', EBS, { type: 'gp2', encrypted: 'true' }),
  row('aws', 'OpenShift', 'gp3-csi', EBS, { type: 'gp3', encrypted: 'true' }),
  row('aws', 'EFS CSI driver', 'efs-sc', 'efs.csi.aws.com', { provisioningMode: 'efs-ap' }, shared),
  row('gcp', 'GKE', 'standard', PD, { type: 'pd-standard' }),
  row('gcp', 'GKE', 'standard-rwo', PD, { type: 'pd-balanced' }),
  row('gcp', 'GKE', 'premium-rwo', PD, { type: 'pd-ssd' }),
  row('gcp', 'GKE guide', 'regionalpd-storageclass', PD, { type: 'pd-balanced', 'replication-type': 'regional-pd' }),
  row('gcp', 'GKE', 'standard-rwx', FILESTORE, { tier: 'standard' }, shared),
  row('gcp', 'GKE', 'premium-rwx', FILESTORE, { tier: 'premium' }, shared),
  row('gcp', 'GKE', 'zonal-rwx', FILESTORE, { tier: 'zonal' }, shared),
  row('gcp', 'GKE', 'enterprise-rwx', FILESTORE, { tier: 'enterprise' }, shared),
  row(
    'gcp',
    'GKE',
    'enterprise-multishare-rwx',
    FILESTORE,
    { tier: 'enterprise', multishare: 'true', 'instance-storageclass-label': 'enterprise-multishare-rwx' },
    shared,
  ),
  row('gcp', 'OpenShift', 'standard-csi', PD, { type: 'pd-standard' }),
  row('gcp', 'OpenShift', 'ssd-csi', PD, { type: 'pd-ssd' }),
  row('azure', 'AKS', 'default', AZURE_DISK, { skuName: 'StandardSSD_LRS' }),
  row('azure', 'AKS', 'managed', AZURE_DISK, { skuName: 'StandardSSD_LRS' }),
  row('azure', 'AKS', 'managed-csi', AZURE_DISK, { skuName: 'StandardSSD_LRS' }),
  row('azure', 'AKS', 'managed-premium', AZURE_DISK, { skuName: 'Premium_LRS' }),
  row('azure', 'AKS', 'managed-csi-premium', AZURE_DISK, { skuName: 'Premium_LRS' }),
  row('azure', 'AKS', 'azurefile', AZURE_FILE, { skuName: 'Standard_LRS' }, shared),
  row('azure', 'AKS', 'azurefile-csi', AZURE_FILE, { skuName: 'Standard_LRS' }, shared),
  row('azure', 'AKS', 'azurefile-premium', AZURE_FILE, { skuName: 'Premium_LRS' }, shared),
  row('azure', 'AKS', 'azurefile-csi-premium', AZURE_FILE, { skuName: 'Premium_LRS' }, shared),
  row('azure', 'AKS guide', 'azurefile-csi-nfs', AZURE_FILE, { skuName: 'Premium_LRS', protocol: 'nfs' }, shared),
  row('azure', 'AKS', 'azureblob-fuse-premium', AZURE_BLOB, { skuName: 'Premium_LRS', protocol: 'fuse2' }, shared),
  row('azure', 'AKS', 'azureblob-nfs-premium', AZURE_BLOB, { skuName: 'Premium_LRS', protocol: 'nfs' }, shared),
  row('oracle', 'OKE', 'oci-bv', BLOCK_VOLUME, { vpusPerGB: '10' }),
  row('alibaba', 'ACK', 'alicloud-disk-efficiency', ALICLOUD, { type: 'cloud_efficiency' }),
  row('alibaba', 'ACK', 'alicloud-disk-ssd', ALICLOUD, { type: 'cloud_ssd' }),
  row('alibaba', 'ACK', 'alicloud-disk-essd', ALICLOUD, { type: 'cloud_essd' }),
  row('alibaba', 'ACK', 'alicloud-disk-available', ALICLOUD, { type: 'cloud_essd,cloud_ssd,cloud_efficiency' }),
  row('alibaba', 'ACK', 'alicloud-disk-topology-alltype', ALICLOUD, { type: 'cloud_essd,cloud_ssd,cloud_efficiency' }),
  row('digitalocean', 'DOKS', 'do-block-storage', DO, { 'csi.storage.k8s.io/fstype': 'ext4' }),
  row('digitalocean', 'DOKS', 'do-block-storage-retain', DO, {}, { reclaimPolicy: 'Retain' }),
  row('digitalocean', 'DOKS', 'do-block-storage-xfs', DO, { 'csi.storage.k8s.io/fstype': 'xfs' }),
  row(
    'digitalocean',
    'DOKS',
    'do-block-storage-xfs-retain',
    DO,
    { 'csi.storage.k8s.io/fstype': 'xfs' },
    { reclaimPolicy: 'Retain' },
  ),
  row('hetzner', 'hcloud-csi chart', 'hcloud-volumes', 'csi.hetzner.cloud'),
  row('openstack', 'Cinder CSI chart, CreoDIAS', 'csi-cinder-sc-delete', CINDER),
  row('openstack', 'Cinder CSI chart, CreoDIAS', 'csi-cinder-sc-retain', CINDER, {}, { reclaimPolicy: 'Retain' }),
  row('openstack', 'OpenShift', 'standard-csi', CINDER),
  row('openstack', 'OVHcloud', 'csi-cinder-classic', CINDER, { type: 'classic' }),
  row('openstack', 'OVHcloud', 'csi-cinder-high-speed', CINDER, { type: 'high-speed' }),
  row('openstack', 'OVHcloud', 'csi-cinder-high-speed-gen2', CINDER, { type: 'high-speed-gen2' }),
  row('openstack', 'Manila CSI chart', 'csi-manila-nfs', 'nfs.manila.csi.openstack.org', {}, shared),
  row('local', 'k3s, kind', 'local-path', 'rancher.io/local-path'),
  row('local', 'kind, minikube', 'standard', 'rancher.io/local-path'),
];
