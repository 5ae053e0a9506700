import type { StringMap } from '../../../api/kubernetes.ts';
import type { BucketProviderName } from '../../../api/object-store.ts';
import type { AccessProvider, IdentityProvider } from './access.ts';
import { BucketError, type BucketProvider, type BucketReason, type Feature } from './bucket.ts';
import { azureCredentialsFrom, type CredentialsSecret, gcsCredentialsFrom, s3CredentialsFrom } from './credentials.ts';
import type { GcsOptions } from './gcs/provider.ts';
import type { S3Options } from './s3/client.ts';

/** Where a bucket goes and as whom: from the spec, and from the cloud's facts and the settings where the spec says nothing. */
export interface ProviderRequest {
  readonly provider: BucketProviderName;
  /** `spec.location`, or the cluster's region where the bucket is in the cluster's own cloud. */
  readonly location: string | undefined;
  /** The Secret that `spec.credentialsSecretRef` names; undefined: the platform's own identity. */
  readonly secret: CredentialsSecret | undefined;
  readonly s3?: S3Request | undefined;
  readonly gcs?: GcsRequest | undefined;
  readonly azure?: AzureRequest | undefined;
  /** Told of every call. */
  readonly onCall?: OnCall;
}

/** What the spec, the cloud and the settings say of each vendor; the rest comes from the Secret and the location. */
type S3Request = Omit<S3Options, 'region' | 'credentials' | 'timeoutMs'>;
type GcsRequest = Omit<GcsOptions, 'project' | 'credentials' | 'timeoutMs'> & {
  /** Where not given, the project of the key in the Secret. */
  readonly project?: string | undefined;
};

interface AzureRequest {
  /** AZURE_SUBSCRIPTION_ID of the Secret goes before it. */
  readonly subscription?: string | undefined;
  readonly resourceGroup?: string | undefined;
  /** `spec.azure.storageAccount`; derived from the next three where not given. */
  readonly storageAccount?: string | undefined;
  readonly clusterUid: string;
  readonly clusterName: string;
  readonly namespace: string;
  readonly sku?: string | undefined;
  /** On an account that is made, and how it is known again; the same for every ObjectStore of the namespace. */
  readonly accountTags: StringMap;
  readonly managementEndpoint?: string | undefined;
  /** URL of the issuer of the tokens of this cluster's service accounts; empty where it is not known. */
  readonly oidcIssuer?: string | undefined;
  readonly blobEndpoint?: string | undefined;
}

/**
 * The provider of one ObjectStore's bucket; its SDK is loaded now, if it was not before. Makes no call yet. Throws
 * BucketError where the Secret holds no credentials (CredentialsMissing) or something that must be known is not.
 */
export const openProvider = async (request: ProviderRequest): Promise<BucketProvider> => {
  const provider = guarded(await open(request));
  return request.onCall === undefined ? provider : measured(provider, request.onCall);
};

const open = (request: ProviderRequest): Promise<BucketProvider> => {
  switch (request.provider) {
    case 's3':
      return openS3Provider(request);
    case 'gcs':
      return openGcsProvider(request);
    case 'azure':
      return openAzureProvider(request);
  }
};

const openS3Provider = async ({ location, secret, s3 }: ProviderRequest): Promise<BucketProvider> => {
  const credentials = secret && s3CredentialsFrom(secret);
  const { createS3Provider } = await import('./s3/provider.ts');
  return createS3Provider({ region: location, credentials, ...s3 });
};

const openGcsProvider = async ({ secret, gcs }: ProviderRequest): Promise<BucketProvider> => {
  const credentials = secret && gcsCredentialsFrom(secret);
  const project = gcs?.project ?? credentials?.project;
  if (project === undefined) throw unknown('spec.gcp.project', 'the project of this cluster');
  const { createGcsProvider } = await import('./gcs/provider.ts');
  return createGcsProvider({ ...gcs, project, credentials });
};

const openAzureProvider = async (request: ProviderRequest): Promise<BucketProvider> => {
  const { secret, azure } = request;
  if (azure === undefined) throw unknown('spec.azure', 'where this cluster is on Azure');
  const credentials = secret && azureCredentialsFrom(secret);
  if (credentials?.kind === 'accountKey') return openByAccountKey(azure, credentials.key);
  const subscription = credentials?.subscription ?? azure.subscription;
  if (subscription === undefined)
    throw unknown('AZURE_SUBSCRIPTION_ID in the Secret', 'the subscription of this cluster');
  const { resourceGroup } = azure;
  if (resourceGroup === undefined) throw unknown('spec.azure.resourceGroup', 'the resource group of this cluster');
  const { azureCredential } = await import('./azure/credential.ts');
  const { createAzureProvider } = await import('./azure/provider.ts');
  return createAzureProvider({
    subscription,
    resourceGroup,
    credential: await azureCredential(credentials),
    account: await accountOf(request.location, azure, subscription),
    managementEndpoint: azure.managementEndpoint,
    oidcIssuer: azure.oidcIssuer,
  });
};

const openByAccountKey = async (azure: AzureRequest, key: string): Promise<BucketProvider> => {
  const { storageAccount: account, blobEndpoint } = azure;
  if (account === undefined) throw unknown('spec.azure.storageAccount', 'the account whose key the Secret holds');
  const { createAzureKeyProvider } = await import('./azure/account-key.ts');
  return createAzureKeyProvider({ account, key, blobEndpoint });
};

