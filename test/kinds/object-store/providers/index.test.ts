import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { noAccess } from '../../../../src/kinds/object-store/providers/access.ts';
import { BucketError, type BucketProvider } from '../../../../src/kinds/object-store/providers/bucket.ts';
import {
  azureCredentialsFrom,
  type CredentialsSecret,
  gcsCredentialsFrom,
  s3CredentialsFrom,
} from '../../../../src/kinds/object-store/providers/credentials.ts';
import {
  type MeasuredCall,
  measured,
  openProvider,
  type ProviderRequest,
} from '../../../../src/kinds/object-store/providers/index.ts';
import { desiredBucket, holding } from '../../../fixtures/desired-bucket.ts';

const secretOf = (values: Readonly<Record<string, string>>): CredentialsSecret => ({
  name: 'store-keys',
  data: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')])),
});

const { privateKey } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
const serviceAccount = {
  type: 'service_account',
  client_email: 'me@their-project.iam.gserviceaccount.com',
  private_key: privateKey,
  project_id: 'their-project',
};

afterEach(() => vi.unstubAllEnvs());

describe('credentials in a Secret', () => {
  test.each([
    ['Koalja', { 'access-key': 'AKID', 'secret-key': 'shh' }],
    ['AWS', { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'shh' }],
    ['AWS, with the line breaks an editor leaves', { AWS_ACCESS_KEY_ID: 'AKID\n', AWS_SECRET_ACCESS_KEY: ' shh\r\n' }],
    ['Koalja beside half of AWS', { 'access-key': 'AKID', 'secret-key': 'shh', AWS_ACCESS_KEY_ID: 'other' }],
  ])('are read by the names of %s', (_title, values) => {
    expect(s3CredentialsFrom(secretOf(values))).toEqual({ accessKeyId: 'AKID', secretAccessKey: 'shh' });
  });

  test('carry the token of a session', () => {
    const values = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'shh', AWS_SESSION_TOKEN: 'tok' };
    expect(s3CredentialsFrom(secretOf(values))).toMatchObject({ sessionToken: 'tok' });
  });

  test('of Google are those of a service account, with its project', () => {
    expect(gcsCredentialsFrom(secretOf({ 'key.json': JSON.stringify(serviceAccount) }))).toEqual({
      clientEmail: serviceAccount.client_email,
      privateKey,
      project: 'their-project',
    });
  });

  test('of Azure are a service principal or the key of an account', () => {
    const principal = {
      AZURE_TENANT_ID: 't',
      AZURE_CLIENT_ID: 'c',
      AZURE_CLIENT_SECRET: 's',
      AZURE_SUBSCRIPTION_ID: 'sub',
    };
    expect(azureCredentialsFrom(secretOf(principal))).toEqual({
      kind: 'client',
      tenant: 't',
      clientId: 'c',
      clientSecret: 's',
      subscription: 'sub',
    });
    expect(azureCredentialsFrom(secretOf({ azurestorageaccountkey: 'a2V5' }))).toEqual({
      kind: 'accountKey',
      key: 'a2V5',
    });
  });

  test.each([
    [
      'nothing',
      s3CredentialsFrom,
      {},
      'must hold access-key and secret-key, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    ],
    [
      'half a pair',
      s3CredentialsFrom,
      { 'access-key': 'AKID-hidden' },
      'lacks secret-key, which belongs with the rest',
    ],
    ['an empty value', s3CredentialsFrom, { 'access-key': 'AKID-hidden', 'secret-key': '\n' }, 'lacks secret-key'],
    [
      'no JSON',
      gcsCredentialsFrom,
      { 'key.json': '{"private_key": "hidden' },
      'must hold the JSON key of a service account',
    ],
    [
      'no key',
      gcsCredentialsFrom,
      { 'key.json': '{"type":"service_account"}' },
      'must hold the JSON key of a service account',
    ],
    [
      'a client alone',
      azureCredentialsFrom,
      { AZURE_CLIENT_ID: 'hidden' },
      'lacks AZURE_TENANT_ID and AZURE_CLIENT_SECRET, which belong',
    ],
  ] as const)('that hold %s are refused with one sentence that repeats no value', (_title, read, values, text) => {
    const message = thrownBy(() => read(secretOf(values)));
    expect(message).toMatch(/^Secret "store-keys" in spec\.credentialsSecretRef .+\.$/);
    expect(message).toContain(text);
    expect(message).not.toContain('hidden');
  });

  test('that would have us read our own token and send it somewhere are refused', () => {
    const external = {
      type: 'external_account',
      client_email: 'x',
      private_key: privateKey,
      token_url: 'https://evil.example/',
      credential_source: { file: '/var/run/secrets/kubernetes.io/serviceaccount/token' },
    };
    expect(thrownBy(() => gcsCredentialsFrom(secretOf({ 'key.json': JSON.stringify(external) })))).toContain(
      'key of a service account',
    );
  });
});

const thrownBy = (call: () => unknown): string => {
  try {
    call();
  } catch (error) {
    if (error instanceof BucketError && error.reason === 'CredentialsMissing') return error.message;
    throw error;
  }
  throw new Error('it threw nothing');
};

