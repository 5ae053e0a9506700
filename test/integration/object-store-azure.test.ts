import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { kubectl } from '../../dev/control-plane/kubectl.ts';
import { type ArmStub, armError, startArmStub } from '../../dev/stubs/arm.ts';
import { type Azurite, startAzurite } from '../../dev/stubs/azurite.ts';
import { type HttpStub, startHttpStub } from '../../dev/stubs/http-stub.ts';
import type { ObjectStore, ObjectStoreSpec } from '../../src/api/object-store.ts';
import { createAzureKeyProvider } from '../../src/kinds/object-store/providers/azure/account-key.ts';
import { storageAccountName } from '../../src/kinds/object-store/providers/azure/resource-manager.ts';
import type { ProviderRequest } from '../../src/kinds/object-store/providers/index.ts';
import { desiredBucket } from '../fixtures/desired-bucket.ts';
import {
  conditionOf,
  type ObjectStoreCluster,
  type RunningController,
  startObjectStoreCluster,
  until,
  type Wraps,
} from '../fixtures/object-store-cluster.ts';
import { claimsOf, issuerOf, tokenFor } from '../fixtures/service-account-token.ts';

const place = { subscription: 'sub-1', resourceGroup: 'rg-1' };
const accountIn = (clusterUid: string): string =>
  storageAccountName({ ...place, clusterUid, clusterName: clusterUid, namespace: 'default' });
const account = accountIn('cluster-1');

let azurite: Azurite;
let arm: ArmStub;
let identity: HttpStub;
let cluster: ObjectStoreCluster;
let controller: RunningController;
let azureOidcIssuer: string;
const trusted = getCACertificates('default');

beforeAll(async () => {
  [azurite, cluster, identity] = await Promise.all([startAzurite(account), startObjectStoreCluster(), startIdentity()]);
  arm = await startArmStub({ ...place, blobEndpoint: () => azurite.endpoint, key: azurite.key });
  setDefaultCACertificates([...trusted, arm.caBundle, azurite.caBundle]);
  // Azure's client would else ask the real metadata service of whatever machine this is.
  vi.stubEnv('AZURE_POD_IDENTITY_AUTHORITY_HOST', identity.endpoint);
  for (const name of ['AZURE_CLIENT_ID', 'AZURE_TENANT_ID', 'AZURE_FEDERATED_TOKEN_FILE', 'IDENTITY_ENDPOINT'])
    vi.stubEnv(name, undefined);
  azureOidcIssuer = await issuerOf(cluster.controlPlane);
  controller = cluster.run(onAzure());
});

afterAll(async () => {
  await cluster?.stop();
  await Promise.all([arm, identity, azurite].map((each) => each?.stop()));
  setDefaultCACertificates(trusted);
  vi.unstubAllEnvs();
});

/** The managed identity of a node. */
const startIdentity = (): Promise<HttpStub> =>
  startHttpStub(({ url }) => ({
    status: 200,
    body: {
      access_token: azurite.token(),
      expires_in: '3599',
      resource: url.searchParams.get('resource'),
      token_type: 'Bearer',
    },
  }));

const onAzure = (azure: Partial<ProviderRequest['azure']> = {}): Wraps => ({
  identities: { azureOidcIssuer },
  world: { cloud: 'azure', region: 'westeurope', facts: place },
  resyncMs: 2_000,
  request: (request) => ({
    ...request,
    ...(request.azure && { azure: { ...request.azure, managementEndpoint: arm.endpoint, ...azure } }),
  }),
});

const untilReason = (name: string, reason: string, type: 'Ready' | 'Synced' = 'Ready'): Promise<ObjectStore> =>
  until(`${name} has reason ${reason}`, async () => {
    const store = await cluster.read(name);
    return conditionOf(store, type)?.reason === reason && store;
  });
const submitted = async (name: string, spec: Partial<ObjectStoreSpec> = {}): Promise<ObjectStore> => {
  await cluster.submit(name, { name, ...spec });
  return untilReason(name, 'Created');
};
const removed = async (name: string): Promise<void> => {
  await cluster.remove(name);
  await until(`${name} is gone`, async () => (await cluster.read(name)) === undefined);
};
const container = (name: string) => arm.account(account)?.containers.get(name);
const asked = (method: string, end: string) =>
  arm.requests.filter((request) => request.method === method && request.url.pathname.endsWith(end));

/** In the data plane too, which the stub of Resource Manager does not have. */
const fill = async (name: string, blobs: readonly string[]): Promise<void> => {
  const { account: owner, key, endpoint: blobEndpoint, caBundle } = azurite;
  const data = createAzureKeyProvider({ account: owner, key, blobEndpoint, caBundle });
  await data.create(desiredBucket({ name }), AbortSignal.timeout(10_000));
  for (const blob of blobs) await azurite.putBlob(`${name}/${blob}`);
};

