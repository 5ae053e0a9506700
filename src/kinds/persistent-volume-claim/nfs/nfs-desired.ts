import type { Policy } from '../../../api/facts.ts';
import type { KubeObject, StorageClass } from '../../../api/kubernetes.ts';
import { NFS_MEMORY_ANNOTATION } from '../../../api/names.ts';
import type { World } from '../../../storage-classes/draft.ts';
import { nfsDraft, nfsVersion, ownNfsClass, withNfsVersion } from './class.ts';
import { writeNfsMemory } from './nfs-memory.ts';
import { askedGi, diskOf, diskSize, memoryOf, type NfsSight } from './observed.ts';
import { type AnyObject, type NfsServerParts, nfsServer } from './parts.ts';

/** The class as it was when somebody deleted it. */
export const revivedNfsClass = (sight: NfsSight, world: World): StorageClass =>
  ownNfsClass(nfsDraft(sight.className, AGAIN, world), sight.className, memoryOf(sight).storageClass);

const AGAIN = { why: 'its NFS server is there', remedy: 'delete its volumes first' };

/** Nodes with another kernel need another version; volumes that are there keep theirs. */
export const nfsMountOptions = ({ mountOptions }: StorageClass, world: World): readonly string[] =>
  withNfsVersion(mountOptions ?? [], nfsVersion(world.storage.kernelVersions()));

/** The parts of the server as they are to be, but for what only its Service can tell. `diskClass` is for a disk that is not there yet. */
export const desiredNfsServer = (sight: NfsSight, diskClass: string, policy: Policy): NfsServerParts => {
  const kept = diskOf(sight)?.spec?.storageClassName ?? diskClass;
  return nfsServer({ className: sight.className, askedGi: askedGi(sight), diskClass: kept }, policy);
};

/** A Service that is there keeps its address by itself; one that comes back must have the old one. */
export const desiredService = (
  service: AnyObject,
  live: KubeObject | undefined,
  address: string | undefined,
): AnyObject =>
  live !== undefined || address === undefined
    ? service
    : { ...service, spec: { ...(service['spec'] as object), clusterIP: address } };

/** The disk with its size for now, and with what must not be forgotten when other parts are deleted. */
export const desiredDisk = (
  disk: AnyObject,
  sight: NfsSight,
  { clusterIP, storageClass }: { readonly clusterIP: string | undefined; readonly storageClass: StorageClass },
): AnyObject => ({
  ...disk,
  metadata: {
    ...disk.metadata,
    annotations: { ...disk.metadata.annotations, [NFS_MEMORY_ANNOTATION]: writeNfsMemory(clusterIP, storageClass) },
  },
  spec: { ...(disk['spec'] as object), resources: { requests: { storage: diskSize(sight).quantity } } },
});
