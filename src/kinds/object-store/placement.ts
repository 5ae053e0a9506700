import type { CloudVerdict, Policy, S3Policy, S3Service } from '../../api/facts.ts';
import type { StringMap } from '../../api/kubernetes.ts';
import type { BucketProviderName, ObjectStoreSpec } from '../../api/object-store.ts';

/** Where a bucket goes: what the spec says, and the cloud says for it where the spec does not. */
export interface Placement {
  /** Undefined where neither says whose bucket it is; `unknown` then says what to do. */
  readonly provider: BucketProviderName | undefined;
  readonly location: string | undefined;
  /** Set for S3 alone: an S3-compatible server instead of AWS. */
  readonly endpoint: string | undefined;
  /** The platform's service behind that very endpoint, by which requests are signed and addressed. */
  readonly service?: S3Policy;
  /** The same where its keys are used: the spec brings none. */
  readonly platform?: PlatformService;
  readonly unknown?: string;
  /** Why it goes nowhere, whatever the cloud. */
  readonly refused?: string;
  /** Something the spec says that will not be used. */
  readonly warning?: string;
}

/** One whose keys the platform has: a Secret of the system namespace. */
export type PlatformService = S3Policy & { readonly secretName: string };

/** Fact that names the S3 endpoint of a cloud which has one per region or project (FACTS setting). */
const S3_ENDPOINT_FACT = 's3Endpoint';

const nativeProviders: Readonly<Partial<Record<CloudVerdict['name'], BucketProviderName>>> = {
  gcp: 'gcs',
  azure: 'azure',
  aws: 's3',
};

/** False where the cluster is known to be in another cloud than the provider's, so that our own identity means nothing there. */
export const hasPlatformIdentity = (provider: BucketProviderName, { name }: CloudVerdict): boolean =>
  name === 'unknown' || nativeProviders[name] === provider;

/**
 * `auto` is the cloud's own; a cloud without one uses S3 at the endpoint that the spec, or the platform, gives.
 * The cluster's region is taken only where the bucket is in the cluster's own cloud: elsewhere it means nothing.
 */
export const resolvePlacement = (
  spec: ObjectStoreSpec,
  cloud: CloudVerdict,
  policy: S3Policies,
  labels?: StringMap,
): Placement => {
  const s3 = serviceFor(spec, policy, labels);
  const endpoint = endpointFor(spec, cloud, s3);
  const provider =
    specifiedProvider(spec) ?? nativeProviders[cloud.name] ?? (endpoint === undefined ? undefined : 's3');
  const isNativeCloud = provider === nativeProviders[cloud.name] && (provider !== 's3' || endpoint === undefined);
  return {
    provider,
    location: spec.location || (isNativeCloud && provider !== undefined ? cloud.facts['region']?.value : undefined),
    endpoint: provider === 's3' ? endpoint : undefined,
    ...(provider === 's3' && servicesAt(spec, endpoint, [s3])),
    ...refusalOf(spec, s3, policy, labels),
    ...(provider === undefined && { unknown: unknownProvider(cloud, s3) }),
    ...(provider !== 's3' && provider !== undefined && unusedIn(spec, provider)),
  };
};

const specifiedProvider = ({ provider, s3 }: ObjectStoreSpec): BucketProviderName | undefined => {
  if (provider !== undefined && provider !== 'auto') return provider;
  return s3?.service === undefined ? undefined : 's3';
};

type S3Policies = Pick<Policy, 's3' | 's3Services'>;

/** The one that is named, if its namespace may; else the first that is for such namespaces, else that for everybody. Labels are not held against it where they are not known. */
const serviceFor = (
  { s3: asked }: ObjectStoreSpec,
  { s3, s3Services = [] }: S3Policies,
  labels: StringMap | undefined,
): S3Policy | undefined => {
  if (asked?.service !== undefined)
    return s3Services.find((one) => one.name === asked.service && (labels === undefined || isFor(one, labels)));
  return s3Services.find((one) => isLabelled(one) && labels !== undefined && isFor(one, labels)) ?? s3;
};

