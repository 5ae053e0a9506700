import { GetBucketAclCommand } from '@aws-sdk/client-s3';
import type { AccessProvider, DesiredAccess, IssuedKey, ObservedUser } from '../access.ts';
import { BucketError } from '../bucket.ts';
import { type About, aboutAccess } from '../vendor-call.ts';
import { changeGrants, type Grants, readGrants } from './bucket-policy.ts';
import { isAbsent, type S3Session } from './client.ts';
import { adminErrorCode, type RgwAdmin, type RgwUser, rgwAdmin } from './rgw-admin.ts';

/**
 * Users of a Ceph object gateway, made through its admin API, which our keys need the caps `users=*` for. A user may make no
 * bucket and owns none: what it may do stands in the policy of the one bucket it is for.
 */
export const rgwAccess = (session: S3Session): AccessProvider => {
  const admin = rgwAdmin(session);
  return {
    observe: (access, signal) => observe(session, admin, access, aboutAccess(access, signal)),
    grant: (access, signal) => grant(session, admin, access, aboutAccess(access, signal)),
    issueKey: (access, signal) => issueKey(admin, access, aboutAccess(access, signal)),
    revokeKey: async ({ user, ...access }, id, signal) => {
      const query = { key: '', uid: user, 'access-key': id, 'key-type': 's3' };
      await admin('DELETE', 'user', query, aboutAccess({ user, ...access }, signal), isGone);
    },
    revoke: (access, signal) => revoke(session, admin, access, aboutAccess(access, signal)),
  };
};

const GONE = ['NoSuchUser', 'InvalidAccessKeyId', 'NoSuchKey'];
const isGone = (error: unknown): boolean => GONE.includes(adminErrorCode(error) ?? '');

const observe = async (
  session: S3Session,
  admin: RgwAdmin,
  { user, mode }: DesiredAccess,
  about: About,
): Promise<ObservedUser | undefined> => {
  const found = await admin<RgwUser>('GET', 'user', { uid: user }, about, isGone);
  if (found === undefined) return undefined;
  const grants = await readGrants(session, about);
  const isOnlyReader = found.max_buckets === -1 && found.suspended === 0 && found.caps.length === 0;
  return {
    isGranted: grants.get(user) === mode && isOnlyReader,
    keys: found.keys.map(({ access_key: id }) => id),
  };
};

/** Ceph says 409 to making a user that is there, and 200 to changing one. */
const grant = async (session: S3Session, admin: RgwAdmin, access: DesiredAccess, about: About): Promise<void> => {
  const { user, title, mode } = access;
  const fields = { uid: user, 'display-name': `ObjectStore ${title}`, 'max-buckets': '-1' };
  const isThere = (error: unknown): boolean => adminErrorCode(error) === 'UserAlreadyExists';
  const made = await admin('PUT', 'user', { ...fields, 'generate-key': 'False' }, about, isThere);
  if (made === undefined) await admin('POST', 'user', { ...fields, suspended: 'False' }, about);
  const owner = await ownerOf(session, about);
  await changeGrants(session, about, (grants) => new Map([...withOwner(grants, owner), [user, mode]]));
};

/** Ceph shows what a user wrote to nobody else, not even to whom the bucket belongs and stays with. */
const withOwner = (grants: Grants, owner: string): Grants => new Map([...grants, [owner, 'ReadWrite']]);

const ownerOf = async ({ send }: S3Session, about: About): Promise<string> => {
  const { Owner } = await send(new GetBucketAclCommand({ Bucket: about.bucket }), about);
  if (Owner?.ID !== undefined) return Owner.ID;
  throw new BucketError('ProviderError', `Bucket ${JSON.stringify(about.bucket)}: its owner is not told.`);
};

const issueKey = async (admin: RgwAdmin, { user }: DesiredAccess, about: About): Promise<IssuedKey> => {
  const before = await admin<RgwUser>('GET', 'user', { uid: user }, about);
  const known = new Set(before?.keys.map(({ access_key: id }) => id));
  const query = { key: '', uid: user, 'key-type': 's3', 'generate-key': 'True' };
  // Ceph answers with all keys of the user.
  const keys = await admin<RgwUser['keys']>('PUT', 'user', query, about);
  const made = keys?.find(({ access_key: id }) => !known.has(id));
  if (made !== undefined) return { id: made.access_key, secret: made.secret_key };
  throw new BucketError('ProviderError', `Bucket ${JSON.stringify(about.bucket)}: the gateway made no key.`);
};

/** What the user wrote stays where it is, and is the bucket's owner's to read. */
const revoke = async (session: S3Session, admin: RgwAdmin, { user }: DesiredAccess, about: About): Promise<void> => {
  const others = (grants: Grants): Grants => new Map([...grants].filter(([each]) => each !== user));
  await changeGrants(session, about, others).catch(unlessBucketIsGone);
  await admin('DELETE', 'user', { uid: user }, about, isGone);
};

const unlessBucketIsGone = (error: unknown): void => {
  const cause = error instanceof BucketError ? error.cause : error;
  if (!isAbsent(cause) && !(cause instanceof Error && cause.name === 'NoSuchBucket')) throw error;
};
