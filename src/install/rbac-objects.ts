import { SHIPPED_ROLES } from '../api/names.ts';
import { type InstallObject, type InstallOptions, labels, NAME, NFS_NAMESPACE } from './options.ts';
import { clusterPermissions, nfsPermissions, type PolicyRule, shippedRoles, systemPermissions } from './rbac.ts';

const API_VERSION = 'rbac.authorization.k8s.io/v1';
const API_GROUP = 'rbac.authorization.k8s.io';

/** The service account Quartermaster runs as, its roles, and those it hands out. */
export const rbacObjects = ({ namespace }: InstallOptions): readonly InstallObject[] => {
  const self = { kind: 'ServiceAccount', name: NAME, namespace };
  const nfsServers = { apiGroup: API_GROUP, kind: 'Group', name: `system:serviceaccounts:${NFS_NAMESPACE}` };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: NAME, namespace, labels } },
    role(NAME, clusterPermissions),
    binding(NAME, NAME, self),
    role(NAME, systemPermissions, namespace),
    binding(NAME, NAME, self, namespace),
    role(NAME, nfsPermissions, NFS_NAMESPACE),
    binding(NAME, NAME, self, NFS_NAMESPACE),
    ...Object.entries(shippedRoles).map(([name, rules]) => role(name, rules)),
    binding(SHIPPED_ROLES.nfsProvisioner, SHIPPED_ROLES.nfsProvisioner, nfsServers),
  ];
};

const role = (name: string, rules: readonly PolicyRule[], namespace?: string): InstallObject => ({
  apiVersion: API_VERSION,
  kind: namespace === undefined ? 'ClusterRole' : 'Role',
  metadata: { name, ...(namespace !== undefined && { namespace }), labels },
  rules,
});

const binding = (
  name: string,
  roleName: string,
  subject: Readonly<Record<string, string>>,
  namespace?: string,
): InstallObject => ({
  apiVersion: API_VERSION,
  kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
  metadata: { name, ...(namespace !== undefined && { namespace }), labels },
  roleRef: { apiGroup: API_GROUP, kind: namespace === undefined ? 'ClusterRole' : 'Role', name: roleName },
  subjects: [subject],
});
