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
import type { About } from '../vendor-call.ts';
import { documentIn, type Iam, type IamOptions, isAbsent, isThere, openIam, PATH, POLICY, policyFor } from './iam.ts';

interface RoleOptions extends IamOptions {
  /** ARN of the OIDC provider that IAM has for the cluster's service accounts; empty where it has none. */
  readonly oidcProvider: string;
}

/**
 * Roles of AWS IAM, each for one service account of the cluster (IRSA) and with one inline policy for one bucket. The service account
 * becomes the role by an annotation, which whoever owns it writes.
 */
export const iamRoles = ({ oidcProvider, ...options }: RoleOptions): IdentityProvider => {
  const iam = openIam(options);
  const about = ({ bucket }: DesiredAccess, signal: AbortSignal): About => ({ bucket, signal });
  return {
    observe: async (access, signal) => observe(iam, access, trustOf(access, oidcProvider), about(access, signal)),
    grant: async (access, signal) => grant(iam, access, trustOf(access, oidcProvider), about(access, signal)),
    revoke: (access, signal) => revoke(iam, access, about(access, signal)),
  };
};

/** Who may become the role: the one service account, by a token that was made for AWS. */
const trustOf = ({ serviceAccount }: DesiredAccess, oidcProvider: string) => {
  const issuer = /^arn:[\w-]+:iam::\d{12}:oidc-provider\/(.+)$/.exec(oidcProvider)?.[1];
  if (issuer === undefined || serviceAccount === undefined)
    throw new BucketError(
      'UnsupportedFeature',
      'spec.access.serviceAccount: IAM does not know service accounts of this cluster: whoever runs the platform can name its OIDC provider with the setting AWS_OIDC_PROVIDER. Leave it out, and the workload gets keys.',
    );
  const subject = `system:serviceaccount:${serviceAccount.namespace}:${serviceAccount.name}`;
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Federated: oidcProvider },
        Action: 'sts:AssumeRoleWithWebIdentity',
        Condition: { StringEquals: { [`${issuer}:sub`]: subject, [`${issuer}:aud`]: 'sts.amazonaws.com' } },
      },
    ],
  };
};

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
