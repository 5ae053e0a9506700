import { CredentialUnavailableError } from '@azure/identity';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ArmPlace, type ArmStub, armError, startArmStub } from '../../dev/stubs/arm.ts';
import { type Azurite, startAzurite } from '../../dev/stubs/azurite.ts';
import { createAzureKeyProvider } from '../../src/kinds/object-store/providers/azure/account-key.ts';
import { createAzureProvider } from '../../src/kinds/object-store/providers/azure/provider.ts';
import {
  type AzureAccount,
  type AzureOptions,
  storageAccountName,
} from '../../src/kinds/object-store/providers/azure/resource-manager.ts';
import type { BucketProvider, DesiredBucket, Feature } from '../../src/kinds/object-store/providers/bucket.ts';
import { desiredBucket, featureOf, holding, notHolding, wantedByAnother } from '../fixtures/desired-bucket.ts';

let azurite: Azurite;
let arm: ArmStub;

const place: ArmPlace = { subscription: 'sub-1', resourceGroup: 'rg-1', polls: 3 };
const tags = { 'quartermaster-cluster': 'cluster-1', 'quartermaster-namespace': 'spark' };
const name = storageAccountName({
  subscription: 'sub-1',
  clusterUid: 'cluster-1',
  clusterName: 'prod',
  namespace: 'spark',
});
const derived: AzureAccount = { kind: 'derived', name, location: 'westeurope', sku: undefined, tags };

beforeAll(async () => {
  azurite = await startAzurite();
});
afterAll(() => azurite?.stop());
beforeEach(async () => {
  arm = await startArmStub({ ...place, blobEndpoint: () => azurite.endpoint });
});
afterEach(() => arm.stop());

const providerOf = (account: AzureAccount = derived, options: Partial<AzureOptions> = {}): BucketProvider =>
  createAzureProvider({
    ...place,
    account,
    credential: {
      getToken: () => Promise.resolve({ token: azurite.token(), expiresOnTimestamp: Date.now() + 600_000 }),
    },
    managementEndpoint: arm.endpoint,
    caBundle: arm.caBundle + azurite.caBundle,
    pollIntervalMs: 5,
    ...options,
  });

const bucketOf = (wanted: Partial<DesiredBucket> = {}): DesiredBucket =>
  desiredBucket({ location: 'westeurope', ...wanted });

const bucket = bucketOf();
const mark = { quartermaster_objectstore: 'uid-of-sparkhistory', quartermaster_cluster: 'cluster-1' };
const signal = () => AbortSignal.timeout(60_000);
const container = (account = name) => arm.account(account)?.containers.get('sparkhistory');
const asked = (method: string) => arm.requests.filter((request) => request.method === method);

const featureFor = (wanted: DesiredBucket, feature: Feature['name'], provider = providerOf()): Feature =>
  featureOf(provider, wanted, feature);

