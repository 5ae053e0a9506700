import type { ClassOption, CloudVerdict, Tier, VolumeType } from '../api/facts.ts';
import type { StorageClass, StringMap } from '../api/kubernetes.ts';
import type { Claim } from './claim.ts';
import { isKnownEverywhere, longestPhrase, type NameReading, readName } from './class-name.ts';

/** The type a class is to have, and how its name came to it. */
export interface ChosenType {
  readonly type: VolumeType;
  /** `fast tier` or `type gp3`. */
  readonly label: string;
  /** Part of a sentence. */
  readonly why: string;
  /** Whole sentences on what its name asks for. */
  readonly warnings: readonly string[];
}

/** What a type of the provider is called in a name, if it holds one. */
export const namedType = ({ types = {} }: Pick<ClassOption, 'types'>, reading: NameReading): string | undefined =>
  longestPhrase(reading, Object.keys(types));

/**
 * The type that a name asks for. One it calls by its own name it gets whatever the size, with a warning where claims of that size
 * cannot have it; a tier it gets where the provider makes such sizes of it, or else the nearest that serves and is no dearer.
 */
export const chooseType = (option: ClassOption, claim: Claim, cloud: CloudVerdict): ChosenType => {
  const reading = readName(claim.className);
  const base =
    byName(option, reading) ??
    byForeignName(option, claim, reading, cloud) ??
    byTier(option, claim, reading.tier, cloud);
  return { ...base, type: (reading.isReplicated && base.type.replicated) || base.type };
};

/** What is to be known of the type that a class has, where that is known. */
export const typeWarnings = (
  type: VolumeType | undefined,
  made: Pick<StorageClass, 'provisioner' | 'parameters'>,
  claim: Claim,
): readonly string[] =>
  type === undefined ? [] : [...cautionOf(type, made.parameters), ...sizeWarnings(type, made.provisioner, claim)];

/** What each volume of a class with these parameters bills besides, and the like. */
export const cautionOf = ({ caution }: VolumeType, parameters: StorageClass['parameters']): readonly string[] =>
  caution === undefined
    ? []
    : [caution.replace(/\$\{(\w+)\}/g, (_, name: string) => parameterOf(parameters, name) ?? 'provisioned')];

type BaseType = Pick<ChosenType, 'type' | 'label' | 'why' | 'warnings'>;

const byName = (option: ClassOption, reading: NameReading): BaseType | undefined => {
  const phrase = namedType(option, reading);
  const type = phrase === undefined ? undefined : option.types?.[phrase];
  if (type === undefined) return undefined;
  const name = type.name ?? phrase ?? '';
  return { type, label: `type ${name}`, why: `type ${name} by the name`, warnings: [] };
};

/** A type that other clouds have comes to the tier it is there, where no word of the name says more. */
const byForeignName = (
  option: ClassOption,
  claim: Claim,
  reading: NameReading,
  cloud: CloudVerdict,
): BaseType | undefined => {
  const { name, vocabulary } = cloud;
  const foreign = [...(vocabulary?.types.keys() ?? [])].filter((phrase) => !isKnownEverywhere(phrase));
  const phrase = longestPhrase(reading, foreign);
  const meaning = phrase === undefined ? undefined : vocabulary?.types.get(phrase);
  if (phrase === undefined || meaning === undefined || meaning.clouds.includes(name)) return undefined;
  const base = byTier(option, claim, reading.tier === 'standard' ? meaning.tier : reading.tier, cloud);
  const where = meaning.clouds.join(' and ');
  const made = base.type.name === undefined ? `the ${base.label}` : `type ${base.type.name}`;
  const warning = `StorageClass ${claim.className} asks by its name for ${phrase}, which ${where} has and ${name} has not: it is made with ${made} of ${option.provisioner}.`;
  return { ...base, warnings: [warning, ...base.warnings] };
};

/** Where a tier is looked for, the tier itself first. None of these is dearer than what comes before it, but for a slow one that is missing. */
const NEAREST: Readonly<Record<Tier, readonly Tier[]>> = {
  standard: [],
  basic: ['basic'],
  ssd: ['ssd'],
  fast: ['fast', 'ssd'],
  slow: ['slow'],
  cold: ['cold', 'slow'],
};

const byTier = (
  { tiers }: ClassOption,
  { className, requestedGi }: Claim,
  tier: Tier,
  { facts }: CloudVerdict,
): BaseType => {
  const listed = NEAREST[tier].flatMap((name) => (tiers[name] ? [{ name, type: tiers[name] }] : []));
  const asked = listed.filter(({ type: { needs } }) => needs === undefined || Object.hasOwn(facts, needs));
  const fitting = asked.find(({ type }) => fits(type, requestedGi));
  if (fitting !== undefined) {
    const { name, type } = fitting;
    return { type, label: `${name} tier`, why: `${name} tier by the name`, warnings: [] };
  }
  const why = whyStandard(tier, asked[0]?.type, requestedGi);
  const missing = asked.length === 0 ? listed[0]?.type.needs : undefined;
  const warnings =
    missing === undefined
      ? []
      : [
          `StorageClass ${className} is of the standard type: which one its name asks for is not known. Give the fact ${missing}.`,
        ];
  const [first] = asked;
  const dearer = first === undefined ? [] : dearerWarnings(className, tiers.standard, first.type, requestedGi);
  return { type: tiers.standard, label: 'standard tier', why, warnings: [...warnings, ...dearer] };
};

