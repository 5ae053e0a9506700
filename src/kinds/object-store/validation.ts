import { isIP } from 'node:net';
import { BUCKET_MARK_PREFIX } from '../../api/names.ts';
import {
  type BucketProviderName,
  type LifecycleRule,
  MAX_DAYS,
  MAX_LABELS,
  MAX_LIFECYCLE_RULES,
  type ObjectStoreSpec,
} from '../../api/object-store.ts';
import type { Placement } from './placement.ts';
import { checkEndpoint } from './providers/endpoints.ts';

/** What an ObjectStore is judged by, besides its spec. */
export interface ValidationInput {
  readonly spec: ObjectStoreSpec;
  readonly placement: Placement;
  readonly isLoopbackAllowed: boolean;
  /** True in the system namespace: who writes there is the platform itself. */
  readonly isPlatform: boolean;
}

export interface Violation {
  readonly reason: 'InvalidName' | 'InvalidSpec';
  /** One sentence that names the field. */
  readonly message: string;
}

type Check = (input: ValidationInput) => string | undefined;

const providers: readonly BucketProviderName[] = ['s3', 'gcs', 'azure'];

/** Where no provider is settled yet, a name that none of them would take is wrong already. */
const nameIsValid: Check = ({ spec: { name }, placement: { provider } }) => {
  if (provider !== undefined) return checkBucketName(provider, name);
  const broken = providers.map((each) => checkBucketName(each, name));
  return broken.every((sentence) => sentence !== undefined) ? broken[0] : undefined;
};

const accountIsValid: Check = ({ spec }) =>
  spec.azure?.storageAccount === undefined ? undefined : checkStorageAccountName(spec.azure.storageAccount);

