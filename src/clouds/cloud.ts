import type { ClassOption, CloudFacts, CloudName, CloudVerdict } from '../api/facts.ts';
import type { StringMap } from '../api/kubernetes.ts';

/** Every fact there is, as `--fact` and the setting FACTS take them, with what it means and who usually knows it. */
export const FACT_NAMES = {
  region: 'region of the cluster (metadata, providerID, or the nodes’ label topology.kubernetes.io/region)',
  zone: 'zone of the node this process runs on (metadata, or providerID where all nodes share one)',
  account: 'account the cluster runs in (AWS, Alibaba; metadata)',
  project: 'project the cluster runs in (GCP, OpenStack; metadata, GCP’s providerID too)',
  subscription: 'Azure subscription (metadata or providerID)',
  resourceGroup: 'Azure resource group of the nodes, which ends with the cluster (metadata or providerID)',
  azureEnvironment: 'Azure environment, AzurePublicCloud or a sovereign one (metadata)',
  compartment: 'Oracle compartment of the node (metadata)',
  clusterName: 'name the provider knows the cluster by (GKE metadata)',
  clusterLocation: 'region or zone of the control plane (GKE metadata)',
  efsFileSystemId: 'EFS file system behind ReadWriteMany on AWS, fs-…',
  fsxSubnetId: 'AWS subnet that FSx file systems are made in, subnet-…, for classes called fsx or lustre',
  fsxSecurityGroupId:
    'AWS security group of those file systems, which lets Lustre’s ports 988 and 1018 to 1023 through',
  gcpNetwork: 'VPC network Filestore is reached through, where it is not the one named default',
  cinderType: 'OpenStack volume type of disks; Cinder’s default where unknown',
  cinderSsdType: 'OpenStack volume type of SSDs, for names that ask for one; the standard type where unknown',
  cinderHddType: 'OpenStack volume type of hard disks, for names that ask for one; the standard type where unknown',
  cinderAvailability: 'OpenStack availability zone of disks; Cinder’s default where unknown',
  cinderMultiattachType: 'OpenStack volume type that allows multi-attach, behind ReadWriteMany block volumes',
  manilaShareType: 'OpenStack share type behind ReadWriteMany',
  manilaShareNetworkId: 'OpenStack share network of those shares, where the share type needs one',
  manilaSecretName: 'Secret with Manila’s OpenStack credentials; csi-manila-secrets where unknown',
  manilaSecretNamespace: 'namespace of that Secret',
  availabilityDomain: 'Oracle availability domain of file systems (metadata)',
  mountTargetOcid: 'Oracle mount target behind ReadWriteMany, ocid1.mounttarget.…',
  mountTargetSubnetOcid: 'Oracle subnet to make a mount target in, ocid1.subnet.…, instead of an existing one',
  nasServer: 'Alibaba NAS export behind ReadWriteMany, HOST:/PATH/',
  vpcId: 'Alibaba VPC to make NAS file systems in (metadata)',
  vSwitchId: 'Alibaba vSwitch to make NAS file systems in (metadata)',
  s3Endpoint: 'S3 endpoint of ObjectStores on a cloud without an object store of its own; they bring their credentials',
  s3Bucket: 'bucket csi-s3 keeps all volumes of a class in; one bucket a volume where unknown',
  s3SecretName: 'Secret of the csi-s3 driver; csi-s3-secret where unknown',
  s3SecretNamespace: 'namespace of that Secret; csi-s3 where unknown',
  rookClusterId: 'namespace of the Rook-Ceph cluster; rook-ceph where unknown',
  rookPool: 'Ceph pool of block volumes',
  rookFileSystem: 'CephFS file system behind ReadWriteMany',
} as const satisfies StringMap;

export type FactName = keyof typeof FACT_NAMES;

/** Asks one metadata service. Refuses redirects and proxies, ends within its timeout, reads at most 256 KiB. */
export interface MetadataClient {
  readonly get: (path: string, headers?: StringMap) => Promise<MetadataAnswer>;
  readonly put: (path: string, headers?: StringMap) => Promise<MetadataAnswer>;
}

/** Never an exception: a refused connection, a time-out or an over-long body is an answer too. */
export type MetadataAnswer =
  | { readonly kind: 'response'; readonly status: number; readonly headers: StringMap; readonly body: string }
  | { readonly kind: 'silent'; readonly why: 'timeout' | 'refused' | 'reset' | 'too-large' };

/** What a probe makes of its answers: the signature fits, it does not, or the cloud is there but out of reach. */
export type ProbeResult =
  | { readonly kind: 'match'; readonly facts: CloudFacts }
  | { readonly kind: 'no' }
  | { readonly kind: 'blocked'; readonly why: string };

