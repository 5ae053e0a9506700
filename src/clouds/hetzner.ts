import { bodyOf, type Cloud, disk, knownFacts, type MetadataClient, type ProbeResult } from './cloud.ts';

const PATH = '/hetzner/v1/metadata';
const REGION_PATH = `${PATH}/region`;
const ZONE_PATH = `${PATH}/availability-zone`;

/** The signature is YAML with a server's number and a hostname; region and zone are leaves of their own. */
const probe = async (client: MetadataClient): Promise<ProbeResult> => {
  const [yaml, region, zone] = (await Promise.all([PATH, REGION_PATH, ZONE_PATH].map((path) => client.get(path)))).map(
    bodyOf,
  );
  if (!/^instance-id: *['"]?\d+['"]?$/m.test(yaml ?? '') || !/^hostname: *\S/m.test(yaml ?? '')) return { kind: 'no' };
  return {
    kind: 'match',
    facts: {
      ...knownFacts(`metadata ${REGION_PATH}`, { region }),
      ...knownFacts(`metadata ${ZONE_PATH}`, { zone }),
    },
  };
};

export const hetzner: Cloud = {
  name: 'hetzner',
  probe,
  alsoAnswersAs: [],
  fromProviderId: (providerId) => (/^(hcloud|hrobot):\/\//.test(providerId) ? {} : undefined),
  classOptions: [
    disk({
      provisioner: 'csi.hetzner.cloud',
      // The driver makes smaller ones that large.
      tiers: { standard: { parameters: {}, sizes: { leastGi: 10, greatestGi: 10_240, isRaised: true } } },
    }),
  ],
  words: ['hetzner', 'hcloud'],
  usualDrivers: ['csi.hetzner.cloud'],
};
