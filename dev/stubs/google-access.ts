import { gcsError } from './gcs.ts';
import { type HttpStub, type StubAnswer, type StubRequest, startHttpStub } from './http-stub.ts';

interface Binding {
  readonly role: string;
  readonly members: readonly string[];
  readonly condition?: unknown;
}

interface HmacKey {
  readonly email: string;
  state: string;
}

/** Google's IAM for service accounts, and of Cloud Storage HMAC keys and the policy of one bucket; errors as their references have them. */
export interface GoogleAccess {
  /** What is said of each, by e-mail address. */
  readonly accounts: Map<string, unknown>;
  readonly keys: ReadonlyMap<string, HmacKey>;
  readonly policy: { bindings: readonly Binding[]; etag: string };
  /** Undefined for what is asked of something else. */
  readonly answer: (request: StubRequest) => StubAnswer | undefined;
}

export type GoogleAccessStub = HttpStub & Omit<GoogleAccess, 'answer'>;

/** Knows `project` and `bucket`; any credentials will do. */
export const googleAccess = (project: string, bucket: string): GoogleAccess => {
  const accounts = new Map<string, unknown>();
  const keys = new Map<string, HmacKey>();
  const policy: GoogleAccess['policy'] = { bindings: [], etag: 'CAE=' };
  const world: World = { project, accounts, keys, policy };
  const answer = (request: StubRequest): StubAnswer | undefined => {
    const { pathname } = request.url;
    const account = /^\/v1\/projects\/([^/]+)\/serviceAccounts(?:\/(.+))?$/.exec(pathname);
    if (account !== null) return answerAccounts(world, request, account[2]);
    if (/^\/storage\/v1\/projects\/[^/]+\/serviceAccount$/.test(pathname)) return PROJECT_AGENT;
    const key = /^\/storage\/v1\/projects\/[^/]+\/hmacKeys(?:\/(.+))?$/.exec(pathname);
    if (key !== null) return answerKeys(world, request, key[1]);
    return pathname === `/storage/v1/b/${bucket}/iam` ? answerPolicy(world, request) : undefined;
  };
  return { accounts, keys, policy, answer };
};

/** Serves that, and nothing else. */
export const startGoogleAccessStub = async (project: string, bucket: string): Promise<GoogleAccessStub> => {
  const { answer, ...access } = googleAccess(project, bucket);
  const stub = await startHttpStub((request) => answer(request) ?? noBucket);
  return { ...stub, ...access };
};

const noBucket = gcsError(404, 'notFound', 'The specified bucket does not exist.');

interface World extends Pick<GoogleAccess, 'accounts' | 'policy'> {
  readonly project: string;
  readonly keys: Map<string, HmacKey>;
}

/** The number of the project stands in it, and nowhere else. */
const PROJECT_AGENT: StubAnswer = {
  status: 200,
  body: {
    kind: 'storage#serviceAccount',
    email_address: 'service-123456789012@gs-project-accounts.iam.gserviceaccount.com',
  },
};

const noAccount = gcsError(404, 'notFound', 'Unknown service account');
const noKey = gcsError(404, 'notFound', 'Access ID not found in project.');

const answerAccounts = (
  { project, accounts }: World,
  { method, body }: StubRequest,
  email: string | undefined,
): StubAnswer => {
  if (email === undefined) {
    const { accountId, serviceAccount } = body as { readonly accountId: string; readonly serviceAccount: unknown };
    if (!/^[a-z][a-z0-9-]{4,28}[a-z0-9]$/.test(accountId)) return gcsError(400, 'badRequest', 'Invalid account ID');
    const made = `${accountId}@${project}.iam.gserviceaccount.com`;
    if (accounts.has(made)) return gcsError(409, 'alreadyExists', `Service account ${accountId} already exists.`);
    accounts.set(made, serviceAccount);
    return { status: 200, body: { email: made } };
  }
  if (!accounts.has(email)) return noAccount;
  if (method === 'DELETE') accounts.delete(email);
  return { status: 200, body: method === 'DELETE' ? {} : { email } };
};

const answerKeys = (world: World, request: StubRequest, id: string | undefined): StubAnswer => {
  if (id === undefined) return request.method === 'POST' ? createKey(world, request) : listKeys(world, request);
  const key = world.keys.get(id);
  if (key === undefined) return noKey;
  if (request.method === 'PUT') key.state = (request.body as { readonly state: string }).state;
  if (request.method !== 'DELETE') return { status: 200, body: { accessId: id, state: key.state } };
  if (key.state === 'ACTIVE') return gcsError(400, 'invalid', 'Cannot delete keys in ACTIVE state.');
  world.keys.delete(id);
  return { status: 204 };
};

const createKey = ({ accounts, keys }: World, { url }: StubRequest): StubAnswer => {
  const email = url.searchParams.get('serviceAccountEmail') ?? '';
  if (!accounts.has(email)) return noAccount;
  const accessId = `GOOG1E${String(keys.size + 1).padStart(12, '0')}`;
  keys.set(accessId, { email, state: 'ACTIVE' });
  const metadata = { accessId, serviceAccountEmail: email, state: 'ACTIVE' };
  return { status: 200, body: { kind: 'storage#hmacKey', secret: `secret-of-${accessId}`, metadata } };
};

const listKeys = ({ keys }: World, { url }: StubRequest): StubAnswer => {
  const email = url.searchParams.get('serviceAccountEmail');
  const items = [...keys].filter(([, key]) => key.email === email).map(([accessId]) => ({ accessId }));
  return { status: 200, body: { kind: 'storage#hmacKeysMetadata', ...(items.length > 0 && { items }) } };
};

/** What was read must be what is there, and whoever is bound must exist. */
const answerPolicy = ({ accounts, policy }: World, { method, body }: StubRequest): StubAnswer => {
  if (method === 'PUT') {
    const { bindings, etag } = body as typeof policy;
    if (etag !== policy.etag) return gcsError(412, 'conditionNotMet', 'At least one condition was not met.');
    const bound = bindings.flatMap(({ members }) => members);
    const unknown = bound.find((member) => /gserviceaccount/.test(member) && !accounts.has(member.split(':')[1] ?? ''));
    if (unknown !== undefined) return gcsError(400, 'invalid', `Service account ${unknown} does not exist.`);
    policy.bindings = bindings;
    policy.etag = `${etag}E`;
  }
  return { status: 200, body: { kind: 'storage#policy', version: 3, ...policy } };
};
