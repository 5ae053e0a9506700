import { type HttpStub, type StubAnswer, startHttpStub } from './http-stub.ts';

interface IamUser {
  readonly path: string;
  readonly keys: string[];
  /** By name; as JSON. */
  readonly policies: Map<string, string>;
}

interface IamRole {
  readonly path: string;
  /** Who may become it; as JSON. */
  trust: string;
  readonly policies: Map<string, string>;
}

/**
 * AWS IAM, as far as users with keys, roles and inline policies go, and of STS what a pod asks with its own token: their Query protocol, and
 * errors as the references have them.
 */
export interface IamStub extends HttpStub {
  readonly users: ReadonlyMap<string, IamUser>;
  readonly roles: ReadonlyMap<string, IamRole>;
  /** Whether whoever signs with this key may do so by the policies of the role that the key was given for. */
  readonly mayDo: (accessKey: string, action: string, resource: string) => boolean;
  /** What the next call of this action is answered. */
  readonly refuseNext: (action: string, status: number, code: string) => void;
}

/** What AWS lets a user have. */
const MAX_KEYS = 2;

export const startIamStub = async (): Promise<IamStub> => {
  const users = new Map<string, IamUser>();
  const roles = new Map<string, IamRole>();
  const refusals = new Map<string, StubAnswer>();
  let made = 0;
  const nextKey = (): string => `AKIASTUB${String(++made).padStart(12, '0')}`;
  const sessions = new Map<string, string>();
  const stub = await startHttpStub(({ body }) => {
    const call = new URLSearchParams(String(body));
    const action = call.get('Action') ?? '';
    const refusal = refusals.get(action);
    refusals.delete(action);
    if (refusal !== undefined) return refusal;
    if (action === 'AssumeRoleWithWebIdentity') return assumeRole(roles, sessions, call);
    return call.has('RoleName') ? answerRole(roles, action, call) : answer(users, action, call, nextKey);
  });
  return {
    ...stub,
    users,
    roles,
    mayDo: (accessKey, action, resource) =>
      [...(roles.get(sessions.get(accessKey) ?? '')?.policies.values() ?? [])].some((policy) =>
        isAllowed(policy, action, resource),
      ),
    refuseNext: (action, status, code) => void refusals.set(action, failure(status, code)),
  };
};

interface IamCall {
  readonly action: string;
  readonly user: IamUser;
  readonly parameter: (name: string) => string;
  readonly nextKey: () => string;
  readonly forget: () => void;
}

const answer = (
  users: Map<string, IamUser>,
  action: string,
  call: URLSearchParams,
  nextKey: () => string,
): StubAnswer => {
  const parameter = (name: string): string => call.get(name) ?? '';
  const name = parameter('UserName');
  const user = users.get(name);
  if (action === 'CreateUser') {
    if (user !== undefined) return failure(409, 'EntityAlreadyExists');
    users.set(name, { path: parameter('Path'), keys: [], policies: new Map() });
    return success(action, `<User><UserName>${name}</UserName></User>`);
  }
  if (user === undefined) return failure(404, 'NoSuchEntity');
  const forget = (): void => void users.delete(name);
  return answers[action]?.({ action, user, parameter, nextKey, forget }) ?? failure(400, 'InvalidAction');
};

const answers: Readonly<Record<string, (call: IamCall) => StubAnswer>> = {
  ListAccessKeys: ({ action, user }) => {
    const members = user.keys.map((key) => `<member><AccessKeyId>${key}</AccessKeyId></member>`);
    return success(action, `<AccessKeyMetadata>${members.join('')}</AccessKeyMetadata>`);
  },
  CreateAccessKey: ({ action, user, nextKey }) => {
    if (user.keys.length >= MAX_KEYS) return failure(409, 'LimitExceeded');
    const key = nextKey();
    user.keys.push(key);
    const fields = `<AccessKeyId>${key}</AccessKeyId><SecretAccessKey>secret-of-${key}</SecretAccessKey>`;
    return success(action, `<AccessKey>${fields}</AccessKey>`);
  },
  DeleteAccessKey: ({ action, user, parameter }) => {
    const at = user.keys.indexOf(parameter('AccessKeyId'));
    if (at < 0) return failure(404, 'NoSuchEntity');
    user.keys.splice(at, 1);
    return success(action);
  },
  PutUserPolicy: ({ action, user, parameter }) => {
    user.policies.set(parameter('PolicyName'), parameter('PolicyDocument'));
    return success(action);
  },
  GetUserPolicy: ({ action, user, parameter }) => {
    const document = user.policies.get(parameter('PolicyName'));
    if (document === undefined) return failure(404, 'NoSuchEntity');
    return success(action, `<PolicyDocument>${encodeURIComponent(document)}</PolicyDocument>`);
  },
  DeleteUserPolicy: ({ action, user, parameter }) =>
    user.policies.delete(parameter('PolicyName')) ? success(action) : failure(404, 'NoSuchEntity'),
  DeleteUser: ({ action, user, forget }) => {
    if (user.keys.length > 0 || user.policies.size > 0) return failure(409, 'DeleteConflict');
    forget();
    return success(action);
  },
};

