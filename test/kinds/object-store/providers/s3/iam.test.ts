import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type IamStub, startIamStub } from '../../../../../dev/stubs/iam.ts';
import type { AccessProvider } from '../../../../../src/kinds/object-store/providers/access.ts';
import { iamAccess } from '../../../../../src/kinds/object-store/providers/s3/iam.ts';
import { desiredAccess } from '../../../../fixtures/desired-bucket.ts';

const signal = AbortSignal.timeout(60_000);
const credentials = { accessKeyId: 'platform', secretAccessKey: 'secret' };

let iam: IamStub;
let provider: AccessProvider;

beforeAll(async () => {
  iam = await startIamStub();
  provider = iamAccess({ region: 'eu-west-1', credentials, endpoint: iam.endpoint });
});

afterAll(() => iam?.stop());

const policyOf = (user: string): unknown => JSON.parse(iam.users.get(user)?.policies.get('bucket') ?? '{}');

describe('users of AWS IAM', () => {
  it('are made below /quartermaster/ with one policy, for the one bucket', async () => {
    expect(await provider.observe(desiredAccess(), signal)).toBeUndefined();
    await provider.grant(desiredAccess(), signal);
    expect(iam.users.get('quartermaster-uid-1')?.path).toBe('/quartermaster/');
    expect(policyOf('quartermaster-uid-1')).toEqual({
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Allow',
          Action: ['s3:ListBucket', 's3:GetBucketLocation', 's3:ListBucketMultipartUploads'],
          Resource: ['arn:aws:s3:::spark-history'],
        },
        {
          Effect: 'Allow',
          Action: [
            's3:GetObject',
            's3:GetObjectVersion',
            's3:PutObject',
            's3:DeleteObject',
            's3:AbortMultipartUpload',
            's3:ListMultipartUploadParts',
          ],
          Resource: ['arn:aws:s3:::spark-history/*'],
        },
      ],
    });
    expect(await provider.observe(desiredAccess(), signal)).toEqual({ isGranted: true, keys: [] });
  });

  it('that are there already keep their keys and get the permissions that are asked for now', async () => {
    const key = await provider.issueKey(desiredAccess(), signal);
    expect(key.secret).toBe(`secret-of-${key.id}`);
    const reader = desiredAccess({ mode: 'ReadOnly' });
    expect(await provider.observe(reader, signal)).toEqual({ isGranted: false, keys: [key.id] });
    await provider.grant(reader, signal);
    expect(await provider.observe(reader, signal)).toEqual({ isGranted: true, keys: [key.id] });
    expect(JSON.stringify(policyOf('quartermaster-uid-1'))).not.toContain('s3:PutObject');
  });

  it('may use the key that the bucket is encrypted with, and in China are of its partition', async () => {
    const encryptionKey = 'arn:aws-cn:kms:cn-north-1:123456789012:key/1234';
    const china = iamAccess({ region: 'cn-north-1', credentials, endpoint: iam.endpoint });
    await china.grant(desiredAccess({ user: 'quartermaster-uid-2', encryptionKey }), signal);
    expect(policyOf('quartermaster-uid-2')).toMatchObject({
      Statement: [
        { Resource: ['arn:aws-cn:s3:::spark-history'] },
        { Resource: ['arn:aws-cn:s3:::spark-history/*'] },
        { Action: ['kms:Decrypt', 'kms:GenerateDataKey'], Resource: [encryptionKey] },
      ],
    });
  });

  it('are gone with their keys and permissions, however often one asks', async () => {
    await provider.issueKey(desiredAccess(), signal);
    await provider.revoke(desiredAccess(), signal);
    await provider.revoke(desiredAccess(), signal);
    await provider.revokeKey(desiredAccess(), 'AKIAGONE', signal);
    expect([...iam.users.keys()]).toEqual(['quartermaster-uid-2']);
  });

  it('say which permission is missing', async () => {
    iam.refuseNext('CreateUser', 403, 'AccessDenied');
    await expect(provider.grant(desiredAccess(), signal)).rejects.toMatchObject({
      reason: 'PermissionDenied',
      message:
        'Bucket "spark-history" at AWS IAM: spec.access needs an identity that may manage IAM users below /quartermaster/, or roles for spec.access.serviceAccount; docs/buckets.md lists the permissions (CreateUser: 403 AccessDenied).',
    });
  });

  it.each([
    ['LimitExceeded', 409, 'QuotaExceeded'],
    ['Throttling', 400, 'Throttled'],
    ['InvalidClientTokenId', 403, 'CredentialsInvalid'],
    ['ServiceFailure', 500, 'ProviderError'],
  ])('take %s for what it is', async (code, status, reason) => {
    iam.refuseNext('ListAccessKeys', status, code);
    await expect(provider.observe(desiredAccess(), signal)).rejects.toMatchObject({ reason });
  });
});
