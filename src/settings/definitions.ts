import { isIP } from 'node:net';
import { isAbsolute } from 'node:path';
import { AppError } from '../api/errors.ts';
import type { CloudName } from '../api/facts.ts';
import type { LabelRequirement } from '../api/kubernetes.ts';
import { SYSTEM_NAMESPACE } from '../api/names.ts';
import { readPodProfiles } from './pod-profiles.ts';

/** One setting: an environment variable, the same as a flag, and what turns its text into a value (or says what is wrong). */
export interface Setting<T> {
  readonly env: string;
  readonly summary: string;
  readonly fallback: string;
  readonly parse: (text: string) => T;
}

const setting = <T>(env: string, fallback: string, parse: (text: string) => T, summary: string): Setting<T> => ({
  env,
  summary,
  fallback,
  parse,
});

/** Throws what `readSettings` turns into a sentence that names the setting. */
const refuse = (expected: string): never => {
  throw new AppError('InvalidSetting', expected);
};

const text = (value: string): string => value;

const integer =
  (least: number, most: number) =>
  (value: string): number => {
    const number = Number(value);
    return /^\d+$/.test(value) && number >= least && number <= most
      ? number
      : refuse(`a whole number from ${least} to ${most}`);
  };

const oneOf =
  <T extends string>(...names: readonly T[]) =>
  (value: string): T =>
    names.find((name) => name === value) ?? refuse(`one of ${names.join(', ')}`);

const pattern = (value: string): RegExp => {
  try {
    return new RegExp(`^(?:${value})$`);
  } catch {
    return refuse('a regular expression');
  }
};

const dnsLabel = (value: string): string =>
  /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(value) ? value : refuse('a DNS label');

const httpUrl = (value: string): URL | undefined => {
  if (value === '') return undefined;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  return url?.protocol === 'http:' ? url : refuse('an http:// address, or empty for the clouds’ own');
};

const s3Address = (value: string): string => {
  if (value === '') return value;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isOrigin =
    url !== undefined && /^https?:$/.test(url.protocol) && `${url.pathname}${url.search}${url.hash}` === '/';
  return isOrigin && url.username === '' && url.password === ''
    ? value
    : refuse('an address such as https://s3.example.org without a path, or empty');
};

const objectName = (value: string): string =>
  value === '' || /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(value)
    ? value
    : refuse('the name of a Secret, or empty');

const httpsUrl = (value: string): string =>
  value === '' || (URL.canParse(value) && new URL(value).protocol === 'https:')
    ? value
    : refuse('an https:// address, or empty');

const file = (value: string): string =>
  value === '' || isAbsolute(value) ? value : refuse('an absolute path, or empty');

const list = (value: string): readonly string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

const cidrs = (value: string): readonly string[] => {
  const ranges = list(value);
  return ranges.every(isCidr) ? ranges : refuse('CIDRs such as 10.0.0.0/16, joined by commas');
};

const isCidr = (range: string): boolean => {
  const [address = '', bits = '', ...others] = range.split('/');
  return (
    others.length === 0 &&
    /^\d{1,3}$/.test(bits) &&
    Number(bits) <= (isIP(address) === 4 ? 32 : 128) &&
    isIP(address) !== 0
  );
};

