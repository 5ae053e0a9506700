import type { VolumeSizes, VolumeType } from '../api/facts.ts';
import {
  bodyOf,
  type Cloud,
  disk,
  knownFacts,
  type MetadataAnswer,
  type MetadataClient,
  type ProbeResult,
  share,
} from './cloud.ts';

const PROJECT_PATH = '/computeMetadata/v1/project/project-id';
const ZONE_PATH = '/computeMetadata/v1/instance/zone';
const CLUSTER_NAME_PATH = '/computeMetadata/v1/instance/attributes/cluster-name';
const CLUSTER_LOCATION_PATH = '/computeMetadata/v1/instance/attributes/cluster-location';

/** Asks only what the GKE metadata server serves too. The signature is the flavor header on an answer that is a project id. */
const probe = async (client: MetadataClient): Promise<ProbeResult> => {
  const paths = [PROJECT_PATH, ZONE_PATH, CLUSTER_NAME_PATH, CLUSTER_LOCATION_PATH];
  const answers = await Promise.all(paths.map((path) => client.get(path, { 'Metadata-Flavor': 'Google' })));
  const [project, zonePath, clusterName, clusterLocation] = answers.map(flavored);
  if (!isProject(project ?? '')) return { kind: 'no' };
  const zone = zonePath?.split('/').at(-1);
  return {
    kind: 'match',
    facts: {
      ...knownFacts(`metadata ${PROJECT_PATH}`, { project }),
      ...knownFacts(`metadata ${ZONE_PATH}`, { zone, region: zone && regionOf(zone) }),
      ...knownFacts(`metadata ${CLUSTER_NAME_PATH}`, { clusterName }),
      ...knownFacts(`metadata ${CLUSTER_LOCATION_PATH}`, { clusterLocation }),
    },
  };
};

const flavored = (answer: MetadataAnswer): string | undefined =>
  answer.kind === 'response' && answer.headers['metadata-flavor'] === 'Google' ? bodyOf(answer) : undefined;

const isProject = (text: string): boolean => /^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(text);

const regionOf = (zone: string): string => zone.replace(/-[a-z]$/, '');

const HDD_REGIONAL_LEAST_GI = 200;

/** Compute Engine’s disk types in order of list price per GiB, sizes as its documentation has them. */
const diskType = (name: string, cost: number, leastGi: number, more: Partial<VolumeType> = {}): VolumeType => ({
  name,
  cost,
  parameters: { type: name },
  sizes: { leastGi, greatestGi: 65_536 },
  ...more,
});

/** With copies in two zones of the region, at twice the price. */
const regional = (name: string, cost: number, leastGi: number): VolumeType =>
  diskType(`regional ${name}`, cost, leastGi, { parameters: { type: name, 'replication-type': 'regional-pd' } });

const IOPS = 'bills the IOPS and the throughput it is provisioned with, beside its size.';
const hyperdiskThroughput = diskType('hyperdisk-throughput', 0, 2_048, {
  sizes: { leastGi: 2_048, greatestGi: 32_768 },
  caution: `hyperdisk-throughput ${IOPS}`,
});
const pdStandard = diskType('pd-standard', 1, 1, { replicated: regional('pd-standard', 5, HDD_REGIONAL_LEAST_GI) });
const pdBalanced = diskType('pd-balanced', 3, 1, { replicated: regional('pd-balanced', 8, 10) });
const pdSsd = diskType('pd-ssd', 7, 1, { replicated: regional('pd-ssd', 10, 10) });
const pdExtreme = diskType('pd-extreme', 9, 500, { caution: `pd-extreme ${IOPS}` });
const hyperdiskBalanced = diskType('hyperdisk-balanced', 2, 4, {
  replicated: diskType('hyperdisk-balanced-high-availability', 6, 4),
});
const hyperdiskMl = diskType('hyperdisk-ml', 4, 4, { caution: `hyperdisk-ml ${IOPS}` });
const hyperdiskExtreme = diskType('hyperdisk-extreme', 9, 64, { caution: `hyperdisk-extreme ${IOPS}` });

