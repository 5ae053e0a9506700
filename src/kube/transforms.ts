import type {
  AccessMode,
  KubeObject,
  Maybe,
  ObjectMeta,
  PersistentVolume,
  PersistentVolumeClaim,
} from '../api/kubernetes.ts';
import { VOLUME_PROVISIONER_ANNOTATION } from '../api/names.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Without managedFields and kubectl's copy of the whole object: often most of its size, and never read. */
const stripMetadata = (metadata: ObjectMeta): ObjectMeta => {
  const { managedFields: _, ...kept } = metadata as ObjectMeta & { readonly managedFields?: unknown };
  if (!kept.annotations || !(LAST_APPLIED in kept.annotations)) return kept;
  const { [LAST_APPLIED]: __, ...annotations } = kept.annotations;
  return { ...kept, annotations };
};

/** The whole object but for the bulk of its metadata. */
export const stripManagedFields = <T extends KubeObject>(object: T): T => ({
  ...object,
  metadata: stripMetadata(object.metadata),
});

/** Names, labels and annotations: all that is asked of namespaces and CSIDrivers. */
export const metadataOnly = ({ apiVersion, kind, metadata }: KubeObject): KubeObject => ({
  apiVersion,
  kind,
  metadata: stripMetadata(metadata),
});

/** Claims are cached by the ten thousand, nearly all bound: of those, whose they are, their class, volume and access modes. */
export const stripClaim = ({
  apiVersion,
  kind,
  metadata,
  spec,
  status,
}: PersistentVolumeClaim): PersistentVolumeClaim => {
  const phase = status?.phase ? { status: { phase: status.phase } } : {};
  if (!spec?.volumeName) return { apiVersion, kind, metadata: stripMetadata(metadata), spec, ...phase };
  const { storageClassName, volumeName } = spec;
  const isGrowing = isSizeOther(spec.resources?.requests?.['storage'], status?.capacity?.['storage']);
  const accessModes = sharedModes(spec.accessModes);
  const kept = {
    storageClassName,
    volumeName,
    ...(accessModes && { accessModes }),
    ...(isGrowing && { resources: spec.resources }),
  };
  return { apiVersion, kind, metadata: bareMetadata(metadata), spec: kept, ...phase };
};

/** True while somebody asks for another size than there is; drivers that round up make it so for good. */
const isSizeOther = (asked: string | undefined, present: string | undefined): boolean =>
  asked !== undefined && present !== undefined && asked !== present;

const ALONE: Readonly<Record<AccessMode, readonly AccessMode[]>> = {
  ReadWriteOnce: ['ReadWriteOnce'],
  ReadOnlyMany: ['ReadOnlyMany'],
  ReadWriteMany: ['ReadWriteMany'],
  ReadWriteOncePod: ['ReadWriteOncePod'],
};

/** One list for all claims that ask for a single mode, as nearly all do. */
const sharedModes = (modes: Maybe<readonly AccessMode[]>): Maybe<readonly AccessMode[]> => {
  const [mode] = modes ?? [];
  return mode !== undefined && modes?.length === 1 ? ALONE[mode] : modes;
};

/** Shared by all such volumes. Who provisioned them is not asked. */
const provisioned: Pick<ObjectMeta, 'annotations'> = { annotations: { [VOLUME_PROVISIONER_ANNOTATION]: '' } };

/** True for a volume that a provisioner made from its class; false for one that somebody put there for claims to bind to. */
export const isProvisioned = ({ metadata }: PersistentVolume): boolean =>
  metadata.annotations?.[VOLUME_PROVISIONER_ANNOTATION] !== undefined;

/** Volumes: which class they name and whether they came from it; of NFS volumes, whose server we may run, all that its disk is sized by, and what they wait for. */
export const stripVolume = (volume: PersistentVolume): PersistentVolume => {
  const { apiVersion, kind, metadata, spec, status } = volume;
  return {
    apiVersion,
    kind,
    metadata: {
      ...bareMetadata(metadata),
      ...(isProvisioned(volume) && provisioned),
      ...(spec?.nfs && metadata.finalizers && { finalizers: metadata.finalizers }),
    },
    spec: { storageClassName: spec?.storageClassName, ...(spec?.nfs && nfsPart(spec)) },
    ...(spec?.nfs && status?.phase && { status: { phase: status.phase } }),
  };
};

const refOf = ({ uid, namespace }: NonNullable<NonNullable<PersistentVolume['spec']>['claimRef']>) => ({
  ...(uid !== undefined && { uid }),
  ...(namespace !== undefined && { namespace }),
});

const nfsPart = ({
  nfs,
  capacity,
  persistentVolumeReclaimPolicy,
  claimRef,
}: NonNullable<PersistentVolume['spec']>): PersistentVolume['spec'] => ({
  nfs,
  capacity,
  ...(persistentVolumeReclaimPolicy && { persistentVolumeReclaimPolicy }),
  ...(claimRef?.uid !== undefined && { claimRef: refOf(claimRef) }),
});

const bareMetadata = ({
  name,
  namespace,
  uid,
  resourceVersion,
  labels,
  deletionTimestamp,
}: ObjectMeta): ObjectMeta => ({
  ...(name !== undefined && { name }),
  ...(namespace !== undefined && { namespace }),
  ...(uid !== undefined && { uid }),
  ...(resourceVersion !== undefined && { resourceVersion }),
  ...(labels && { labels }),
  ...(deletionTimestamp && { deletionTimestamp }),
});