const answerRole = (roles: Map<string, IamRole>, action: string, call: URLSearchParams): StubAnswer => {
  const parameter = (name: string): string => call.get(name) ?? '';
  const name = parameter('RoleName');
  const role = roles.get(name);
  if (action === 'CreateRole') {
    if (role !== undefined) return failure(409, 'EntityAlreadyExists');
    const [path, trust] = [parameter('Path'), parameter('AssumeRolePolicyDocument')];
    roles.set(name, { path, trust, policies: new Map() });
    return success(action, `<Role><RoleName>${name}</RoleName></Role>`);
  }
  if (role === undefined) return failure(404, 'NoSuchEntity');
  if (action !== 'DeleteRole')
    return roleAnswers[action]?.(action, role, name, parameter) ?? failure(400, 'InvalidAction');
  if (role.policies.size > 0) return failure(409, 'DeleteConflict');
  roles.delete(name);
  return success(action);
};

type RoleAnswer = (action: string, role: IamRole, name: string, parameter: (name: string) => string) => StubAnswer;

const roleAnswers: Readonly<Record<string, RoleAnswer>> = {
  GetRole: (action, { path, trust }, name) => {
    const document = `<AssumeRolePolicyDocument>${encodeURIComponent(trust)}</AssumeRolePolicyDocument>`;
    return success(action, `<Role><Arn>arn:aws:iam::123456789012:role${path}${name}</Arn>${document}</Role>`);
  },
  UpdateAssumeRolePolicy: (action, role, _, parameter) => {
    role.trust = parameter('PolicyDocument');
    return success(action);
  },
  PutRolePolicy: (action, { policies }, _, parameter) => {
    policies.set(parameter('PolicyName'), parameter('PolicyDocument'));
    return success(action);
  },
  GetRolePolicy: (action, { policies }, _, parameter) => {
    const document = policies.get(parameter('PolicyName'));
    if (document === undefined) return failure(404, 'NoSuchEntity');
    return success(action, `<PolicyDocument>${encodeURIComponent(document)}</PolicyDocument>`);
  },
  DeleteRolePolicy: (action, { policies }, _, parameter) =>
    policies.delete(parameter('PolicyName')) ? success(action) : failure(404, 'NoSuchEntity'),
};

/** A statement of a trust or a policy, as far as ours go. */
interface Statement {
  readonly Action: string | readonly string[];
  readonly Resource?: readonly string[];
  readonly Principal?: { readonly Federated?: string };
  readonly Condition?: { readonly StringEquals?: Readonly<Record<string, string>> };
}

const statementsIn = (document: string): readonly Statement[] =>
  (JSON.parse(document) as { readonly Statement: readonly Statement[] }).Statement;

const isAllowed = (policy: string, action: string, resource: string): boolean =>
  statementsIn(policy).some(
    ({ Action, Resource = [] }) =>
      [Action].flat().includes(action) &&
      Resource.some((each) => (each.endsWith('*') ? resource.startsWith(each.slice(0, -1)) : each === resource)),
  );

interface TokenClaims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: readonly string[];
}

/** Whom the token is of, its signature aside, must be whom the role trusts. */
const assumeRole = (
  roles: ReadonlyMap<string, IamRole>,
  sessions: Map<string, string>,
  call: URLSearchParams,
): StubAnswer => {
  const name = (call.get('RoleArn') ?? '').split('/').at(-1) ?? '';
  const [, payload = ''] = (call.get('WebIdentityToken') ?? '').split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as TokenClaims;
  const role = roles.get(name);
  if (role === undefined || !statementsIn(role.trust).some((statement) => isTrusted(statement, claims)))
    return failure(403, 'AccessDenied');
  const key = `ASIASTUB${String(sessions.size + 1).padStart(12, '0')}`;
  sessions.set(key, name);
  const fields = `<AccessKeyId>${key}</AccessKeyId><SecretAccessKey>secret-of-${key}</SecretAccessKey><SessionToken>session-of-${key}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>`;
  return success('AssumeRoleWithWebIdentity', `<Credentials>${fields}</Credentials>`);
};

const isTrusted = ({ Action, Principal, Condition }: Statement, { iss, sub, aud }: TokenClaims): boolean => {
  const issuer = iss.replace(/^https:\/\//, '');
  const wanted = Condition?.StringEquals ?? {};
  return (
    Action === 'sts:AssumeRoleWithWebIdentity' &&
    Principal?.Federated?.endsWith(`:oidc-provider/${issuer}`) === true &&
    wanted[`${issuer}:sub`] === sub &&
    aud.includes(wanted[`${issuer}:aud`] ?? '')
  );
};

const XMLNS = 'https://iam.amazonaws.com/doc/2010-05-08/';
const METADATA = '<ResponseMetadata><RequestId>stub</RequestId></ResponseMetadata>';
const headers = { 'content-type': 'text/xml' };

const success = (action: string, result = ''): StubAnswer => ({
  status: 200,
  headers,
  body: `<${action}Response xmlns="${XMLNS}"><${action}Result>${result}</${action}Result>${METADATA}</${action}Response>`,
});

const failure = (status: number, code: string): StubAnswer => ({
  status,
  headers,
  body: `<ErrorResponse xmlns="${XMLNS}"><Error><Type>Sender</Type><Code>${code}</Code><Message>${code}</Message></Error><RequestId>stub</RequestId></ErrorResponse>`,
});
