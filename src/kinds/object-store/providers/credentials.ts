import type { StringMap } from '../../../api/kubernetes.ts';
import { BucketError } from './bucket.ts';

/** A Secret as the API server gives it: values in base64. */
export interface CredentialsSecret {
  readonly name: string;
  readonly data: StringMap;
  /** Who names it, for messages; `in spec.credentialsSecretRef` where not given. */
  readonly from?: string;
}

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface GcsCredentials {
  readonly clientEmail: string;
  readonly privateKey: string;
  /** The project the key belongs to. */
  readonly project?: string;
}

export type AzureCredentials =
  | {
      readonly kind: 'client';
      readonly tenant: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly subscription?: string;
    }
  /** Opens one storage account's data, and nothing of Azure Resource Manager. */
  | { readonly kind: 'accountKey'; readonly key: string };

/** Koalja's key names, then AWS'. Throws BucketError('CredentialsMissing') with a sentence that names Secret and keys, never a value. */
export const s3CredentialsFrom = (secret: CredentialsSecret): S3Credentials => {
  const [accessKeyId, secretAccessKey] = firstWhole(secret, [
    ['access-key', 'secret-key'],
    ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'],
  ]);
  const sessionToken = valueIn(secret, 'AWS_SESSION_TOKEN');
  return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) };
};

/**
 * The key of a service account, as Google Cloud writes it. Other kinds (`external_account`) are refused: they may name files
 * and addresses to read tokens from, and it is this process, not the tenant, that would read them.
 */
export const gcsCredentialsFrom = (secret: CredentialsSecret): GcsCredentials => {
  const [text] = firstWhole(secret, [['key.json'], ['credentials.json']]);
  const key = parseObject(text);
  const { type, client_email: clientEmail, private_key: privateKey, project_id: project } = key;
  if (type !== 'service_account' || typeof clientEmail !== 'string' || typeof privateKey !== 'string')
    throw missing(secret, 'must hold the JSON key of a service account (type, client_email, private_key) in key.json');
  return { clientEmail, privateKey, ...(typeof project === 'string' && { project }) };
};

/** A service principal, or the key of the storage account that spec.azure.storageAccount names. */
export const azureCredentialsFrom = (secret: CredentialsSecret): AzureCredentials => {
  const key = firstValue(secret, ['account-key', 'AZURE_STORAGE_KEY', 'azurestorageaccountkey']);
  if (key !== undefined) return { kind: 'accountKey', key };
  const [tenant, clientId, clientSecret] = firstWhole(secret, [
    ['AZURE_TENANT_ID', 'AZURE_CLIENT_ID', 'AZURE_CLIENT_SECRET'],
    ['tenant-id', 'client-id', 'client-secret'],
  ]);
  const subscription = firstValue(secret, ['AZURE_SUBSCRIPTION_ID', 'subscription-id']);
  return { kind: 'client', tenant, clientId, clientSecret, ...(subscription && { subscription }) };
};

type Texts<Names extends readonly string[]> = { readonly [Index in keyof Names]: string };

/** The values of the first set of keys that is there whole. */
const firstWhole = <const Names extends readonly string[]>(
  secret: CredentialsSecret,
  sets: readonly Names[],
): Texts<Names> => {
  for (const names of sets) {
    const values = names.map((name) => valueIn(secret, name) ?? '');
    if (values.every((value) => value !== '')) return values as Texts<Names>;
  }
  throw missing(secret, describe(secret, sets));
};

const describe = (secret: CredentialsSecret, sets: readonly (readonly string[])[]): string => {
  const begun = sets.find((names) => names.some((name) => valueIn(secret, name)));
  if (begun === undefined) return `must hold ${sets.map((names) => names.join(' and ')).join(', or ')}`;
  const absent = begun.filter((name) => !valueIn(secret, name));
  return `lacks ${absent.join(' and ')}, which ${absent.length === 1 ? 'belongs' : 'belong'} with the rest`;
};

const missing = ({ name, from = 'in spec.credentialsSecretRef' }: CredentialsSecret, what: string): BucketError =>
  new BucketError('CredentialsMissing', `Secret ${JSON.stringify(name)} ${from} ${what}.`);

const firstValue = (secret: CredentialsSecret, names: readonly string[]): string | undefined =>
  names.map((name) => valueIn(secret, name)).find((value) => value !== undefined && value !== '');

/** A line break at the end is how `echo` and editors leave a value, and no key has one. */
const valueIn = ({ data }: CredentialsSecret, name: string): string | undefined => {
  const value = data[name];
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString('utf8').trim();
};

/** An empty object for what is no JSON object: the parser's own message would repeat the text. */
const parseObject = (text: string): Readonly<Record<string, unknown>> => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
  } catch {
    return {};
  }
};
