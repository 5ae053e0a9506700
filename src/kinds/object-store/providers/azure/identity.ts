import { hash } from 'node:crypto';
import type { DesiredAccess, IdentityProvider, ObservedUser } from '../access.ts';
import { BucketError } from '../bucket.ts';
import { type About, aboutAccess } from '../vendor-call.ts';
import { type ManagementCall, manage } from './management.ts';
import { type AzureSession, getAccount } from './resource-manager.ts';

interface Identities extends AzureSession {
  /** URL of the issuer of the cluster's tokens; empty where it is not known. */
  readonly oidcIssuer: string;
}

type Mode = DesiredAccess['mode'];

/** IDs of the roles Storage Blob Data Contributor and Storage Blob Data Reader, the same everywhere (Azure built-in roles for Storage). */
const roles: Readonly<Record<Mode, string>> = {
  ReadWrite: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe',
  ReadOnly: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1',
};
const MODES: readonly Mode[] = ['ReadWrite', 'ReadOnly'];

/** What Azure Workload Identity has tokens made for. */
const AUDIENCE = 'api://AzureADTokenExchange';
/** Name of the one federated credential of an identity. */
const CREDENTIAL = 'kubernetes';

/**
 * Managed identities, each with one role on one container and for one service account of the cluster, by a federated credential (Azure
 * Workload Identity). The service account becomes it by an annotation, which whoever owns it writes.
 */
export const azureIdentities = (identities: Identities): IdentityProvider => {
  return {
    observe: async (access, signal) =>
      observe(identities, access, trustOf(identities, access), aboutAccess(access, signal)),
    grant: async (access, signal) =>
      grant(identities, access, trustOf(identities, access), aboutAccess(access, signal)),
    revoke: (access, signal) => revoke(identities, access, aboutAccess(access, signal)),
  };
};

interface Trust {
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
}

/** Whose tokens make one the identity: the one service account's, made for Azure. */
const trustOf = ({ oidcIssuer: issuer }: Identities, { serviceAccount }: DesiredAccess): Trust => {
  if (!issuer.startsWith('https://') || serviceAccount === undefined)
    throw new BucketError(
      'UnsupportedFeature',
      'spec.access.serviceAccount: Azure does not know service accounts of this cluster: whoever runs the platform can name the issuer of their tokens with the setting AZURE_OIDC_ISSUER. Leave it out, and the workload gets keys.',
    );
  const subject = `system:serviceaccount:${serviceAccount.namespace}:${serviceAccount.name}`;
  return { issuer, subject, audiences: [AUDIENCE] };
};

const observe = async (
  identities: Identities,
  access: DesiredAccess,
  trust: Trust,
  about: About,
): Promise<ObservedUser | undefined> => {
  const identity = await manage(identities, identityCall(identities, access, 'GET'), about);
  if (identity === undefined) return undefined;
  const { principalId, clientId } = identityIn(identity);
  const isTrusting = isOnly(trust, await credentialsOf(identities, access, about));
  const assigned = await Promise.all(MODES.map((mode) => assignedTo(identities, access, mode, about)));
  const isAssigned = MODES.every((mode, at) => assigned[at] === (mode === access.mode ? principalId : undefined));
  return { keys: [], isGranted: isTrusting && isAssigned, identity: clientId };
};

/** What is there and right is left as it is; Azure changes no role assignment. */
const grant = async (identities: Identities, access: DesiredAccess, trust: Trust, about: About): Promise<void> => {
  const { principalId } = await ensureIdentity(identities, access, about);
  const put = { ...credentialCall(identities, access, CREDENTIAL, 'PUT'), body: { properties: trust } };
  await manage(identities, put, about);
  for (const { name } of await credentialsOf(identities, access, about))
    if (name !== CREDENTIAL) await manage(identities, credentialCall(identities, access, name, 'DELETE'), about);
  for (const mode of MODES) {
    const wanted = mode === access.mode ? principalId : undefined;
    const found = await assignedTo(identities, access, mode, about);
    if (found === wanted) continue;
    if (found !== undefined) await manage(identities, assignmentCall(identities, access, mode, 'DELETE'), about);
    if (wanted !== undefined) await assign(identities, access, wanted, about);
  }
};

/** Roles first: that of an identity that is gone would stay on the container for ever. */
const revoke = async (identities: Identities, access: DesiredAccess, about: About): Promise<void> => {
  for (const mode of MODES) await manage(identities, assignmentCall(identities, access, mode, 'DELETE'), about);
  await manage(identities, identityCall(identities, access, 'DELETE'), about);
};

const ensureIdentity = async (identities: Identities, access: DesiredAccess, about: About) => {
  const found = await manage(identities, identityCall(identities, access, 'GET'), about);
  if (found !== undefined) return identityIn(found);
  const account = await getAccount(identities, about);
  if (account === undefined)
    throw new BucketError(
      'ProviderError',
      `Storage account ${JSON.stringify(identities.account.name)} is gone: no identity is made for it.`,
    );
  const body = { location: account.location, tags: { 'quartermaster-objectstore': access.title } };
  const made = await manage(identities, { ...identityCall(identities, access, 'PUT'), body }, about);
  return identityIn(made);
};

