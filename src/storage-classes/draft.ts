import type { CloudVerdict, Fact, Facts, StorageOffer } from '../api/facts.ts';
import type { StringMap } from '../api/kubernetes.ts';
import type { Claim } from './claim.ts';

export type World = Pick<Facts, 'cloud' | 'storage' | 'policy' | 'objectStore'>;

export type OfferChoice =
  | { readonly kind: 'offer'; readonly offer: StorageOffer }
  | ({ readonly kind: 'lacking' } & Lack);

/** Two parts of a sentence: what stands in the way, and what to do about it. */
export interface Lack {
  readonly why: string;
  readonly remedy: string;
}

export interface Candidates {
  readonly offers: readonly StorageOffer[];
  /** True where the name of the class asks for these and no others. */
  readonly isByName: boolean;
}

/** The offers that could serve a claim: those its class asks for by name where their driver is there, else the cloud's own. */
export const candidatesFor = (claim: Claim, world: World): Candidates => {
  const serving = world.cloud.offers.filter((offer) => serves(offer, claim));
  const named = serving.filter(({ namePattern }) => namePattern?.test(claim.className));
  const exclusive = named.filter(({ isExclusive }) => isExclusive);
  if (exclusive.length > 0 || asksExclusively(claim, world.cloud)) return { offers: exclusive, isByName: true };
  const installed = named.filter((offer) => isInstalled(offer, world));
  if (installed.length > 0) return { offers: installed, isByName: true };
  return { offers: serving.filter(({ namePattern }) => namePattern === undefined), isByName: false };
};

const serves = ({ modes, volumeModes }: StorageOffer, { mode, volumeMode }: Claim): boolean =>
  modes.includes(mode) && volumeModes.includes(volumeMode);

/** The name asks for storage that does not serve this claim: nothing else may be made under that name. */
const asksExclusively = ({ className }: Claim, { offers }: CloudVerdict): boolean =>
  offers.some(({ isExclusive, namePattern }) => isExclusive && namePattern?.test(className));

const isInstalled = ({ provisioner, isCsi }: StorageOffer, { storage }: World): boolean =>
  !isCsi || storage.hasCsiDriver(provisioner);

/** What is known of one provisioner that could serve a claim, whatever the name of its class. */
export const offersBy = (provisioner: string, claim: Claim, { offers }: CloudVerdict): readonly StorageOffer[] =>
  offers.filter((offer) => offer.provisioner === provisioner && serves(offer, claim));

/** The first offer that is installed and whose facts are known. `given` are parameters somebody else supplies. */
export const chooseOffer = (
  claim: Claim,
  offers: readonly StorageOffer[],
  world: World,
  given: StringMap,
): OfferChoice => {
  const installed = offers.filter((offer) => isInstalled(offer, world));
  // A provisioner that can be seen is surer than one that cannot.
  const ranked = [...installed].sort((one, other) => seen(other, world) - seen(one, world));
  const offer = ranked.find((candidate) => missingFacts(candidate, world.cloud, given).length === 0);
  if (offer !== undefined) return { kind: 'offer', offer };
  if (offers.length === 0) return { kind: 'lacking', why: nothingServes(claim, world.cloud), remedy: NAME_PROVISIONER };
  const lacks = (installed.length > 0 ? installed : offers).map((candidate) => lackOf(candidate, world, given));
  const why = `${claim.mode} on ${world.cloud.name} needs ${[...new Set(lacks)].join(', or ')}`;
  return { kind: 'lacking', why, remedy: installed.length > 0 ? GIVE_FACTS : INSTALL };
};

const PLATFORM = 'a PlatformDefaults’ spec.inject.storageClass';
const NAME_PROVISIONER = `name a provisioner in ${PLATFORM}`;
const INSTALL = `install it (preview: --csi-drivers), or ${NAME_PROVISIONER}`;
const GIVE_FACTS = `give facts with the setting FACTS (preview: --fact name=value), or parameters in ${PLATFORM}`;

const seen = ({ provisioner }: StorageOffer, { storage }: World): number => Number(storage.hasCsiDriver(provisioner));

const nothingServes = ({ className, mode, volumeMode }: Claim, cloud: CloudVerdict): string => {
  const asked = `${mode} ${volumeMode} volumes`;
  const byName = cloud.offers.find(({ isExclusive, namePattern }) => isExclusive && namePattern?.test(className));
  if (byName !== undefined) return `${byName.provisioner}, which its name asks for, serves no ${asked}`;
  if (cloud.name === 'unknown')
    return `the cloud is not known (${cloud.notes.join(' ')}), and so neither is what serves ${asked}`;
  return `${cloud.name} has nothing that serves ${asked}`;
};

const lackOf = (offer: StorageOffer, world: World, given: StringMap): string => {
  const missing = missingFacts(offer, world.cloud, given);
  const facts = `the fact${missing.length > 1 ? 's' : ''} ${missing.join(' and ')}`;
  if (isInstalled(offer, world)) return `${facts} for ${offer.provisioner}`;
  const driver = `the CSI driver ${offer.provisioner}, which is not installed`;
  return missing.length === 0 ? driver : `${driver}, with ${facts}`;
};

/** Required facts that nobody supplies and that no given parameter makes superfluous. */
const missingFacts = (offer: StorageOffer, cloud: CloudVerdict, given: StringMap): readonly string[] => {
  const templates = Object.entries(offer.tiers.standard.parameters).filter(([name]) => !Object.hasOwn(given, name));
  return offer.requires.filter(
    (name) => factIn(offer, cloud, name) === undefined && templates.some(([, text]) => text.includes(`\${${name}}`)),
  );
};

/** A fact as an offer sees it: known, or assumed. */
export const factIn = ({ assumes = {} }: StorageOffer, { facts }: CloudVerdict, name: string): Fact | undefined => {
  if (Object.hasOwn(facts, name)) return facts[name];
  const value = Object.hasOwn(assumes, name) ? assumes[name] : undefined;
  return value === undefined ? undefined : { value, source: 'assumed' };
};