describe('an ObjectStore on Azure', () => {
  it('gives its workload a token for the container, which ends with it', async () => {
    await fill('keyed', ['there']);
    await cluster.submit('keyed', { name: 'keyed', access: {} });
    await until('there is a token', async () => (await cluster.read('keyed'))?.status?.access?.keyId);
    const { AZURE_STORAGE_SAS_TOKEN: token = '' } = (await cluster.secret('keyed-objectstore')) ?? {};
    expect(await azurite.tried(token, 'GET', 'keyed/there')).toBe(200);
    expect(await azurite.tried(token, 'PUT', 'keyed/mine')).toBe(201);
    await cluster.change('keyed', { access: { mode: 'ReadOnly' } });
    await until('it may read alone', async () => (await azurite.tried(token, 'PUT', 'keyed/other')) === 403);
    await removed('keyed');
    expect(await azurite.tried(token, 'GET', 'keyed/there')).toBe(403);
    expect(await cluster.secret('keyed-objectstore')).toBeUndefined();
  });

  it('gives a service account the role on the container by its own identity, which ends with it', async () => {
    const rolesOf = async (account: string, name: string): Promise<readonly string[]> => {
      const { iss, sub, aud } = claimsOf(await tokenFor(cluster.controlPlane, account, 'api://AzureADTokenExchange'));
      const clientId = (await cluster.read('owned'))?.status?.access?.identity ?? '';
      return arm.identities.rolesOf({ issuer: iss, subject: sub, audiences: aud, clientId }, name);
    };
    const given = (account: string, role: string) =>
      until(`${account} has role ${role}`, async () => (await rolesOf(account, 'owned')).join() === role);
    await cluster.submit('owned', { name: 'owned', access: { serviceAccount: 'spark' } });
    await given('spark', 'ba92f5b4-2d11-453d-a403-e96b0029c9fe');
    await submitted('beside');
    expect(await rolesOf('spark', 'beside')).toEqual([]);
    expect(await rolesOf('intruder', 'owned')).toEqual([]);
    expect(await cluster.secret('owned-objectstore')).toBeUndefined();
    await cluster.change('owned', { access: { mode: 'ReadOnly' } });
    await given('spark', '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1');
    arm.failNext('PUT', /roleAssignments/, armError(400, 'PrincipalNotFound', 'not yet'));
    await cluster.change('owned', { access: { serviceAccount: 'flink' } });
    await until('spark has no role any more', async () => (await rolesOf('spark', 'owned')).length === 0);
    await controller.kill();
    controller = cluster.run(onAzure());
    await given('flink', '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1');
    for (const name of ['owned', 'beside']) await removed(name);
    expect([arm.identities.stored.size, arm.identities.assignments.size]).toEqual([0, 0]);
  });

  it('needs nothing but a name, and shares the account of its namespace', async () => {
    const store = await submitted('sparkhistory');
    expect(store.status).toMatchObject({
      provider: 'azure',
      location: 'westeurope',
      url: `abfss://sparkhistory@${account}.dfs.core.windows.net`,
      ownership: 'Created',
    });
    expect(container('sparkhistory')).toMatchObject({
      metadata: { quartermaster_objectstore: store.metadata.uid, quartermaster_cluster: 'cluster-1' },
      publicAccess: 'None',
    });
    expect(await cluster.connection('sparkhistory-objectstore')).toEqual({
      BUCKET_NAME: 'sparkhistory',
      BUCKET_URL: `abfss://sparkhistory@${account}.dfs.core.windows.net`,
      BUCKET_HOST: `${account}.blob.core.windows.net`,
      BUCKET_PORT: '443',
      BUCKET_REGION: 'westeurope',
      BUCKET_PROVIDER: 'azure',
      'artifact-repository': `azure:
  endpoint: https://${account}.blob.core.windows.net
  container: sparkhistory
  useSDKCreds: true
`,
    });
    await submitted('second');
    await removed('second');
    expect(asked('PUT', `/storageAccounts/${account}`)).toHaveLength(1);
    expect(arm.account(account)?.resource['tags']).toEqual({
      'quartermaster-cluster': 'cluster-1',
      'quartermaster-namespace': 'default',
    });
  });

  it('is repaired where somebody changed by hand what spec sets', async () => {
    const store = await submitted('drifting', { labels: { team: 'data' } });
    const metadata = {
      quartermaster_objectstore: store.metadata.uid,
      quartermaster_cluster: 'cluster-1',
      mine: 'kept',
    };
    arm.account(account)?.containers.set('drifting', { publicAccess: 'Container', metadata });
    await until('it is closed and labelled again', () => {
      const found = container('drifting');
      return Promise.resolve(
        found?.['publicAccess'] === 'None' && Object.hasOwn(found['metadata'] ?? {}, 'team') && found,
      );
    });
    expect(container('drifting')).toMatchObject({ metadata: { ...metadata, team: 'data' } });
    await removed('drifting');
  });

  it('is made when Azure asks for fewer calls, and stays Ready when it does later', async () => {
    const busy = { ...armError(429, 'TooManyRequests', 'wait'), headers: { 'retry-after': '3' } };
    arm.failNext('PUT', /containers\/throttled$/, busy);
    await cluster.submit('throttled', { name: 'throttled' });
    await untilReason('throttled', 'Throttled');
    await untilReason('throttled', 'Created');
    arm.failNext('GET', /containers\/throttled$/, busy);
    const store = await untilReason('throttled', 'Throttled', 'Synced');
    expect(conditionOf(store, 'Ready')?.status).toBe('True');
    await untilReason('throttled', 'UpToDate', 'Synced');
    await removed('throttled');
  });

  it('says which permission lacks, and goes on when it is given', async () => {
    const denied = armError(403, 'AuthorizationFailed', 'The client does not have authorization to perform action.');
    for (let times = 0; times < 2; times += 1) arm.failNext('PUT', /containers\/permitted$/, denied);
    await cluster.submit('permitted', { name: 'permitted' });
    const store = await untilReason('permitted', 'PermissionDenied');
    expect(conditionOf(store, 'Ready')?.message).toContain('containers/write');
    await untilReason('permitted', 'Created');
    await removed('permitted');
  });

  // With the platform's identity, a tenant who could adopt would take what is the platform's.
  it.each([
    ['Never', 'NotOwned'],
    ['IfOwned', 'NotOwned'],
    ['Always', 'InvalidSpec'],
  ] as const)('with adopt %s leaves a container that was there alone: %s', async (adopt, reason) => {
    const name = `before-${adopt.toLowerCase()}`;
    const before = { metadata: { mine: 'kept' } };
    arm.account(account)?.containers.set(name, before);
    await cluster.submit(name, { name, adopt, deletionPolicy: 'Delete', forceDelete: true });
    await untilReason(name, reason);
    await removed(name);
    expect(container(name)).toBe(before);
  });

  it('tells its story in kubectl get', async () => {
    const table = await kubectl(cluster.controlPlane, ['get', 'objectstores', '-A']);
    const rows = table.split('\n').map((line) => line.split(/ {2,}/).slice(1, 6));
    expect(rows).toContainEqual(['sparkhistory', 'azure', 'sparkhistory', 'True', 'Created']);
  });
});

