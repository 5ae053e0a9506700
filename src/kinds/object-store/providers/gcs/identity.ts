import type { DesiredAccess, IdentityProvider, ObservedUser } from '../access.ts';
import { BucketError } from '../bucket.ts';
import { type About, aboutAccess } from '../vendor-call.ts';
import { type GcsAccessSession, giveRole, policyOf, roles, send } from './access.ts';
import { hasRole } from './policy.ts';

interface Identities extends GcsAccessSession {
  /** The cluster's; undefined where it is not in Google Cloud. */
  readonly clusterProject: string | undefined;
}

/**
 * One role on the bucket for a Kubernetes service account itself, as Workload Identity Federation for GKE names it: no account of
 * Google's stands between, and the service account needs no annotation.
 */
export const gcsIdentities = (identities: Identities): IdentityProvider => {
  return {
    observe: (access, signal) => observe(identities, access, aboutAccess(access, signal)),
    grant: async (access, signal) =>
      giveRole(
        identities,
        await principalOf(identities, access, aboutAccess(access, signal)),
        roles[access.mode],
        aboutAccess(access, signal),
      ),
    revoke: async (access, signal) =>
      giveRole(
        identities,
        await principalOf(identities, access, aboutAccess(access, signal)),
        undefined,
        aboutAccess(access, signal),
      ),
  };
};

const observe = async (
  identities: Identities,
  access: DesiredAccess,
  about: About,
): Promise<ObservedUser | undefined> => {
  const policy = await policyOf(identities, about);
  if (policy === undefined) return undefined;
  const principal = await principalOf(identities, access, about);
  return { keys: [], isGranted: hasRole(policy, principal, roles[access.mode]) };
};

/** As IAM's reference of principal identifiers has it: the pool of a project's clusters is called by the project, and found by its number. */
const principalOf = async (
  identities: Identities,
  { serviceAccount }: DesiredAccess,
  about: About,
): Promise<string> => {
  const { clusterProject } = identities;
  if (clusterProject === undefined || serviceAccount === undefined)
    throw new BucketError(
      'UnsupportedFeature',
      'spec.access.serviceAccount: this cluster is not in Google Cloud, which knows no service accounts of it: leave it out, and the workload gets keys.',
    );
  const pool = `projects/${await numberOf(identities, clusterProject, about)}/locations/global/workloadIdentityPools/${clusterProject}.svc.id.goog`;
  return `principal://iam.googleapis.com/${pool}/subject/ns/${serviceAccount.namespace}/sa/${serviceAccount.name}`;
};

/** The number of a project stands in the address of its service agent, which Cloud Storage tells. */
const numberOf = async (identities: Identities, project: string, about: About): Promise<string> => {
  const request = { uri: `/projects/${encodeURIComponent(project)}/serviceAccount` };
  const answer = await send(identities, 'storage.projects.serviceAccount.get', request, about, {
    403: { reason: 'PermissionDenied', advice: NO_NUMBER },
  });
  const address = answer?.['email_address'];
  const number = typeof address === 'string' ? /^service-(\d+)@/.exec(address)?.[1] : undefined;
  if (number !== undefined) return number;
  throw new BucketError(
    'ProviderError',
    `Google tells no number of project ${project}, which spec.access.serviceAccount needs.`,
  );
};

const NO_NUMBER =
  'spec.access.serviceAccount needs the permission resourcemanager.projects.get in the project of the cluster; docs/buckets.md lists the roles';
