import type { VolumeType } from '../api/facts.ts';
import type { StringMap } from '../api/kubernetes.ts';
import { type Cloud, disk, jsonOf, knownFacts, type MetadataClient, type ProbeResult, share, textIn } from './cloud.ts';

const PATH = '/opc/v2/instance/';

/** The signature is an instance document whose id is an Oracle one. */
const probe = async (client: MetadataClient): Promise<ProbeResult> => {
  const instance = jsonOf(await client.get(PATH, { Authorization: 'Bearer Oracle' }));
  if (!textIn(instance?.['id'])?.startsWith('ocid1.instance.')) return { kind: 'no' };
  const availabilityDomain = textIn(instance?.['availabilityDomain']);
  const facts = knownFacts(`metadata ${PATH}`, {
    region: textIn(instance?.['canonicalRegionName']) ?? textIn(instance?.['region']),
    // The form that nodes carry as topology.kubernetes.io/zone lacks the tenancy's prefix.
    zone: availabilityDomain?.split(':').at(-1),
    availabilityDomain,
    compartment: textIn(instance?.['compartmentId']),
  });
  return { kind: 'match', facts };
};

/** A performance level in volume performance units per GB, each of which is billed; the driver makes no volume under 50Gi. */
const blockVolume = (vpusPerGB: number, caution?: string): VolumeType => ({
  name: `${vpusPerGB} VPUs`,
  cost: vpusPerGB,
  parameters: { vpusPerGB: String(vpusPerGB), 'attachment-type': 'paravirtualized' },
  sizes: { leastGi: 50, greatestGi: 32_768, isRaised: true },
  ...(caution && { caution }),
});

const lowerCost = blockVolume(0);
const balanced = blockVolume(10);
const higherPerformance = blockVolume(20);
const ultraHighPerformance = blockVolume(
  30,
  'Volumes of 30 VPUs and more need nodes with multipath attachments, and bill each unit.',
);
const levels = [30, 40, 50, 60, 70, 80, 90, 100, 110, 120].map((vpus) =>
  blockVolume(vpus, ultraHighPerformance.caution),
);
const byUnits = [lowerCost, balanced, higherPerformance, ...levels].flatMap((type) => [
  [`vpu${type.cost ?? 0}`, type] as const,
  [`vpus${type.cost ?? 0}`, type] as const,
  [`${type.cost ?? 0}vpu`, type] as const,
]);

const fileSystem = (parameters: StringMap, fact: string) =>
  share({
    provisioner: 'fss.csi.oraclecloud.com',
    tiers: {
      standard: {
        parameters: { availabilityDomain: '${availabilityDomain}', ...parameters, encryptInTransit: 'false' },
      },
    },
    words: ['fss'],
    encryption: 'always',
    allowVolumeExpansion: false,
    requires: ['availabilityDomain', fact],
  });

export const oracle: Cloud = {
  name: 'oracle',
  probe,
  // With version 1 of its service enabled.
  alsoAnswersAs: ['openstack', 'aws'],
  fromProviderId: (providerId) => {
    const match = /^(?:oci:\/\/)?ocid1\.instance\.[^.]*\.(?<region>[^.]*)\./.exec(providerId);
    if (match === null) return /^(oci:\/\/|ocid1\.)/.test(providerId) ? {} : undefined;
    const region = match.groups?.['region'];
    return region ? { region } : {};
  },
  classOptions: [
    disk({
      provisioner: 'blockvolume.csi.oraclecloud.com',
      tiers: { standard: balanced, ssd: balanced, fast: higherPerformance, slow: lowerCost, cold: lowerCost },
      types: {
        ...Object.fromEntries(byUnits),
        'lower-cost': lowerCost,
        'oci-balanced': balanced,
        'higher-performance': higherPerformance,
        'ultra-high-performance': ultraHighPerformance,
        uhp: ultraHighPerformance,
        'oci-high': higherPerformance,
        'oci-uhp': ultraHighPerformance,
      },
      encryption: 'always',
    }),
    fileSystem({ mountTargetOcid: '${mountTargetOcid}' }, 'mountTargetOcid'),
    fileSystem({ mountTargetSubnetOcid: '${mountTargetSubnetOcid}' }, 'mountTargetSubnetOcid'),
  ],
  words: ['oracle', 'oci', 'oke', 'bv', 'fss'],
  usualDrivers: ['blockvolume.csi.oraclecloud.com', 'fss.csi.oraclecloud.com'],
};