/** Both become segments of addresses that the platform's identity calls. Microsoft's and Google's own rules of naming. */
const cloudNamesAreNames: Check = ({ spec: { azure, gcp } }) => {
  const { resourceGroup } = azure ?? {};
  if (resourceGroup !== undefined && !/^[\p{L}\p{N}_.()-]*[\p{L}\p{N}_()-]$/u.test(resourceGroup))
    return `spec.azure.resourceGroup ${JSON.stringify(resourceGroup)} cannot be the name of a resource group: letters, digits, _ . ( ) and -, no period at its end.`;
  const { project } = gcp ?? {};
  if (project !== undefined && !/^([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(project))
    return `spec.gcp.project ${JSON.stringify(project)} cannot be the ID of a project: 6 to 30 lowercase letters, digits and hyphens.`;
  return undefined;
};

const endpointIsSafe: Check = ({ spec, placement, isLoopbackAllowed }) => {
  const endpoint = spec.s3?.endpoint ?? placement.endpoint;
  return endpoint === undefined ? undefined : checkEndpoint('spec.s3.endpoint', endpoint, isLoopbackAllowed);
};

const serviceIsOffered: Check = ({ placement }) => placement.refused;

const serviceOrEndpoint: Check = ({ spec: { s3 } }) =>
  s3?.service !== undefined && s3.endpoint !== undefined
    ? 'spec.s3.service and spec.s3.endpoint are one or the other: the service has its endpoint.'
    : undefined;

/** Without it the platform's own identity would sign requests to a server that a tenant chose. */
const endpointHasCredentials: Check = ({ spec, placement }) =>
  (spec.s3?.endpoint ?? placement.endpoint) !== undefined &&
  spec.credentialsSecretRef === undefined &&
  spec.sharedFrom === undefined &&
  placement.platform === undefined
    ? `spec.s3.${spec.s3?.service === undefined ? 'endpoint' : 'service'} needs spec.credentialsSecretRef: the platform’s own identity is for its own cloud alone.`
    : undefined;

/** Whoever may make an ObjectStore could else take over every bucket the platform's identity can reach. */
const adoptionIsOwnRisk: Check = ({ spec, isPlatform }) =>
  spec.adopt === 'Always' && spec.credentialsSecretRef === undefined && !isPlatform
    ? 'spec.adopt: Always needs spec.credentialsSecretRef here: outside the system namespace the platform’s own identity takes over no bucket.'
    : undefined;

const deletionMakesSense: Check = ({ spec }) =>
  spec.forceDelete === true && spec.deletionPolicy !== 'Delete'
    ? 'spec.forceDelete needs spec.deletionPolicy: Delete, since a bucket that is retained is not deleted at all.'
    : undefined;

/** All else is the bucket's, and so its owner's to say. */
const SHARED_FIELDS: readonly string[] = ['name', 'access', 'sharedFrom', 'writeConnectionTo'];

const sharedIsAccessAlone: Check = ({ spec }) => {
  if (spec.sharedFrom === undefined) return undefined;
  if (spec.access === undefined) return 'spec.sharedFrom needs spec.access: {} is enough.';
  const other = Object.keys(spec).find((field) => !SHARED_FIELDS.includes(field));
  return other && `spec.${other} is for the ObjectStore that spec.sharedFrom names to say: leave it out.`;
};

/** What only keys have. */
const KEY_FIELDS = ['secretName', 'rotation', 'rotateAfterDays', 'overlapSeconds'] as const;

const identityHasNoKeys: Check = ({ spec: { access } }) => {
  const field =
    access?.serviceAccount === undefined ? undefined : KEY_FIELDS.find((each) => access[each] !== undefined);
  return field && `spec.access.${field} is for keys, and spec.access.serviceAccount has none: leave one of them out.`;
};

const quotaIsForCeph: Check = ({ spec: { quota }, placement: { provider, endpoint } }) =>
  quota !== undefined && provider !== undefined && (provider !== 's3' || endpoint === undefined)
    ? `spec.quota is for buckets of Ceph: ${titles[provider]} has no limit of its own.`
    : undefined;

const isDays = (value: number): boolean => Number.isInteger(value) && value >= 1 && value <= MAX_DAYS;

const retentionIsBounded: Check = ({ spec: { retention } }) =>
  retention === undefined || isDays(retention.days)
    ? undefined
    : `spec.retention.days must be a whole number from 1 to ${MAX_DAYS}.`;

const retentionKeepsVersions: Check = ({ spec, placement }) =>
  spec.retention !== undefined && spec.versioning === false && placement.provider === 's3'
    ? 'spec.retention needs spec.versioning on S3, which keeps what is retained as versions: leave spec.versioning out or make it true.'
    : undefined;

const dayFields = ['expireDays', 'noncurrentExpireDays', 'abortMultipartDays'] as const;

const checkLifecycleRule = (rule: LifecycleRule, index: number): string | undefined => {
  const field = `spec.lifecycle[${index}]`;
  const given = dayFields.filter((name) => rule[name] !== undefined);
  if (given.length === 0) return `${field} says nothing: give ${dayFields.join(', ')} or several of them.`;
  const wrong = given.find((name) => !isDays(rule[name] ?? 0));
  return wrong && `${field}.${wrong} must be a whole number from 1 to ${MAX_DAYS}.`;
};

const lifecycleIsBounded: Check = ({ spec: { lifecycle = [] } }) => {
  if (lifecycle.length > MAX_LIFECYCLE_RULES) return `spec.lifecycle holds more than ${MAX_LIFECYCLE_RULES} rules.`;
  return lifecycle.map(checkLifecycleRule).find((sentence) => sentence !== undefined);
};

const labelsAreTaken: Check = ({ spec: { labels = {} }, placement: { provider } }) => {
  const entries = Object.entries(labels);
  if (entries.length > MAX_LABELS) return `spec.labels holds more than ${MAX_LABELS} labels.`;
  if (provider === undefined) return undefined;
  return entries
    .map(([key, value]) => checkBucketLabel(provider, key, value))
    .find((sentence) => sentence !== undefined);
};

/** An empty quota says that there is none. */
const optionalParts = [
  's3',
  'azure',
  'gcp',
  'encryption',
  'writeConnectionTo',
  'credentialsSecretRef',
  'sharedFrom',
] as const;

const nothingIsEmpty: Check = ({ spec }) => {
  const empty = optionalParts.find((part) => spec[part] !== undefined && Object.keys(spec[part]).length === 0);
  return empty && `spec.${empty} is empty: give one of its fields or leave it out.`;
};

const isObjectName = (name: string): boolean =>
  name.length <= 253 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(name);

const referencesAreNames: Check = ({ spec }) => {
  const references = {
    'spec.credentialsSecretRef.name': spec.credentialsSecretRef?.name,
    'spec.s3.caBundleRef.name': spec.s3?.caBundleRef?.name,
    'spec.writeConnectionTo.configMapName': spec.writeConnectionTo?.configMapName,
    'spec.access.secretName': spec.access?.secretName,
    'spec.access.serviceAccount': spec.access?.serviceAccount,
  };
  const wrong = Object.entries(references).find(([, name]) => name !== undefined && !isObjectName(name));
  return wrong && `${wrong[0]} ${JSON.stringify(wrong[1])} cannot be the name of an object of this namespace.`;
};

const checks: readonly Check[] = [
  accountIsValid,
  cloudNamesAreNames,
  nothingIsEmpty,
  endpointIsSafe,
  serviceIsOffered,
  serviceOrEndpoint,
  endpointHasCredentials,
  adoptionIsOwnRisk,
  deletionMakesSense,
  retentionIsBounded,
  retentionKeepsVersions,
  lifecycleIsBounded,
  labelsAreTaken,
  referencesAreNames,
  sharedIsAccessAlone,
  identityHasNoKeys,
  quotaIsForCeph,
];

/** Why a spec cannot be served, whoever asks: the webhook as it is stored, the controller before it calls a provider. */
export const findViolation = (input: ValidationInput): Violation | undefined => findViolations(input)[0];

/** All of them; of several of one check the first. */
export const findViolations = (input: ValidationInput): readonly Violation[] => {
  const misnamed = nameIsValid(input);
  return [
    ...(misnamed === undefined ? [] : [{ reason: 'InvalidName' as const, message: misnamed }]),
    ...checks.flatMap((check) => check(input) ?? []).map((message) => ({ reason: 'InvalidSpec' as const, message })),
  ];
};

interface NameRule {
  readonly isBroken: (name: string) => boolean;
  /** Ends the sentence `spec.name "x" cannot be …: it `. */
  readonly says: string;
}

const broken = (pattern: RegExp, says: string): NameRule => ({ isBroken: (name) => pattern.test(name), says });
const required = (pattern: RegExp, says: string): NameRule => ({ isBroken: (name) => !pattern.test(name), says });

const notAnAddress: NameRule = { isBroken: (name) => isIP(name) === 4, says: 'must not look like an IP address' };
const notTwoDots = broken(/\.\./, 'must not hold two dots in a row');
const alphanumericEnds = required(/^[a-z0-9].*[a-z0-9]$/, 'must begin and end with a letter or a digit');

const reservedPrefix = /^(xn--|sthree-|amzn-s3-demo-)/;
const reservedSuffix = /(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/;
/** `<prefix>-<12-digit account>-<region>-an`: the account-regional namespace, made by a call of its own. */
const accountRegional = /-\d{12}-[a-z]{2}-[a-z0-9-]+-an$/;

const nameRules: Readonly<Record<BucketProviderName, readonly NameRule[]>> = {
  s3: [
    required(/^.{3,63}$/s, 'must be 3 to 63 characters long'),
    required(/^[a-z0-9.-]+$/, 'may hold only a-z, 0-9, "." and "-"'),
    alphanumericEnds,
    notTwoDots,
    notAnAddress,
    broken(reservedPrefix, 'must not begin with xn--, sthree- or amzn-s3-demo-, which S3 keeps for itself'),
    broken(reservedSuffix, 'must not end in -s3alias, --ol-s3, .mrap, --x-s3 or --table-s3, which S3 keeps for itself'),
    broken(accountRegional, 'must not end like an account-regional bucket (-<account>-<region>-an)'),
  ],
  gcs: [
    required(
      /^(?=.{3,222}$)[^.]{0,63}(\.[^.]{0,63})*$/,
      'must be 3 to 63 characters long (222 with dots, 63 between them)',
    ),
    required(/^[a-z0-9._-]+$/, 'may hold only a-z, 0-9, ".", "_" and "-"'),
    alphanumericEnds,
    notTwoDots,
    notAnAddress,
    broken(/^goog/, 'must not begin with goog'),
    broken(/g[o0][o0]gle/, 'must not hold google or anything that looks like it'),
  ],
  azure: [
    required(/^.{3,63}$/s, 'must be 3 to 63 characters long'),
    required(/^[a-z0-9-]+$/, 'may hold only a-z, 0-9 and "-"'),
    alphanumericEnds,
    broken(/--/, 'must not hold two hyphens in a row'),
  ],
};

const titles: Readonly<Record<BucketProviderName, string>> = {
  s3: 'an S3 bucket',
  gcs: 'a Google Cloud Storage bucket',
  azure: 'an Azure Blob container',
};

/**
 * The naming rule of the provider that `name` breaks, as one sentence that begins with `spec.name`; undefined where it breaks none.
 * Sources: the vendors' naming pages (S3 general purpose buckets, GCS buckets, Azure containers).
 */
export const checkBucketName = (provider: BucketProviderName, name: string): string | undefined => {
  const rule = nameRules[provider].find(({ isBroken }) => isBroken(name));
  return rule && `spec.name ${JSON.stringify(name)} cannot be ${titles[provider]}: it ${rule.says}.`;
};

/** The same for the storage account that holds Azure containers; the sentence begins with `spec.azure.storageAccount`. */
export const checkStorageAccountName = (name: string): string | undefined =>
  /^[a-z0-9]{3,24}$/.test(name)
    ? undefined
    : `spec.azure.storageAccount ${JSON.stringify(name)} must be 3 to 24 characters long and hold only a-z and 0-9.`;

interface LabelRule {
  readonly key: RegExp;
  readonly value: RegExp;
  readonly says: string;
}

/** Google Cloud Storage labels, S3 bucket tags, Azure container metadata, as the vendors' pages have them. */
const labelRules: Readonly<Record<BucketProviderName, LabelRule>> = {
  gcs: {
    key: /^\p{Ll}[\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u,
    value: /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u,
    says: 'Google Cloud Storage takes a-z, 0-9, "_" and "-", at most 63 of them, in keys that begin with a letter',
  },
  s3: {
    key: /^(?!aws:)[\p{L}\p{N} +\-=._:/@]{1,128}$/u,
    value: /^[\p{L}\p{N} +\-=._:/@]{0,256}$/u,
    says: 'S3 takes letters, digits, spaces and + - = . _ : / @, at most 128 in a key and 256 in a value',
  },
  azure: {
    key: /^[!-~][ -~]{0,127}$/,
    value: /^[ -~]{0,256}$/,
    says: 'Azure takes printable ASCII, at most 128 in a key and 256 in a value',
  },
};

/** Why the provider would not take a label, as one sentence that begins with its field; undefined where it takes it. */
export const checkBucketLabel = (provider: BucketProviderName, key: string, value: string): string | undefined => {
  const rule = labelRules[provider];
  if (key.startsWith(BUCKET_MARK_PREFIX))
    return `spec.labels ${JSON.stringify(key)} cannot be put on the bucket: ${BUCKET_MARK_PREFIX} is for the owner mark.`;
  return rule.key.test(key) && rule.value.test(value)
    ? undefined
    : `spec.labels ${JSON.stringify(key)}: ${JSON.stringify(value)} cannot be put on the bucket: ${rule.says}.`;
};