describe('a storage account', () => {
  test('is made where it is not there, polled until it is, closed and over TLS 1.2 alone', async () => {
    await providerOf().create(bucketOf({ storageClass: 'cool' }), signal());
    expect(arm.account(name)?.resource).toMatchObject({
      location: 'westeurope',
      kind: 'StorageV2',
      sku: { name: 'Standard_LRS' },
      tags,
      properties: {
        supportsHttpsTrafficOnly: true,
        minimumTlsVersion: 'TLS1_2',
        allowBlobPublicAccess: false,
        isHnsEnabled: true,
        accessTier: 'Cool',
      },
    });
    expect(asked('GET').filter(({ url }) => url.searchParams.has('operation'))).toHaveLength(4);
  });

  test('has a name of 24 characters that depends on cluster, namespace and subscription and on nothing else', () => {
    const of = { subscription: 's', clusterUid: 'u', clusterName: 'My-Cluster', namespace: 'team-a' };
    expect(storageAccountName(of)).toMatch(/^myclustertea[a-z2-7]{12}$|^myclusterte[a-z2-7]{13}$/);
    expect(storageAccountName(of)).toBe(storageAccountName({ ...of }));
    const others = [{ subscription: 't' }, { clusterUid: 'v' }, { namespace: 'team-b' }];
    expect(new Set(others.map((other) => storageAccountName({ ...of, ...other }))).size).toBe(3);
    expect(storageAccountName({ ...of, clusterName: '', namespace: 'ü' })).toMatch(/^[a-z2-7]{24}$/);
  });

  test('whose name somebody else has is told as such, for looking and for making', async () => {
    arm.addForeignAccount(name);
    const refused = { reason: 'NameTaken', message: holding('spec.azure.storageAccount') };
    await expect(providerOf().observe(bucket, signal())).rejects.toMatchObject(refused);
    await expect(providerOf().create(bucket, signal())).rejects.toMatchObject(refused);
    expect(asked('PUT')).toEqual([]);
  });

  test('that was taken between the question and the making is told as such', async () => {
    arm.failNext('PUT', /storageAccounts/, armError(409, 'StorageAccountAlreadyTaken', 'taken'));
    await expect(providerOf().create(bucket, signal())).rejects.toMatchObject({ reason: 'NameTaken' });
  });

  test('of our name without our tags is not ours', async () => {
    arm.addAccount(name);
    await expect(providerOf().create(bucket, signal())).rejects.toMatchObject({ reason: 'NotOwned' });
  });

  test('that is given is used as it is and never made', async () => {
    const given = providerOf({ kind: 'given', name: 'given' });
    await expect(given.create(bucket, signal())).rejects.toMatchObject({
      reason: 'ProviderError',
      message: holding('"given" of spec.azure.storageAccount is not in resource group "rg-1"'),
    });
    arm.addAccount('given', { allowBlobPublicAccess: true });
    await given.create(bucket, signal());
    expect(container('given')).toMatchObject({ metadata: mark });
    expect(asked('PUT')).toHaveLength(1);
  });

  test('still being made by a call that was cut off is waited for, not made again', async () => {
    await arm.stop();
    arm = await startArmStub({ ...place, polls: Number.POSITIVE_INFINITY });
    await expect(providerOf().create(bucket, AbortSignal.timeout(500))).rejects.toMatchObject({
      reason: 'EndpointUnreachable',
      message: holding('stopped before it was answered'),
    });
    await expect(providerOf().create(bucket, signal())).rejects.toMatchObject({
      reason: 'Throttled',
      retryAfterMs: 5_000,
    });
    const account = arm.account(name);
    if (account !== undefined) account.pending = 0;
    await providerOf().create(bucket, signal());
    expect(container()).toMatchObject({ metadata: mark });
    expect(asked('PUT').filter(({ url }) => url.pathname.endsWith(name))).toHaveLength(1);
  });

  test('in a resource group that is not there says which', async () => {
    const provider = providerOf(derived, { resourceGroup: 'rg-2' });
    expect(await provider.observe(bucket, signal())).toBeUndefined();
    await expect(provider.create(bucket, signal())).rejects.toMatchObject({
      reason: 'ProviderError',
      message: holding('"rg-2" is not there; see spec.azure.resourceGroup'),
    });
  });
});