const persistentDisk = disk({
  provisioner: 'pd.csi.storage.gke.io',
  zoneLabel: 'topology.gke.io/zone',
  tiers: { standard: pdBalanced, basic: pdStandard, ssd: pdSsd, fast: pdSsd, slow: pdStandard, cold: pdStandard },
  types: {
    'pd-standard': pdStandard,
    'pd-balanced': pdBalanced,
    'pd-ssd': pdSsd,
    'pd-extreme': pdExtreme,
    hyperdisk: hyperdiskBalanced,
    'hyperdisk-balanced': hyperdiskBalanced,
    'hyperdisk-balanced-ha': hyperdiskBalanced.replicated ?? hyperdiskBalanced,
    'hyperdisk-balanced-high-availability': hyperdiskBalanced.replicated ?? hyperdiskBalanced,
    'hyperdisk-throughput': hyperdiskThroughput,
    'hyperdisk-extreme': hyperdiskExtreme,
    'hyperdisk-ml': hyperdiskMl,
    // As GKE ships them.
    'standard-rwo': pdBalanced,
    'premium-rwo': pdSsd,
  },
  encryption: 'always',
});

/** A tier of Filestore; of each, that much is made and billed however little is asked for. */
const filestoreTier = (tier: string, cost: number, least: string, sizes: VolumeSizes): VolumeType => ({
  name: tier,
  cost,
  parameters: { tier, network: '${gcpNetwork}' },
  sizes: { isRaised: true, ...sizes },
  caution: `Filestore makes, and bills, at least ${least} for each volume of its ${tier} tier, however little is asked for.`,
});

const basicHdd = filestoreTier('standard', 0, '100 GiB', { greatestGi: 65_433 });
const basicSsd = filestoreTier('premium', 2, '2.5 TiB', { greatestGi: 65_433 });
const zonal = filestoreTier('zonal', 1, '1 TiB', { greatestGi: 102_400 });
const regionalShare = filestoreTier('regional', 3, '100 GiB', { greatestGi: 102_400 });
const enterprise = filestoreTier('enterprise', 3, '1 TiB', { greatestGi: 10_240 });
/** The driver makes no share without the label, and puts those of one label together; GKE's own class has this one. */
const MULTISHARE = { multishare: 'true', 'instance-storageclass-label': 'enterprise-multishare-rwx' };

const multishare: VolumeType = {
  ...enterprise,
  name: 'enterprise multishare',
  parameters: { ...enterprise.parameters, ...MULTISHARE },
  // Of one share, in the driver's pkg/util: under and over it claims are refused.
  sizes: { leastGi: 10, greatestGi: 1_024 },
  caution:
    'Filestore makes, and bills, at least 1 TiB for each instance of its enterprise tier, which up to 10 volumes share.',
};

const filestore = share({
  provisioner: 'filestore.csi.storage.gke.io',
  tiers: { standard: { ...basicHdd, replicated: regionalShare }, fast: basicSsd },
  types: {
    zonal,
    regional: { ...regionalShare, replicated: regionalShare },
    enterprise: { ...enterprise, replicated: enterprise },
    'enterprise-multishare': { ...multishare, replicated: multishare },
  },
  words: ['filestore'],
  volumeBindingMode: 'WaitForFirstConsumer',
  encryption: 'always',
});

export const gcp: Cloud = {
  name: 'gcp',
  probe,
  alsoAnswersAs: [],
  fromProviderId: (providerId) => {
    const match = /^gce:\/\/(?<project>[^/]+)\/(?<zone>[^/]+)\//.exec(providerId);
    const { project, zone } = match?.groups ?? {};
    if (project === undefined || zone === undefined) return providerId.startsWith('gce://') ? {} : undefined;
    return { project, zone, region: regionOf(zone) };
  },
  classOptions: [persistentDisk, filestore],
  usualDrivers: ['pd.csi.storage.gke.io', 'filestore.csi.storage.gke.io'],
  words: ['gcp', 'gke', 'google', 'gce', 'pd', 'filestore'],
};
