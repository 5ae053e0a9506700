import { hasReason } from '../../api/errors.ts';
import type { CloudVerdict, Policy } from '../../api/facts.ts';
import type { ConfigMap, Secret } from '../../api/kubernetes.ts';
import { BUCKET_CLUSTER_MARK, BUCKET_NAMESPACE_MARK } from '../../api/names.ts';
import type { ObjectStore } from '../../api/object-store.ts';
import { type Kube, type Resource, resources } from '../../kube/api-server.ts';
import { hasKeys } from './access/keys.ts';
import { accessSecretNameOf } from './access/secret.ts';
import { hasPlatformIdentity, type Placement, type PlatformService } from './placement.ts';
import { BucketError, type BucketProvider } from './providers/bucket.ts';
import type { OnCall, ProviderRequest } from './providers/index.ts';

/** What every provider is opened with, whosever bucket it is for. */
export interface ProviderContext {
  readonly kube: Pick<Kube, 'get'>;
  readonly openProvider: (request: ProviderRequest) => Promise<BucketProvider>;
  readonly cloud: () => CloudVerdict;
  readonly policy: Policy;
  readonly clusterUid: string;
  /** For names derived from the cluster; the UID where it has none. */
  readonly clusterName: string;
  /** Resource group for storage accounts; empty: the cluster's own. */
  readonly azureResourceGroup: string;
  /** Empty: the public ones. */
  readonly azureManagementEndpoint: string;
  /** ARN of the OIDC provider of the cluster's service accounts; empty where AWS IAM knows none. */
  readonly awsOidcProvider: string;
  /** ARN of the cluster, where EKS Pod Identity gives its pods their roles; else empty. */
  readonly awsEksCluster: string;
  /** URL of the issuer of the cluster's service account tokens; empty where Azure is not to trust it. */
  readonly azureOidcIssuer: string;
  readonly onCall: OnCall;
}

/** Objects of the namespace that an ObjectStore refers to; undefined where it refers to none or there is none. */
export interface References {
  readonly secret: Secret | undefined;
  readonly caBundle: ConfigMap | undefined;
  /** The Secret that spec.access has made. */
  readonly access?: Secret | undefined;
}

/**
 * Reads what an ObjectStore refers to. By name only, and of its own namespace but for the platform's keys: a controller that
 * may list Secrets may read them all. `source` has the bucket; it is another one where `store` shares that.
 */
export const readReferences = async (
  kube: Pick<Kube, 'get'>,
  { store, source = store }: { readonly store: ObjectStore; readonly source?: ObjectStore },
  from: { readonly placement: Placement; readonly systemNamespace: string },
  signal: AbortSignal,
): Promise<References> => {
  const { metadata, spec } = source;
  const { platform } = from.placement;
  const own = metadata.namespace ?? '';
  const read = (resource: Resource, name: string | undefined, namespace = own): Promise<Secret | undefined> =>
    name === undefined
      ? Promise.resolve(undefined)
      : kube.get<Secret>(resource, { namespace, name }, signal).catch(readable(name));
  const keys = hasKeys(store) ? accessSecretNameOf(store) : undefined;
  const access = await read(resources.secrets, keys, store.metadata.namespace);
  // Nobody but the platform says whom its keys are shown to.
  if (platform !== undefined) {
    return {
      secret: await read(resources.secrets, platform.secretName, from.systemNamespace),
      caBundle: undefined,
      access,
    };
  }
  return {
    secret: await read(resources.secrets, spec.credentialsSecretRef?.name),
    caBundle: await read(resources.configMaps, spec.s3?.caBundleRef?.name),
    access,
  };
};

/** Text that changes whenever what the provider is opened with does. */
export const connectionVersionOf = ({ secret, caBundle }: References): string =>
  [secret, caBundle].map((object) => `${object?.metadata.uid}@${object?.metadata.resourceVersion}`).join(' ');

/** Text that changes whenever what is referred to does, and when the Secret of the access is deleted. */
export const versionOf = (references: References): string =>
  `${connectionVersionOf(references)} ${references.access?.metadata.uid}`;

/** The provider of an ObjectStore's bucket. Throws BucketError where something it refers to is missing. */
export const openProviderFor = async (
  store: ObjectStore,
  placement: Placement,
  references: References,
  context: ProviderContext,
): Promise<BucketProvider> => {
  const { provider, location, endpoint, service, platform } = placement;
  if (provider === undefined)
    throw new BucketError('ProviderError', placement.unknown ?? 'spec.provider is not known.');
  const { spec } = store;
  const secretName = spec.credentialsSecretRef?.name;
  const { secret } = references;
  if (secretName !== undefined && secret === undefined)
    throw new BucketError(
      'CredentialsMissing',
      `Secret ${JSON.stringify(secretName)} in spec.credentialsSecretRef is not in this namespace: make it.`,
    );
  if (platform !== undefined) return openWithPlatformKeys({ placement, platform, secret }, context);
  if (secretName === undefined && !hasPlatformIdentity(provider, context.cloud()))
    throw new BucketError(
      'CredentialsMissing',
      `spec.credentialsSecretRef is needed: this cluster is not in the cloud of provider ${provider} and has no identity there.`,
    );
  return context.openProvider({
    provider,
    location: location ?? service?.region,
    secret: secretName === undefined ? undefined : { name: secretName, data: secret?.data ?? {} },
    s3: {
      endpoint,
      forcePathStyle: spec.s3?.forcePathStyle ?? service?.forcePathStyle,
      caBundle: caBundleOf(store, references),
      isLoopbackAllowed: context.policy.allowLoopbackEndpoints,
      oidcProvider: context.awsOidcProvider,
      eksCluster: context.awsEksCluster,
    },
    gcs: {
      clusterProject: factIn(context, 'gcp', 'project'),
      project: spec.gcp?.project ?? factIn(context, 'gcp', 'project'),
    },
    azure: azureOf(store, context),
    onCall: context.onCall,
  });
};

