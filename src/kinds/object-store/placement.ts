import type { CloudVerdict, Policy, S3Policy } from '../../api/facts.ts';
import type { BucketProviderName, ObjectStoreSpec } from '../../api/object-store.ts';

/** Where a bucket goes: what the spec says, and the cloud says for it where the spec does not. */
export interface Placement {
  /** Undefined where neither says whose bucket it is; `unknown` then says what to do. */
  readonly provider: BucketProviderName | undefined;
  readonly location: string | undefined;
  /** Set for S3 alone: an S3-compatible server instead of AWS. */
  readonly endpoint: string | undefined;
  /** The platform's own keys for that very endpoint: a Secret of the system namespace. Set where the spec brings none. */
  readonly platformSecret?: string | undefined;
  readonly unknown?: string;
  /** Something the spec says that will not be used. */
  readonly warning?: string;
}

/** Fact that names the S3 endpoint of a cloud which has one per region or project (FACTS setting). */
export const S3_ENDPOINT_FACT = 's3Endpoint';

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
export const resolvePlacement = (spec: ObjectStoreSpec, cloud: CloudVerdict, { s3 }: Pick<Policy, 's3'>): Placement => {
  const endpoint = endpointFor(spec, cloud, s3);
  const provider =
    specifiedProvider(spec) ?? nativeProviders[cloud.name] ?? (endpoint === undefined ? undefined : 's3');
  const isNativeCloud = provider === nativeProviders[cloud.name] && (provider !== 's3' || endpoint === undefined);
  return {
    provider,
    location: spec.location || (isNativeCloud && provider !== undefined ? cloud.facts['region']?.value : undefined),
    endpoint: provider === 's3' ? endpoint : undefined,
    ...(provider === 's3' && platformSecretOf(spec, endpoint, s3)),
    ...(provider === undefined && { unknown: unknownProvider(cloud, s3) }),
    ...(provider !== 's3' && provider !== undefined && spec.s3?.endpoint && { warning: unusedEndpoint(provider) }),
  };
};

const specifiedProvider = ({ provider }: ObjectStoreSpec): BucketProviderName | undefined =>
  provider === 'auto' ? undefined : provider;

/** The platform's keys go to the platform's own endpoint and nowhere else: a bucket that was made at another one is left without keys. */
export const platformSecretOf = (
  spec: ObjectStoreSpec,
  endpoint: string | undefined,
  s3: S3Policy | undefined,
): Pick<Placement, 'platformSecret'> => {
  const isPlatforms = endpoint !== undefined && URL.canParse(endpoint) && new URL(endpoint).origin === s3?.endpoint;
  const isTenants = spec.credentialsSecretRef !== undefined || spec.s3?.endpoint !== undefined;
  return isPlatforms && !isTenants && s3.secretName !== undefined ? { platformSecret: s3.secretName } : {};
};

/** The platform's endpoint is used only with keys for it, the platform's or the tenant's: our identity means nothing there. */
const endpointFor = (spec: ObjectStoreSpec, cloud: CloudVerdict, s3: S3Policy | undefined): string | undefined => {
  if (spec.s3?.endpoint !== undefined) return spec.s3.endpoint;
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

const unusedEndpoint = (provider: BucketProviderName): string =>
  `spec.s3.endpoint is not used: the provider is ${provider}; name spec.provider: s3 to have the bucket there.`;
