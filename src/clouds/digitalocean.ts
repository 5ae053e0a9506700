import { type Cloud, disk, jsonOf, knownFacts, type MetadataClient, type ProbeResult, textIn } from './cloud.ts';

const PATH = '/metadata/v1.json';

/** The signature is JSON with a droplet's number, which comes as number or as text. */
const probe = async (client: MetadataClient): Promise<ProbeResult> => {
  const droplet = jsonOf(await client.get(PATH));
  if (!/^[1-9]\d*$/.test(textIn(droplet?.['droplet_id']) ?? '')) return { kind: 'no' };
  return { kind: 'match', facts: knownFacts(`metadata ${PATH}`, { region: textIn(droplet?.['region']) }) };
};

export const digitalocean: Cloud = {
  name: 'digitalocean',
  probe,
  alsoAnswersAs: [],
  fromProviderId: (providerId) => (providerId.startsWith('digitalocean://') ? {} : undefined),
  classOptions: [
    // The driver knows SINGLE_NODE_WRITER only, which is what sidecars ask such drivers for ReadWriteOncePod too.
    disk({
      provisioner: 'dobs.csi.digitalocean.com',
      tiers: {
        standard: {
          parameters: { 'csi.storage.k8s.io/fstype': 'ext4' },
          sizes: { leastGi: 1, greatestGi: 16_384 },
        },
      },
      encryption: 'always',
      volumeBindingMode: 'Immediate',
    }),
  ],
  words: ['digitalocean', 'do', 'doks', 'dobs'],
  usualDrivers: ['dobs.csi.digitalocean.com'],
};
