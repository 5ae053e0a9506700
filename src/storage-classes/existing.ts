import type { ClassOption, CloudVerdict, VolumeType } from '../api/facts.ts';
import type { StorageClassInjection } from '../api/injection.ts';
import type { StorageClass } from '../api/kubernetes.ts';
import { MADE_FOR_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL, NFS_CLASS_LABEL } from '../api/names.ts';
import type { Claim } from './claim.ts';
import { readName } from './class-name.ts';
import { type ClusterFacts, candidatesFor, chooseClassOption, servesByProvisioner } from './class-options.ts';
import { fsTypeName } from './parameters.ts';
import { chooseType, namedType, sizeWarningsFor, typeOfClass, typeWarnings } from './volume-type.ts';

/** What a claim is to know of a class that is there: that it cannot serve it, or is not what its name asks for. Nothing is changed. */
export const warningsOfExisting = (
  existing: StorageClass,
  claim: Claim,
  cluster: ClusterFacts,
  injected: StorageClassInjection = {},
): readonly string[] => {
  const { cloud } = cluster;
  const isOurs = existing.metadata.labels?.[MANAGED_BY_LABEL] === MANAGED_BY;
  const unserved = isOurs ? unservedByOurs(existing, claim, cloud) : unservedByOthers(existing, claim, cloud);
  if (unserved !== undefined) return [unserved];
  const sizes = sizeWarningsFor(existing, claim, cloud.classOptions);
  if (!isOurs) return sizes;
  const isByPlatform = injected.provisioner !== undefined || injected.parameters !== undefined;
  return [
    ...sizes,
    ...(isByPlatform ? [] : costWarnings(existing, claim, cluster)),
    ...sharedFolder(existing, injected),
    ...drift(existing, claim, cloud, injected),
  ];
};

/** That a class made for another claim bills more than one made for this claim would. A name that asks for the type, or for a share, has been answered. */
const costWarnings = (existing: StorageClass, claim: Claim, cluster: ClusterFacts): readonly string[] => {
  const { classOptions } = cluster.cloud;
  const type = typeOfClass(existing, classOptions);
  const choice = chooseClassOption(claim, candidatesFor(claim, cluster).classOptions, cluster, {});
  if (type === undefined || choice.kind !== 'option' || readName(claim.className).isShared) return [];
  return choice.option.provisioner === existing.provisioner
    ? dearerWarnings(type, choice.option, claim, cluster)
    : billedWarnings(existing, type, claim);
};

const billedWarnings = (existing: StorageClass, type: VolumeType, claim: Claim): readonly string[] => {
  const billed = typeWarnings(type, existing, claim);
  const madeFor = existing.metadata.annotations?.[MADE_FOR_ANNOTATION] ?? 'something else';
  return billed.length === 0
    ? []
    : [`StorageClass ${claim.className} was made for ${madeFor}. ${billed.join(' ')} ${OF_ITS_OWN}`];
};

const dearerWarnings = (
  type: VolumeType,
  option: ClassOption,
  claim: Claim,
  { cloud }: ClusterFacts,
): readonly string[] => {
  const own = chooseType(option, claim, cloud).type;
  const isNamed = namedType(option, readName(claim.className)) !== undefined;
  return isNamed || (own.cost ?? 0) >= (type.cost ?? 0)
    ? []
    : [
        `StorageClass ${claim.className} makes volumes of type ${type.name ?? ''}, which costs more than ${own.name ?? ''}, what a class of this name is made with for this claim. ${OF_ITS_OWN}`,
      ];
};

const OF_ITS_OWN = 'Name a class of its own in this claim.';

/** What earlier versions said of an export: with the name of a claim and nothing of its volume. */
const SHARED_SUB_DIR = '${pvc.metadata.namespace}/${pvc.metadata.name}';

const sharedFolder = ({ metadata, parameters }: StorageClass, injected: StorageClassInjection): readonly string[] =>
  parameters?.['subDir'] !== SHARED_SUB_DIR || injected.parameters?.['subDir'] !== undefined
    ? []
    : [
        `StorageClass ${metadata.name} of an earlier version gives claims of one name the same folder: one that is made again finds what the claim before it left, and loses its own where that one’s volume is deleted. Delete the class, and it is made anew; volumes that are there keep their folders.`,
      ];

const unservedByOurs = (existing: StorageClass, claim: Claim, cloud: CloudVerdict): string | undefined => {
  const { provisioner, metadata } = existing;
  const { className, mode, volumeMode } = claim;
  const isNfs = metadata.labels?.[NFS_CLASS_LABEL] !== undefined;
  const isServed = isNfs
    ? servesByNfs(claim)
    : !isKnown(provisioner, cloud) || servesByProvisioner(provisioner, claim, cloud);
  if (isServed) return undefined;
  const madeFor = metadata.annotations?.[MADE_FOR_ANNOTATION] ?? 'something else';
  return `StorageClass ${className} was made for ${madeFor}, and ${provisioner} serves no ${mode} ${volumeMode} volumes: name a class of its own in this claim.`;
};

/** Only CSI drivers give volumes to one pod alone, and no file server gives raw devices. */
const servesByNfs = ({ mode, volumeMode }: Claim): boolean => volumeMode !== 'Block' && mode !== 'ReadWriteOncePod';

const isKnown = (provisioner: string, { classOptions }: CloudVerdict): boolean =>
  classOptions.some((option) => option.provisioner === provisioner);

/** Of others' classes one thing is sure: a driver for disks makes no file system for many nodes. */
const unservedByOthers = ({ provisioner }: StorageClass, claim: Claim, cloud: CloudVerdict): string | undefined => {
  const { className, mode, volumeMode } = claim;
  const isAsked = mode === 'ReadWriteMany' && volumeMode === 'Filesystem';
  const isDisk = cloud.classOptions.some((option) => option.provisioner === provisioner && option.isCsi);
  return isAsked && isDisk && !servesByProvisioner(provisioner, claim, cloud)
    ? `StorageClass ${className} makes volumes by ${provisioner}, which serves no ${mode} ${volumeMode} volumes: name another class in this claim.`
    : undefined;
};

/** What the name of a class of ours asks for today and the class, which cannot be changed, does not say. */
const drift = (
  existing: StorageClass,
  { className }: Claim,
  { classOptions }: CloudVerdict,
  injected: StorageClassInjection,
): readonly string[] => {
  const reading = readName(className);
  const type = typeOfClass(existing, classOptions);
  const types = classOptions
    .filter(({ provisioner }) => provisioner === existing.provisioner)
    .flatMap((option) => option.types?.[namedType(option, reading) ?? ''] ?? []);
  const named = types.flatMap((base) => (reading.isReplicated && base.replicated ? base.replicated : base));
  const fsType = existing.parameters?.[fsTypeName(existing.parameters)];
  const differences = [
    ...(reading.reclaimPolicy && !injected.reclaimPolicy && existing.reclaimPolicy !== reading.reclaimPolicy
      ? [`reclaimPolicy ${existing.reclaimPolicy ?? 'Delete'}`]
      : []),
    ...(type !== undefined && named.length > 0 && !injected.parameters && !named.includes(type)
      ? [`type ${type.name ?? 'of old'}`]
      : []),
    ...(reading.fsType && fsType && !injected.parameters && fsType !== reading.fsType ? [`file system ${fsType}`] : []),
  ];
  return differences.length === 0
    ? []
    : [
        `StorageClass ${className} has ${differences.join(' and ')}, which is not what its name asks for: it stays as it was made. Delete it once no claim names it, and it is made anew.`,
      ];
};
