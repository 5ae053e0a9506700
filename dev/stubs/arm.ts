import { issueAuthority, issueServing } from '../../src/certificates/issue.ts';
import { type ArmIdentities, armIdentities } from './arm-identities.ts';
import { type HttpStub, type StubAnswer, type StubRequest, startHttpStub } from './http-stub.ts';

type Json = Readonly<Record<string, unknown>>;

interface StoredAccount {
  resource: Json;
  /** How often it is still answered that it is being made. */
  pending: number;
  isVersioned: boolean;
  policy: Json | undefined;
  readonly containers: Map<string, Json>;
}

/** Azure Resource Manager's Microsoft.Storage, identities and roles in one subscription and one resource group; bodies and errors as its reference and its servers have them. */
export interface ArmStub extends HttpStub {
  /** PEM of the authority that its certificate is signed by. */
  readonly caBundle: string;
  /** An account somewhere else in Azure. */
  readonly addForeignAccount: (name: string) => void;
  readonly addAccount: (name: string, properties?: Json) => void;
  readonly account: (name: string) => StoredAccount | undefined;
  readonly identities: ArmIdentities;
}

export interface ArmPlace {
  readonly subscription: string;
  readonly resourceGroup: string;
  /** How often a new account is asked for until it is made. */
  readonly polls?: number;
  /** Where an account's blobs are, if anywhere. */
  readonly blobEndpoint?: (account: string) => string;
  /** Of every account, in base64. */
  readonly key?: string;
}

interface World extends Required<ArmPlace> {
  readonly accounts: Map<string, StoredAccount>;
  readonly foreign: Set<string>;
  readonly identities: ArmIdentities;
}

export const startArmStub = async (place: ArmPlace): Promise<ArmStub> => {
  const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + 86_400_000) };
  const authority = await issueAuthority('stub', validity);
  const blobEndpoint = (name: string) => `https://${name}.blob.core.windows.net/`;
  const identities = armIdentities();
  const stored = { accounts: new Map(), foreign: new Set<string>(), identities };
  const world: World = { polls: 1, blobEndpoint, key: '', ...place, ...stored };
  const stub = await startHttpStub(
    (request) => answer(world, request),
    await issueServing(authority, ['127.0.0.1', 'localhost'], validity),
  );
  return {
    ...stub,
    caBundle: authority.cert,
    addForeignAccount: (name) => void world.foreign.add(name),
    addAccount: (name, properties = {}) => addAccount(world, name, { location: 'westeurope', tags: {}, properties }, 0),
    account: (name) => world.accounts.get(name),
    identities,
  };
};

/** An error as Azure Resource Manager words it. */
export const armError = (status: number, code: string, message: string): StubAnswer => ({
  status,
  body: { error: { code, message } },
});

const addAccount = (world: World, name: string, wanted: Json, pending: number): void => {
  const properties = { ...(wanted['properties'] as Json), primaryEndpoints: { blob: world.blobEndpoint(name) } };
  const id = `/subscriptions/${world.subscription}/resourceGroups/${world.resourceGroup}/providers/Microsoft.Storage/storageAccounts/${name}`;
  const resource = { sku: { name: 'Standard_LRS' }, kind: 'StorageV2', ...wanted, id, name, properties };
  world.accounts.set(name, { resource, pending, isVersioned: false, policy: undefined, containers: new Map() });
};

const answer = (world: World, request: StubRequest): StubAnswer => {
  if (request.headers.authorization?.startsWith('Bearer ') !== true)
    return armError(401, 'AuthenticationFailed', "Authentication failed. The 'Authorization' header is missing.");
  const root = `/subscriptions/${world.subscription}/`;
  const path = request.url.pathname;
  if (!path.startsWith(root)) return armError(404, 'SubscriptionNotFound', 'The subscription could not be found.');
  const answered = world.identities.answer(request);
  if (answered !== undefined) return answered;
  if (path.endsWith('/checkNameAvailability')) return checkName(world, request);
  const [, group, name = '', below = ''] =
    /resourceGroups\/([^/]+)\/providers\/Microsoft\.Storage\/storageAccounts\/([^/]+)(?:\/(.+))?$/.exec(path) ?? [];
  if (group !== world.resourceGroup)
    return armError(404, 'ResourceGroupNotFound', `Resource group '${group}' could not be found.`);
  const account = world.accounts.get(name);
  if (below === '') return answerAccount(world, account, name, request);
  if (account === undefined) return noAccount(name);
  if (below === 'listKeys') return { status: 200, body: { keys: [{ keyName: 'key1', value: world.key }] } };
  return answerBelow(account, below, request);
};

