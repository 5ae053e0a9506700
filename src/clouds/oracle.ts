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

const blockVolume = (vpusPerGB: string): StringMap => ({ vpusPerGB, 'attachment-type': 'paravirtualized' });

const fileSystem = (parameters: StringMap, fact: string) =>
  share({
    provisioner: 'fss.csi.oraclecloud.com',
    tiers: {
      standard: {
        parameters: { availabilityDomain: '${availabilityDomain}', ...parameters, encryptInTransit: 'false' },
      },
    },
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
      tiers: {
        standard: { parameters: blockVolume('10') },
        fast: { parameters: blockVolume('20') },
        slow: { parameters: blockVolume('0') },
      },
    }),
    fileSystem({ mountTargetOcid: '${mountTargetOcid}' }, 'mountTargetOcid'),
    fileSystem({ mountTargetSubnetOcid: '${mountTargetSubnetOcid}' }, 'mountTargetSubnetOcid'),
  ],
  usualDrivers: ['blockvolume.csi.oraclecloud.com', 'fss.csi.oraclecloud.com'],
};
