import type { KubeObject } from '../api/kubernetes.ts';

/** Where a kind lives on the API server. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly isNamespaced: boolean;
}

export interface ObjectKey {
  /** Empty for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
}

export interface WriteOptions {
  readonly signal?: AbortSignal;
  readonly dryRun?: boolean;
}

export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/**
 * The API server. Every call throws AppError only (NotFound, Conflict, AlreadyExists, Forbidden, Unavailable, Timeout, Gone,
 * InvalidInput, Internal), ends within its timeout (10 s unless a signal ends it before) and names method, path and status.
 */
export interface Kube {
  /** Undefined where there is no such object. */
  readonly get: <T extends KubeObject>(
    resource: Resource,
    key: ObjectKey,
    signal?: AbortSignal,
  ) => Promise<T | undefined>;
  /** One page. `continueToken` comes from the page before. */
  readonly list: <T extends KubeObject>(
    resource: Resource,
    query: {
      readonly namespace?: string;
      readonly limit?: number;
      readonly continueToken?: string;
      readonly labelSelector?: string;
      readonly fieldSelector?: string;
    },
    signal?: AbortSignal,
  ) => Promise<{
    readonly items: readonly T[];
    readonly resourceVersion: string;
    readonly continueToken: string | undefined;
    /** How many come after this page, where the server says so. */
    readonly remaining?: number;
  }>;
  /**
   * Ends when the server ends it, when nothing has come for minutes, or with the signal: go on from the last resourceVersion.
   * Throws AppError: Gone on 410, whether as status or as ERROR event; Unavailable where the connection broke.
   */
  readonly watch: <T extends KubeObject>(
    resource: Resource,
    query: {
      readonly resourceVersion: string;
      readonly namespace?: string;
      readonly labelSelector?: string;
      readonly fieldSelector?: string;
    },
    signal: AbortSignal,
  ) => AsyncIterable<WatchEvent<T>>;
  readonly create: <T extends KubeObject>(resource: Resource, object: T, options?: WriteOptions) => Promise<T>;
  /** Server-side apply as field manager `quartermaster`, forced: what we own is as we say. */
  readonly apply: <T extends KubeObject>(resource: Resource, object: T, options?: WriteOptions) => Promise<T>;
  /** Server-side apply of the status subresource: `object` holds apiVersion, kind, metadata.name and status. */
  readonly applyStatus: <T extends KubeObject>(resource: Resource, object: T, options?: WriteOptions) => Promise<T>;
  /** JSON merge patch, for what cannot be applied (finalizers of others' objects, labels taken off). */
  readonly mergePatch: <T extends KubeObject>(
    resource: Resource,
    key: ObjectKey,
    patch: Readonly<Record<string, unknown>>,
    options?: WriteOptions,
  ) => Promise<T>;
  /** Replaces, guarded by metadata.resourceVersion: Conflict where it changed meanwhile. */
  readonly replace: <T extends KubeObject>(resource: Resource, object: T, options?: WriteOptions) => Promise<T>;
  /** Already gone is success. Preconditions guard against deleting another object of the same name. */
  readonly remove: (
    resource: Resource,
    key: ObjectKey,
    preconditions?: { readonly uid?: string; readonly resourceVersion?: string },
    options?: WriteOptions,
  ) => Promise<void>;
  /** A plain GET of a path, parsed as JSON: `/version`, `/apis/<group>/<version>`. */
  readonly read: (path: string, signal?: AbortSignal) => Promise<unknown>;
  /** POST of a review object (SubjectAccessReview, TokenReview, Events) to a path. */
  readonly post: (path: string, body: unknown, options?: WriteOptions) => Promise<unknown>;
}

const core = (plural: string, kind: string, isNamespaced = true): Resource => ({
  group: '',
  version: 'v1',
  plural,
  kind,
  isNamespaced,
});
const named = (group: string, version: string, plural: string, kind: string, isNamespaced = true): Resource => ({
  group,
  version,
  plural,
  kind,
  isNamespaced,
});

export const resources = {
  persistentVolumeClaims: core('persistentvolumeclaims', 'PersistentVolumeClaim'),
  persistentVolumes: core('persistentvolumes', 'PersistentVolume', false),
  namespaces: core('namespaces', 'Namespace', false),
  nodes: core('nodes', 'Node', false),
  configMaps: core('configmaps', 'ConfigMap'),
  secrets: core('secrets', 'Secret'),
  services: core('services', 'Service'),
  serviceAccounts: core('serviceaccounts', 'ServiceAccount'),
  events: core('events', 'Event'),
  deployments: named('apps', 'v1', 'deployments', 'Deployment'),
  storageClasses: named('storage.k8s.io', 'v1', 'storageclasses', 'StorageClass', false),
  volumeAttributesClasses: named('storage.k8s.io', 'v1', 'volumeattributesclasses', 'VolumeAttributesClass', false),
  csiDrivers: named('storage.k8s.io', 'v1', 'csidrivers', 'CSIDriver', false),
  roleBindings: named('rbac.authorization.k8s.io', 'v1', 'rolebindings', 'RoleBinding'),
  clusterRoles: named('rbac.authorization.k8s.io', 'v1', 'clusterroles', 'ClusterRole', false),
  podDisruptionBudgets: named('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget'),
  networkPolicies: named('networking.k8s.io', 'v1', 'networkpolicies', 'NetworkPolicy'),
  leases: named('coordination.k8s.io', 'v1', 'leases', 'Lease'),
  mutatingWebhooks: named(
    'admissionregistration.k8s.io',
    'v1',
    'mutatingwebhookconfigurations',
    'MutatingWebhookConfiguration',
    false,
  ),
  customResourceDefinitions: named(
    'apiextensions.k8s.io',
    'v1',
    'customresourcedefinitions',
    'CustomResourceDefinition',
    false,
  ),
  platformDefaults: named('quartermaster.dev', 'v1alpha1', 'platformdefaults', 'PlatformDefaults'),
  objectStores: named('banzaicloud.com', 'v1alpha1', 'objectstores', 'ObjectStore'),
  sparkApplications: named('sparkoperator.k8s.io', 'v1beta2', 'sparkapplications', 'SparkApplication'),
} as const satisfies Readonly<Record<string, Resource>>;
