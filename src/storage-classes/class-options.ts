import type { ClassOption, CloudVerdict, Fact, Facts } from '../api/facts.ts';
import type { StringMap } from '../api/kubernetes.ts';
import type { Claim } from './claim.ts';
import { type NameReading, readName } from './class-name.ts';
import { namedType } from './volume-type.ts';

export type ClusterFacts = Pick<Facts, 'cloud' | 'storage' | 'policy' | 'objectStore'>;

export type ClassOptionChoice =
  | { readonly kind: 'option'; readonly option: ClassOption }
  | ({ readonly kind: 'unmet' } & UnmetRequirement);

/** Two parts of a sentence: what stands in the way, and what to do about it. */
export interface UnmetRequirement {
  readonly why: string;
  readonly remedy: string;
}

export interface Candidates {
  readonly classOptions: readonly ClassOption[];
  /** True where the name of the class asks for these and no others. */
  readonly isByName: boolean;
  /** True where they are shares that the name asks for by a word of theirs, and can be had. */
  readonly isAsked: boolean;
  /** What else the name asks for and cannot have, as whole sentences. */
  readonly warnings: readonly string[];
}

/** The class options that could serve a claim: those its class asks for by name where they can be had, else the cloud's own. */
export const candidatesFor = (claim: Claim, cluster: ClusterFacts): Candidates => {
  const reading = readName(claim.className);
  const { classOptions } = cluster.cloud;
  const serving = classOptions.filter((option) => serves(option, claim));
  const named = serving.filter(({ namePattern }) => namePattern?.test(claim.className));
  const byName = { isByName: true, isAsked: false, warnings: [] };
  const exclusive = named.filter(({ isExclusive }) => isExclusive);
  if (exclusive.length > 0 || asksExclusively(claim, cluster.cloud)) return { ...byName, classOptions: exclusive };
  const installed = named.filter((option) => isInstalled(option, cluster));
  if (installed.length > 0) return { ...byName, classOptions: installed };
  const worded = classOptions.filter((option) => asksFor(option, reading) && serves(option, claim, true));
  const had = worded.filter(
    (option) => isInstalled(option, cluster) && missingFacts(option, cluster.cloud, {}).length === 0,
  );
  if (had.length > 0) return { ...byName, classOptions: had, isAsked: true };
  const general = serving.filter(({ namePattern }) => namePattern === undefined);
  const missed = worded.filter((option) => !general.includes(option));
  const told = [...[...named, ...missed].map(cannotHave(claim, cluster)), ...unserved(claim, named, classOptions)];
  const warnings = [...new Set(told)];
  const typed = general.filter((option) => namedType(option, reading) !== undefined);
  return typed.length > 0
    ? { ...byName, classOptions: typed, warnings }
    : { classOptions: general, isByName: false, isAsked: false, warnings };
};

/** What a name asks for that none of these is made for; one that says nfs too has that. */
const unserved = (
  { className, mode, volumeMode }: Claim,
  named: readonly ClassOption[],
  classOptions: readonly ClassOption[],
): readonly string[] => {
  if (named.length > 0 || className.includes('nfs')) return [];
  const asked = classOptions.filter(({ namePattern }) => namePattern?.test(className));
  return asked.map(
    ({ provisioner }) =>
      `StorageClass ${className} asks by its name for ${provisioner} and is made without: classes of that are not made for ${mode} ${volumeMode} volumes.`,
  );
};

const cannotHave =
  ({ className }: Claim, cluster: ClusterFacts) =>
  (option: ClassOption): string => {
    const missing = missingFacts(option, cluster.cloud, {});
    const needs = isInstalled(option, cluster)
      ? `the ${factsNamed(missing)}`
      : 'its CSI driver, which is not installed';
    return `StorageClass ${className} asks by its name for ${option.provisioner} and is made without: that needs ${needs}.`;
  };

const asksFor = ({ words = [] }: ClassOption, reading: NameReading): boolean =>
  words.some((word) => reading.joined.includes(`-${word}-`));

const serves = (
  { modes, alsoModes = [], volumeModes }: ClassOption,
  { mode, volumeMode }: Claim,
  isAsked = false,
): boolean => (modes.includes(mode) || (isAsked && alsoModes.includes(mode))) && volumeModes.includes(volumeMode);

/** True where a class of this provisioner serves the claim, whatever it is called. */
export const servesByProvisioner = (provisioner: string, claim: Claim, { classOptions }: CloudVerdict): boolean =>
  classOptions.some((option) => option.provisioner === provisioner && serves(option, claim, true));

/** The name asks for storage that does not serve this claim: nothing else may be made under that name. */
const asksExclusively = ({ className }: Claim, { classOptions }: CloudVerdict): boolean =>
  classOptions.some(({ isExclusive, namePattern }) => isExclusive && namePattern?.test(className));

