import type { ClassOption } from '../api/facts.ts';
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

const managedDisk = disk({
  provisioner: 'disk.csi.azure.com',
  tiers: {
    standard: { parameters: { skuName: 'StandardSSD_LRS' } },
    fast: { parameters: { skuName: 'Premium_LRS' } },
    slow: { parameters: { skuName: 'Standard_LRS' } },
  },
});

/** Disks that allow no host caching, for those who ask for them by name. */
const namedDisks: readonly ClassOption[] = [
  {
    ...managedDisk,
    namePattern: /\bpremiumv2\b/,
    tiers: { standard: { parameters: { skuName: 'PremiumV2_LRS', cachingMode: 'None' } } },
  },
  {
    ...managedDisk,
    namePattern: /\bultra\b/,
    tiers: { standard: { parameters: { skuName: 'UltraSSD_LRS', cachingMode: 'None' } } },
  },
];

const premiumCaution = 'Premium file shares are made, and billed, with at least 100 GiB each.';

const smbShare = share({
  provisioner: 'file.csi.azure.com',
  tiers: {
    standard: { parameters: { skuName: 'Standard_LRS', protocol: 'smb' } },
    fast: { parameters: { skuName: 'Premium_LRS', protocol: 'smb' }, caution: premiumCaution },
  },
  mountOptions: ['dir_mode=0777', 'file_mode=0777', 'mfsymlinks', 'cache=strict', 'nosharesock', 'actimeo=30', 'nobrl'],
});

/** SMB keeps neither owners nor modes of files; who needs them asks for POSIX by name. */
const posixShare = share({
  provisioner: 'file.csi.azure.com',
  namePattern: /\bposix\b/,
  tiers: { standard: { parameters: { protocol: 'nfs', skuName: 'Premium_LRS' }, caution: premiumCaution } },
  mountOptions: ['nconnect=4', 'noresvport', 'actimeo=30'],
});

const blobShare = share({
  provisioner: 'blob.csi.azure.com',
  namePattern: /\bblob\b/,
  tiers: {
    standard: { parameters: { protocol: 'fuse2', skuName: 'Standard_LRS' } },
    fast: { parameters: { protocol: 'fuse2', skuName: 'Premium_LRS' } },
  },
});

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
  classOptions: [...namedDisks, managedDisk, posixShare, blobShare, smbShare],
  usualDrivers: ['disk.csi.azure.com', 'file.csi.azure.com'],
};
