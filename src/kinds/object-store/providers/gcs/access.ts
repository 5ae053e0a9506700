import { hash } from 'node:crypto';
import type { Storage } from '@google-cloud/storage';
import type { AccessProvider, DesiredAccess, IssuedKey, ObservedUser } from '../access.ts';
import { BucketError } from '../bucket.ts';
import { type About, aboutAccess, type Meaning, type VendorCall } from '../vendor-call.ts';
import { ask, type GoogleRequest, statusOf } from './client.ts';
import { type BucketPolicy, hasRole, policyIn, type Role, withRole } from './policy.ts';

export interface GcsAccessSession {
  readonly storage: Storage;
  readonly call: VendorCall;
  /** IAM's own address where not given. */
  readonly iamEndpoint?: string | undefined;
}

/** What a workload may do, and nothing of the bucket itself. */
export const roles: Readonly<Record<DesiredAccess['mode'], Role>> = {
  ReadWrite: 'roles/storage.objectUser',
  ReadOnly: 'roles/storage.objectViewer',
};

/**
 * Service accounts of Google Cloud, each with one role on one bucket and HMAC keys, by which Cloud Storage speaks S3. Google
 * tells of what was just made a moment later only: what is not there yet is asked again.
 */
export const gcsAccess = (session: GcsAccessSession): AccessProvider => {
  return {
    observe: (access, signal) => observe(session, access, aboutAccess(access, signal)),
    grant: (access, signal) => grant(session, access, aboutAccess(access, signal)),
    issueKey: (access, signal) => issueKey(session, access, aboutAccess(access, signal)),
    revokeKey: (access, id, signal) => revokeKey(session, id, aboutAccess(access, signal)),
    revoke: (access, signal) => revoke(session, access, aboutAccess(access, signal)),
  };
};

/** Of 6 to 30 characters, which the name of the user is too long for. */
const accountIdOf = ({ user }: DesiredAccess): string => `qm-${hash('sha256', user).slice(0, 27)}`;

/** A project of a domain, `example.com:data`, is turned round. */
const emailOf = ({ storage }: GcsAccessSession, access: DesiredAccess): string =>
  `${accountIdOf(access)}@${storage.projectId.split(':').toReversed().join('.')}.iam.gserviceaccount.com`;

const observe = async (
  session: GcsAccessSession,
  access: DesiredAccess,
  about: About,
): Promise<ObservedUser | undefined> => {
  const email = emailOf(session, access);
  if (!(await hasAccount(session, email, about))) return undefined;
  const [keys, policy] = await Promise.all([keysOf(session, email, about), policyOf(session, about)]);
  return { keys, isGranted: policy !== undefined && hasRole(policy, memberOf(email), roles[access.mode]) };
};

const grant = async (session: GcsAccessSession, access: DesiredAccess, about: About): Promise<void> => {
  const email = emailOf(session, access);
  if (!(await hasAccount(session, email, about))) await createAccount(session, access, about);
  await giveRole(session, memberOf(email), roles[access.mode], about);
};

/** The keys first, then what they open: an account that is deleted stays in a policy under another name. */
const revoke = async (session: GcsAccessSession, access: DesiredAccess, about: About): Promise<void> => {
  const email = emailOf(session, access);
  if (await hasAccount(session, email, about))
    for (const id of await keysOf(session, email, about)) await revokeKey(session, id, about);
  await giveRole(session, memberOf(email), undefined, about);
  await send(session, 'iam.serviceAccounts.delete', { ...accountAt(session, email), method: 'DELETE' }, about);
};

const memberOf = (email: string): string => `serviceAccount:${email}`;

const accountsAt = ({ storage, iamEndpoint = 'https://iam.googleapis.com' }: GcsAccessSession): string =>
  `${iamEndpoint}/v1/projects/${storage.projectId}/serviceAccounts`;

const accountAt = (session: GcsAccessSession, email: string): GoogleRequest => ({
  uri: `${accountsAt(session)}/${email}`,
});

const hasAccount = async (session: GcsAccessSession, email: string, about: About): Promise<boolean> =>
  (await send(session, 'iam.serviceAccounts.get', accountAt(session, email), about)) !== undefined;