/** A type of disk in the name of a class that is to serve many nodes: nothing else may be made under that name either. */
export const typeThatServesNot = (claim: Claim, { classOptions }: CloudVerdict): string | undefined => {
  const reading = readName(claim.className);
  if (classOptions.some((option) => serves(option, claim) && namedType(option, reading) !== undefined))
    return undefined;
  const disk = classOptions.find(
    (option) => option.modes.includes('ReadWriteOnce') && namedType(option, reading) !== undefined,
  );
  return disk && !serves(disk, claim)
    ? (disk.types?.[namedType(disk, reading) ?? '']?.name ?? disk.provisioner)
    : undefined;
};

const isInstalled = ({ provisioner, isCsi }: ClassOption, { storage }: ClusterFacts): boolean =>
  !isCsi || storage.hasCsiDriver(provisioner);

/** What is known of one provisioner that could serve a claim, whatever the name of its class. */
export const classOptionsBy = (
  provisioner: string,
  claim: Claim,
  { classOptions }: CloudVerdict,
): readonly ClassOption[] =>
  classOptions.filter((option) => option.provisioner === provisioner && serves(option, claim, true));

/** The first class option that is installed and whose facts are known. `givenParameters` are parameters somebody else supplies. */
export const chooseClassOption = (
  claim: Claim,
  classOptions: readonly ClassOption[],
  cluster: ClusterFacts,
  givenParameters: StringMap,
): ClassOptionChoice => {
  const installed = classOptions.filter((option) => isInstalled(option, cluster));
  // A provisioner whose CSIDriver is registered is surer than one without.
  const ranked = [...installed].sort((one, other) => driverRank(other, cluster) - driverRank(one, cluster));
  const option = ranked.find((candidate) => missingFacts(candidate, cluster.cloud, givenParameters).length === 0);
  if (option !== undefined) return { kind: 'option', option };
  if (classOptions.length === 0)
    return { kind: 'unmet', why: nothingServes(claim, cluster.cloud), remedy: NAME_PROVISIONER };
  const unmet = (installed.length > 0 ? installed : classOptions).map((candidate) =>
    describeUnmet(candidate, cluster, givenParameters),
  );
  const why = `${claim.mode} on ${cluster.cloud.name} needs ${[...new Set(unmet)].join(', or ')}`;
  return { kind: 'unmet', why, remedy: installed.length > 0 ? GIVE_FACTS : INSTALL };
};

const PLATFORM = 'a PlatformDefaults’ spec.inject.storageClass';
const NAME_PROVISIONER = `name a provisioner in ${PLATFORM}`;
const INSTALL = `install it (preview: --csi-drivers), or ${NAME_PROVISIONER}`;
const GIVE_FACTS = `give facts with the setting FACTS (preview: --fact name=value), or parameters in ${PLATFORM}`;

const driverRank = ({ provisioner }: ClassOption, { storage }: ClusterFacts): number =>
  Number(storage.hasCsiDriver(provisioner));

const nothingServes = ({ className, mode, volumeMode }: Claim, cloud: CloudVerdict): string => {
  const asked = `${mode} ${volumeMode} volumes`;
  const byName = cloud.classOptions.find(({ isExclusive, namePattern }) => isExclusive && namePattern?.test(className));
  if (byName !== undefined) return `${byName.provisioner}, which its name asks for, serves no ${asked}`;
  if (cloud.name === 'unknown')
    return `the cloud is not known (${cloud.notes.join(' ')}), and so neither is what serves ${asked}`;
  return `${cloud.name} has nothing that serves ${asked}`;
};

const describeUnmet = (option: ClassOption, cluster: ClusterFacts, givenParameters: StringMap): string => {
  const missing = missingFacts(option, cluster.cloud, givenParameters);
  const facts = `the ${factsNamed(missing)}`;
  if (isInstalled(option, cluster)) return `${facts} for ${option.provisioner}`;
  const driver = `the CSI driver ${option.provisioner}, which is not installed`;
  return missing.length === 0 ? driver : `${driver}, with ${facts}`;
};

const factsNamed = (names: readonly string[]): string => `fact${names.length > 1 ? 's' : ''} ${names.join(' and ')}`;

/** Required facts that nobody supplies and that no given parameter makes superfluous. */
const missingFacts = (option: ClassOption, cloud: CloudVerdict, givenParameters: StringMap): readonly string[] => {
  const templates = Object.entries(option.tiers.standard.parameters).filter(
    ([name]) => !Object.hasOwn(givenParameters, name),
  );
  return option.requires.filter(
    (name) => factFor(option, cloud, name) === undefined && templates.some(([, text]) => text.includes(`\${${name}}`)),
  );
};

/** A fact as a class option sees it: known, or assumed. */
export const factFor = ({ assumes = {} }: ClassOption, { facts }: CloudVerdict, name: string): Fact | undefined => {
  if (Object.hasOwn(facts, name)) return facts[name];
  const value = Object.hasOwn(assumes, name) ? assumes[name] : undefined;
  return value === undefined ? undefined : { value, source: 'assumed' };
};