const isLabelled = ({ namespaceLabels }: S3Service): boolean => Object.keys(namespaceLabels).length > 0;

const isFor = ({ namespaceLabels }: S3Service, labels: StringMap): boolean =>
  Object.entries(namespaceLabels).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);

/** A namespace is not told of services that are not for it. */
const refusalOf = (
  { s3: asked }: ObjectStoreSpec,
  found: S3Policy | undefined,
  { s3Services = [] }: S3Policies,
  labels: StringMap = {},
): Pick<Placement, 'refused'> => {
  if (asked?.service === undefined || found !== undefined) return {};
  const offered = s3Services.filter((one) => isFor(one, labels)).map(({ name }) => name);
  const which = offered.length === 0 ? 'none' : offered.join(', ');
  const name = JSON.stringify(asked.service);
  return {
    refused: `spec.s3.service ${name} is no S3 service that the platform offers to this namespace, which has ${which}: name one of those, or leave it out.`,
  };
};

/** The platform's keys go to the platform's own endpoints and nowhere else: a bucket that was made at another one is left without keys. */
export const servicesAt = (
  spec: ObjectStoreSpec,
  endpoint: string | undefined,
  services: readonly (S3Policy | undefined)[],
): Pick<Placement, 'service' | 'platform'> => {
  if (spec.s3?.endpoint !== undefined || endpoint === undefined || !URL.canParse(endpoint)) return {};
  const { origin } = new URL(endpoint);
  const there = services.filter((one) => one?.endpoint === origin);
  const [service] = there;
  if (service === undefined) return {};
  const platform = spec.credentialsSecretRef === undefined ? there.find(hasKeys) : undefined;
  return platform === undefined ? { service } : { service: platform, platform };
};

const hasKeys = (service: S3Policy | undefined): service is PlatformService => service?.secretName !== undefined;

/** The platform's endpoint is used only with keys for it, the platform's or the tenant's: our identity means nothing there. */
const endpointFor = (spec: ObjectStoreSpec, cloud: CloudVerdict, s3: S3Policy | undefined): string | undefined => {
  if (spec.s3?.endpoint !== undefined) return spec.s3.endpoint;
  if (spec.s3?.service !== undefined) return s3?.endpoint;
  const isElsewhere = spec.provider !== undefined && spec.provider !== 'auto' && spec.provider !== 's3';
  if (nativeProviders[cloud.name] !== undefined || isElsewhere) return undefined;
  if (spec.credentialsSecretRef === undefined) return s3?.secretName === undefined ? undefined : s3.endpoint;
  return s3?.endpoint ?? cloud.facts[S3_ENDPOINT_FACT]?.value;
};

const unknownProvider = ({ name, facts }: CloudVerdict, s3: S3Policy | undefined): string => {
  if (s3 !== undefined || facts[S3_ENDPOINT_FACT] !== undefined)
    return 'spec.provider stays auto: buckets of this cluster need spec.credentialsSecretRef, a Secret with access-key and secret-key, or the platform’s keys in the setting S3_CREDENTIALS.';
  const why = name === 'unknown' ? 'the cloud is not known' : `cloud ${name} has no object store of its own`;
  return `spec.provider stays auto: ${why}; give spec.s3.endpoint and spec.credentialsSecretRef, or name spec.provider. The platform can give both to all ObjectStores with the settings S3_ENDPOINT and S3_CREDENTIALS.`;
};

const unusedIn = ({ s3 }: ObjectStoreSpec, provider: BucketProviderName): Pick<Placement, 'warning'> => {
  const field = (['endpoint', 'service'] as const).find((one) => s3?.[one] !== undefined);
  return field === undefined
    ? {}
    : {
        warning: `spec.s3.${field} is not used: the provider is ${provider}; name spec.provider: s3 to have the bucket there.`,
      };
};