/** With the platform's keys for the service, and nothing that the ObjectStore says of the connection. */
const openWithPlatformKeys = (
  {
    placement: { location, endpoint },
    platform,
    secret,
  }: { readonly placement: Placement; readonly platform: PlatformService; readonly secret: Secret | undefined },
  { openProvider, policy, onCall }: ProviderContext,
): Promise<BucketProvider> => {
  const { secretName: name, region, forcePathStyle } = platform;
  const setting =
    platform.name === undefined ? 'the setting S3_CREDENTIALS' : `service ${platform.name} in S3_SERVICES`;
  if (secret === undefined)
    throw new BucketError(
      'CredentialsMissing',
      `Secret ${JSON.stringify(name)} of ${setting} is not in namespace ${policy.systemNamespace}: make it.`,
    );
  const caBundle = secret.data?.['ca.crt'];
  return openProvider({
    provider: 's3',
    location: location ?? region,
    secret: { name, data: secret.data ?? {}, from: `of ${setting}` },
    s3: {
      endpoint,
      forcePathStyle,
      caBundle: caBundle === undefined ? undefined : Buffer.from(caBundle, 'base64').toString('utf8'),
      isLoopbackAllowed: policy.allowLoopbackEndpoints,
    },
    onCall,
  });
};

const readable =
  (name: string) =>
  (error: unknown): never => {
    if (!hasReason(error, 'Forbidden')) throw error;
    throw new BucketError('PermissionDenied', `Quartermaster may not read ${name}: see its ClusterRole.`, {
      cause: error,
    });
  };

const caBundleOf = ({ spec }: ObjectStore, { caBundle }: References): string | undefined => {
  const reference = spec.s3?.caBundleRef;
  if (reference === undefined) return undefined;
  const key = reference.key ?? 'ca.crt';
  const pem = caBundle?.data?.[key];
  if (pem !== undefined) return pem;
  const name = JSON.stringify(reference.name);
  throw new BucketError(
    'CredentialsMissing',
    `ConfigMap ${name} in spec.s3.caBundleRef has no key ${key}: put the PEM there.`,
  );
};

/** A fact means something only in the cloud it is of: the project of an OpenStack cluster is none of Google's. */
const factIn = ({ cloud }: ProviderContext, name: CloudVerdict['name'], fact: string): string | undefined => {
  const verdict = cloud();
  return verdict.name === name ? verdict.facts[fact]?.value : undefined;
};

const azureOf = ({ metadata, spec }: ObjectStore, context: ProviderContext): ProviderRequest['azure'] => {
  const { clusterUid, clusterName, azureResourceGroup, azureManagementEndpoint, azureOidcIssuer } = context;
  const namespace = metadata.namespace ?? '';
  return {
    subscription: factIn(context, 'azure', 'subscription'),
    resourceGroup: spec.azure?.resourceGroup ?? (azureResourceGroup || factIn(context, 'azure', 'resourceGroup')),
    storageAccount: spec.azure?.storageAccount,
    clusterUid,
    clusterName: clusterName || clusterUid,
    namespace,
    sku: spec.azure?.sku,
    accountTags: { [BUCKET_CLUSTER_MARK]: clusterUid, [BUCKET_NAMESPACE_MARK]: namespace },
    managementEndpoint: azureManagementEndpoint || undefined,
    oidcIssuer: azureOidcIssuer,
  };
};

/** Enough for every endpoint and Secret in use at a time; a client is some hundred KB. */
const MAX_PROVIDERS = 64;

/**
 * Opened providers by what they were opened with, so that ObjectStores of one Secret share its connections. The one that
 * was not asked for longest goes first; a failure to open is not kept.
 */
export const createProviderCache = () => {
  const opened = new Map<string, Promise<BucketProvider>>();
  return (identity: string, open: () => Promise<BucketProvider>): Promise<BucketProvider> => {
    const provider = opened.get(identity) ?? open();
    opened.delete(identity);
    opened.set(identity, provider);
    provider.catch(() => opened.delete(identity));
    const [oldest] = opened.keys();
    if (opened.size > MAX_PROVIDERS && oldest !== undefined) opened.delete(oldest);
    return provider;
  };
};