describe('a container through Azure Resource Manager', () => {
  beforeEach(() => arm.addAccount(name));
  const given: AzureAccount = { kind: 'given', name };

  test('is made with our mark and seen as ours', async () => {
    const provider = providerOf(given);
    expect(await provider.observe(bucket, signal())).toBeUndefined();
    await provider.create(bucket, signal());
    expect(container()).toMatchObject({ metadata: mark, publicAccess: 'None' });
    expect(await provider.observe(bucket, signal())).toEqual({
      isOurs: true,
      isOthers: false,
      canCarryMark: true,
      isSameAccount: true,
      location: 'westeurope',
    });
  });

  test('that is there is not made over, although Azure would change it without a word', async () => {
    const provider = providerOf(given);
    await provider.create(bucket, signal());
    const another = wantedByAnother(bucket);
    await expect(provider.create(another, signal())).rejects.toMatchObject({ reason: 'NotOwned' });
    expect(await provider.observe(another, signal())).toMatchObject({ isOurs: false, isOthers: true });
    expect(container()).toMatchObject({ metadata: mark });
  });

  test('is marked and unmarked without touching the metadata of others', async () => {
    arm.account(name)?.containers.set('sparkhistory', { metadata: { Team: 'spark' } });
    const provider = providerOf(given);
    await provider.mark(bucket, signal());
    expect(container()?.['metadata']).toEqual({ team: 'spark', ...mark });
    await provider.unmark(bucket, signal());
    expect(container()?.['metadata']).toEqual({ team: 'spark' });
  });

  test('labels and public access are applied, seen as applied, and put right after drift', async () => {
    const provider = providerOf(given);
    const wanted = bucketOf({ labels: { 'app.kubernetes.io/name': 'history' } });
    await provider.create(wanted, signal());
    arm.account(name)?.containers.set('sparkhistory', { metadata: mark, publicAccess: 'Container' });
    for (const feature of provider.features(wanted)) {
      expect(await feature.isApplied(signal())).toBe(false);
      await feature.apply(signal());
      expect(await feature.isApplied(signal())).toBe(true);
    }
    expect(container()).toMatchObject({
      metadata: { ...mark, app_kubernetes_io_name: 'history' },
      publicAccess: 'None',
    });
  });

  test('labels that no header can hold are refused by name', async () => {
    const wanted = bucketOf({ labels: { team: 'größe' } });
    await expect(featureFor(wanted, 'labels').apply(signal())).rejects.toMatchObject({
      reason: 'UnsupportedFeature',
      message: holding('"team"'),
    });
  });

  test('retention is a policy of the container', async () => {
    const provider = providerOf(given);
    await provider.create(bucket, signal());
    const feature = featureFor(bucketOf({ retentionDays: 7 }), 'retention', provider);
    expect(await feature.isApplied(signal())).toBe(false);
    await feature.apply(signal());
    expect(container()).toMatchObject({ hasImmutabilityPolicy: true });
  });

  test('lifecycle rules join those of other containers, are put right after drift, and taken away alone', async () => {
    const others = { name: 'by-hand', enabled: true, type: 'Lifecycle', definition: { actions: {} } };
    const account = arm.account(name);
    if (account !== undefined) account.policy = { properties: { policy: { rules: [others] } } };
    const names = () => JSON.stringify(arm.account(name)?.policy).match(/(?<="name":")[^"]+/g);
    const wanted = bucketOf({
      lifecycle: [
        { prefix: 'logs/', expireDays: 30 },
        { expireDays: 90, abortMultipartDays: 7 },
      ],
    });
    const feature = featureFor(wanted, 'lifecycle');
    expect(await feature.isApplied(signal())).toBe(false);
    await feature.apply(signal());
    expect(await feature.isApplied(signal())).toBe(true);
    expect(names()).toEqual(['by-hand', 'quartermaster-sparkhistory.1', 'quartermaster-sparkhistory.2']);
    expect(await featureFor({ ...wanted, lifecycle: [{ expireDays: 1 }] }, 'lifecycle').isApplied(signal())).toBe(
      false,
    );
    await featureFor({ ...wanted, lifecycle: [] }, 'lifecycle').apply(signal());
    expect(names()).toEqual(['by-hand']);
  });

  test('uploads that are to be dropped sooner than Azure does are unsupported', async () => {
    const wanted = bucketOf({ lifecycle: [{ abortMultipartDays: 1 }] });
    await expect(featureFor(wanted, 'lifecycle').isApplied(signal())).rejects.toMatchObject({
      reason: 'UnsupportedFeature',
    });
  });

  test('settings of a whole account are not changed on one that is given', async () => {
    const wanted = bucketOf({ versioning: true, storageClass: 'Cool', encryptionKey: 'https://vault/key' });
    const features = providerOf(given)
      .features(wanted)
      .filter((feature) => feature.name !== 'publicAccess');
    expect(features.map((feature) => feature.name)).toEqual(['versioning', 'encryption', 'storageClass']);
    for (const feature of features) {
      expect(await feature.isApplied(signal())).toBe(false);
      await expect(feature.apply(signal())).rejects.toMatchObject({ reason: 'UnsupportedFeature' });
    }
    expect(asked('PUT')).toEqual([]);
  });

  test('versions are kept in an account of ours, except one with hierarchical names', async () => {
    const wanted = bucketOf({ versioning: true });
    await featureFor(wanted, 'versioning').apply(signal());
    expect(await featureFor(wanted, 'versioning').isApplied(signal())).toBe(true);
    arm.addAccount(name, { isHnsEnabled: true });
    await expect(featureFor(wanted, 'versioning').apply(signal())).rejects.toMatchObject({
      reason: 'UnsupportedFeature',
      message: holding('hierarchical names'),
    });
  });
});

