import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type IamStub, startIamStub } from '../../../../../dev/stubs/iam.ts';
import type { DesiredAccess, IdentityProvider } from '../../../../../src/kinds/object-store/providers/access.ts';
import { iamRoles } from '../../../../../src/kinds/object-store/providers/s3/role.ts';
import { desiredAccess } from '../../../../fixtures/desired-bucket.ts';

const signal = AbortSignal.timeout(60_000);
const ISSUER = 'oidc.eks.eu-west-1.amazonaws.com/id/ABC';
const OIDC_PROVIDER = `arn:aws:iam::123456789012:oidc-provider/${ISSUER}`;

let iam: IamStub;
const EKS_CLUSTER = 'arn:aws:eks:eu-west-1:123456789012:cluster/data';
const roles = (oidcProvider = OIDC_PROVIDER, eksCluster = ''): IdentityProvider =>
  iamRoles({
    region: 'eu-west-1',
    credentials: { accessKeyId: 'platform', secretAccessKey: 'secret' },
    endpoint: iam.endpoint,
    oidcProvider,
    eksCluster,
  });

beforeEach(async () => {
  iam = await startIamStub();
});

afterEach(() => iam?.stop());

const access = (fields: Partial<DesiredAccess> = {}) =>
  desiredAccess({ mode: 'ReadOnly', serviceAccount: { namespace: 'team-a', name: 'spark' }, ...fields });
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

  const podIdentity = {
    Effect: 'Allow',
    Principal: { Service: 'pods.eks.amazonaws.com' },
    Action: ['sts:AssumeRole', 'sts:TagSession'],
    Condition: {
      StringEquals: {
        'aws:RequestTag/eks-cluster-arn': EKS_CLUSTER,
        'aws:RequestTag/kubernetes-namespace': 'team-a',
        'aws:RequestTag/kubernetes-service-account': 'spark',
      },
    },
  };

  it('trust the agent of EKS Pod Identity where the platform names the cluster, for the one service account', async () => {
    await roles('', EKS_CLUSTER).grant(access(), signal);
    expect(JSON.parse(role()?.trust ?? '')).toEqual({ Version: '2012-10-17', Statement: [podIdentity] });
    expect(await roles('', EKS_CLUSTER).observe(access(), signal)).toMatchObject({ isGranted: true });
    const both = roles(OIDC_PROVIDER, EKS_CLUSTER);
    expect(await both.observe(access(), signal)).toMatchObject({ isGranted: false });
    await both.grant(access(), signal);
    expect(JSON.parse(role()?.trust ?? '')).toMatchObject({
      Statement: [{ Action: 'sts:AssumeRoleWithWebIdentity' }, podIdentity],
    });
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

  it.each([
    ['', ''],
    ['https://oidc.eks.eu-west-1.amazonaws.com/id/ABC', 'data'],
  ])('cannot be where the settings say %j and %j, and then it is said so', async (oidcProvider, eksCluster) => {
    await expect(roles(oidcProvider, eksCluster).grant(access(), signal)).rejects.toMatchObject({
      reason: 'UnsupportedFeature',
      message: expect.stringMatching(/AWS_OIDC_PROVIDER.*AWS_EKS_CLUSTER/) as string,
    });
  });
});
