import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type IamStub, startIamStub } from '../../../../../dev/stubs/iam.ts';
import type { DesiredAccess, IdentityProvider } from '../../../../../src/kinds/object-store/providers/access.ts';
import { iamRoles } from '../../../../../src/kinds/object-store/providers/s3/role.ts';

const signal = AbortSignal.timeout(60_000);
const ISSUER = 'oidc.eks.eu-west-1.amazonaws.com/id/ABC';
const OIDC_PROVIDER = `arn:aws:iam::123456789012:oidc-provider/${ISSUER}`;

let iam: IamStub;
const roles = (oidcProvider = OIDC_PROVIDER): IdentityProvider =>
  iamRoles({
    region: 'eu-west-1',
    credentials: { accessKeyId: 'platform', secretAccessKey: 'secret' },
    endpoint: iam.endpoint,
    oidcProvider,
  });

beforeEach(async () => {
  iam = await startIamStub();
});

afterEach(() => iam?.stop());

const access = (fields: Partial<DesiredAccess> = {}): DesiredAccess => ({
  user: 'quartermaster-uid-1',
  title: 'team-a/history',
  bucket: 'spark-history',
  mode: 'ReadOnly',
  encryptionKey: undefined,
  serviceAccount: { namespace: 'team-a', name: 'spark' },
  ...fields,
});
const role = () => iam.roles.get('quartermaster-uid-1');

describe('roles of AWS IAM', () => {
  it('are for one service account, one bucket and nothing else, and made once', async () => {
    expect(await roles().observe(access(), signal)).toBeUndefined();
    await roles().grant(access(), signal);
    await roles().grant(access(), signal);
    expect(await roles().observe(access(), signal)).toEqual({
      isGranted: true,
      keys: [],
      identity: 'arn:aws:iam::123456789012:role/quartermaster/quartermaster-uid-1',
    });
    expect(JSON.parse(role()?.trust ?? '')).toMatchObject({
      Statement: [
        {
          Action: 'sts:AssumeRoleWithWebIdentity',
          Principal: { Federated: OIDC_PROVIDER },
          Condition: {
            StringEquals: {
              [`${ISSUER}:sub`]: 'system:serviceaccount:team-a:spark',
              [`${ISSUER}:aud`]: 'sts.amazonaws.com',
            },
          },
        },
      ],
    });
    const { Statement } = JSON.parse(role()?.policies.get('bucket') ?? '{}') as {
      readonly Statement: readonly { readonly Resource: readonly string[]; readonly Action: readonly string[] }[];
    };
    expect(Statement.flatMap(({ Resource }) => Resource)).toEqual([
      'arn:aws:s3:::spark-history',
      'arn:aws:s3:::spark-history/*',
    ]);
    expect(Statement.flatMap(({ Action }) => Action)).not.toContain('s3:PutObject');
  });

  it('that are there are put right where another may become them, or they may do something else', async () => {
    await roles().grant(access(), signal);
    const other = access({ serviceAccount: { namespace: 'team-a', name: 'other' } });
    expect(await roles().observe(other, signal)).toMatchObject({ isGranted: false });
    await roles().grant(other, signal);
    expect(await roles().observe(other, signal)).toMatchObject({ isGranted: true });
    expect(await roles().observe({ ...other, mode: 'ReadWrite' }, signal)).toMatchObject({ isGranted: false });
  });

  it('go with their policy, and are gone already without a word', async () => {
    await roles().grant(access(), signal);
    await roles('').revoke(access(), signal);
    await roles('').revoke(access(), signal);
    expect(iam.roles.size).toBe(0);
  });

  it.each(['', 'https://oidc.eks.eu-west-1.amazonaws.com/id/ABC'])(
    'cannot be where the setting says %j, and then it is said so',
    async (setting) => {
      await expect(roles(setting).grant(access(), signal)).rejects.toMatchObject({
        reason: 'UnsupportedFeature',
        message: expect.stringContaining('AWS_OIDC_PROVIDER') as string,
      });
    },
  );
});