const createAccount = async (session: GcsAccessSession, access: DesiredAccess, about: About): Promise<void> => {
  const { user: displayName, title } = access;
  const json = {
    accountId: accountIdOf(access),
    serviceAccount: { displayName, description: `Keys of ObjectStore ${title}`.slice(0, MAX_DESCRIPTION) },
  };
  await send(session, 'iam.serviceAccounts.create', { method: 'POST', uri: accountsAt(session), json }, about, {
    429: { reason: 'QuotaExceeded', advice: MANY_ACCOUNTS },
  });
};

const MAX_DESCRIPTION = 256;
const MANY_ACCOUNTS =
  'the project has as many service accounts as its quota allows, 100 unless it was raised, or was asked too often';

export const policyOf = async (session: GcsAccessSession, about: About): Promise<BucketPolicy | undefined> => {
  const qs = { optionsRequestedPolicyVersion: 3 };
  const answer = await send(session, 'storage.buckets.getIamPolicy', { uri: policyAt(about), qs }, about);
  return answer === undefined ? undefined : policyIn(answer);
};

const policyAt = ({ bucket }: About): string => `/b/${encodeURIComponent(bucket)}/iam`;

/** Writes what was read, changed; Google refuses it where somebody changed it in between. A bucket that is gone has no policy. */
export const giveRole = async (
  session: GcsAccessSession,
  member: string,
  role: Role | undefined,
  about: About,
): Promise<void> => {
  const policy = await policyOf(session, about);
  if (policy === undefined || hasRole(policy, member, role)) return;
  const json = { ...withRole(policy, member, role), version: 3 };
  const request = { method: 'PUT', uri: policyAt(about), json } as const;
  await send(session, 'storage.buckets.setIamPolicy', request, about, {
    400: { reason: 'Throttled', advice: 'the service account is not known everywhere yet; it is tried again later' },
    412: { reason: 'Throttled', advice: 'somebody else changed the policy of the bucket; it is tried again later' },
  });
};

const keysAt = ({ storage }: GcsAccessSession): string => `/projects/${storage.projectId}/hmacKeys`;

const keysOf = async (
  session: GcsAccessSession,
  serviceAccountEmail: string,
  about: About,
): Promise<readonly string[]> => {
  const request = { uri: keysAt(session), qs: { serviceAccountEmail } };
  const answer = await send(session, 'storage.hmacKeys.list', request, about);
  const { items = [] } = answer ?? {};
  if (!Array.isArray(items)) throw new Error('the list holds something else than keys');
  return items.map((item: unknown) => textOf(item, 'accessId'));
};

const issueKey = async (session: GcsAccessSession, access: DesiredAccess, about: About): Promise<IssuedKey> => {
  const qs = { serviceAccountEmail: emailOf(session, access) };
  const request = { method: 'POST', uri: keysAt(session), qs } as const;
  const answer = await send(session, 'storage.hmacKeys.create', request, about);
  if (answer !== undefined) return { id: textOf(answer['metadata'], 'accessId'), secret: textOf(answer, 'secret') };
  const message = `Bucket ${JSON.stringify(about.bucket)}: its service account is not known everywhere yet; it is tried again later.`;
  throw new BucketError('Throttled', message);
};

/** Google deletes no key that is active. */
const revokeKey = async (session: GcsAccessSession, id: string, about: About): Promise<void> => {
  const uri = `${keysAt(session)}/${encodeURIComponent(id)}`;
  const json = { state: 'INACTIVE' };
  const key = await send(session, 'storage.hmacKeys.update', { method: 'PUT', uri, json }, about);
  if (key !== undefined) await send(session, 'storage.hmacKeys.delete', { method: 'DELETE', uri }, about);
};

const textOf = (value: unknown, name: string): string => {
  const text = typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : '';
  if (typeof text === 'string' && text !== '') return text;
  throw new Error(`the answer has no ${name}`);
};

/** Undefined where there is no such thing. */
export const send = (
  { storage, call }: GcsAccessSession,
  operation: string,
  request: GoogleRequest,
  about: About,
  meaning: Meaning = {},
): Promise<Readonly<Record<string, unknown>> | undefined> => {
  const answer = async () => {
    try {
      return await ask(storage, request);
    } catch (error) {
      if (statusOf(error) === 404) return undefined;
      throw error;
    }
  };
  return call(operation, answer, about, {
    403: { reason: 'PermissionDenied', advice: NO_PERMISSION },
    ...meaning,
  });
};

const NO_PERMISSION =
  'spec.access needs an identity that may make service accounts and HMAC keys in the project, and set the policy of the bucket; docs/buckets.md lists the roles';