describe('removing from Azure, whose emptiness its Blob service tells', () => {
  const given: AzureAccount = { kind: 'given', name };
  const keyed = () =>
    createAzureKeyProvider({
      account: azurite.account,
      key: azurite.key,
      blobEndpoint: azurite.endpoint,
      caBundle: azurite.caBundle,
    });

  beforeEach(async () => {
    arm.addAccount(name);
    await providerOf(given).create(bucket, signal());
    await keyed().remove(bucket, true, signal());
    await keyed().create(bucket, signal());
  });

  test('an empty container goes, and once more is success', async () => {
    await providerOf(given).remove(bucket, false, signal());
    expect(container()).toBeUndefined();
    await providerOf(given).remove(bucket, false, signal());
    await providerOf({ kind: 'given', name: 'nowhere' }).remove(bucket, true, signal());
  });

  test('a container that holds a blob stays, unless by force', async () => {
    await azurite.putBlob('sparkhistory/logs/a');
    await expect(providerOf(given).remove(bucket, false, signal())).rejects.toMatchObject({ reason: 'BucketNotEmpty' });
    expect(container()).toBeDefined();
    await providerOf(given).remove(bucket, true, signal());
    expect(container()).toBeUndefined();
  });

  test('a container whose blobs may not be seen stays, and the sentence names the role', async () => {
    const token = azurite.token({ aud: 'https://vault.azure.net' });
    const credential = { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + 600_000 }) };
    await expect(providerOf(given, { credential }).remove(bucket, false, signal())).rejects.toMatchObject({
      reason: 'PermissionDenied',
      message: holding('Storage Blob Data Reader'),
    });
    expect(container()).toBeDefined();
  });

  test('a container under a policy or a lease stays even by force', async () => {
    arm.failNext('DELETE', /containers/, armError(409, 'ContainerProtectedFromDeletion', 'immutable'));
    await expect(providerOf(given).remove(bucket, true, signal())).rejects.toMatchObject({ reason: 'BucketNotEmpty' });
  });

  describe('with the key of an account alone', () => {
    test('a container is made with our mark, seen as ours, and not made twice', async () => {
      expect(await keyed().observe(bucket, signal())).toMatchObject({ isOurs: true, isOthers: false });
      expect(await keyed().observe(bucketOf({ name: 'nothing-here' }), signal())).toBeUndefined();
      await expect(keyed().create(bucket, signal())).rejects.toMatchObject({ reason: 'NotOwned' });
    });

    test('marks, labels and unmarking leave the metadata of others alone', async () => {
      const labelled = bucketOf({ labels: { team: 'spark' } });
      await featureFor(labelled, 'labels', keyed()).apply(signal());
      expect(await featureFor(labelled, 'labels', keyed()).isApplied(signal())).toBe(true);
      await keyed().unmark(bucket, signal());
      expect(await keyed().observe(bucket, signal())).toMatchObject({ isOurs: false, isOthers: false });
      await keyed().mark(bucket, signal());
      expect(await keyed().observe(bucket, signal())).toMatchObject({ isOurs: true });
      expect(await featureFor(labelled, 'labels', keyed()).isApplied(signal())).toBe(true);
    });

    test('what holds a blob stays, unless by force', async () => {
      await azurite.putBlob('sparkhistory/a');
      await expect(keyed().remove(bucket, false, signal())).rejects.toMatchObject({ reason: 'BucketNotEmpty' });
      await keyed().remove(bucket, true, signal());
      expect(await keyed().observe(bucket, signal())).toBeUndefined();
    });

    test('public access is seen and closed; what needs Resource Manager says so', async () => {
      const [closed, ...beyond] = keyed().features(bucketOf({ versioning: true, retentionDays: 1 }));
      expect(await closed?.isApplied(signal())).toBe(true);
      await closed?.apply(signal());
      for (const feature of beyond)
        await expect(feature.apply(signal())).rejects.toMatchObject({ reason: 'UnsupportedFeature' });
    });

    test('a wrong key is told as such and not repeated', async () => {
      const key = Buffer.from('not-the-key').toString('base64');
      const { endpoint: blobEndpoint, caBundle } = azurite;
      const provider = createAzureKeyProvider({ account: azurite.account, key, blobEndpoint, caBundle });
      await expect(provider.observe(bucket, signal())).rejects.toMatchObject({
        reason: 'CredentialsInvalid',
        message: notHolding(key),
      });
    });
  });
});

