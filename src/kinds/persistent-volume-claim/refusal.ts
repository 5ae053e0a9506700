import type { PersistentVolumeClaim, StorageClass } from '../../api/kubernetes.ts';
import { MADE_FOR_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL } from '../../api/names.ts';
import { accessModesOf, type Claim, hasDataSource } from '../../storage-classes/claim.ts';
import type { ClusterFacts } from '../../storage-classes/draft.ts';

/** A DNS subdomain, which is what the API server takes as the name of a class. */
const isObjectName = (name: string): boolean =>
  name.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name);

/** Why no class may be made for a claim, as part of a sentence; undefined where one may. */
export const refusalOf = (
  pvc: PersistentVolumeClaim,
  { className }: Claim,
  cluster: ClusterFacts,
): string | undefined => {
  const { cloud, policy, storage } = cluster;
  const modes = accessModesOf(pvc);
  if (modes.includes('ReadWriteOncePod') && modes.some((mode) => mode !== 'ReadWriteOncePod')) {
    return 'ReadWriteOncePod in spec.accessModes must stand alone';
  }
  if (!isObjectName(className)) return 'its name is no DNS subdomain';
  if (!policy.storageClassPattern.test(className)) {
    return 'its name does not match the setting STORAGE_CLASS_PATTERN; use an existing class, or have the pattern widened';
  }
  if (hasDataSource(pvc)) return 'spec.dataSource needs the class of its source; name that one';
  if (cloud.isPending) return 'the cloud is not known yet; the controller makes it as soon as it is';
  const { storageClassLimit } = policy;
  if (storage.ownedClassCount() < storageClassLimit) return undefined;
  return `${storageClassLimit} classes were made already, which is the limit; use one of them, or have the setting STORAGE_CLASS_LIMIT raised`;
};

/** Warns where a class that we made for something else cannot serve a claim; of others' classes nothing is known. */
export const mismatchOf = (existing: StorageClass, claim: Claim, { cloud }: ClusterFacts): readonly string[] => {
  if (existing.metadata.labels?.[MANAGED_BY_LABEL] !== MANAGED_BY) return [];
  const classOptions = cloud.classOptions.filter(({ provisioner }) => provisioner === existing.provisioner);
  const isServing = classOptions.some(
    ({ modes, volumeModes }) => modes.includes(claim.mode) && volumeModes.includes(claim.volumeMode),
  );
  if (classOptions.length === 0 || isServing) return [];
  const madeFor = existing.metadata.annotations?.[MADE_FOR_ANNOTATION] ?? 'something else';
  return [
    `StorageClass ${claim.className} was made for ${madeFor}, and ${existing.provisioner} serves no ${claim.mode} ${claim.volumeMode} volumes: name a class of its own in this claim.`,
  ];
};
