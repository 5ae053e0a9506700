import type { ClassOption, VolumeType } from '../api/facts.ts';
import type { StringMap } from '../api/kubernetes.ts';
import {
  bodyOf,
  type Cloud,
  disk,
  jsonOf,
  knownFacts,
  type MetadataAnswer,
  type MetadataClient,
  type ProbeResult,
  share,
  textIn,
  tokenOf,
} from './cloud.ts';

const TOKEN_PATH = '/latest/api/token';
const DOCUMENT_PATH = '/latest/dynamic/instance-identity/document';
const REGION_PATH = '/latest/meta-data/placement/region';
const ZONE_PATH = '/latest/meta-data/placement/availability-zone';

const isRegion = (text: string): boolean => /^[a-z]{2}(-[a-z]+)+-\d$/.test(text);

/**
 * Asks by IMDSv2. The signature is the identity document, or, where something in between hides that, a token and a region.
 * A token that never arrives while plain requests get 401 is a hop limit too small for pods: only the token's packets are so limited.
 */
const probe = async (client: MetadataClient): Promise<ProbeResult> => {
  const token = await client.put(TOKEN_PATH, { 'X-aws-ec2-metadata-token-ttl-seconds': '21600' });
  const text = tokenOf(token);
  const headers: StringMap = text === undefined ? {} : { 'X-aws-ec2-metadata-token': text };
  const document = await client.get(DOCUMENT_PATH, headers);
  if (isSilent(token) && isUnauthorized(document)) return { kind: 'blocked', why: HOP_LIMIT };
  const found = readDocument(document);
  if (found.kind === 'match' || text === undefined) return found;
  return readPlacement(client, headers);
};

const HOP_LIMIT =
  'The AWS metadata service answers but its token does not reach pods: raise the instances’ metadata hop limit (HttpPutResponseHopLimit) to 2, or 3 with an overlay network.';

const isSilent = (answer: MetadataAnswer): boolean => answer.kind === 'silent' && answer.why === 'timeout';
const isUnauthorized = (answer: MetadataAnswer): boolean => answer.kind === 'response' && answer.status === 401;

const readDocument = (answer: MetadataAnswer): ProbeResult => {
  const document = jsonOf(answer);
  const account = textIn(document?.['accountId']);
  const region = textIn(document?.['region']);
  if (!/^\d{12}$/.test(account ?? '') || !isRegion(region ?? '')) return { kind: 'no' };
  const zone = textIn(document?.['availabilityZone']);
  return { kind: 'match', facts: knownFacts(`metadata ${DOCUMENT_PATH}`, { account, region, zone }) };
};

const readPlacement = async (client: MetadataClient, headers: StringMap): Promise<ProbeResult> => {
  const [region, zone] = await Promise.all([client.get(REGION_PATH, headers), client.get(ZONE_PATH, headers)]);
  if (!isRegion(bodyOf(region) ?? '')) return { kind: 'no' };
  const facts = {
    ...knownFacts(`metadata ${REGION_PATH}`, { region: bodyOf(region) }),
    ...knownFacts(`metadata ${ZONE_PATH}`, { zone: bodyOf(zone) }),
  };
  return { kind: 'match', facts };
};

const ebs = (type: string, more: StringMap = {}): StringMap => ({
  type,
  'csi.storage.k8s.io/fstype': 'ext4',
  encrypted: 'true',
  ...more,
});

/** Sizes as the EBS user guide has them, in order of list price per GiB; the IOPS of io1 and io2 come on top. */
const sc1: VolumeType = { name: 'sc1', cost: 0, parameters: ebs('sc1'), sizes: { leastGi: 125, greatestGi: 16_384 } };
const st1: VolumeType = { name: 'st1', cost: 1, parameters: ebs('st1'), sizes: { leastGi: 125, greatestGi: 16_384 } };
const gp3: VolumeType = { name: 'gp3', cost: 2, parameters: ebs('gp3'), sizes: { leastGi: 1, greatestGi: 65_536 } };
const gp2: VolumeType = { name: 'gp2', cost: 3, parameters: ebs('gp2'), sizes: { leastGi: 1, greatestGi: 16_384 } };

// EC2 refuses io1 and io2 without a number of IOPS, and the driver has no default for it (aws-ebs-csi-driver issue 1364).
const provisioned = (name: string, cost: number, greatestGi: number): VolumeType => ({
  name,
  cost,
  parameters: ebs(name, { iops: '3000' }),
  sizes: { leastGi: 4, greatestGi },
  caution: `${name} bills the \${iops} IOPS each volume is made with.`,
});
const io1 = provisioned('io1', 4, 16_384);
const io2 = provisioned('io2', 5, 65_536);

