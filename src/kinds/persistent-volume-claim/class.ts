import type { Explanation } from '../../api/admission.ts';
import type { ClassOption, CloudVerdict } from '../../api/facts.ts';
import type { Resolved, StorageClassInjection } from '../../api/injection.ts';
import type { PersistentVolumeClaim, StorageClass } from '../../api/kubernetes.ts';
import { nearestOf } from '../../api/plain-text.ts';
import { clusterFactsFor } from '../../storage-classes/calrissian.ts';
import { accessModesOf, type Claim, claimOf, sourceOf } from '../../storage-classes/claim.ts';
import { readName } from '../../storage-classes/class-name.ts';
import {
  type Candidates,
  type ClusterFacts,
  candidatesFor,
  chooseClassOption,
  classOptionsBy,
  typeThatServesNot,
  type UnmetRequirement,
} from '../../storage-classes/class-options.ts';
import {
  type Draft,
  draftFromClass,
  draftFromOption,
  draftFromProvisioner,
  explainDraft,
  finishDraft,
  followName,
} from '../../storage-classes/draft.ts';
import { warningsOfExisting } from '../../storage-classes/existing.ts';
import {
  type Attributes,
  attributesOf,
  mismatchWarnings,
  NFS_TAKES_NONE,
} from '../../storage-classes/volume-attributes.ts';
import { cloudInZone } from '../../storage-classes/zone.ts';

/** What is to be done about the class that a claim names. */
export type StorageClassChoice =
  /** Nothing: no class is asked for, it exists, or volumes are bound by hand. */
  | { readonly kind: 'none'; readonly warnings: readonly string[] }
  | {
      readonly kind: 'make';
      readonly storageClass: StorageClass;
      readonly warnings: readonly string[];
      /** Words of the name that nobody reads; a sentence apart, since nothing is wrong with the class. */
      readonly unread?: string | undefined;
      readonly explain: readonly Explanation[];
    }
  /** An NFS server of the class's own is to serve it; the unmet requirement says what would do instead. */
  | ({ readonly kind: 'nfs'; readonly claim: Claim; readonly warnings: readonly string[] } & UnmetRequirement)
  /** No class: it could not give a volume, or may not be made. `why` is a whole sentence. */
  | { readonly kind: 'cannot'; readonly why: string; readonly isRefused?: boolean };

/**
 * Decides about the class a claim names, from memory alone. The class is whole and the same for the same claim and
 * facts; none is made that could only leave claims pending. `injection` is what PlatformDefaults say about classes.
 */
export const chooseStorageClass = (
  pvc: PersistentVolumeClaim,
  cluster: ClusterFacts,
  injection?: Resolved<StorageClassInjection>,
): StorageClassChoice => {
  const claim = claimOf(pvc);
  if (claim === undefined || cluster.storage.hasVolumeOfClass(claim.className)) return { kind: 'none', warnings: [] };
  const existing = cluster.storage.storageClass(claim.className);
  const attributes = attributesOf(pvc, cluster);
  if (existing !== undefined) {
    const warnings = warningsOfExisting(existing, claim, cluster, injection?.value);
    return { kind: 'none', warnings: [...warnings, ...mismatchWarnings(attributes, existing, claim)] };
  }
  const refusal = refusalOf(pvc, claim, cluster);
  if (refusal !== undefined) return cannot(claim, refusal);
  const known = clusterFactsFor(claim, cluster);
  if (typeof known === 'string') return { kind: 'cannot', why: known };
  const request = { claim, cluster: known, injection };
  const choice = withAttributes(asked(request, attributes), attributes, claim);
  return sourceOf(pvc) === 'snapshot' ? forSnapshot(choice, request) : choice;
};

/** Whose snapshot it is, memory does not tell. The class may be one that was removed while nothing but snapshots were left of it; drivers refuse those of others. */
const forSnapshot = (choice: StorageClassChoice, { claim, cluster }: ClassRequest): StorageClassChoice => {
  if (choice.kind === 'none' || choice.kind === 'cannot') return choice;
  if (choice.kind === 'nfs' || !cluster.storage.hasCsiDriver(choice.storageClass.provisioner))
    return cannot(claim, OF_SNAPSHOT);
  const { provisioner } = choice.storageClass;
  const warning = `StorageClass ${claim.className} makes volumes by ${provisioner}, which restores a VolumeSnapshot that it has taken itself. ${OF_SNAPSHOT}.`;
  return { ...choice, warnings: [...choice.warnings, warning] };
};

