import {
  type BucketProviderName,
  type LifecycleRule,
  MAX_DAYS,
  MAX_LABELS,
  MAX_LIFECYCLE_RULES,
  type ObjectStoreSpec,
} from '../../api/object-store.ts';
import { checkBucketLabel } from './bucket-labels.ts';
import { checkBucketName, checkStorageAccountName } from './bucket-names.ts';
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

const endpointIsSafe: Check = ({ spec, placement, isLoopbackAllowed }) => {
  const endpoint = spec.s3?.endpoint ?? placement.endpoint;
  return endpoint === undefined ? undefined : checkEndpoint('spec.s3.endpoint', endpoint, isLoopbackAllowed);
};

/** Without it the platform's own identity would sign requests to a server that a tenant chose. */
const endpointHasCredentials: Check = ({ spec, placement }) =>
  (spec.s3?.endpoint ?? placement.endpoint) !== undefined && spec.credentialsSecretRef === undefined
    ? 'spec.s3.endpoint needs spec.credentialsSecretRef: the platform’s own identity is for its own cloud alone.'
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

const optionalParts = ['s3', 'azure', 'gcp', 'encryption', 'writeConnectionTo', 'credentialsSecretRef'] as const;

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
  };
  const wrong = Object.entries(references).find(([, name]) => name !== undefined && !isObjectName(name));
  return wrong && `${wrong[0]} ${JSON.stringify(wrong[1])} cannot be the name of an object of this namespace.`;
};

const checks: readonly Check[] = [
  accountIsValid,
  nothingIsEmpty,
  endpointIsSafe,
  endpointHasCredentials,
  adoptionIsOwnRisk,
  deletionMakesSense,
  retentionIsBounded,
  retentionKeepsVersions,
  lifecycleIsBounded,
  labelsAreTaken,
  referencesAreNames,
];

/** Why a spec cannot be served, whoever asks: the webhook as it is stored, the controller before it calls a provider. */
export const findViolation = (input: ValidationInput): Violation | undefined => {
  const misnamed = nameIsValid(input);
  if (misnamed !== undefined) return { reason: 'InvalidName', message: misnamed };
  const message = checks.map((check) => check(input)).find((sentence) => sentence !== undefined);
  return message === undefined ? undefined : { reason: 'InvalidSpec', message };
};