const accountOf = async (location: string | undefined, azure: AzureRequest, subscription: string) => {
  const { storageAccount, sku, accountTags: tags } = azure;
  if (storageAccount !== undefined) return { kind: 'given', name: storageAccount } as const;
  const { storageAccountName } = await import('./azure/resource-manager.ts');
  const name = storageAccountName({ ...azure, subscription });
  return { kind: 'derived', name, location, sku, tags } as const;
};

/** Not final: what is not known yet may be found out, and the spec may be changed. */
const unknown = (field: string, what: string): BucketError =>
  new BucketError('ProviderError', `${field} is needed: ${what} is not known.`);

/** Wraps a call; `operation` is `observe`, `create`, …, and of a feature `check versioning`, `apply versioning`. */
type CallWrapper = <T>(operation: string, bucket: string, call: () => Promise<T>) => Promise<T>;

/** The same provider, with every call wrapped. */
const wrapProvider = ({ isEmpty, ...provider }: BucketProvider, wrap: CallWrapper): BucketProvider => ({
  name: provider.name,
  observe: (bucket, signal) => wrap('observe', bucket.name, () => provider.observe(bucket, signal)),
  create: (bucket, signal) => wrap('create', bucket.name, () => provider.create(bucket, signal)),
  mark: (bucket, signal) => wrap('mark', bucket.name, () => provider.mark(bucket, signal)),
  unmark: (bucket, signal) => wrap('unmark', bucket.name, () => provider.unmark(bucket, signal)),
  ...(isEmpty && { isEmpty: (bucket, signal) => wrap('list objects', bucket.name, () => isEmpty(bucket, signal)) }),
  features: (bucket) => provider.features(bucket).map((feature) => wrapFeature(feature, bucket.name, wrap)),
  remove: (bucket, force, signal) => wrap('remove', bucket.name, () => provider.remove(bucket, force, signal)),
  access: wrapAccess(provider.access, wrap),
  ...(provider.identities && { identities: wrapIdentities(provider.identities, wrap) }),
  connection: (bucket) => provider.connection(bucket),
});

const wrapAccess = (access: AccessProvider, wrap: CallWrapper): AccessProvider => ({
  observe: (desired, signal) => wrap('observe access', desired.bucket, () => access.observe(desired, signal)),
  grant: (desired, signal) => wrap('grant access', desired.bucket, () => access.grant(desired, signal)),
  issueKey: (desired, signal) => wrap('issue key', desired.bucket, () => access.issueKey(desired, signal)),
  revokeKey: (desired, id, signal) => wrap('revoke key', desired.bucket, () => access.revokeKey(desired, id, signal)),
  revoke: (desired, signal) => wrap('revoke access', desired.bucket, () => access.revoke(desired, signal)),
});

const wrapIdentities = (identities: IdentityProvider, wrap: CallWrapper): IdentityProvider => ({
  observe: (desired, signal) => wrap('observe access', desired.bucket, () => identities.observe(desired, signal)),
  grant: (desired, signal) => wrap('grant access', desired.bucket, () => identities.grant(desired, signal)),
  revoke: (desired, signal) => wrap('revoke access', desired.bucket, () => identities.revoke(desired, signal)),
});

const wrapFeature = ({ name, isApplied, apply }: Feature, bucket: string, wrap: CallWrapper): Feature => ({
  name,
  isApplied: (signal) => wrap(`check ${name}`, bucket, () => isApplied(signal)),
  apply: (signal) => wrap(`apply ${name}`, bucket, () => apply(signal)),
});

/**
 * The same provider, whose every failure is a BucketError: an answer may hold anything at all, and what reads it may
 * throw anything.
 */
export const guarded = (provider: BucketProvider): BucketProvider => {
  const translated: CallWrapper = async (operation, bucket, call) => {
    try {
      return await call();
    } catch (cause) {
      if (cause instanceof BucketError) throw cause;
      const message = `Bucket ${JSON.stringify(bucket)}: what the provider answered cannot be read (${operation}); it is asked again later.`;
      throw new BucketError('ProviderError', message, { cause });
    }
  };
  return wrapProvider(provider, translated);
};

/** One call to a provider that has ended. */
export interface MeasuredCall {
  readonly provider: BucketProvider['name'];
  /** `observe`, `create`, …; of a feature `check versioning`, `apply versioning`. */
  readonly operation: string;
  readonly outcome: 'ok' | BucketReason;
  readonly durationMs: number;
}

export type OnCall = (call: MeasuredCall) => void;

/** The same provider, telling of every call how long it took and how it ended. */
export const measured = (provider: BucketProvider, onCall: OnCall): BucketProvider => {
  const timed: CallWrapper = async (operation, _bucket, call) => {
    const started = performance.now();
    const report = (outcome: MeasuredCall['outcome']) =>
      onCall({ provider: provider.name, operation, outcome, durationMs: performance.now() - started });
    try {
      const result = await call();
      report('ok');
      return result;
    } catch (error) {
      report(error instanceof BucketError ? error.reason : 'ProviderError');
      throw error;
    }
  };
  return wrapProvider(provider, timed);
};