/** A person who asks for the cheap by its name is told what it would take. */
const dearerWarnings = (
  className: string,
  made: VolumeType,
  { name = '', cost = 0, sizes }: VolumeType,
  requestedGi: number,
): readonly string[] => {
  const { leastGi = 0, greatestGi = 0 } = sizes ?? {};
  if (requestedGi === 0 || (made.cost ?? 0) <= cost) return [];
  const [bound, remedy] =
    wholeGi(requestedGi) < leastGi
      ? [`begin at ${leastGi}Gi`, `${leastGi}Gi or more`]
      : [`end at ${greatestGi}Gi`, 'no more than that'];
  return [
    `Volumes of type ${name}, which the name of StorageClass ${className} asks for, ${bound}: it is made with ${made.name ?? 'the standard type'}, which costs more. Ask for ${remedy} in the claim that has it made.`,
  ];
};

const whyStandard = (tier: Tier, asked: VolumeType | undefined, requestedGi: number): string => {
  if (tier === 'standard' || tier === 'basic') return 'standard tier';
  if (asked === undefined) return `no ${tier} tier to follow the name with`;
  const { leastGi = 0, greatestGi = 0 } = asked.sizes ?? {};
  return requestedGi < leastGi
    ? `standard tier, since the ${tier} one starts at ${leastGi}Gi`
    : `standard tier, since the ${tier} one ends at ${greatestGi}Gi`;
};

const fits = ({ sizes = {} }: VolumeType, requestedGi: number): boolean => {
  const { leastGi = 0, greatestGi = Number.POSITIVE_INFINITY, isRaised = false } = sizes;
  return (isRaised || wholeGi(requestedGi) >= leastGi) && requestedGi <= greatestGi;
};

/** Drivers make whole GiB. */
const wholeGi = (gi: number): number => Math.ceil(gi);

/** What a claim of this size is to know of the type, as whole sentences that name the figure. */
export const sizeWarnings = (
  { name, sizes = {} }: VolumeType,
  provisioner: string,
  { className, requestedGi }: Pick<Claim, 'className' | 'requestedGi'>,
): readonly string[] => {
  const { leastGi = 0, greatestGi = Number.POSITIVE_INFINITY, stepGi, isMultiple = false, isRaised = false } = sizes;
  const from = isMultiple && requestedGi > leastGi ? 0 : leastGi;
  const what = name === undefined ? `Volumes of ${provisioner}` : `Volumes of type ${name}`;
  const pending = `: a claim of StorageClass ${className} for ${round(requestedGi)}Gi stays pending. Ask for`;
  if (requestedGi === 0) return [];
  if (wholeGi(requestedGi) < leastGi) {
    return isRaised
      ? [`${what} are made, and billed, with at least ${leastGi}Gi each, however little is asked for.`]
      : [`${what} begin at ${leastGi}Gi${pending} ${leastGi}Gi or more, or name a class of another type.`];
  }
  if (requestedGi > greatestGi) {
    return [`${what} end at ${greatestGi}Gi${pending} less, or name a class of another type.`];
  }
  const made = stepGi === undefined ? requestedGi : Math.ceil((requestedGi - from) / stepGi) * stepGi + from;
  return made === requestedGi
    ? []
    : [`${what} come in steps of ${stepGi ?? 0}Gi: ${made}Gi are made, and billed, for ${round(requestedGi)}Gi.`];
};

const round = (gi: number): number => Math.round(gi * 100) / 100;

/** Parameters that say of which type a volume is, for any provisioner. */
const TYPE_PARAMETERS = [
  'type',
  'skuName',
  'tier',
  'multishare',
  'vpusPerGB',
  'performanceLevel',
  'replication-type',
  'deploymentType',
];

/** The type that a class which is there has, where it is one that is known. */
export const typeOfClass = (
  { provisioner, parameters }: Pick<StorageClass, 'provisioner' | 'parameters'>,
  classOptions: readonly ClassOption[],
): VolumeType | undefined =>
  classOptions
    .filter((option) => option.provisioner === provisioner)
    .flatMap(allTypes)
    .find((type) => isOfType(parameters, type));

/** True for a class whose volumes have copies in more than one zone, and so can be kept in none. */
export const isReplicatedClass = (
  { provisioner, parameters }: Pick<StorageClass, 'provisioner' | 'parameters'>,
  classOptions: readonly ClassOption[],
): boolean =>
  classOptions
    .filter((option) => option.provisioner === provisioner)
    .flatMap(allTypes)
    .some(({ replicated }) => replicated !== undefined && isOfType(parameters, replicated));

const isOfType = (parameters: StorageClass['parameters'], type: VolumeType): boolean =>
  TYPE_PARAMETERS.every((name) => parameterOf(parameters, name) === parameterOf(type.parameters, name));

const parameterOf = (parameters: StringMap | null | undefined, name: string): string | undefined =>
  parameters && Object.hasOwn(parameters, name) ? parameters[name] : undefined;

/** Every type that a class option knows, each once. */
export const allTypes = ({ tiers, types = {} }: ClassOption): readonly VolumeType[] => {
  const known = new Set([...Object.values(tiers), ...Object.values(types)]);
  return [...known, ...[...known].flatMap(({ replicated }) => replicated ?? [])];
};

/** What a claim of a class that is there is to know of its size. */
export const sizeWarningsFor = (
  existing: StorageClass,
  claim: Pick<Claim, 'className' | 'requestedGi'>,
  classOptions: readonly ClassOption[],
): readonly string[] => {
  const type = typeOfClass(existing, classOptions);
  // What is billed was told when the class was made; what leaves a claim pending is told each time.
  return type === undefined || fits(type, claim.requestedGi) ? [] : sizeWarnings(type, existing.provisioner, claim);
};