describe('errors of Azure Resource Manager', () => {
  test.each([
    [
      'a permission that lacks',
      armError(403, 'AuthorizationFailed', 'does not have authorization'),
      'PermissionDenied',
    ],
    ['a token it does not take', armError(401, 'InvalidAuthenticationToken', 'invalid'), 'CredentialsInvalid'],
    ['too many accounts', armError(409, 'MaxStorageAccountsCountPerSubscriptionExceeded', 'max'), 'QuotaExceeded'],
    ['a location without storage', armError(400, 'LocationNotAvailableForResourceType', 'no'), 'LocationMismatch'],
    ['a failure of its own', armError(500, 'InternalServerError', 'oops'), 'ProviderError'],
  ])('%s', async (_title, answer, reason) => {
    arm.failNext('PUT', /storageAccounts/, answer);
    await expect(providerOf().create(bucket, signal())).rejects.toMatchObject({ reason });
  });

  test('an identity that is not there is told as such, and no request is sent', async () => {
    const credential = { getToken: () => Promise.reject(new CredentialUnavailableError('no identity here')) };
    await expect(providerOf(derived, { credential }).observe(bucket, signal())).rejects.toMatchObject({
      reason: 'CredentialsMissing',
    });
    expect(arm.requests).toEqual([]);
  });

  test('too many calls carry how long to wait and are not tried again at once', async () => {
    const answer = armError(429, 'TooManyRequests', 'The request is being throttled.');
    arm.failNext('GET', /storageAccounts/, { ...answer, headers: { 'retry-after': '17' } });
    await expect(providerOf().observe(bucket, signal())).rejects.toMatchObject({
      reason: 'Throttled',
      retryAfterMs: 17_000,
    });
    expect(arm.requests).toHaveLength(1);
  });
});

test('the connection is what Hadoop and Spark need', () => {
  expect(providerOf({ kind: 'given', name: 'acct' }, { managementEndpoint: undefined }).connection(bucket)).toEqual({
    url: 'abfss://sparkhistory@acct.dfs.core.windows.net',
    host: 'acct.blob.core.windows.net',
    port: 443,
    region: 'westeurope',
    endpoint: undefined,
  });
});
