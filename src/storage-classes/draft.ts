import type { Explanation } from '../api/admission.ts';
import type { ClassOption, ClassOptionTier, CloudVerdict, Fact, Facts, Tier } from '../api/facts.ts';
import type { Resolved, StorageClassInjection } from '../api/injection.ts';
import type { StorageClass, StringMap } from '../api/kubernetes.ts';
import { MADE_FOR_ANNOTATION, MADE_FROM_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import type { Claim } from './claim.ts';

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
}

/** The class options that could serve a claim: those its class asks for by name where their driver is there, else the cloud's own. */
export const candidatesFor = (claim: Claim, cluster: ClusterFacts): Candidates => {
  const serving = cluster.cloud.classOptions.filter((option) => serves(option, claim));
  const named = serving.filter(({ namePattern }) => namePattern?.test(claim.className));
  const exclusive = named.filter(({ isExclusive }) => isExclusive);
  if (exclusive.length > 0 || asksExclusively(claim, cluster.cloud)) return { classOptions: exclusive, isByName: true };
  const installed = named.filter((option) => isInstalled(option, cluster));
  if (installed.length > 0) return { classOptions: installed, isByName: true };
  return { classOptions: serving.filter(({ namePattern }) => namePattern === undefined), isByName: false };
};

const serves = ({ modes, volumeModes }: ClassOption, { mode, volumeMode }: Claim): boolean =>
  modes.includes(mode) && volumeModes.includes(volumeMode);

/** The name asks for storage that does not serve this claim: nothing else may be made under that name. */
const asksExclusively = ({ className }: Claim, { classOptions }: CloudVerdict): boolean =>
  classOptions.some(({ isExclusive, namePattern }) => isExclusive && namePattern?.test(className));

const isInstalled = ({ provisioner, isCsi }: ClassOption, { storage }: ClusterFacts): boolean =>
  !isCsi || storage.hasCsiDriver(provisioner);

/** What is known of one provisioner that could serve a claim, whatever the name of its class. */
export const classOptionsBy = (
  provisioner: string,
  claim: Claim,
  { classOptions }: CloudVerdict,
): readonly ClassOption[] =>
  classOptions.filter((option) => option.provisioner === provisioner && serves(option, claim));

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
  const facts = `the fact${missing.length > 1 ? 's' : ''} ${missing.join(' and ')}`;
  if (isInstalled(option, cluster)) return `${facts} for ${option.provisioner}`;
  const driver = `the CSI driver ${option.provisioner}, which is not installed`;
  return missing.length === 0 ? driver : `${driver}, with ${facts}`;
};

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
const factFor = ({ assumes = {} }: ClassOption, { facts }: CloudVerdict, name: string): Fact | undefined => {
  if (Object.hasOwn(facts, name)) return facts[name];
  const value = Object.hasOwn(assumes, name) ? assumes[name] : undefined;
  return value === undefined ? undefined : { value, source: 'assumed' };
};

const FAST = new Set(['ssd', 'fast', 'premium', 'gp3', 'performance']);
const SLOW = new Set(['hdd', 'slow', 'standard', 'cold', 'archive']);

/** The tier the name of a class hints at, by the first word that is a hint. */
export const hintedTier = (className: string): Tier => {
  const hint = className.split(/[^a-z0-9]+/).find((word) => FAST.has(word) || SLOW.has(word));
  if (hint === undefined) return 'standard';
  return FAST.has(hint) ? 'fast' : 'slow';
};

export interface ChosenTier extends ClassOptionTier {
  readonly name: Tier;
  /** How the name came to it, as part of a sentence. */
  readonly why: string;
}

/** The tier a claim gets of a class option: the one its class hints at, if there is one that takes so small a volume. */
const tierFor = ({ tiers }: ClassOption, { className, requestedGi }: Claim): ChosenTier => {
  const name = hintedTier(className);
  const tier = tiers[name];
  const standard = { ...tiers.standard, name: 'standard' } as const;
  if (name === 'standard') return { ...standard, why: 'standard tier' };
  if (tier === undefined) return { ...standard, why: `no ${name} tier to follow the name with` };
  if (requestedGi < (tier.minimumGi ?? 0)) {
    return { ...standard, why: `standard tier, since the ${name} one starts at ${tier.minimumGi ?? 0}Gi` };
  }
  return { ...tier, name, why: `${name} tier by the name` };
};

/** What a StorageClass says, without its name. */
type ClassShape = Pick<
  StorageClass,
  'provisioner' | 'parameters' | 'reclaimPolicy' | 'volumeBindingMode' | 'allowVolumeExpansion' | 'mountOptions'
>;

/** A class option with its facts filled in, and the facts that were. */
const shapeOfOption = (
  option: ClassOption,
  templates: StringMap,
  cloud: CloudVerdict,
): { readonly shape: ClassShape; readonly used: ReadonlyMap<string, Fact> } => {
  const used = new Map<string, Fact>();
  const parameters = Object.entries(templates).flatMap(([name, template]) => {
    const value = fill(template, (fact) => {
      const known = factFor(option, cloud, fact);
      if (known !== undefined) used.set(fact, known);
      return known?.value;
    });
    return value === undefined ? [] : [[name, value]];
  });
  const { provisioner, reclaimPolicy, volumeBindingMode, allowVolumeExpansion, mountOptions } = option;
  const shape = {
    provisioner,
    ...(parameters.length > 0 && { parameters: Object.fromEntries(parameters) as StringMap }),
    reclaimPolicy,
    volumeBindingMode,
    allowVolumeExpansion,
    ...(mountOptions && { mountOptions }),
  };
  return { shape, used };
};

