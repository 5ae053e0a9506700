import {
  CERTIFICATE_SECRET,
  DEPLOYMENT_NAME,
  GROUP,
  LEASE_NAME,
  OBJECT_STORE_GROUP,
  SHIPPED_ROLES,
} from '../api/names.ts';
import { failClosedPermission } from '../controller/webhooks/fail-closed.ts';
import { settings } from '../settings/definitions.ts';
import { type InstallObject, type InstallOptions, labels, NAME, NFS_NAMESPACE } from './options.ts';
import { fieldOf } from './template.ts';

/** rbac.authorization.k8s.io/v1 PolicyRule. */
export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** The same for what is no object. */
export interface UrlRule {
  readonly nonResourceURLs: readonly string[];
  readonly verbs: readonly string[];
}

/** Words joined by spaces. */
export const allow = (
  group: string,
  resources: string,
  verbs: string,
  resourceNames?: readonly string[],
): PolicyRule => ({
  apiGroups: [group],
  resources: resources.split(' '),
  verbs: verbs.split(' '),
  ...(resourceNames && { resourceNames }),
});

/** Cached, and never read one by one. */
const WATCH = 'list watch';
const READ = `get ${WATCH}`;
/** Server-side apply is `patch`, and `create` where the object is new. */
const APPLY = 'create patch';
const MANAGE = `${READ} ${APPLY} delete`;

const boundAtRunTime = Object.values(SHIPPED_ROLES).filter((name) => name !== SHIPPED_ROLES.nfsProvisioner);

/** What Quartermaster may do in the whole cluster, and why. */
export const clusterPermissions: readonly PolicyRule[] = [
  // Claims are read to find those that admission missed, and made where a namespace is to hold some before a job comes, which they may
  // outlive without our labels. Never deleted. That others' stay as they are the policy of the account sees to.
  allow('', 'persistentvolumeclaims', `${READ} ${APPLY}`),
  // A volume that names a class means static binding. Those of its NFS servers it makes, has them grow and deletes when they are over.
  allow('', 'persistentvolumes', `${WATCH} create patch delete`),
  // That a claim has the size it asked for: no resizer knows a folder of an NFS server.
  allow('', 'persistentvolumeclaims/status', 'patch'),
  // providerID confirms the cloud; kernel versions choose the NFS protocol.
  allow('', 'nodes', WATCH),
  // Labels decide which defaults hold; our own one tells an uninstall from a mishap.
  allow('', 'namespaces', READ),
  // Connection ConfigMaps of ObjectStores, Calrissian's default.json, and what PlatformDefaults provision; deleted with what they serve.
  allow('', 'configmaps', MANAGE),
  // Credentials an ObjectStore names, kept by a finalizer, and copies that PlatformDefaults provision. No list, no watch: only secrets
  // that are named.
  allow('', 'secrets', `get ${APPLY} delete`),
  // What was done, and why not, on the object concerned.
  allow('', 'events', APPLY),
  // The missing classes. That of Calrissian is deleted and made again for another bucket; those without our label are never touched.
  allow('storage.k8s.io', 'storageclasses', MANAGE),
  // Which provisioners can be named at all.
  allow('storage.k8s.io', 'csidrivers', WATCH),
  // Whose volumes a VolumeAttributesClass is for that a claim names. Served from Kubernetes 1.34 on.
  allow('storage.k8s.io', 'volumeattributesclasses', WATCH),
  // Our own kinds: read, finalized, and their status written.
  allow(GROUP, 'platformdefaults', WATCH),
  allow(GROUP, 'platformdefaults/status', 'patch'),
  allow(OBJECT_STORE_GROUP, 'objectstores', `${READ} patch`),
  allow(OBJECT_STORE_GROUP, 'objectstores/status', 'patch'),
  // Where the API server checks owner references, owning the connection ConfigMap needs this.
  allow(OBJECT_STORE_GROUP, 'objectstores/finalizers', 'update'),
  // A namespace made ready for Calrissian gets bindings to the shipped roles, and to no others; so does its own to fail closed.
  allow('rbac.authorization.k8s.io', 'rolebindings', MANAGE),
  allow('rbac.authorization.k8s.io', 'clusterroles', 'bind', boundAtRunTime),
  // Its own webhook configuration is put back when deleted. Creating cannot be limited by name. Whether spark-operator has one.
  allow('admissionregistration.k8s.io', 'mutatingwebhookconfigurations', `${WATCH} create`),
  allow('admissionregistration.k8s.io', 'mutatingwebhookconfigurations', 'get patch delete', [
    settings.webhookConfigurationName.fallback,
  ]),
  // Who asks for the status page, and what they may see of it. Nothing is stored by either.
  allow('authentication.k8s.io', 'tokenreviews', 'create'),
  allow('authorization.k8s.io', 'subjectaccessreviews', 'create'),
];