describe('deletion on Azure', () => {
  it('with Retain leaves the container without our mark', async () => {
    await submitted('retained', { labels: { team: 'data' } });
    await removed('retained');
    expect(container('retained')).toMatchObject({ metadata: { team: 'data' } });
    expect(container('retained')?.['metadata']).not.toHaveProperty('quartermaster_cluster');
  });

  it('with Delete takes an empty container along, and leaves the account', async () => {
    await submitted('emptied', { deletionPolicy: 'Delete' });
    await fill('emptied', []);
    await removed('emptied');
    expect(container('emptied')).toBeUndefined();
    expect(arm.account(account)).toBeDefined();
  });

  it('with Delete keeps a container that holds blobs until forceDelete', async () => {
    await submitted('full', { deletionPolicy: 'Delete' });
    await fill('full', ['events/1']);
    await cluster.remove('full');
    const store = await untilReason('full', 'BucketNotEmpty');
    expect(conditionOf(store, 'Ready')?.message).toContain('set spec.forceDelete');
    expect(container('full')).toBeDefined();
    await cluster.change('full', { forceDelete: true });
    await until('it is gone', async () => (await cluster.read('full')) === undefined);
    expect(container('full')).toBeUndefined();
  });

  it('takes the lifecycle rules of a container along with it, and the next of its name has none of an earlier one', async () => {
    const rules = () => JSON.stringify(arm.account(account)?.policy ?? {});
    const lifecycle = [{ expireDays: 1 }];
    await submitted('aged', { lifecycle, deletionPolicy: 'Delete', forceDelete: true });
    await submitted('aging', { lifecycle });
    for (const name of ['aged', 'aging']) await until('it has rules', () => Promise.resolve(rules().includes(name)));
    for (const name of ['aged', 'aging']) await removed(name);
    expect(container('aged')).toBeUndefined();
    expect(rules()).not.toContain('quartermaster-aged.');
    // What is kept keeps its rules, until somebody deletes it by hand and another has the name.
    expect(rules()).toContain('quartermaster-aging.');
    arm.account(account)?.containers.delete('aging');
    await submitted('ageless', { name: 'aging' });
    expect(rules()).not.toContain('quartermaster-aging.');
    await removed('ageless');
  });
});

describe('an account whose name somebody else in Azure has', () => {
  beforeAll(async () => {
    await controller.kill();
    arm.addForeignAccount(accountIn('cluster-2'));
    controller = cluster.run(onAzure({ clusterUid: 'cluster-2', clusterName: 'cluster-2' }));
  });

  it('is told as NameTaken with the field that helps, and does not keep the ObjectStore', async () => {
    await cluster.submit('taken', { name: 'taken', deletionPolicy: 'Delete' });
    const store = await untilReason('taken', 'NameTaken');
    expect(conditionOf(store, 'Ready')?.message).toContain('name another in spec.azure.storageAccount');
    await removed('taken');
    expect(asked('PUT', accountIn('cluster-2'))).toEqual([]);
  });
});

it('tells no token to anybody', () => {
  expect(cluster.logged()).not.toContain(azurite.token().split('.')[0]);
  expect(identity.requests.length).toBeGreaterThan(0);
});