/** By the provisioner that the platform names, else by the name, else by the driver that the claim's attributes are for. */
const asked = (request: ClassRequest, attributes: Attributes | undefined): StorageClassChoice => {
  const { claim, cluster, injection } = request;
  const provisioner = injection?.value.provisioner;
  if (provisioner !== undefined) return makeWithProvisioner(request, provisioner);
  const choice = asPolicyHasIt(makeByName(request), request);
  const isTheirs = choice.kind === 'make' && choice.storageClass.provisioner === attributes?.driver;
  if (attributes?.driver === undefined || isTheirs || (choice.kind === 'cannot' && choice.isRefused)) return choice;
  const isKnown = classOptionsBy(attributes.driver, claim, cluster.cloud).length > 0;
  return isKnown ? makeWithProvisioner(request, attributes.driver) : choice;
};

/** A class is not made of a name that tells nothing, where the platform has it so: it is likely to be a mistake for another. */
const asPolicyHasIt = (choice: StorageClassChoice, { claim, cluster }: ClassRequest): StorageClassChoice => {
  if (choice.kind !== 'make' || choice.unread === undefined) return choice;
  const { className } = claim;
  const meant = nearestOf(className, cluster.storage.classNames());
  const suggestion = meant === undefined ? '' : ` Did you mean ${meant}, which is there?`;
  const { unknownClass = 'make' } = cluster.policy;
  if (unknownClass === 'make') return { ...choice, unread: `${choice.unread}${suggestion}` };
  const why = `StorageClass ${className} is not there, and nothing is made of a name that does not say what it is to be (UNKNOWN_CLASS).${suggestion}`;
  return { kind: 'cannot', why, isRefused: unknownClass === 'deny' };
};

interface ClassRequest {
  readonly claim: Claim;
  readonly cluster: ClusterFacts;
  readonly injection: Resolved<StorageClassInjection> | undefined;
}

/** A name that asks for what many nodes can share gets that for any mode, where there is such a thing. */
const makeByName = (request: ClassRequest): StorageClassChoice => {
  const { claim } = request;
  const isForMany = readName(claim.className).isShared && claim.mode === 'ReadWriteOnce' && !isBlock(claim);
  if (!isForMany) return makeForCloud(request);
  const shared = makeForCloud({ ...request, claim: { ...claim, mode: 'ReadWriteMany' } });
  return shared.kind === 'cannot' ? makeForCloud(request) : shared;
};

const makeForCloud = (request: ClassRequest): StorageClassChoice => {
  const { claim, cluster } = request;
  const candidates = candidatesFor(claim, cluster);
  const isManagedNfs = candidates.isAsked || candidates.classOptions.some(({ isNfs }) => isNfs);
  if (claim.className.includes('nfs') && !isManagedNfs) return serveByNfs(claim, BY_NAME, candidates);
  const typeOfDisk = candidates.isAsked ? undefined : typeThatServesNot(claim, cluster.cloud);
  if (typeOfDisk !== undefined) return cannot(claim, notServedBy(typeOfDisk, claim));
  const original = classToCopy(claim, candidates, cluster);
  if (original !== undefined) return make(request, draftFromClass(original, claim, cluster), candidates.warnings);
  const choice = chooseClassOption(claim, candidates.classOptions, cluster, parametersGiven(request));
  if (choice.kind === 'option') {
    return make(request, draftFromOption(choice.option, claim, cloudFor(choice.option, request)), candidates.warnings);
  }
  const isForNfs = isShared(claim) && !candidates.isByName;
  if (isForNfs && cluster.policy.rwxFallback === 'nfs') return serveByNfs(claim, choice, candidates);
  const instead = isForNfs ? ', or set RWX_FALLBACK to nfs' : '';
  return cannot(claim, `${choice.why}; ${choice.remedy}${instead}`);
};

const notServedBy = (type: string, { mode, volumeMode }: Claim): string =>
  `${type}, which its name asks for, serves no ${mode} ${volumeMode} volumes; use a name without it`;

const isBlock = ({ volumeMode }: Claim): boolean => volumeMode === 'Block';

const isShared = ({ mode, volumeMode }: Claim): boolean =>
  volumeMode === 'Filesystem' && (mode === 'ReadWriteMany' || mode === 'ReadOnlyMany');

const makeWithProvisioner = (request: ClassRequest, provisioner: string): StorageClassChoice => {
  const { claim, cluster } = request;
  const known = classOptionsBy(provisioner, claim, cluster.cloud);
  if (known.length === 0) {
    return make(request, draftFromProvisioner(provisioner, claim, cluster.storage.hasCsiDriver(provisioner)));
  }
  const choice = chooseClassOption(claim, known, cluster, parametersGiven(request));
  return choice.kind === 'option'
    ? make(request, draftFromOption(choice.option, claim, cloudFor(choice.option, request)))
    : cannot(claim, `${choice.why}; ${choice.remedy}`);
};