/**
 * The label of its own that the EBS driver gives nodes in any version. Newer ones give topology.kubernetes.io/zone too and take either
 * (aws-ebs-csi-driver, pkg/driver: NodeGetInfo and pickAvailabilityZone; Kubernetes' own example of a StorageClass for EBS has this one).
 */
const EBS_ZONE = 'topology.ebs.csi.aws.com/zone';

const ebsOption = (provisioner: string, zoneLabel?: string): ClassOption =>
  disk({
    provisioner,
    ...(zoneLabel !== undefined && { zoneLabel }),
    tiers: { standard: gp3, ssd: gp3, fast: io2, slow: st1, cold: sc1 },
    types: { gp2, gp3, io1, io2, st1, sc1 },
    encryption: { encrypted: 'true' },
  });

const rawIo2: VolumeType = { ...io2, parameters: { type: 'io2', encrypted: 'true', iops: '3000' } };

const multiAttach: ClassOption = disk({
  provisioner: 'ebs.csi.aws.com',
  zoneLabel: EBS_ZONE,
  modes: ['ReadWriteMany'],
  volumeModes: ['Block'],
  tiers: { standard: rawIo2 },
  types: { io2: rawIo2 },
  encryption: { encrypted: 'true' },
});

const efsType: VolumeType = {
  parameters: { provisioningMode: 'efs-ap', fileSystemId: '${efsFileSystemId}', directoryPerms: '700' },
};

const efs: ClassOption = share({
  provisioner: 'efs.csi.aws.com',
  // Whether the file system is encrypted, and in how many zones it is, was said when somebody made it.
  tiers: { standard: { ...efsType, replicated: efsType } },
  words: ['efs'],
  allowVolumeExpansion: false,
  requires: ['efsFileSystemId'],
});

/** The least that FSx for Lustre makes, and the step above it, as its user guide and the driver's util.RoundUpVolumeSize have it. */
const lustre = (deploymentType: string, cost: number, more: StringMap, told: string): VolumeType => ({
  name: `FSx ${deploymentType}`,
  cost,
  parameters: {
    subnetId: '${fsxSubnetId}',
    securityGroupIds: '${fsxSecurityGroupId}',
    deploymentType,
    ...more,
  },
  sizes: { leastGi: 1200, stepGi: 2400, isMultiple: true, isRaised: true },
  caution: `Each volume is an FSx for Lustre file system of its own, of 1200Gi at least: ${told}.`,
});

const persistentLustre = lustre(
  'PERSISTENT_1',
  0,
  { perUnitStorageThroughput: '50' },
  'it is billed until its claim is deleted',
);
const scratchLustre = lustre('SCRATCH_2', 0, {}, 'a scratch one, whose data a failed server may take along');

/** For classes that ask for it by name alone: one volume costs more than a cluster's other storage together. */
const fsx: ClassOption = share({
  provisioner: 'fsx.csi.aws.com',
  // What its driver says it can do (volumeCaps of its controller).
  modes: ['ReadWriteMany', 'ReadWriteOnce'],
  alsoModes: [],
  tiers: { standard: persistentLustre },
  types: {
    fsx: persistentLustre,
    lustre: persistentLustre,
    'fsx-scratch': scratchLustre,
    'lustre-scratch': scratchLustre,
  },
  encryption: 'always',
  mountOptions: ['flock'],
  requires: ['fsxSubnetId', 'fsxSecurityGroupId'],
  namePattern: /(^|[^a-z0-9])(fsx|lustre)([^a-z0-9]|$)/,
  isExclusive: true,
});

export const aws: Cloud = {
  name: 'aws',
  probe,
  alsoAnswersAs: [],
  fromProviderId: (providerId) => {
    const match = /^aws:\/\/[^/]*\/(?<zone>(?<region>[a-z]{2}(?:-[a-z]+)+-\d)[\w-]*)\//.exec(providerId);
    if (match === null) return providerId.startsWith('aws://') ? {} : undefined;
    return { ...match.groups };
  },
  // EKS Auto Mode brings a driver of its own name; where only that one is installed, it is the one to name.
  classOptions: [ebsOption('ebs.csi.aws.com', EBS_ZONE), ebsOption('ebs.csi.eks.amazonaws.com'), multiAttach, efs, fsx],
  usualDrivers: ['ebs.csi.aws.com', 'efs.csi.aws.com'],
  words: ['aws', 'amazon', 'eks', 'ebs', 'efs', 'fsx', 'lustre', 'scratch', 'auto', 'mode'],
};