const noAccount = (name: string): StubAnswer =>
  armError(
    404,
    'ResourceNotFound',
    `The Resource 'Microsoft.Storage/storageAccounts/${name}' under resource group 'rg' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
  );

const checkName = ({ accounts, foreign }: World, { body }: StubRequest): StubAnswer => {
  const { name } = body as { readonly name: string };
  if (!/^[a-z0-9]{3,24}$/.test(name))
    return { status: 200, body: { nameAvailable: false, reason: 'AccountNameInvalid' } };
  const isTaken = accounts.has(name) || foreign.has(name);
  const message = `The storage account named ${name} is already taken.`;
  return {
    status: 200,
    body: isTaken ? { nameAvailable: false, reason: 'AlreadyExists', message } : { nameAvailable: true },
  };
};

const answerAccount = (
  world: World,
  account: StoredAccount | undefined,
  name: string,
  { method, url, body }: StubRequest,
): StubAnswer => {
  if (method === 'PUT') return putAccount(world, account, name, body as Json);
  if (method === 'DELETE') return { status: world.accounts.delete(name) ? 200 : 204 };
  if (account === undefined) return noAccount(name);
  if (account.pending === 0 || !url.searchParams.has('operation')) return { status: 200, body: made(account) };
  account.pending -= 1;
  return later(world, name);
};

const made = ({ resource, pending }: StoredAccount): Json => ({
  ...resource,
  properties: { ...(resource['properties'] as Json), provisioningState: pending === 0 ? 'Succeeded' : 'Creating' },
});

const putAccount = (world: World, account: StoredAccount | undefined, name: string, wanted: Json): StubAnswer => {
  if (world.foreign.has(name))
    return armError(409, 'StorageAccountAlreadyTaken', `The storage account named ${name} is already taken.`);
  if (account !== undefined) return { status: 200, body: made(account) };
  addAccount(world, name, wanted, world.polls);
  return later(world, name);
};

/** 202 and where to ask again. */
const later = ({ subscription, resourceGroup }: World, name: string): StubAnswer => {
  const path = `/subscriptions/${subscription}/resourceGroups/${resourceGroup}/providers/Microsoft.Storage/storageAccounts/${name}`;
  return { status: 202, headers: { location: `${path}?operation=1`, 'retry-after': '0' } };
};

const answerBelow = (account: StoredAccount, below: string, request: StubRequest): StubAnswer => {
  const [, container, policy] =
    /^blobServices\/default\/containers\/([^/]+)(\/immutabilityPolicies\/default)?$/.exec(below) ?? [];
  if (container !== undefined && policy !== undefined) return putRetention(account, container, request);
  if (container !== undefined) return answerContainer(account.containers, container, request);
  if (below === 'blobServices/default') return answerService(account, request);
  return answerPolicy(account, request);
};

const noContainer = armError(404, 'ContainerNotFound', 'The specified container does not exist.\nRequestId:0\nTime:0');

const answerContainer = (containers: Map<string, Json>, name: string, { method, body }: StubRequest): StubAnswer => {
  const found = containers.get(name);
  if (method === 'DELETE') return { status: containers.delete(name) ? 200 : 204 };
  if (found === undefined && method !== 'PUT') return noContainer;
  if (method === 'GET') return { status: 200, body: { name, properties: found } };
  const properties = { publicAccess: 'None', ...found, ...(body as { readonly properties?: Json }).properties };
  containers.set(name, properties);
  return { status: found === undefined ? 201 : 200, body: { name, properties } };
};

const putRetention = ({ containers }: StoredAccount, name: string, { body }: StubRequest): StubAnswer => {
  const found = containers.get(name);
  if (found === undefined) return noContainer;
  const immutabilityPolicy = { ...(body as Json), etag: '"1"' };
  containers.set(name, { ...found, hasImmutabilityPolicy: true, immutabilityPolicy });
  return { status: 200, body: immutabilityPolicy };
};

const answerService = (account: StoredAccount, { method, body }: StubRequest): StubAnswer => {
  const { properties } = (body || {}) as { readonly properties?: { readonly isVersioningEnabled?: boolean } };
  if (method === 'PUT') account.isVersioned = properties?.isVersioningEnabled ?? account.isVersioned;
  return { status: 200, body: { name: 'default', properties: { isVersioningEnabled: account.isVersioned } } };
};

const answerPolicy = (account: StoredAccount, { method, body }: StubRequest): StubAnswer => {
  if (method === 'PUT') account.policy = body as Json;
  if (method === 'DELETE') account.policy = undefined;
  if (method === 'DELETE') return { status: 200 };
  return account.policy === undefined
    ? armError(404, 'ManagementPolicyNotFound', 'No ManagementPolicy found for account.')
    : { status: 200, body: { name: 'DefaultManagementPolicy', ...account.policy } };
};
