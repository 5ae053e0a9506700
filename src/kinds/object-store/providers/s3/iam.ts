import { isDeepStrictEqual } from 'node:util';
import {
  CreateAccessKeyCommand,
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeleteUserCommand,
  DeleteUserPolicyCommand,
  GetUserPolicyCommand,
  IAMClient,
  IAMServiceException,
  ListAccessKeysCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import type { AccessProvider, DesiredAccess, IssuedKey, ObservedUser } from '../access.ts';
import { BucketError, type BucketReason } from '../bucket.ts';
import type { S3Credentials } from '../credentials.ts';
import { type About, aboutAccess, createVendorCall, retryAfterMs, type Verdict } from '../vendor-call.ts';
import { permissionsOf } from './bucket-policy.ts';

export interface IamOptions {
  /** Of the bucket; its partition is the users'. */
  readonly region: string;
  /** The SDK's own chain where not given. */
  readonly credentials?: S3Credentials | undefined;
  /** IAM's own address where not given. */
  readonly endpoint?: string | undefined;
}

/** Below it, so that a platform can bound what we may make: `arn:aws:iam::ACCOUNT:user/quartermaster/*`. */
export const PATH = '/quartermaster/';
/** The one policy of a user, inline: it goes with the user. */
export const POLICY = 'bucket';

/** Opens IAM; makes no call yet. */
export const openIam = ({ region, credentials, endpoint }: IamOptions): Iam => {
  const client = new IAMClient({
    region,
    maxAttempts: 1,
    ...(credentials && { credentials }),
    ...(endpoint !== undefined && { endpoint }),
  });
  const call = createVendorCall({ target: 'AWS IAM', read: readIamError });
  return {
    partition: partitionOf(region),
    call: (operation, send, about, isFine = () => false) =>
      call(
        operation,
        (abortSignal) =>
          send(client, { abortSignal }).catch((error: unknown) => {
            if (error instanceof IAMServiceException && isFine(error.name)) return undefined;
            throw error;
          }),
        about,
      ),
  };
};

/** Users of AWS IAM, each with one inline policy for one bucket. IAM tells of what was just made a moment later only. */
export const iamAccess = (options: IamOptions): AccessProvider => {
  const iam = openIam(options);
  return {
    observe: (access, signal) => observe(iam, access, aboutAccess(access, signal)),
    grant: (access, signal) => grant(iam, access, aboutAccess(access, signal)),
    issueKey: (access, signal) => issueKey(iam, access, aboutAccess(access, signal)),
    revokeKey: ({ user, bucket }, id, signal) => revokeKey(iam, user, id, { bucket, signal }),
    revoke: (access, signal) => revoke(iam, access, aboutAccess(access, signal)),
  };
};

export interface Iam {
  readonly partition: string;
  /** Undefined where IAM answered an error that `isFine`. */
  readonly call: <T>(
    operation: string,
    send: (client: IAMClient, options: { readonly abortSignal: AbortSignal }) => Promise<T>,
    about: About,
    isFine?: (code: string) => boolean,
  ) => Promise<T | undefined>;
}

const partitionOf = (region: string): string => {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
};

export const isAbsent = (code: string): boolean => /^NoSuchEntity(Exception)?$/.test(code);
export const isThere = (code: string): boolean => /^EntityAlreadyExists(Exception)?$/.test(code);

const observe = async (iam: Iam, access: DesiredAccess, about: About): Promise<ObservedUser | undefined> => {
  const keys = await keysOf(iam, access.user, about);
  if (keys === undefined) return undefined;
  const query = { UserName: access.user, PolicyName: POLICY };
  const answer = await iam.call(
    'GetUserPolicy',
    (client, options) => client.send(new GetUserPolicyCommand(query), options),
    about,
    isAbsent,
  );
  return { keys, isGranted: isDeepStrictEqual(documentIn(answer?.PolicyDocument), policyFor(access, iam.partition)) };
};

const keysOf = async (iam: Iam, UserName: string, about: About): Promise<readonly string[] | undefined> => {
  const answer = await iam.call(
    'ListAccessKeys',
    (client, options) => client.send(new ListAccessKeysCommand({ UserName }), options),
    about,
    isAbsent,
  );
  return answer?.AccessKeyMetadata?.flatMap(({ AccessKeyId }) => AccessKeyId ?? []);
};

/** IAM answers with the document as part of a URL would hold it. */
export const documentIn = (text: string | undefined): unknown => {
  try {
    return text === undefined ? undefined : JSON.parse(decodeURIComponent(text));
  } catch {
    return undefined;
  }
};

export const policyFor = ({ bucket, mode, encryptionKey }: DesiredAccess, partition: string) => {
  const { onBucket, onObjects } = permissionsOf(mode);
  const arn = `arn:${partition}:s3:::${bucket}`;
  const kms = mode === 'ReadWrite' ? ['kms:Decrypt', 'kms:GenerateDataKey'] : ['kms:Decrypt'];
  return {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: onBucket, Resource: [arn] },
      { Effect: 'Allow', Action: onObjects, Resource: [`${arn}/*`] },
      // A key that is named by its ID alone is of this account, and its own policy decides.
      ...(encryptionKey?.startsWith('arn:') ? [{ Effect: 'Allow', Action: kms, Resource: [encryptionKey] }] : []),
    ],
  };
};