describe('opening a provider', () => {
  const azure = {
    clusterUid: 'u',
    clusterName: 'c',
    namespace: 'n',
    accountTags: {},
    subscription: 's',
    resourceGroup: 'g',
  };
  const principal = secretOf({ AZURE_TENANT_ID: 'tenant', AZURE_CLIENT_ID: 'c', AZURE_CLIENT_SECRET: 's' });
  const key = secretOf({ 'account-key': 'a2V5' });
  const connectionOf = async (request: ProviderRequest) => (await openProvider(request)).connection(desiredBucket());

  test('gives the one that is asked for, with what the Secret and the facts say', async () => {
    const keys = secretOf({ 'access-key': 'AKID', 'secret-key': 'shh' });
    const s3 = { endpoint: 'https://s3.example.org:8443' };
    expect(await connectionOf({ provider: 's3', location: undefined, secret: keys, s3 })).toMatchObject({
      url: 's3a://sparkhistory',
      host: 's3.example.org',
      port: 8443,
      region: 'us-east-1',
    });
    const account = secretOf({ 'key.json': JSON.stringify(serviceAccount) });
    expect(await connectionOf({ provider: 'gcs', location: 'eu', secret: account })).toMatchObject({
      url: 'gs://sparkhistory',
    });
    expect(await connectionOf({ provider: 'azure', location: 'westeurope', secret: principal, azure })).toMatchObject({
      url: expect.stringMatching(/^abfss:\/\/sparkhistory@cn[a-z2-7]{22}\.dfs\.core\.windows\.net$/) as unknown,
    });
    const given = { ...azure, storageAccount: 'acct' };
    expect(await connectionOf({ provider: 'azure', location: undefined, secret: key, azure: given })).toMatchObject({
      host: 'acct.blob.core.windows.net',
    });
  });

  test('falls back on the managed identity where the pod has no federated one, and asks nobody yet', async () => {
    for (const name of ['AZURE_TENANT_ID', 'AZURE_CLIENT_ID', 'AZURE_FEDERATED_TOKEN_FILE'])
      vi.stubEnv(name, undefined);
    const provider = await openProvider({ provider: 'azure', location: 'westeurope', secret: undefined, azure });
    expect(provider.name).toBe('azure');
  });

  test.each([
    ['no project', { provider: 'gcs', location: undefined, secret: undefined }, 'spec.gcp.project is needed'],
    ['no place on Azure', { provider: 'azure', location: undefined, secret: undefined }, 'spec.azure is needed'],
    [
      'no subscription',
      { provider: 'azure', location: undefined, secret: principal, azure: { ...azure, subscription: undefined } },
      'AZURE_SUBSCRIPTION_ID',
    ],
    [
      'no resource group',
      { provider: 'azure', location: undefined, secret: principal, azure: { ...azure, resourceGroup: undefined } },
      'spec.azure.resourceGroup is needed',
    ],
    [
      'an account’s key without its account',
      { provider: 'azure', location: undefined, secret: key, azure },
      'spec.azure.storageAccount is needed',
    ],
  ] as const)('with %s says what is needed', async (_title, request, text) => {
    await expect(openProvider(request)).rejects.toMatchObject({ reason: 'ProviderError', message: holding(text) });
  });
});

describe('measuring a provider', () => {
  const failing = (error: unknown): BucketProvider => {
    const fail = () => Promise.reject(error as Error);
    const feature = { name: 'versioning', isApplied: () => Promise.resolve(true), apply: fail } as const;
    return {
      name: 's3',
      observe: () => Promise.resolve(undefined),
      create: fail,
      mark: fail,
      unmark: fail,
      features: () => [feature],
      remove: fail,
      access: noAccess(() => new BucketError('UnsupportedFeature', 'None here.')),
      connection: () => ({ url: 's3a://x', host: 'h', port: 443, region: 'r', endpoint: undefined }),
    };
  };

  test('tells of every call how it ended and how long it took, and passes on what it gave', async () => {
    const calls: MeasuredCall[] = [];
    const throttled = new BucketError('Throttled', 'slow down');
    const provider = measured(failing(throttled), (call) => calls.push(call));
    const signal = AbortSignal.timeout(1_000);
    const bucket = desiredBucket();
    expect(await provider.observe(bucket, signal)).toBeUndefined();
    await expect(provider.create(bucket, signal)).rejects.toBe(throttled);
    await expect(provider.remove(bucket, false, signal)).rejects.toBe(throttled);
    const [feature] = provider.features(bucket);
    expect(await feature?.isApplied(signal)).toBe(true);
    await expect(feature?.apply(signal)).rejects.toBe(throttled);
    expect(calls.map(({ operation, outcome }) => [operation, outcome])).toEqual([
      ['observe', 'ok'],
      ['create', 'Throttled'],
      ['remove', 'Throttled'],
      ['check versioning', 'ok'],
      ['apply versioning', 'Throttled'],
    ]);
    expect(calls.every(({ provider: name, durationMs }) => name === 's3' && durationMs >= 0)).toBe(true);
  });
});
