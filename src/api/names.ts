/** Every label, annotation, group and fixed name that Quartermaster reads or writes on the cluster. */
export const GROUP = 'quartermaster.dev';
export const OBJECT_STORE_GROUP = 'banzaicloud.com';
export const FIELD_MANAGER = 'quartermaster';

/** `quartermaster.dev/inject: disabled` on an object or its namespace: leave it alone. */
export const INJECT_LABEL = `${GROUP}/inject`;
export const INJECT_DISABLED = 'disabled';
/** What RBAC names: to `get` this non-resource URL is to see the status page of the whole cluster. `/api/…` would be everybody's. */
export const STATUS_URL = '/quartermaster/status';
/** What was injected and by which PlatformDefaults, in lines that people can read: the snapshot an UPDATE re-injects. */
export const INJECTED_ANNOTATION = `${GROUP}/injected`;
/** On everything Quartermaster made; what lacks it belongs to somebody else and is never changed. */
export const MANAGED_BY_LABEL = 'app.kubernetes.io/managed-by';
export const MANAGED_BY = 'quartermaster';
/** `quartermaster.dev/calrissian: enabled` on a namespace: make it ready for Calrissian, and look at its pods. */
export const CALRISSIAN_LABEL = `${GROUP}/calrissian`;
export const CALRISSIAN_ENABLED = 'enabled';
/** On what `provision` made: `<namespace>/<name>` of the PlatformDefaults it serves. */
export const PROVISIONED_BY_ANNOTATION = `${GROUP}/provisioned-by`;
/** `quartermaster.dev/provisioned: "true"` on the same objects, to watch those and no others. */
export const PROVISIONED_LABEL = `${GROUP}/provisioned`;
/** On the ConfigMaps in the system namespace that say which Secrets `provision` made: those cannot be listed. */
export const PROVISION_LEDGER_LABEL = `${GROUP}/provision-ledger`;
/** What the ConfigMap of an ObjectStore and the Secret of its access are called, unless its spec says otherwise. */
export const connectionNameFor = (objectStore: string): string => `${objectStore}-objectstore`;
/** On the Secret of an ObjectStore's access: when its key was made, for which `spec.access.rotation`, and which keys it replaced that work until when. */
export const ACCESS_ISSUED_ANNOTATION = `${GROUP}/key-issued-at`;
export const ACCESS_ROTATION_ANNOTATION = `${GROUP}/key-rotation`;
export const ACCESS_FORMER_KEYS_ANNOTATION = `${GROUP}/former-keys`;
export const ACCESS_FORMER_UNTIL_ANNOTATION = `${GROUP}/former-keys-until`;
export const OBJECT_STORE_FINALIZER = `${OBJECT_STORE_GROUP}/objectstore`;
/** On a Secret or ConfigMap that an ObjectStore reaches its bucket with: it goes after what only that can take away. */
export const IN_USE_FINALIZER = `${OBJECT_STORE_GROUP}/in-use-by-objectstore`;
/** On an ObjectStore, by a person: its UID has it go though keys for its bucket cannot be taken back. */
export const LEAVE_ACCESS_ANNOTATION = `${GROUP}/leave-access`;
/** What the labels, tags or metadata of a bucket begin with that say whose it is. */
export const BUCKET_MARK_PREFIX = 'quartermaster-';
/** On a bucket: the UID of its ObjectStore, and the UID of the namespace kube-system of its cluster. */
export const BUCKET_STORE_MARK = `${BUCKET_MARK_PREFIX}objectstore`;
export const BUCKET_CLUSTER_MARK = `${BUCKET_MARK_PREFIX}cluster`;
/** On a storage account made for the ObjectStores of one namespace: which. */
export const BUCKET_NAMESPACE_MARK = `${BUCKET_MARK_PREFIX}namespace`;

export const DEFAULT_CLASS_ANNOTATION = 'storageclass.kubernetes.io/is-default-class';
/** Kubernetes' own predecessor of spec.storageClassName, still honoured by the API server. */
export const BETA_CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

/** On a StorageClass we made: the cloud, access mode, volume mode and tier it was made for. */
export const MADE_FOR_ANNOTATION = `${GROUP}/made-for`;
/** On a StorageClass we made: the facts that went into it, each with its source. */
export const MADE_FROM_ANNOTATION = `${GROUP}/made-from`;