/** Undefined where a fact that the template names is not known. */
const fill = (template: string, lookUp: (fact: string) => string | undefined): string | undefined => {
  const parts = template.split(/\$\{(\w+)\}/).map((part, at) => (at % 2 === 0 ? part : lookUp(part)));
  return parts.includes(undefined) ? undefined : parts.join('');
};

/** What another class says, without what makes it that class. */
const shapeOfClass = (storageClass: StorageClass): ClassShape => {
  const { provisioner, parameters, reclaimPolicy, volumeBindingMode, allowVolumeExpansion, mountOptions } =
    storageClass;
  return {
    provisioner,
    ...(parameters && { parameters }),
    ...(reclaimPolicy && { reclaimPolicy }),
    ...(volumeBindingMode && { volumeBindingMode }),
    ...(allowVolumeExpansion !== undefined && { allowVolumeExpansion }),
    ...(mountOptions && { mountOptions }),
  };
};

/** Field by field, parameters key by key: what the platform says wins. */
export const override = (shape: ClassShape, injected: StorageClassInjection): ClassShape => {
  const parameters = { ...shape.parameters, ...injected.parameters };
  const { parameters: _, ...fields } = { ...shape, ...injected };
  return { ...fields, ...(Object.keys(parameters).length > 0 && { parameters }) };
};

/** A class in the making: what it says, and why. */
export interface Draft {
  readonly shape: ClassShape;
  readonly used: ReadonlyMap<string, Fact>;
  readonly madeFor: string;
  readonly source: string;
  readonly why: string;
  readonly warnings: readonly string[];
}

export const draftFromOption = (option: ClassOption, claim: Claim, cloud: CloudVerdict): Draft => {
  const { mode, volumeMode } = claim;
  const tier = tierFor(option, claim);
  return {
    ...shapeOfOption(option, tier.parameters, cloud),
    madeFor: `${cloud.name} ${mode} ${volumeMode}, ${tier.name} tier`,
    source: `cloud ${cloud.name}`,
    why: `${option.provisioner} serves ${mode} ${volumeMode} volumes; ${tier.why}`,
    warnings: tier.caution === undefined ? [] : [tier.caution],
  };
};

export const draftFromClass = (original: StorageClass, { className }: Claim, cloud: CloudVerdict): Draft => {
  const name = original.metadata.name ?? '';
  const notes = cloud.notes.join(' ');
  return {
    shape: shapeOfClass(original),
    used: new Map(),
    madeFor: `copy of the default class ${name}`,
    source: `StorageClass ${name}`,
    why: `copied from the default class. ${notes}`,
    warnings:
      cloud.name === 'unknown'
        ? [`StorageClass ${className} is a copy of the default class ${name}, since the cloud is not known: ${notes}`]
        : [],
  };
};

/** A provisioner nobody but the platform team knows: Kubernetes’ own defaults, and what they say. */
export const draftFromProvisioner = (
  provisioner: string,
  { className, mode, volumeMode }: Claim,
  hasDriver: boolean,
): Draft => ({
  shape: { provisioner, reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate', allowVolumeExpansion: false },
  used: new Map(),
  madeFor: `${provisioner} ${mode} ${volumeMode}`,
  source: `provisioner ${provisioner}`,
  why: 'named by the platform team',
  warnings: hasDriver
    ? []
    : [
        `No CSIDriver ${provisioner} is registered: volumes of StorageClass ${className} stay pending unless it runs without one.`,
      ],
});

/** The whole class, with what PlatformDefaults say about it written over the draft. */
export const finishDraft = (
  draft: Draft,
  claim: Pick<Claim, 'className'>,
  injection: Resolved<StorageClassInjection> | undefined,
): StorageClass => {
  const madeFrom = [...draft.used].map(([name, { value, source }]) => `${name}=${value} (${source})`).join('; ');
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: {
      name: claim.className,
      labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
      annotations: {
        [MADE_FOR_ANNOTATION]: draft.madeFor,
        ...(madeFrom !== '' && { [MADE_FROM_ANNOTATION]: madeFrom }),
      },
    },
    ...(injection === undefined ? draft.shape : override(draft.shape, injection.value)),
  };
};

export const explainDraft = (
  draft: Draft,
  { classPath }: Claim,
  injection: Resolved<StorageClassInjection> | undefined,
): readonly Explanation[] => {
  const derived: Explanation = { path: classPath, source: draft.source, mode: 'Derived', why: draft.why };
  if (injection === undefined) return [derived];
  const { mode, source, value } = injection;
  const by = `PlatformDefaults ${source.namespace}/${source.name}@${source.generation}`;
  return [derived, { path: classPath, source: by, mode, why: `gives the class its ${Object.keys(value).join(', ')}` }];
};
