import { DeleteBucketPolicyCommand, GetBucketPolicyCommand, PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import type { DesiredAccess } from '../access.ts';
import { BucketError } from '../bucket.ts';
import { createKeyedMutex } from '../keyed-mutex.ts';
import type { About } from '../vendor-call.ts';
import type { S3Session } from './client.ts';

interface Statement {
  readonly Sid?: string;
  readonly [field: string]: unknown;
}

/** As it is stored: statements of others keep whatever they hold. */
interface Policy {
  readonly Version: string;
  readonly Statement: readonly Statement[];
}

/** Which users have what of a bucket by its policy, by name. */
export type Grants = ReadonlyMap<string, DesiredAccess['mode']>;

/** On the bucket itself, and on the objects in it. */
const ON_BUCKET = ['s3:ListBucket', 's3:GetBucketLocation', 's3:ListBucketMultipartUploads'];
const TO_READ = ['s3:GetObject', 's3:GetObjectVersion'];
const TO_WRITE = ['s3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];

/** What a user of this mode may do, as pairs of actions and whether they are about the objects. */
export const permissionsOf = (mode: DesiredAccess['mode']) => ({
  onBucket: ON_BUCKET,
  onObjects: mode === 'ReadWrite' ? [...TO_READ, ...TO_WRITE] : TO_READ,
});

const SIDS = { list: 'QuartermasterList', read: 'QuartermasterRead', write: 'QuartermasterWrite' } as const;
const isOurs = ({ Sid }: Statement): boolean => Object.values(SIDS).some((sid) => sid === Sid);

/** Ceph's way to name a user; one of a tenant is `tenant$user`. */
const arnOf = (user: string): string => {
  const [tenant, name] = user.includes('$') ? user.split('$', 2) : ['', user];
  return `arn:aws:iam::${tenant}:user/${name}`;
};

const userIn = (arn: string): string | undefined => {
  const [, tenant = '', name] = /^arn:aws:iam::([^:]*):user\/(.+)$/.exec(arn) ?? [];
  return name === undefined || tenant === '' ? name : `${tenant}$${name}`;
};

/** The grants that our statements of a bucket's policy hold. */
export const readGrants = async (session: S3Session, about: About): Promise<Grants> =>
  grantsIn(await readPolicy(session, about));

const grantsIn = ({ Statement }: Policy): Grants => {
  const usersOf = (sid: string): readonly string[] =>
    Statement.filter(({ Sid }) => Sid === sid)
      .flatMap(principalsIn)
      .flatMap((arn) => userIn(arn) ?? []);
  const writers = new Set(usersOf(SIDS.write));
  const readers = new Set(usersOf(SIDS.read));
  const listed = usersOf(SIDS.list).filter((user) => readers.has(user));
  return new Map(listed.map((user) => [user, writers.has(user) ? 'ReadWrite' : 'ReadOnly']));
};

const principalsIn = ({ Principal }: Statement): readonly string[] => {
  if (typeof Principal !== 'object' || Principal === null || !('AWS' in Principal)) return [];
  const { AWS } = Principal;
  return (Array.isArray(AWS) ? AWS : [AWS]).filter((arn) => typeof arn === 'string');
};

/** Buckets whose policy is being changed, by endpoint and name: a policy is read, changed and written as a whole. */
const policies = createKeyedMutex();

/** Has our statements hold what `change` makes of them. Others' statements stay. One change of a bucket goes after the other. */
export const changeGrants = (session: S3Session, about: About, change: (grants: Grants) => Grants): Promise<void> =>
  policies(`${session.endpoint?.href ?? session.region} ${about.bucket}`, () => rewrite(session, about, change));

const rewrite = async (session: S3Session, about: About, change: (grants: Grants) => Grants): Promise<void> => {
  const policy = await readPolicy(session, about);
  const grants = change(grantsIn(policy));
  const others = policy.Statement.filter((statement) => !isOurs(statement));
  const statements = [...others, ...statementsFor(about.bucket, grants)];
  if (statements.length > 0) {
    const Policy = JSON.stringify({ ...policy, Statement: statements });
    await session.send(new PutBucketPolicyCommand({ Bucket: about.bucket, Policy }), about);
  } else if (policy.Statement.length > 0) {
    await session.send(new DeleteBucketPolicyCommand({ Bucket: about.bucket }), about);
  }
};

const readPolicy = async ({ find }: S3Session, about: About): Promise<Policy> => {
  const answer = await find(new GetBucketPolicyCommand({ Bucket: about.bucket }), about);
  if (answer?.Policy === undefined) return { Version: '2012-10-17', Statement: [] };
  const policy = parsed(answer.Policy);
  if (policy !== undefined) return policy;
  const message = `Bucket ${JSON.stringify(about.bucket)}: its policy cannot be read, so nobody is added to it.`;
  throw new BucketError('ProviderError', message);
};

const parsed = (text: string): Policy | undefined => {
  try {
    const { Version = '2012-10-17', Statement, ...others } = JSON.parse(text) as Partial<Policy>;
    return Statement && { ...others, Version, Statement: Array.isArray(Statement) ? Statement : [Statement] };
  } catch {
    return undefined;
  }
};

const statementsFor = (bucket: string, grants: Grants): readonly Statement[] => {
  const users = [...grants.keys()].toSorted();
  const writers = users.filter((user) => grants.get(user) === 'ReadWrite');
  const statement = (sid: string, whom: readonly string[], action: readonly string[], resource: string) =>
    whom.length === 0
      ? []
      : [
          {
            Sid: sid,
            Effect: 'Allow',
            Principal: { AWS: whom.map(arnOf) },
            Action: action,
            Resource: [`arn:aws:s3:::${resource}`],
          },
        ];
  return [
    ...statement(SIDS.list, users, ON_BUCKET, bucket),
    ...statement(SIDS.read, users, TO_READ, `${bucket}/*`),
    ...statement(SIDS.write, writers, TO_WRITE, `${bucket}/*`),
  ];
};
