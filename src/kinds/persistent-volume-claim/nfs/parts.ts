import { hash } from 'node:crypto';
import type { Policy } from '../../../api/facts.ts';
import type { KubeObject, StringMap } from '../../../api/kubernetes.ts';
import {
  GROUP,
  installedName,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  NFS_CLASS_ANNOTATION,
  NFS_CLASS_LABEL,
  PRIORITY_CLASS,
  SHIPPED_ROLES,
} from '../../../api/names.ts';
import { ownDeploymentSpec, ownNetworkPolicySpec, ownServicePorts } from './own-server.ts';

/** Beyond what the volumes ask for: file systems and Ganesha keep some for themselves. */
const OVERHEAD_GI = 2;

/** One NFS server: whose, how large, and on which kind of disk. */
export interface NfsServerRequest {
  /** The StorageClass it serves. */
  readonly className: string;
  /** Sum of what the volumes of that class ask for. */
  readonly requestedGi: number;
  /** StorageClass of its own disk. */
  readonly diskClass: string;
  readonly software: NfsSoftware;
}

/** What runs a server: our own image, or nfs-provisioner for those that earlier versions made. */
export type NfsSoftware = 'quartermaster' | 'provisioner';

/** What runs a server that is about to be made. */
export const softwareOfNew = ({ nfsServerImage }: Policy): NfsSoftware =>
  nfsServerImage === undefined ? 'provisioner' : 'quartermaster';

/** An object of a kind that nothing here looks into. */
export type Unstructured = KubeObject & Readonly<Record<string, unknown>>;

/** What an NFS server consists of. */
export type NfsPartName =
  | 'serviceAccount'
  | 'roleBinding'
  | 'service'
  | 'networkPolicy'
  | 'disk'
  | 'deployment'
  | 'disruptionBudget';

/** The parts of an NFS server, in the order to make them. */
export type NfsServerParts = Readonly<
  Record<Exclude<NfsPartName, 'roleBinding' | 'networkPolicy'>, Unstructured> &
    Partial<Record<'roleBinding' | 'networkPolicy', Unstructured>>
>;

/** Size of the disk behind volumes of so many GiB, whole GiB. */
export const nfsDiskGi = (requestedGi: number): number => Math.ceil(requestedGi) + OVERHEAD_GI;

/**
 * Everything an NFS server of its own consists of, without its StorageClass: the same for the same request, all in the NFS namespace,
 * each object marked with whose it is. No other server shares any of it.
 */
export const nfsServer = (request: NfsServerRequest, policy: Policy): NfsServerParts => {
  const { className, software } = request;
  const metadata = metadataOf(className, policy.nfsNamespace);
  const selector = nfsSelector(className);
  const own = {
    name: metadata.name,
    selector,
    labels: metadata.labels,
    image: policy.nfsServerImage ?? '',
    account: policy.account,
  };
  const isOwn = software === 'quartermaster';
  return {
    serviceAccount: { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    ...(!isOwn && { roleBinding: roleBinding(metadata, policy) }),
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { type: 'ClusterIP', selector, ports: isOwn ? ownServicePorts : nfsPorts.map(servicePort) },
    },
    ...(isOwn && {
      networkPolicy: {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'NetworkPolicy',
        metadata,
        spec: ownNetworkPolicySpec(own, policy),
      },
    }),
    disk: disk(request, metadata),
    deployment: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: isOwn ? ownDeploymentSpec(own) : nfsDeploymentSpec(className, metadata.labels, policy),
    },
    disruptionBudget: {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      // A drain that took the server would leave every client of it hanging in the kernel. One that does not serve keeps no node.
      spec: {
        maxUnavailable: 0,
        unhealthyPodEvictionPolicy: 'AlwaysAllow',
        selector: { matchLabels: selector },
      },
    },
  };
};

/** What every object of a class's server is named and marked with. */
export interface PartMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels: StringMap;
  readonly annotations: StringMap;
}

export const metadataOf = (className: string, namespace: string): PartMetadata => ({
  name: nfsServerName(className),
  namespace,
  labels: {
    ...nfsSelector(className),
    [MANAGED_BY_LABEL]: MANAGED_BY,
    [NFS_CLASS_LABEL]: nfsClassLabel(className),
  },
  annotations: { [NFS_CLASS_ANNOTATION]: className },
});

const roleBinding = (metadata: PartMetadata, { account }: Policy): Unstructured => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata,
  roleRef: {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: 'ClusterRole',
    name: installedName(SHIPPED_ROLES.nfsServer, account),
  },
  subjects: [{ kind: 'ServiceAccount', name: metadata.name, namespace: metadata.namespace }],
});

const servicePort = ({ name, port, protocol }: (typeof nfsPorts)[number]) => ({
  name,
  port,
  protocol,
  targetPort: port,
});

const disk = ({ requestedGi, diskClass }: NfsServerRequest, metadata: PartMetadata): Unstructured => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata,
  spec: {
    accessModes: ['ReadWriteOnce'],
    volumeMode: 'Filesystem',
    storageClassName: diskClass,
    resources: { requests: { storage: `${nfsDiskGi(requestedGi)}Gi` } },
  },
});

