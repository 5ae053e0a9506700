import { randomUUID } from 'node:crypto';
import type { StubAnswer, StubRequest } from './http-stub.ts';

interface Trust {
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
}

interface StoredIdentity {
  readonly principalId: string;
  readonly clientId: string;
  readonly tags: unknown;
  readonly credentials: Map<string, Trust>;
}

interface Assignment {
  readonly scope: string;
  readonly principalId: string;
  /** The GUID of a role. */
  readonly role: string;
}

/** A pod of a service account that asks for blobs: whose token it has, and as whom it signs in. */
interface SignIn extends Trust {
  readonly clientId: string;
}

/** Managed identities with their federated credentials, and role assignments, as Azure Resource Manager keeps them. */
export interface ArmIdentities {
  /** By name. */
  readonly stored: Map<string, StoredIdentity>;
  /** By GUID. */
  readonly assignments: ReadonlyMap<string, Assignment>;
  /** Roles, by GUID, that somebody who signs in so has on a container. */
  readonly rolesOf: (signIn: SignIn, container: string) => readonly string[];
  /** So often an identity is not known yet where roles are assigned. */
  readonly delayNext: (times: number) => void;
  /** Undefined for what is none of these. */
  readonly answer: (request: StubRequest) => StubAnswer | undefined;
}

interface World {
  readonly stored: Map<string, StoredIdentity>;
  readonly assignments: Map<string, Assignment>;
  unknown: number;
}

export const armIdentities = (): ArmIdentities => {
  const world: World = { stored: new Map(), assignments: new Map(), unknown: 0 };
  return {
    stored: world.stored,
    assignments: world.assignments,
    rolesOf: (signIn, container) => rolesOf(world, signIn, container),
    delayNext: (times) => {
      world.unknown = times;
    },
    answer: (request) => answerFor(world, request),
  };
};

const IDENTITY =
  /\/Microsoft\.ManagedIdentity\/userAssignedIdentities\/([\w-]+)(\/federatedIdentityCredentials\/?([\w-]*))?$/;
const ASSIGNMENT = /^(.*)\/providers\/Microsoft\.Authorization\/roleAssignments\/([^/]+)$/;

const answerFor = (world: World, request: StubRequest): StubAnswer | undefined => {
  const [, name, list, credential = ''] = IDENTITY.exec(request.url.pathname) ?? [];
  const [, scope = '', guid] = ASSIGNMENT.exec(request.url.pathname) ?? [];
  if (name === undefined && guid === undefined) return undefined;
  const version = name === undefined ? '2022-04-01' : '2023-01-31';
  if (request.url.searchParams.get('api-version') !== version) return error(400, 'InvalidApiVersionParameter');
  if (guid !== undefined) return answerAssignment(world, scope, guid, request);
  return list === undefined
    ? answerIdentity(world, name ?? '', request)
    : answerCredential(world, name ?? '', credential, request);
};

const rolesOf = ({ stored, assignments }: World, signIn: SignIn, container: string): readonly string[] => {
  const identity = [...stored.values()].find(({ clientId }) => clientId === signIn.clientId);
  const isTrusted = [...(identity?.credentials.values() ?? [])].some(
    ({ issuer, subject, audiences }) =>
      issuer === signIn.issuer &&
      subject === signIn.subject &&
      signIn.audiences.every((audience) => audiences.includes(audience)),
  );
  if (!isTrusted) return [];
  return [...assignments.values()]
    .filter(
      ({ principalId, scope }) => principalId === identity?.principalId && scope.endsWith(`/containers/${container}`),
    )
    .map(({ role }) => role);
};

const error = (status: number, code: string): StubAnswer => ({
  status,
  body: { error: { code, message: `The stub says ${code}.` } },
});

const answerIdentity = ({ stored }: World, name: string, { method, body }: StubRequest): StubAnswer => {
  const found = stored.get(name);
  if (method === 'DELETE') return { status: stored.delete(name) ? 200 : 204 };
  if (method === 'GET') return found === undefined ? error(404, 'ResourceNotFound') : identityBody(name, found, 200);
  const { location, tags } = body as { readonly location?: string; readonly tags?: unknown };
  if (location === undefined) return error(400, 'LocationRequired');
  const made = found ?? { principalId: randomUUID(), clientId: randomUUID(), tags, credentials: new Map() };
  stored.set(name, made);
  return identityBody(name, made, found === undefined ? 201 : 200);
};

const identityBody = (name: string, { principalId, clientId, tags }: StoredIdentity, status: number): StubAnswer => ({
  status,
  body: { name, tags, properties: { principalId, clientId, tenantId: 'tenant' } },
});

const answerCredential = (
  { stored }: World,
  identity: string,
  name: string,
  { method, body }: StubRequest,
): StubAnswer => {
  const credentials = stored.get(identity)?.credentials;
  if (credentials === undefined) return error(404, 'ParentResourceNotFound');
  if (method === 'GET')
    return { status: 200, body: { value: [...credentials].map(([key, properties]) => ({ name: key, properties })) } };
  if (method === 'DELETE') return { status: credentials.delete(name) ? 200 : 204 };
  const { properties } = body as { readonly properties: Trust };
  const isNew = !credentials.has(name);
  credentials.set(name, properties);
  return { status: isNew ? 201 : 200, body: { name, properties } };
};

const answerAssignment = (world: World, scope: string, guid: string, { method, body }: StubRequest): StubAnswer => {
  if (!/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(guid)) return error(400, 'InvalidRoleAssignmentId');
  const found = world.assignments.get(guid);
  if (method === 'GET')
    return found === undefined ? error(404, 'RoleAssignmentNotFound') : assignmentBody(guid, found, 200);
  if (method === 'DELETE') return { status: world.assignments.delete(guid) ? 200 : 204 };
  const refusal = refusePrincipal(world, propertiesIn(body));
  if (refusal !== undefined) return refusal;
  const { roleDefinitionId = '', principalId = '' } = propertiesIn(body);
  return putAssignment(world, guid, { scope, principalId, role: roleDefinitionId.split('/').at(-1) ?? '' });
};

const propertiesIn = (body: unknown) => (body as { readonly properties: Readonly<Record<string, string>> }).properties;

const refusePrincipal = (
  world: World,
  { principalId, principalType }: Readonly<Record<string, string>>,
): StubAnswer | undefined => {
  const isKnown = [...world.stored.values()].some((identity) => identity.principalId === principalId);
  if (isKnown && world.unknown <= 0 && principalType === 'ServicePrincipal') return undefined;
  world.unknown -= 1;
  return error(400, 'PrincipalNotFound');
};

const putAssignment = ({ assignments }: World, guid: string, wanted: Assignment): StubAnswer => {
  const found = assignments.get(guid);
  if (found !== undefined)
    return isSame(found, wanted) ? assignmentBody(guid, found, 200) : error(400, 'RoleAssignmentUpdateNotPermitted');
  if ([...assignments.values()].some((other) => isSame(other, wanted))) return error(409, 'RoleAssignmentExists');
  assignments.set(guid, wanted);
  return assignmentBody(guid, wanted, 201);
};

const isSame = (one: Assignment, other: Assignment): boolean =>
  one.scope === other.scope && one.principalId === other.principalId && one.role === other.role;

const assignmentBody = (name: string, { scope, principalId, role }: Assignment, status: number): StubAnswer => ({
  status,
  body: {
    name,
    properties: { scope, principalId, roleDefinitionId: `/providers/Microsoft.Authorization/roleDefinitions/${role}` },
  },
});
