import type { ClassOption } from '../api/facts.ts';
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

const persistentDisk = disk({
  provisioner: 'pd.csi.storage.gke.io',
  tiers: {
    standard: { parameters: { type: 'pd-balanced' } },
    fast: { parameters: { type: 'pd-ssd' } },
    slow: { parameters: { type: 'pd-standard' } },
  },
});

const namedDisks: readonly ClassOption[] = [
  {
    ...persistentDisk,
    namePattern: /\bhyperdisk\b/,
    tiers: { standard: { parameters: { type: 'hyperdisk-balanced' } } },
  },
  {
    ...persistentDisk,
    namePattern: /\bregional\b/,
    tiers: {
      standard: { parameters: { type: 'pd-balanced', 'replication-type': 'regional-pd' } },
      fast: { parameters: { type: 'pd-ssd', 'replication-type': 'regional-pd' } },
      slow: { parameters: { type: 'pd-standard', 'replication-type': 'regional-pd' } },
    },
  },
];

const filestoreTier = (tier: string, least: string) => ({
  parameters: { tier, network: '${gcpNetwork}' },
  caution: `Filestore makes, and bills, at least ${least} for each volume of its ${tier} tier, however little is asked for.`,
});

const filestore = share({
  provisioner: 'filestore.csi.storage.gke.io',
  tiers: { standard: filestoreTier('standard', '100 GiB'), fast: filestoreTier('premium', '2.5 TiB') },
  volumeBindingMode: 'WaitForFirstConsumer',
});

const namedShares: readonly ClassOption[] = [
  { ...filestore, namePattern: /\bzonal\b/, tiers: { standard: filestoreTier('zonal', '1 TiB') } },
  { ...filestore, namePattern: /\bregional\b/, tiers: { standard: filestoreTier('regional', '100 GiB') } },
  { ...filestore, namePattern: /\benterprise\b/, tiers: { standard: filestoreTier('enterprise', '1 TiB') } },
];

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
  classOptions: [...namedDisks, persistentDisk, ...namedShares, filestore],
  usualDrivers: ['pd.csi.storage.gke.io', 'filestore.csi.storage.gke.io'],
};