/** On everything an NFS server consists of, its StorageClass included: the class, shortened where that is no label value. */
export const NFS_CLASS_LABEL = `${GROUP}/nfs-class`;
/** On the same objects but the class: the whole name of the StorageClass. */
export const NFS_CLASS_ANNOTATION = `${GROUP}/storage-class`;
/** On the disk of an NFS server: what must come back as it was when somebody deletes it, as JSON. */
export const NFS_MEMORY_ANNOTATION = `${GROUP}/nfs-memory`;
/** On the disk of an NFS server, by a person: `quartermaster` has a server that nfs-provisioner runs moved to ours. */
export const NFS_SERVER_ANNOTATION = `${GROUP}/nfs-server`;
/** Kubernetes' own, on a volume: which provisioner made it. */
export const VOLUME_PROVISIONER_ANNOTATION = 'pv.kubernetes.io/provisioned-by';
/** On a volume of a class that says Delete: it stays until its folder is gone. */
export const NFS_VOLUME_FINALIZER = `${GROUP}/nfs-volume`;
/** On the class of an NFS server: what keeps tenants apart there, and what does not. */
export const NFS_ISOLATION_ANNOTATION = `${GROUP}/nfs-isolation`;
/** On the pod of an NFS server: which token it was started with. */
export const NFS_TOKEN_ANNOTATION = `${GROUP}/nfs-token`;
/** The StorageClass of Calrissian's volumes, as openEO names it. */
export const CALRISSIAN_CLASS = 'csi-s3-calrissian';
/** The ConfigMap of a Calrissian namespace that holds default.json. */
export const CALRISSIAN_DEFAULTS = 'calrissian-defaults';
/** On a StorageClass and on the record of a storage account: the account that Quartermaster made for it. */
export const AZURE_ACCOUNT_LABEL = `${GROUP}/azure-account`;
/** The PriorityClass of the install. */
export const PRIORITY_CLASS = 'quartermaster';

export const SYSTEM_NAMESPACE = 'quartermaster-system';
/** The Deployment of the install, in the system namespace. */
export const DEPLOYMENT_NAME = 'quartermaster';
/**
 * What an object of the install is called: a kustomization's prefix and suffix stand around the name of every one, the service account's
 * among them. `quartermaster-nfs-server` is `team-quartermaster-nfs-server` where the account is `team-quartermaster`.
 */
export const installedName = (name: string, account = DEPLOYMENT_NAME): string =>
  account.includes(DEPLOYMENT_NAME) ? account.replace(DEPLOYMENT_NAME, () => name) : name;
/** The Lease whose holder’s controllers act, in the system namespace. */
export const LEASE_NAME = 'quartermaster-controllers';
/** In quartermaster.dev, stored nowhere: what a probe through the Service is a review of, and what the API server asks RBAC about. */
export const PROBE_RESOURCE = 'admissions';
/** The RoleBinding in the system namespace by which webhooks fail closed; gone, they ignore failures. */
export const FAIL_CLOSED_BINDING = 'quartermaster-fail-closed';
export const MUTATE_PATH = '/mutate';
/** Where the leader asks whether anybody answers: nothing but that is answered there. */
export const PROBE_QUERY = '?probe';
export const PROBE_PATH = `${MUTATE_PATH}${PROBE_QUERY}`;
/** The ConfigMap of settings that are taken over without a restart, in the system namespace. */
export const SETTINGS_CONFIG_MAP = 'quartermaster-settings';
/** What replicas count of PlatformDefaults at admission, in the system namespace: letters to the leader, and their sum. */
export const ADMISSIONS_CONFIG_MAP = 'quartermaster-admissions';
/** The Secret that holds authority and serving certificate, in the system namespace. */
export const CERTIFICATE_SECRET = 'quartermaster-certificates';
/** Kubernetes puts it on every namespace, with the namespace's name. */
export const NAMESPACE_NAME_LABEL = 'kubernetes.io/metadata.name';

/** ClusterRoles of the install that Quartermaster hands out by RoleBinding; it may bind these and no others. */
export const SHIPPED_ROLES = {
  /** Bound once, in the install, to every service account of the NFS namespace: volumes are cluster-scoped. */
  nfsProvisioner: 'quartermaster-nfs-provisioner',
  /** What an NFS server reads in its own namespace: its Service and Endpoints. */
  nfsServer: 'quartermaster-nfs-server',
  /** That it may answer admissions: bound while webhooks fail closed. */
  failClosed: 'quartermaster-fail-closed',
  calrissianPodManager: 'quartermaster-calrissian-pod-manager',
  calrissianLogReader: 'quartermaster-calrissian-log-reader',
  calrissianJobManager: 'quartermaster-calrissian-job-manager',
  calrissianPvcReader: 'quartermaster-calrissian-pvc-reader',
} as const;

/** The two APIs of the Kubernetes policy working group that reports are written in; fields as their CustomResourceDefinitions have them. */
export const REPORT_APIS = {
  wgpolicy: { group: 'wgpolicyk8s.io', version: 'v1alpha2', kind: 'PolicyReport', plural: 'policyreports' },
  openreports: { group: 'openreports.io', version: 'v1alpha1', kind: 'Report', plural: 'reports' },
} as const;
export type ReportApi = keyof typeof REPORT_APIS;
