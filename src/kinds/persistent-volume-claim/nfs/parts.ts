import type { Policy } from '../../../api/facts.ts';
import type { KubeObject, StringMap } from '../../../api/kubernetes.ts';
import {
  MANAGED_BY,
  MANAGED_BY_LABEL,
  NFS_CLASS_ANNOTATION,
  NFS_CLASS_LABEL,
  SHIPPED_ROLES,
} from '../../../api/names.ts';
import { nfsDeploymentSpec, nfsSelector } from './nfs-deployment.ts';
import { nfsClassLabel, nfsServerName } from './nfs-names.ts';
import { nfsPorts } from './nfs-ports.ts';

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
}

/** An object of a kind that nothing here looks into. */
export type Unstructured = KubeObject & Readonly<Record<string, unknown>>;

/** What an NFS server consists of. */
export type NfsPartName = 'serviceAccount' | 'roleBinding' | 'service' | 'disk' | 'deployment' | 'disruptionBudget';

/** The parts of an NFS server, in the order to make them. */
export type NfsServerParts = Readonly<Record<NfsPartName, Unstructured>>;

/** Size of the disk behind volumes of so many GiB, whole GiB. */
export const nfsDiskGi = (requestedGi: number): number => Math.ceil(requestedGi) + OVERHEAD_GI;

/**
 * Everything an NFS server of its own consists of, without its StorageClass: the same for the same request, all in the NFS namespace,
 * each object marked with whose it is. No other server shares any of it.
 */
export const nfsServer = (request: NfsServerRequest, policy: Policy): NfsServerParts => {
  const { className } = request;
  const metadata = metadataOf(className, policy.nfsNamespace);
  return {
    serviceAccount: { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    roleBinding: roleBinding(metadata),
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { type: 'ClusterIP', selector: nfsSelector(className), ports: nfsPorts.map(servicePort) },
    },
    disk: disk(request, metadata),
    deployment: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: nfsDeploymentSpec(className, metadata.labels, policy.nfsImage),
    },
    disruptionBudget: {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      // A drain that took the server would leave every client of it hanging in the kernel.
      spec: { maxUnavailable: 0, selector: { matchLabels: nfsSelector(className) } },
    },
  };
};

interface PartMetadata {
  readonly name: string;
  readonly namespace: string;
  readonly labels: StringMap;
  readonly annotations: StringMap;
}

const metadataOf = (className: string, namespace: string): PartMetadata => ({
  name: nfsServerName(className),
  namespace,
  labels: {
    ...nfsSelector(className),
    [MANAGED_BY_LABEL]: MANAGED_BY,
    [NFS_CLASS_LABEL]: nfsClassLabel(className),
  },
  annotations: { [NFS_CLASS_ANNOTATION]: className },
});

const roleBinding = (metadata: PartMetadata): Unstructured => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'RoleBinding',
  metadata,
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: SHIPPED_ROLES.nfsServer },
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