const cloudFor = ({ zoneLabel }: ClassOption, { claim, cluster, injection }: ClassRequest): CloudVerdict =>
  zoneLabel === undefined ? cluster.cloud : cloudInZone(claim.className, cluster, injection?.value);

const parametersGiven = ({ injection }: ClassRequest) => injection?.value.parameters ?? {};

/** Where the table knows little of a cluster, its default class knows best what a disk is there. */
const classToCopy = (
  { mode }: Claim,
  { classOptions, isByName }: Candidates,
  { cloud, storage }: ClusterFacts,
): StorageClass | undefined => {
  const isDisk = mode === 'ReadWriteOnce' || mode === 'ReadWriteOncePod';
  if (isByName || !isDisk || (cloud.name !== 'local' && cloud.name !== 'unknown')) return undefined;
  const original = storage.defaultStorageClass();
  const isOfOurs = (provisioner: string): boolean => provisioner === original?.provisioner;
  const isKnown = cloud.classOptions.some(({ provisioner }) => isOfOurs(provisioner));
  return isKnown && !classOptions.some(({ provisioner }) => isOfOurs(provisioner)) ? undefined : original;
};

const make = (
  { claim, cluster, injection }: ClassRequest,
  draft: Draft,
  warnings: readonly string[] = [],
): StorageClassChoice => {
  const named = followName(draft, claim, cluster, injection?.value);
  return {
    kind: 'make',
    storageClass: finishDraft(named, claim, injection),
    warnings: [...warnings, ...named.warnings],
    unread: named.unread,
    explain: explainDraft(named, claim, injection),
  };
};

const BY_NAME: UnmetRequirement = { why: 'its name asks for NFS', remedy: 'use a name without nfs' };

const serveByNfs = (claim: Claim, { why, remedy }: UnmetRequirement, { warnings }: Candidates): StorageClassChoice =>
  claim.volumeMode === 'Block'
    ? cannot(claim, `${why}, and NFS serves no Block volumes; ${remedy}`)
    : { kind: 'nfs', claim, why, remedy, warnings };

/** What volumes of the class cannot be given is told: Kubernetes binds no claim to a volume without its attributes. */
const withAttributes = (
  choice: StorageClassChoice,
  attributes: Attributes | undefined,
  claim: Claim,
): StorageClassChoice => {
  if (attributes === undefined) return choice;
  if (choice.kind === 'nfs') return cannot(claim, `${choice.why}, and ${NFS_TAKES_NONE}`);
  if (choice.kind !== 'make') return choice;
  return { ...choice, warnings: [...choice.warnings, ...mismatchWarnings(attributes, choice.storageClass, claim)] };
};

const cannot = ({ className }: Claim, why: string): StorageClassChoice => ({
  kind: 'cannot',
  why: `StorageClass ${className} is not made: ${why}.`,
});

/** A DNS subdomain, which is what the API server takes as the name of a class. */
const isObjectName = (name: string): boolean =>
  name.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name);

const OF_CLAIM = 'spec.dataSource is a claim, whose class makes the copy too; name that one';
const OF_SNAPSHOT =
  'spec.dataSource is a VolumeSnapshot, whose driver decides who can restore it; name a class of that driver';

/** Why no class may be made for a claim, as part of a sentence; undefined where one may. */
const refusalOf = (pvc: PersistentVolumeClaim, { className }: Claim, cluster: ClusterFacts): string | undefined => {
  const { cloud, policy, storage } = cluster;
  const modes = accessModesOf(pvc);
  if (modes.includes('ReadWriteOncePod') && modes.some((mode) => mode !== 'ReadWriteOncePod')) {
    return 'ReadWriteOncePod in spec.accessModes must stand alone';
  }
  if (!isObjectName(className)) return 'its name is no DNS subdomain';
  if (!policy.storageClassPattern.test(className)) {
    return 'its name does not match the setting STORAGE_CLASS_PATTERN; use an existing class, or have the pattern widened';
  }
  if (sourceOf(pvc) === 'volume') return OF_CLAIM;
  if (cloud.isPending) return 'the cloud is not known yet; the controller makes it as soon as it is';
  const { storageClassLimit } = policy;
  if (storage.ownedClassCount(className) < storageClassLimit) return undefined;
  return `${storageClassLimit} classes were made already, which is the limit; use one of them, or have the setting STORAGE_CLASS_LIMIT raised`;
};