const serviceAccounts = (value: string): readonly string[] => {
  const accounts = list(value);
  return accounts.every((account) => /^[a-z0-9]([-a-z0-9]*[a-z0-9])?:[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(account))
    ? accounts
    : refuse('namespace:name pairs joined by commas');
};

const namespacedName = (value: string): string =>
  value === '' || /^[a-z0-9]([-a-z0-9]*[a-z0-9])?\/[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(value)
    ? value
    : refuse('namespace/name');

const pairs = (value: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    list(value).map((pair) => {
      const at = pair.indexOf('=');
      return at > 0 ? [pair.slice(0, at), pair.slice(at + 1)] : refuse('name=value pairs joined by commas');
    }),
  );

/** A JSON list of what labels must be, as matchExpressions has it. */
const requirements = (value: string): readonly LabelRequirement[] => {
  const isRequirement = (item: unknown): item is LabelRequirement =>
    typeof item === 'object' && item !== null && 'key' in item && 'operator' in item;
  try {
    const items: unknown = JSON.parse(value);
    if (Array.isArray(items) && items.every(isRequirement)) return items;
  } catch {
    // No JSON: said below.
  }
  return refuse('a JSON list of {"key", "operator", "values"}');
};

const policies = (value: string): Readonly<Record<string, 'Ignore' | 'Fail'>> => {
  const given = pairs(value);
  const isPolicy = (policy: string): policy is 'Ignore' | 'Fail' => policy === 'Ignore' || policy === 'Fail';
  const read = Object.entries(given).map(([name, policy]) =>
    isPolicy(policy) ? ([name, policy] as const) : refuse('webhook=Ignore or webhook=Fail pairs joined by commas'),
  );
  return Object.fromEntries(read);
};

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

export const CLOUD_NAMES = [
  'aws',
  'gcp',
  'azure',
  'openstack',
  'oracle',
  'digitalocean',
  'hetzner',
  'alibaba',
  'local',
] as const satisfies readonly CloudName[];

/** Every setting there is. `--help` lists this; docs/settings.md is made from it. */
export const settings = {
  cloud: setting('CLOUD', 'auto', oneOf('auto', ...CLOUD_NAMES), 'the cloud, or auto to ask its metadata service'),
  metadataEndpoint: setting(
    'METADATA_ENDPOINT',
    '',
    httpUrl,
    'where every metadata service is asked instead of its own address',
  ),
  facts: setting(
    'FACTS',
    '',
    pairs,
    'what cannot be found out, as name=value,… (efsFileSystemId=fs-1,region=eu-west-1)',
  ),
  webhookHost: setting('WEBHOOK_HOST', '0.0.0.0', text, 'address the webhook listens on'),
  webhookPort: setting('WEBHOOK_PORT', '8443', integer(0, 65_535), 'port of the webhook (0: any free one)'),
  opsHost: setting('OPS_HOST', '0.0.0.0', text, 'address the ops server listens on'),
  opsPort: setting(
    'OPS_PORT',
    '8080',
    integer(0, 65_535),
    'port of /livez, /readyz, /metrics and the status page (0: any free one)',
  ),
  tlsCertFile: setting(
    'TLS_CERT_FILE',
    '',
    file,
    'serving certificate (PEM) to use and watch; empty: Quartermaster keeps its own in a Secret',
  ),
  tlsKeyFile: setting('TLS_KEY_FILE', '', file, 'private key (PEM) of TLS_CERT_FILE'),
  tlsCaFile: setting(
    'TLS_CA_FILE',
    '',
    file,
    'authority (PEM) behind TLS_CERT_FILE, for the webhook configuration; empty: its caBundle is somebody else’s',
  ),
  namespace: setting(
    'SYSTEM_NAMESPACE',
    SYSTEM_NAMESPACE,
    dnsLabel,
    'the namespace Quartermaster runs in; PlatformDefaults there hold cluster-wide',
  ),
  serviceName: setting(
    'SERVICE_NAME',
    'quartermaster',
    dnsLabel,
    'the Service in front of the webhook; the certificate is issued for it',
  ),
  webhookConfigurationName: setting(
    'WEBHOOK_CONFIGURATION_NAME',
    'quartermaster',
    text,
    'the MutatingWebhookConfiguration whose caBundle and rules are kept right; empty: leave it alone',
  ),
  webhookUrl: setting(
    'WEBHOOK_URL',
    '',
    httpsUrl,
    'https:// address the API server reaches the webhook at instead of its Service (development)',
  ),
  serviceAccount: setting(
    'SERVICE_ACCOUNT',
    'quartermaster',
    dnsLabel,
    'the service account Quartermaster runs as; webhooks fail closed while it may answer admissions',
  ),
  failurePolicy: setting(
    'FAILURE_POLICY',
    '',
    policies,
    'failure policy of webhooks once a replica has answered, as webhook=Fail,…; those not named have their own',
  ),
  webhookTimeoutSeconds: setting(
    'WEBHOOK_TIMEOUT_SECONDS',
    '5',
    integer(1, 30),
    'how long the API server waits for an answer, in a webhook configuration that Quartermaster makes',
  ),
  excludedNamespaces: setting(
    'EXCLUDED_NAMESPACES',
    '',
    list,
    'namespaces that are left alone besides those that always are, joined by commas; the same',
  ),
  namespaceRequirements: setting(
    'WEBHOOK_NAMESPACE_SELECTOR',
    '[]',
    requirements,
    'what labels of namespaces must be besides, as a JSON list of matchExpressions; the same',
  ),
  objectRequirements: setting(
    'WEBHOOK_OBJECT_SELECTOR',
    '[]',
    requirements,
    'what labels of objects must be besides; the same',
  ),
  unavailablePolicy: setting(
    'UNAVAILABLE_POLICY',
    'ignore',
    oneOf('keep', 'ignore'),
    'what webhooks that fail closed do when no review was answered for UNAVAILABLE_SECONDS: keep failing, or ignore failures until one is',
  ),
  unavailableSeconds: setting(
    'UNAVAILABLE_SECONDS',
    '60',
    integer(5, 86_400),
    'how long no review may have been answered through the Service before that',
  ),
  unenforced: setting(
    'UNENFORCED',
    'deny',
    oneOf('deny', 'warn'),
    'what becomes of an object that cannot be given what is enforced for the whole cluster: it is refused, or stored with a warning',
  ),
  exemptUsers: setting(
    'EXEMPT_USERS',
    '',
    list,
    'who is never refused for that and may take off what is enforced, as the API server names them (system:serviceaccount:argo:argo), joined by commas',
  ),
  storageClassPattern: setting(
    'STORAGE_CLASS_PATTERN',
    '[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?',
    pattern,
    'names a missing StorageClass may have to be made (whole match)',
  ),
  storageClassLimit: setting(
    'STORAGE_CLASS_LIMIT',
    '100',
    integer(0, 10_000),
    'how many StorageClasses Quartermaster makes at most',
  ),
  rwxFallback: setting(
    'RWX_FALLBACK',
    'nfs',
    oneOf('nfs', 'none'),
    'what serves ReadWriteMany where the cloud has no managed file storage configured',
  ),
  nfsNamespace: setting('NFS_NAMESPACE', 'quartermaster-nfs', dnsLabel, 'the namespace NFS servers run in'),
  nfsImage: setting(
    'NFS_IMAGE',
    'registry.k8s.io/sig-storage/nfs-provisioner:v4.0.8',
    text,
    'image of nfs-provisioner: for NFS servers that earlier versions made, until they are moved',
  ),
  nfsServerImage: setting(
    'NFS_SERVER_IMAGE',
    'quartermaster-nfs-server:0.1.0',
    text,
    'image of the NFS servers; empty for nfs-provisioner',
  ),
  nfsClients: setting(
    'NFS_CLIENTS',
    '',
    cidrs,
    'CIDRs of the nodes, joined by commas: who may mount from NFS servers; everybody where it is empty',
  ),
  nfsServer: setting(
    'NFS_SERVER',
    '',
    text,
    'host of an existing NFS export, used through nfs.csi.k8s.io where that driver is installed',
  ),
  nfsShare: setting('NFS_SHARE', '/', text, 'path of that export'),
  nfsClaimLimitGi: setting(
    'NFS_CLAIM_LIMIT_GI',
    '2048',
    integer(1, 1_048_576),
    'GiB that one claim can add to the disk of an NFS server',
  ),
  nfsNamespaceLimitGi: setting(
    'NFS_NAMESPACE_LIMIT_GI',
    '8192',
    integer(1, 1_048_576),
    'GiB that the claims of one namespace can add to the disk of one NFS server',
  ),
  nfsServerLimitGi: setting(
    'NFS_SERVER_LIMIT_GI',
    '16384',
    integer(1, 1_048_576),
    'GiB that the disk of one NFS server can have for claims',
  ),
  nfsGraceSeconds: setting(
    'NFS_GRACE_SECONDS',
    '600',
    integer(0, 86_400),
    'how long an NFS server outlives its last volume',
  ),
  azureFileAccount: setting(
    'AZURE_FILE_ACCOUNT',
    'driver',
    oneOf('driver', 'quartermaster'),
    'who makes the storage account behind an Azure file class',
  ),
  azureResourceGroup: setting(
    'AZURE_RESOURCE_GROUP',
    '',
    text,
    'resource group for storage accounts; empty: the one the metadata names (it ends with the cluster)',
  ),
  azureAccountDeletion: setting(
    'AZURE_ACCOUNT_DELETION',
    'Retain',
    oneOf('Retain', 'Delete'),
    'what becomes of a storage account no volume uses any more',
  ),
  azureManagementEndpoint: setting(
    'AZURE_MANAGEMENT_ENDPOINT',
    '',
    text,
    'Azure Resource Manager, where it is not the public one',
  ),
  podProfiles: setting(
    'POD_PROFILES',
    '',
    readPodProfiles,
    'frameworks that only the platform knows, as YAML (docs/platform-defaults.md)',
  ),
  calrissianServiceAccounts: setting(
    'CALRISSIAN_SERVICE_ACCOUNTS',
    '',
    serviceAccounts,
    'foreign service accounts that submit Calrissian jobs, as namespace:name,…',
  ),
  calrissianObjectStore: setting(
    'CALRISSIAN_OBJECT_STORE',
    '',
    namespacedName,
    'ObjectStore whose bucket csi-s3-calrissian mounts, as namespace/name',
  ),
  calrissianBucket: setting(
    'CALRISSIAN_BUCKET',
    'calrissian',
    text,
    'bucket csi-s3-calrissian mounts where no ObjectStore is named',
  ),
  calrissianSecret: setting(
    'CALRISSIAN_SECRET',
    'csi-s3/csi-s3-secret',
    namespacedName,
    'Secret of the csi-s3 driver, as namespace/name',
  ),
  s3Endpoint: setting(
    'S3_ENDPOINT',
    '',
    s3Address,
    'S3 service of ObjectStores that name none, on a cloud without an object store of its own',
  ),
  s3Credentials: setting(
    'S3_CREDENTIALS',
    '',
    objectName,
    'Secret in the system namespace with access-key and secret-key for S3_ENDPOINT, and ca.crt where its CA is not a public one; without it ObjectStores bring their keys',
  ),
  s3Region: setting('S3_REGION', '', text, 'region that requests to S3_ENDPOINT are signed for; empty: us-east-1'),
  s3Addressing: setting(
    'S3_ADDRESSING',
    'path',
    oneOf('path', 'virtual'),
    'how S3_ENDPOINT is told the bucket: in the path, or in the host name',
  ),
  clusterName: setting(
    'CLUSTER_NAME',
    '',
    text,
    'name of this cluster, for tags and derived account names; empty: the UID of kube-system',
  ),
  objectStoreLoopback: setting(
    'OBJECT_STORE_LOOPBACK',
    'refuse',
    oneOf('refuse', 'allow'),
    'whether spec.s3.endpoint may be on this very host: allow is for tests and demos alone',
  ),
  objectStoreResyncSeconds: setting(
    'OBJECT_STORE_RESYNC_SECONDS',
    '600',
    integer(1, 86_400),
    'how often a bucket is compared with its ObjectStore',
  ),
  policyReports: setting(
    'POLICY_REPORTS',
    'off',
    oneOf('off', 'wgpolicy', 'openreports'),
    'whether the leader keeps reports on all objects current, and as objects of which API (docs/report.md)',
  ),
  policyReportsSeconds: setting(
    'POLICY_REPORTS_SECONDS',
    '600',
    integer(10, 86_400),
    'how often those reports are written',
  ),
  ensureDeadlineMs: setting(
    'ENSURE_DEADLINE_MS',
    '2000',
    integer(10, 4_000),
    'how long an admission waits for a StorageClass to be made, in milliseconds',
  ),
  drainSeconds: setting(
    'DRAIN_SECONDS',
    '5',
    integer(0, 120),
    'how long nobody must have called before a terminating process takes no new connections',
  ),
  shutdownSeconds: setting(
    'SHUTDOWN_SECONDS',
    '25',
    integer(1, 600),
    'how long a terminating process takes to end at most; less than its grace period',
  ),
  leaseSeconds: setting('LEASE_SECONDS', '15', integer(2, 600), 'how long leadership holds without renewal'),
  logLevel: setting('LOG_LEVEL', 'info', oneOf(...LOG_LEVELS), 'least level that is logged'),
} as const;
