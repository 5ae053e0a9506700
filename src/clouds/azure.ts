import type { ClassOption, VolumeType } from '../api/facts.ts';
import type { AccessMode } from '../api/kubernetes.ts';
import {
  type Cloud,
  disk,
  jsonOf,
  knownFacts,
  type MetadataClient,
  objectIn,
  type ProbeResult,
  share,
  textIn,
} from './cloud.ts';

const INSTANCE_PATH = '/metadata/instance';
const API_VERSION = '2021-02-01';

/** The signature is an instance document with a location and a subscription's GUID. */
const probe = async (client: MetadataClient): Promise<ProbeResult> => {
  const answer = await client.get(`${INSTANCE_PATH}?api-version=${API_VERSION}`, { Metadata: 'true' });
  const compute = objectIn(jsonOf(answer)?.['compute']);
  const subscription = textIn(compute?.['subscriptionId']);
  const region = textIn(compute?.['location']);
  if (!isGuid(subscription ?? '') || !region) return { kind: 'no' };
  const zone = textIn(compute?.['zone']);
  const facts = knownFacts(`metadata ${INSTANCE_PATH}`, {
    subscription,
    region,
    // The form that nodes carry as topology.kubernetes.io/zone.
    zone: zone ? `${region}-${zone}` : undefined,
    resourceGroup: textIn(compute?.['resourceGroupName']),
    azureEnvironment: textIn(compute?.['azEnvironment']),
  });
  return { kind: 'match', facts };
};

const isGuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);

/** Managed disks in order of list price per GiB, sizes as Azure’s documentation has them. */
const sku = (skuName: string, cost: number, more: Partial<VolumeType> = {}): VolumeType => ({
  name: skuName,
  cost,
  parameters: { skuName },
  sizes: { leastGi: 1, greatestGi: 32_767 },
  ...more,
});

const standardHdd = sku('Standard_LRS', 0);
const standardSsdZrs = sku('StandardSSD_ZRS', 2);
const standardSsd = sku('StandardSSD_LRS', 1, { replicated: standardSsdZrs });
const premiumZrs = sku('Premium_ZRS', 5);
const premium = sku('Premium_LRS', 4, { replicated: premiumZrs });
/** These two allow no caching on the host. */
const uncached = (skuName: string) => ({ parameters: { skuName, cachingMode: 'None' } });
const premiumV2 = sku('PremiumV2_LRS', 3, { ...uncached('PremiumV2_LRS'), sizes: { leastGi: 1, greatestGi: 65_536 } });
const ultra = sku('UltraSSD_LRS', 6, {
  ...uncached('UltraSSD_LRS'),
  sizes: { leastGi: 4, greatestGi: 65_536 },
  caution: 'UltraSSD_LRS bills the IOPS and the throughput it is provisioned with, beside its size.',
});

/**
 * The label of its own that the Azure Disk driver gives nodes, as westeurope-1. It takes topology.kubernetes.io/zone as well, both in that form
 * alone (azuredisk-csi-driver: deploy/example/topology, PickAvailabilityZone and IsValidAvailabilityZone in pkg/azureutils).
 */
const DISK_ZONE = 'topology.disk.csi.azure.com/zone';

const managedDisk = disk({
  provisioner: 'disk.csi.azure.com',
  zoneLabel: DISK_ZONE,
  tiers: { standard: standardSsd, ssd: standardSsd, fast: premium, slow: standardHdd, cold: standardHdd },
  types: {
    'standard-lrs': standardHdd,
    'standard-hdd': standardHdd,
    standardssd: standardSsd,
    'standard-ssd': standardSsd,
    'standardssd-lrs': standardSsd,
    'standardssd-zrs': standardSsdZrs,
    'premium-ssd': premium,
    'premium-lrs': premium,
    'premium-zrs': { ...premiumZrs, replicated: premiumZrs },
    premiumv2: premiumV2,
    'premium-v2': premiumV2,
    'premiumv2-lrs': premiumV2,
    ultra,
    ultrassd: ultra,
    'ultra-disk': ultra,
    'ultrassd-lrs': ultra,
  },
  encryption: 'always',
});