/** In its own namespace. */
export const systemPermissions: readonly PolicyRule[] = [
  // One leader among the replicas. Creating cannot be limited by name.
  allow('coordination.k8s.io', 'leases', 'create'),
  allow('coordination.k8s.io', 'leases', 'get update', [LEASE_NAME]),
  // The certificate Secret is replaced under its resourceVersion; reading and making it the cluster-wide rule covers.
  allow('', 'secrets', 'update', [CERTIFICATE_SECRET]),
  // Its own Deployment, to take the webhooks along when that is deleted, and the Service that reviews come through.
  allow('apps', 'deployments', READ, [DEPLOYMENT_NAME]),
  allow('', 'services', READ, [NAME]),
  // The other replicas, for a page that shows what all of them decided.
  allow('discovery.k8s.io', 'endpointslices', 'list'),
];

/** In the NFS namespace: everything an NFS server consists of. */
export const nfsPermissions: readonly PolicyRule[] = [
  allow('', 'services serviceaccounts', MANAGE),
  // The server's own disk goes with it.
  allow('', 'persistentvolumeclaims', 'delete'),
  allow('apps', 'deployments', MANAGE),
  allow('policy', 'poddisruptionbudgets', MANAGE),
  // Who reaches a server.
  allow('networking.k8s.io', 'networkpolicies', MANAGE),
];

/** The roles that are handed out at run time, with what is in them. */
export const shippedRoles: Readonly<Record<string, readonly PolicyRule[]>> = {
  // What nfs-ganesha-server-and-external-provisioner documents for itself.
  [SHIPPED_ROLES.nfsProvisioner]: [
    allow('', 'persistentvolumes', `${READ} create delete`),
    allow('', 'persistentvolumeclaims', `${READ} update`),
    allow('storage.k8s.io', 'storageclasses', READ),
    allow('', 'events', 'list watch create update patch'),
  ],
  [SHIPPED_ROLES.nfsServer]: [allow('', 'services endpoints', 'get')],
  // Bound by the leader once a review was answered: see src/controller/webhooks/fail-closed.ts.
  [SHIPPED_ROLES.failClosed]: [
    allow(failClosedPermission.group, failClosedPermission.resource, failClosedPermission.verb),
  ],
  // The four roles of openEO's guide for Calrissian, verb for verb.
  [SHIPPED_ROLES.calrissianPodManager]: [allow('', 'pods', 'create patch delete list watch')],
  [SHIPPED_ROLES.calrissianLogReader]: [allow('', 'pods/log', 'get list')],
  [SHIPPED_ROLES.calrissianJobManager]: [allow('batch', 'jobs', 'create list get delete')],
  [SHIPPED_ROLES.calrissianPvcReader]: [allow('', 'persistentvolumeclaims', 'list get')],
};

export const RBAC_VERSION = 'rbac.authorization.k8s.io/v1';
const API_GROUP = 'rbac.authorization.k8s.io';

/** The service account Quartermaster runs as, its roles, and those it hands out. */
export const rbacObjects = ({ namespace, serviceAccountAnnotations }: InstallOptions): readonly InstallObject[] => {
  const self = { kind: 'ServiceAccount', name: NAME, namespace };
  const nfsServers = { apiGroup: API_GROUP, kind: 'Group', name: `system:serviceaccounts:${NFS_NAMESPACE}` };
  return [
    {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: NAME, namespace, labels, ...fieldOf('annotations', serviceAccountAnnotations) },
    },
    role(NAME, clusterPermissions),
    binding(NAME, NAME, self),
    role(NAME, systemPermissions, namespace),
    binding(NAME, NAME, self, namespace),
    ...Object.entries(shippedRoles).map(([name, rules]) => role(name, rules)),
    binding(SHIPPED_ROLES.nfsProvisioner, SHIPPED_ROLES.nfsProvisioner, nfsServers),
  ];
};

/** What it may do where its NFS servers run. */
export const nfsRbacObjects = ({ namespace }: InstallOptions): readonly InstallObject[] => [
  role(NAME, nfsPermissions, NFS_NAMESPACE),
  binding(NAME, NAME, { kind: 'ServiceAccount', name: NAME, namespace }, NFS_NAMESPACE),
];

export const role = (name: string, rules: readonly PolicyRule[], namespace?: string): InstallObject => ({
  apiVersion: RBAC_VERSION,
  kind: namespace === undefined ? 'ClusterRole' : 'Role',
  metadata: { name, ...(namespace !== undefined && { namespace }), labels },
  rules,
});

export const binding = (
  name: string,
  roleName: string,
  subject: Readonly<Record<string, string>>,
  namespace?: string,
): InstallObject => ({
  apiVersion: RBAC_VERSION,
  kind: namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
  metadata: { name, ...(namespace !== undefined && { namespace }), labels },
  roleRef: { apiGroup: API_GROUP, kind: namespace === undefined ? 'ClusterRole' : 'Role', name: roleName },
  subjects: [subject],
});