const grant = async (iam: Iam, access: DesiredAccess, about: About): Promise<void> => {
  const { user: UserName, title } = access;
  const user = { UserName, Path: PATH, Tags: [{ Key: 'quartermaster-objectstore', Value: title }] };
  await iam.call('CreateUser', (client, options) => client.send(new CreateUserCommand(user), options), about, isThere);
  const policy = { UserName, PolicyName: POLICY, PolicyDocument: JSON.stringify(policyFor(access, iam.partition)) };
  await iam.call('PutUserPolicy', (client, options) => client.send(new PutUserPolicyCommand(policy), options), about);
};

const issueKey = async (iam: Iam, { user: UserName }: DesiredAccess, about: About): Promise<IssuedKey> => {
  const answer = await iam.call(
    'CreateAccessKey',
    (client, options) => client.send(new CreateAccessKeyCommand({ UserName }), options),
    about,
  );
  const { AccessKeyId: id, SecretAccessKey: secret } = answer?.AccessKey ?? {};
  if (id !== undefined && secret !== undefined) return { id, secret };
  throw new BucketError('ProviderError', `Bucket ${JSON.stringify(about.bucket)}: AWS IAM made no key.`);
};

const revokeKey = async (iam: Iam, UserName: string, AccessKeyId: string, about: About): Promise<void> => {
  const key = { UserName, AccessKeyId };
  await iam.call(
    'DeleteAccessKey',
    (client, options) => client.send(new DeleteAccessKeyCommand(key), options),
    about,
    isAbsent,
  );
};

/** IAM deletes no user that has keys or policies. */
const revoke = async (iam: Iam, { user: UserName }: DesiredAccess, about: About): Promise<void> => {
  for (const id of (await keysOf(iam, UserName, about)) ?? []) await revokeKey(iam, UserName, id, about);
  const policy = { UserName, PolicyName: POLICY };
  await iam.call(
    'DeleteUserPolicy',
    (client, options) => client.send(new DeleteUserPolicyCommand(policy), options),
    about,
    isAbsent,
  );
  await iam.call(
    'DeleteUser',
    (client, options) => client.send(new DeleteUserCommand({ UserName }), options),
    about,
    isAbsent,
  );
};

const reasonOfCode: Readonly<Record<string, BucketReason>> = {
  AccessDenied: 'PermissionDenied',
  AccessDeniedException: 'PermissionDenied',
  InvalidClientTokenId: 'CredentialsInvalid',
  SignatureDoesNotMatch: 'CredentialsInvalid',
  ExpiredToken: 'CredentialsInvalid',
  CredentialsProviderError: 'CredentialsMissing',
  LimitExceeded: 'QuotaExceeded',
  LimitExceededException: 'QuotaExceeded',
  Throttling: 'Throttled',
  ThrottlingException: 'Throttled',
  ConcurrentModification: 'Throttled',
  ConcurrentModificationException: 'Throttled',
  DeleteConflict: 'Throttled',
  DeleteConflictException: 'Throttled',
};

const readIamError = (error: unknown): Verdict => {
  const code = error instanceof Error ? error.name : '';
  const reason = reasonOfCode[code] ?? 'ProviderError';
  const advice = reason === 'PermissionDenied' ? { advice: NO_PERMISSION } : {};
  if (!(error instanceof IAMServiceException)) return { reason, code, ...advice };
  const { httpStatusCode: status } = error.$metadata;
  const later = retryAfterMs(error.$response?.headers['retry-after']);
  return {
    reason,
    code,
    ...advice,
    ...(status !== undefined && { status }),
    ...(later !== undefined && { retryAfterMs: later }),
  };
};

const NO_PERMISSION =
  'spec.access needs an identity that may manage IAM users below /quartermaster/, or roles for spec.access.serviceAccount; docs/buckets.md lists the permissions';