const PREMIUM_SHARE_GI = 100;
const premiumCaution = `Premium file shares are made, and billed, with at least ${PREMIUM_SHARE_GI} GiB each.`;
const SHARE_GI = 102_400;

const smb = (skuName: string, cost: number, more: Partial<VolumeType> = {}): VolumeType => ({
  name: skuName,
  cost,
  parameters: { skuName, protocol: 'smb' },
  sizes: { greatestGi: SHARE_GI },
  ...more,
});
const premiumSmb: Partial<VolumeType> = { sizes: { greatestGi: SHARE_GI, isRaised: true }, caution: premiumCaution };

const smbShare = share({
  provisioner: 'file.csi.azure.com',
  tiers: {
    standard: smb('Standard_LRS', 0, { replicated: smb('Standard_ZRS', 1) }),
    fast: smb('Premium_LRS', 2, { ...premiumSmb, replicated: smb('Premium_ZRS', 3, premiumSmb) }),
  },
  words: ['azurefile', 'azurefiles'],
  encryption: 'always',
  mountOptions: ['dir_mode=0777', 'file_mode=0777', 'mfsymlinks', 'cache=strict', 'nosharesock', 'actimeo=30', 'nobrl'],
});

const nfsShare = (skuName: string): VolumeType => ({
  name: skuName,
  parameters: { protocol: 'nfs', skuName },
  sizes: { greatestGi: SHARE_GI, isRaised: true },
  caution: premiumCaution,
});

/** SMB keeps neither owners nor modes of files; who needs them asks for POSIX by name. */
const posixShare = share({
  provisioner: 'file.csi.azure.com',
  namePattern: /\bposix\b/,
  tiers: { standard: { ...nfsShare('Premium_LRS'), replicated: nfsShare('Premium_ZRS') } },
  mountOptions: ['nconnect=4', 'noresvport', 'actimeo=30'],
  encryption: 'always',
});

/** What is asked for by its own name, for any mode. */
const ANY_MODE: readonly AccessMode[] = ['ReadWriteMany', 'ReadOnlyMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

/** The same, by the name that AKS’ documentation gives it. */
const azureFileNfs: ClassOption = {
  ...posixShare,
  namePattern: /\bazurefiles?\b.*\bnfs\b/,
  isNfs: true,
  modes: ANY_MODE,
};

const container = (skuName: string, protocol: string): VolumeType => ({
  name: skuName,
  parameters: { protocol, skuName },
});

const blobShare = share({
  provisioner: 'blob.csi.azure.com',
  namePattern: /\b(azure)?blob\b/,
  modes: ANY_MODE,
  tiers: { standard: container('Standard_LRS', 'fuse2'), fast: container('Premium_LRS', 'fuse2') },
  encryption: 'always',
});

/** AKS ships it. */
const azureBlobNfs: ClassOption = {
  ...blobShare,
  namePattern: /\b(azure)?blob\b.*\bnfs\b/,
  isNfs: true,
  tiers: { standard: container('Standard_LRS', 'nfs'), fast: container('Premium_LRS', 'nfs') },
};

export const azure: Cloud = {
  name: 'azure',
  probe,
  alsoAnswersAs: [],
  fromProviderId: (providerId) => {
    const match = /^azure:\/\/\/subscriptions\/(?<subscription>[^/]+)\/resourceGroups\/(?<resourceGroup>[^/]+)\//i.exec(
      providerId,
    );
    if (match === null) return providerId.startsWith('azure://') ? {} : undefined;
    return { ...match.groups };
  },
  classOptions: [managedDisk, posixShare, azureFileNfs, azureBlobNfs, blobShare, smbShare],
  usualDrivers: ['disk.csi.azure.com', 'file.csi.azure.com'],
  words: ['azure', 'aks', 'azuredisk', 'azurefile', 'azurefiles', 'azureblob', 'blob', 'fuse', 'fuse2', 'posix'],
};