/** A cloud: how to recognise it, what can be learnt there, what storage it has. One file each. */
export interface Cloud {
  readonly name: Exclude<CloudName, 'unknown'>;
  /** Recognises the cloud by the signature of its answers, never by a status code alone. Undefined where nothing is to be asked. */
  readonly probe?: (client: MetadataClient) => Promise<ProbeResult>;
  /** Where its metadata service listens, when that is not the link-local address the others share. */
  readonly metadataAddress?: string;
  /** True: its address is asked only when something else hints at this cloud, since elsewhere it may be somebody's host. */
  readonly isProbedOnHintOnly?: boolean;
  /** Clouds whose metadata tree it may serve beside its own: such an answer is no contradiction. */
  readonly alsoAnswersAs: readonly CloudName[];
  /** Facts in a Node's spec.providerID, or undefined where it is another cloud's. */
  readonly fromProviderId: (providerId: string) => Partial<Record<FactName, string>> | undefined;
  readonly classOptions: readonly ClassOption[];
  /** What the cloud, its distributions and its drivers are called in names of classes: words that say where volumes are, not how. */
  readonly words: readonly string[];
  /** CSI drivers usually installed there, for `preview` without a cluster. */
  readonly usualDrivers: readonly string[];
}

/** What is known of one Node. */
export interface NodeFact {
  readonly name: string;
  /** Empty where no cloud controller has set it. */
  readonly providerId: string;
  readonly labels: StringMap;
}

/** Stands in while the first detection runs, so that nothing lasting is decided meanwhile. */
export const PENDING_VERDICT: CloudVerdict = {
  name: 'unknown',
  facts: {},
  classOptions: [],
  notes: ['The cloud is still being asked for its name.'],
  isPending: true,
};

type Row = Pick<ClassOption, 'provisioner' | 'tiers'> & Partial<ClassOption>;

/** A row for disks: one node at a time, as file system or raw device, made in the zone the pod lands in. */
export const disk = (row: Row): ClassOption => ({
  modes: ['ReadWriteOnce', 'ReadWriteOncePod'],
  volumeModes: ['Filesystem', 'Block'],
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
  allowVolumeExpansion: true,
  requires: [],
  isCsi: true,
  ...row,
});

/** A row for shares: many nodes, file systems only, made at once. */
export const share = (row: Row): ClassOption => ({
  modes: ['ReadWriteMany', 'ReadOnlyMany'],
  alsoModes: ['ReadWriteOnce', 'ReadWriteOncePod'],
  volumeModes: ['Filesystem'],
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'Immediate',
  allowVolumeExpansion: true,
  requires: [],
  isCsi: true,
  ...row,
});

/** The pairs of parameters by which CSI sidecars find a driver's Secret, one pair for each of `operations`. */
export const secretParameters = (operations: readonly string[], name: string, namespace: string): StringMap =>
  Object.fromEntries(
    operations.flatMap((operation) => [
      [`csi.storage.k8s.io/${operation}-secret-name`, name],
      [`csi.storage.k8s.io/${operation}-secret-namespace`, namespace],
    ]),
  );

/** Names the facts among `values` that are known, all from one source. Empty and implausible ones (spaces, markup, over 256 characters) are none. */
export const knownFacts = (source: string, values: Partial<Record<FactName, string | undefined>>): CloudFacts =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) => (isPlausible(value) ? [[name, { value, source }]] : [])),
  );

const isPlausible = (value: string | undefined): value is string =>
  value !== undefined && /^[^\s<>"'`{}\p{C}]{1,256}$/u.test(value);

/** The body of a 200, trimmed; undefined for every other answer. */
export const bodyOf = (answer: MetadataAnswer): string | undefined =>
  answer.kind === 'response' && answer.status === 200 ? answer.body.trim() : undefined;

/** The JSON object in the body of a 200; undefined for every other answer. */
export const jsonOf = (answer: MetadataAnswer): Readonly<Record<string, unknown>> | undefined => {
  try {
    return objectIn(JSON.parse(bodyOf(answer) ?? 'null'));
  } catch {
    return undefined;
  }
};

/** The value itself where it is an object that is no list. */
export const objectIn = (value: unknown): Readonly<Record<string, unknown>> | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;

/** A string as it is, a whole number as text (DigitalOcean writes ids both ways); undefined for all else. */
export const textIn = (value: unknown): string | undefined => {
  if (typeof value === 'string') return value;
  return Number.isSafeInteger(value) ? String(value) : undefined;
};

/** A session token in the body of a 200; undefined for bodies that are none and could not be sent as a header. */
export const tokenOf = (answer: MetadataAnswer): string | undefined => {
  const body = bodyOf(answer);
  return body !== undefined && /^[\w+/=.~-]{16,512}$/.test(body) ? body : undefined;
};
