import { isDeepStrictEqual } from 'node:util';
import {
  CreateRoleCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  GetRoleCommand,
  GetRolePolicyCommand,
  PutRolePolicyCommand,
  UpdateAssumeRolePolicyCommand,
} from '@aws-sdk/client-iam';
import type { DesiredAccess, IdentityProvider, ObservedUser } from '../access.ts';
import { BucketError } from '../bucket.ts';
import { type About, aboutAccess } from '../vendor-call.ts';
import { documentIn, type Iam, type IamOptions, isAbsent, isThere, openIam, PATH, POLICY, policyFor } from './iam.ts';

/** How IAM knows service accounts of the cluster; empty where it does not, that way. */
interface Trusted {
  /** ARN of the OIDC provider that IAM has for them (IRSA). */
  readonly oidcProvider: string;
  /** ARN of the cluster on EKS, whose agent becomes the role for them (Pod Identity). */
  readonly eksCluster: string;
}

/**
 * Roles of AWS IAM, each for one service account of the cluster and with one inline policy for one bucket. The service account becomes the
 * role by an annotation (IRSA), which whoever owns it writes, or by an association of the cluster (Pod Identity).
 */
export const iamRoles = ({ oidcProvider, eksCluster, ...options }: IamOptions & Trusted): IdentityProvider => {
  const iam = openIam(options);
  const trust = (access: DesiredAccess): Trust => trustOf(access, { oidcProvider, eksCluster });
  return {
    observe: async (access, signal) => observe(iam, access, trust(access), aboutAccess(access, signal)),
    grant: async (access, signal) => grant(iam, access, trust(access), aboutAccess(access, signal)),
    revoke: (access, signal) => revoke(iam, access, aboutAccess(access, signal)),
  };
};

/** Who may become the role: the one service account, in each way that IAM knows it. */
const trustOf = ({ serviceAccount }: DesiredAccess, { oidcProvider, eksCluster }: Trusted) => {
  const Statement =
    serviceAccount === undefined
      ? []
      : [...byWebIdentity(oidcProvider, serviceAccount), ...byPodIdentity(eksCluster, serviceAccount)];
  if (Statement.length > 0) return { Version: '2012-10-17', Statement };
  throw new BucketError(
    'UnsupportedFeature',
    'spec.access.serviceAccount: IAM does not know service accounts of this cluster: whoever runs the platform can name its OIDC provider with the setting AWS_OIDC_PROVIDER, or its cluster on EKS with AWS_EKS_CLUSTER, each by its ARN. Leave it out, and the workload gets keys.',
  );
};

type ServiceAccount = NonNullable<DesiredAccess['serviceAccount']>;

/** By a token of the service account that was made for AWS. */
const byWebIdentity = (oidcProvider: string, { namespace, name }: ServiceAccount) => {
  const issuer = /^arn:[\w-]+:iam::\d{12}:oidc-provider\/(.+)$/.exec(oidcProvider)?.[1];
  if (issuer === undefined) return [];
  const subject = `system:serviceaccount:${namespace}:${name}`;
  return [
    {
      Effect: 'Allow',
      Principal: { Federated: oidcProvider },
      Action: 'sts:AssumeRoleWithWebIdentity',
      Condition: { StringEquals: { [`${issuer}:sub`]: subject, [`${issuer}:aud`]: 'sts.amazonaws.com' } },
    },
  ];
};

/** By the agent of EKS, which says as tags whom it asks for ("Create IAM role with trust policy required by EKS Pod Identity"). */
const byPodIdentity = (eksCluster: string, { namespace, name }: ServiceAccount) =>
  /^arn:[\w-]+:eks:[\w-]+:\d{12}:cluster\/.+$/.test(eksCluster)
    ? [
        {
          Effect: 'Allow',
          Principal: { Service: 'pods.eks.amazonaws.com' },
          Action: ['sts:AssumeRole', 'sts:TagSession'],
          Condition: {
            StringEquals: {
              'aws:RequestTag/eks-cluster-arn': eksCluster,
              'aws:RequestTag/kubernetes-namespace': namespace,
              'aws:RequestTag/kubernetes-service-account': name,
            },
          },
        },
      ]
    : [];

type Trust = ReturnType<typeof trustOf>;

const observe = async (
  iam: Iam,
  access: DesiredAccess,
  trust: Trust,
  about: About,
): Promise<ObservedUser | undefined> => {
  const RoleName = access.user;
  const found = await iam.call(
    'GetRole',
    (client, options) => client.send(new GetRoleCommand({ RoleName }), options),
    about,
    isAbsent,
  );
  if (found?.Role === undefined) return undefined;
  const query = { RoleName, PolicyName: POLICY };
  const policy = await iam.call(
    'GetRolePolicy',
    (client, options) => client.send(new GetRolePolicyCommand(query), options),
    about,
    isAbsent,
  );
  const isGranted =
    isDeepStrictEqual(documentIn(found.Role.AssumeRolePolicyDocument), trust) &&
    isDeepStrictEqual(documentIn(policy?.PolicyDocument), policyFor(access, iam.partition));
  return { isGranted, keys: [], identity: found.Role.Arn };
};

const grant = async (iam: Iam, access: DesiredAccess, trust: Trust, about: About): Promise<void> => {
  const { user: RoleName, title } = access;
  const AssumeRolePolicyDocument = JSON.stringify(trust);
  const Tags = [{ Key: 'quartermaster-objectstore', Value: title }];
  const role = { RoleName, Path: PATH, AssumeRolePolicyDocument, Tags };
  await iam.call('CreateRole', (client, options) => client.send(new CreateRoleCommand(role), options), about, isThere);
  const trusting = { RoleName, PolicyDocument: AssumeRolePolicyDocument };
  await iam.call(
    'UpdateAssumeRolePolicy',
    (client, options) => client.send(new UpdateAssumeRolePolicyCommand(trusting), options),
    about,
  );
  const policy = { RoleName, PolicyName: POLICY, PolicyDocument: JSON.stringify(policyFor(access, iam.partition)) };
  await iam.call('PutRolePolicy', (client, options) => client.send(new PutRolePolicyCommand(policy), options), about);
};

/** IAM deletes no role that has policies. */
const revoke = async (iam: Iam, { user: RoleName }: DesiredAccess, about: About): Promise<void> => {
  const policy = { RoleName, PolicyName: POLICY };
  await iam.call(
    'DeleteRolePolicy',
    (client, options) => client.send(new DeleteRolePolicyCommand(policy), options),
    about,
    isAbsent,
  );
  await iam.call(
    'DeleteRole',
    (client, options) => client.send(new DeleteRoleCommand({ RoleName }), options),
    about,
    isAbsent,
  );
};
