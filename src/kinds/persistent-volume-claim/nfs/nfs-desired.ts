import type { Policy } from '../../../api/facts.ts';
import type { KubeObject, StorageClass } from '../../../api/kubernetes.ts';
import { NFS_MEMORY_ANNOTATION } from '../../../api/names.ts';
import type { ClusterFacts } from '../../../storage-classes/draft.ts';
import { nfsDraft, nfsVersion, ownNfsClass, withNfsVersion } from './class.ts';
import { writeServerRecord } from './nfs-memory.ts';
import { diskOf, diskSize, type ObservedServer, recordOf, requestedGi } from './observed.ts';
import { type NfsServerParts, nfsServer, type Unstructured } from './parts.ts';

/** The class as it was when somebody deleted it. */
export const restoredNfsClass = (observed: ObservedServer, cluster: ClusterFacts): StorageClass =>
  ownNfsClass(nfsDraft(observed.className, RESTORED, cluster), observed.className, recordOf(observed).storageClass);

const RESTORED = { why: 'its NFS server is there', remedy: 'delete its volumes first' };

/** Nodes with another kernel need another version; volumes that are there keep theirs. */
export const nfsMountOptions = ({ mountOptions }: StorageClass, cluster: ClusterFacts): readonly string[] =>
  withNfsVersion(mountOptions ?? [], nfsVersion(cluster.storage.kernelVersions()));

/** The parts of the server as they are to be, but for what only its Service can tell. `diskClass` is for a disk that is not there yet. */
export const desiredNfsServer = (observed: ObservedServer, diskClass: string, policy: Policy): NfsServerParts => {
  const diskClassName = diskOf(observed)?.spec?.storageClassName ?? diskClass;
  return nfsServer(
    { className: observed.className, requestedGi: requestedGi(observed), diskClass: diskClassName },
    policy,
  );
};

/** A Service that is there keeps its address by itself; one that comes back must have the old one. */
export const desiredService = (
  service: Unstructured,
  live: KubeObject | undefined,
  address: string | undefined,
): Unstructured =>
  live !== undefined || address === undefined
    ? service
    : { ...service, spec: { ...(service['spec'] as object), clusterIP: address } };

/** The disk with its size for now, and with what must not be forgotten when other parts are deleted. */
export const desiredDisk = (
  disk: Unstructured,
  observed: ObservedServer,
  { clusterIP, storageClass }: { readonly clusterIP: string | undefined; readonly storageClass: StorageClass },
): Unstructured => ({
  ...disk,
  metadata: {
    ...disk.metadata,
    annotations: { ...disk.metadata.annotations, [NFS_MEMORY_ANNOTATION]: writeServerRecord(clusterIP, storageClass) },
  },
  spec: { ...(disk['spec'] as object), resources: { requests: { storage: diskSize(observed).quantity } } },
});