type Json = Readonly<Record<string, unknown>>;

/** How long clients get to reclaim their locks after a restart; the server's pod must be given more than that to end. */
const GRACE_SECONDS = 90;
const TERMINATION_SECONDS = GRACE_SECONDS + 10;

/** What selects the pod of a class's server. Never changes: the selector of a Deployment cannot be edited. */
const nfsSelector = (className: string): StringMap => ({
  'app.kubernetes.io/name': 'nfs-server',
  'app.kubernetes.io/instance': nfsServerName(className),
});

/** `spec` of the Deployment: one pod and never two, since both would hold the same disk. */
const nfsDeploymentSpec = (className: string, labels: StringMap, policy: Policy): Json => ({
  replicas: 1,
  revisionHistoryLimit: 2,
  strategy: { type: 'Recreate' },
  selector: { matchLabels: nfsSelector(className) },
  template: { metadata: { labels }, spec: podSpec(className, policy) },
});

const podSpec = (className: string, { account, nfsImage }: Policy): Json => ({
  serviceAccountName: nfsServerName(className),
  priorityClassName: installedName(PRIORITY_CLASS, account),
  terminationGracePeriodSeconds: TERMINATION_SECONDS,
  nodeSelector: { 'kubernetes.io/os': 'linux' },
  containers: [container(className, nfsImage)],
  volumes: [{ name: 'export', persistentVolumeClaim: { claimName: nfsServerName(className) } }],
});

const container = (className: string, image: string): Json => ({
  name: 'nfs-server',
  image,
  args: [
    `-provisioner=${nfsProvisioner(className)}`,
    `-grace-period=${GRACE_SECONDS}`,
    // File handles that hold the device number are stale as soon as the disk is attached to another node.
    '-device-based-fsids=false',
    // An elected server ends, and NFS with it, whenever the API server is away for a moment.
    '-leader-elect=false',
  ],
  env: [
    { name: 'POD_IP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } },
    { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } } },
    { name: 'SERVICE_NAME', value: nfsServerName(className) },
  ],
  ports: nfsPorts.map(({ name, port, protocol }) => ({ name, containerPort: port, protocol })),
  // Only a ready pod is an endpoint, and the provisioner wants to see itself as the only one before it gives out volumes.
  readinessProbe: { tcpSocket: { port: 'nfs' }, periodSeconds: 5, timeoutSeconds: 2 },
  resources: { requests: { cpu: '100m', memory: '256Mi' } },
  // Ganesha opens files by handle and raises its own limits.
  securityContext: { capabilities: { add: ['DAC_READ_SEARCH', 'SYS_RESOURCE'] } },
  volumeMounts: [{ name: 'export', mountPath: '/export' }],
});

/** All that Ganesha listens on. The provisioner refuses a Service that lacks one of these, or has one more (getServer in its provision.go). */
const PORTS = { nfs: 2049, nlockmgr: 32_803, mountd: 20_048, rquotad: 875, rpcbind: 111, statd: 662 } as const;

interface NfsPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
}

/** The twelve pairs of port and protocol, each with a name no other has. */
const nfsPorts: readonly NfsPort[] = Object.entries(PORTS).flatMap(([name, port]) => [
  { name, port, protocol: 'TCP' },
  { name: `${name}-udp`, port, protocol: 'UDP' },
]);

/** Ending of a Service's name, which is a DNS label of RFC 1035 and so decides about all the others. */
const SUFFIX = '-nfs';
const MAX_LABEL_LENGTH = 63;
const DIGEST_LENGTH = 10;
const DIGEST_AT_END = new RegExp(`-[0-9a-f]{${DIGEST_LENGTH}}$`);

/** Name of everything a class's NFS server consists of: `<class>-nfs`, with a digest where that is no DNS label. */
export const nfsServerName = (className: string): string =>
  isLabelStart(className) && className.length <= MAX_LABEL_LENGTH - SUFFIX.length && !isLikeShortened(className)
    ? className + SUFFIX
    : shorten(
        className.replaceAll(/[^a-z0-9-]/g, '-').replace(/^[^a-z]/, 'c'),
        className,
        MAX_LABEL_LENGTH - SUFFIX.length,
      ) + SUFFIX;

/** What the class names as its provisioner: a qualified name, as Kubernetes asks. */
export const nfsProvisioner = (className: string): string => `${GROUP}/${nfsServerName(className)}`;

/** The class as a label value, which holds 63 characters. */
export const nfsClassLabel = (className: string): string =>
  className.length <= MAX_LABEL_LENGTH && !isLikeShortened(className)
    ? className
    : shorten(className, className, MAX_LABEL_LENGTH);

const isLabelStart = (name: string): boolean => /^[a-z][a-z0-9-]*$/.test(name);

/** Ends as what was shortened does: whoever chooses the name of a class could name the server of another by it. */
const isLikeShortened = (name: string): boolean => DIGEST_AT_END.test(name);

const shorten = (readable: string, whole: string, length: number): string => {
  const beginning = readable.slice(0, length - DIGEST_LENGTH - 1).replace(/[^a-z0-9]+$/, '');
  return `${beginning}-${hash('sha256', whole).slice(0, DIGEST_LENGTH)}`;
};