const identityIn = (identity: unknown): { readonly principalId: string; readonly clientId: string } => {
  const properties = fieldOf(identity, 'properties');
  return { principalId: textOf(properties, 'principalId'), clientId: textOf(properties, 'clientId') };
};

interface FederatedCredential {
  readonly name: string;
  readonly properties: unknown;
}

const credentialsOf = async (
  identities: Identities,
  access: DesiredAccess,
  about: About,
): Promise<readonly FederatedCredential[]> => {
  const answer = await manage(identities, credentialCall(identities, access, '', 'GET'), about);
  const found = answer?.['value'] ?? [];
  if (!Array.isArray(found)) throw new Error('the list holds something else than credentials');
  return found.map((each: unknown) => ({ name: textOf(each, 'name'), properties: fieldOf(each, 'properties') }));
};

const isOnly = ({ issuer, subject, audiences }: Trust, found: readonly FederatedCredential[]): boolean => {
  const [first, ...others] = found;
  if (first?.name !== CREDENTIAL || others.length > 0) return false;
  const audience = fieldOf(first.properties, 'audiences');
  return (
    fieldOf(first.properties, 'issuer') === issuer &&
    fieldOf(first.properties, 'subject') === subject &&
    Array.isArray(audience) &&
    audience.join(' ') === audiences.join(' ')
  );
};

/** Who has our role assignment of that mode; undefined where there is none. */
const assignedTo = async (
  identities: Identities,
  access: DesiredAccess,
  mode: Mode,
  about: About,
): Promise<string | undefined> => {
  const found = await manage(identities, assignmentCall(identities, access, mode, 'GET'), about);
  return found && textOf(fieldOf(found, 'properties'), 'principalId');
};

const assign = async (
  identities: Identities,
  access: DesiredAccess,
  principalId: string,
  about: About,
): Promise<void> => {
  const { subscription } = identities;
  const roleDefinitionId = `/subscriptions/${subscription}/providers/Microsoft.Authorization/roleDefinitions/${roles[access.mode]}`;
  const body = { properties: { roleDefinitionId, principalId, principalType: 'ServicePrincipal' } };
  await manage(identities, { ...assignmentCall(identities, access, access.mode, 'PUT'), body }, about);
};

type Method = ManagementCall['method'];

const verbs: Readonly<Record<Method, string>> = { GET: 'read', PUT: 'write', DELETE: 'delete' };

const NO_PERMISSION =
  'spec.access.serviceAccount needs an identity that may make managed identities in the resource group, and assign roles on the container; docs/buckets.md lists the permissions';
const meaning = { 403: { reason: 'PermissionDenied', advice: NO_PERMISSION } } as const;

const groupPath = ({ subscription, resourceGroup }: Identities): string =>
  `/subscriptions/${subscription}/resourceGroups/${resourceGroup}`;

const identityPath = (identities: Identities, { user }: DesiredAccess): string =>
  `${groupPath(identities)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${user}`;

const identityCall = (identities: Identities, access: DesiredAccess, method: Method): ManagementCall => ({
  operation: `Microsoft.ManagedIdentity/userAssignedIdentities/${verbs[method]}`,
  method,
  path: identityPath(identities, access),
  apiVersion: '2023-01-31',
  meaning,
});

/** All of them where `name` is empty. */
const credentialCall = (
  identities: Identities,
  access: DesiredAccess,
  name: string,
  method: Method,
): ManagementCall => ({
  operation: `Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/${verbs[method]}`,
  method,
  path: `${identityPath(identities, access)}/federatedIdentityCredentials${name === '' ? '' : `/${encodeURIComponent(name)}`}`,
  apiVersion: '2023-01-31',
  meaning,
});

/** The name of an assignment is a GUID: of the ObjectStore's user and the role, so that it is found again. */
const assignmentCall = (
  identities: Identities,
  { user, bucket }: DesiredAccess,
  mode: Mode,
  method: Method,
): ManagementCall => {
  const container = `${groupPath(identities)}/providers/Microsoft.Storage/storageAccounts/${identities.account.name}/blobServices/default/containers/${bucket}`;
  return {
    operation: `Microsoft.Authorization/roleAssignments/${verbs[method]}`,
    method,
    path: `${container}/providers/Microsoft.Authorization/roleAssignments/${guidOf(`${user}/${roles[mode]}`)}`,
    apiVersion: '2022-04-01',
    meaning,
  };
};

const guidOf = (text: string): string => {
  const digest = hash('sha256', text);
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(13, 16)}`,
    `a${digest.slice(17, 20)}`,
    digest.slice(20, 32),
  ].join('-');
};

const fieldOf = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;

const textOf = (value: unknown, name: string): string => {
  const text = fieldOf(value, name);
  if (typeof text === 'string' && text !== '') return text;
  throw new Error(`the answer has no ${name}`);
};
