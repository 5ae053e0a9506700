import type { Explanation } from '../api/admission.ts';
import type { ClassOption, CloudVerdict, Fact, VolumeType } from '../api/facts.ts';
import type { Resolved, StorageClassInjection } from '../api/injection.ts';
import type { StorageClass, StringMap } from '../api/kubernetes.ts';
import { MADE_FOR_ANNOTATION, MADE_FROM_ANNOTATION, MANAGED_BY, MANAGED_BY_LABEL } from '../api/names.ts';
import type { Claim } from './claim.ts';
import { type NameReading, readName, unreadNote } from './class-name.ts';
import { type ClusterFacts, factFor } from './class-options.ts';
import { fsTypeName, withParameters } from './parameters.ts';
import { chooseType, isReplicatedClass, typeOfClass, typeWarnings } from './volume-type.ts';
import { placedIn } from './zone.ts';

/** What a StorageClass says, without its name. */
type ClassShape = Pick<
  StorageClass,
  | 'provisioner'
  | 'parameters'
  | 'reclaimPolicy'
  | 'volumeBindingMode'
  | 'allowVolumeExpansion'
  | 'mountOptions'
  | 'allowedTopologies'
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
  const { provisioner, parameters, reclaimPolicy, volumeBindingMode, allowVolumeExpansion } = storageClass;
  const { mountOptions, allowedTopologies } = storageClass;
  return {
    provisioner,
    ...(parameters && { parameters }),
    ...(reclaimPolicy && { reclaimPolicy }),
    ...(volumeBindingMode && { volumeBindingMode }),
    ...(allowVolumeExpansion !== undefined && { allowVolumeExpansion }),
    ...(mountOptions && { mountOptions }),
    ...(allowedTopologies && { allowedTopologies }),
  };
};

/** Field by field, parameters key by key: what the platform says wins. */
export const override = (shape: ClassShape, injected: StorageClassInjection): ClassShape => {
  const parameters = withParameters(shape.parameters, injected.parameters);
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
  /** A whole sentence about words of the name that nobody reads, where there is reason for one. */
  readonly unread?: string;
  readonly abilities: Abilities;
  /** The type of its volumes, where it is known. */
  readonly type?: VolumeType;
}

/** What the words of a name may ask of the provisioner behind a draft. */
interface Abilities {
  readonly takesFsType: boolean;
  readonly bindsImmediately: boolean;
  readonly canExpand: boolean;
  readonly isShared?: boolean;
  readonly encryption?: StringMap | 'always';
  /** What its driver calls zones by. */
  readonly zoneLabel?: string | undefined;
}

export const draftFromOption = (option: ClassOption, claim: Claim, cloud: CloudVerdict): Draft => {
  const { mode, volumeMode } = claim;
  const { type, label, why, warnings } = chooseType(option, claim, cloud);
  const isDisk = option.volumeModes.includes('Block');
  return {
    ...shapeOfOption(option, type.parameters, cloud),
    madeFor: `${cloud.name} ${mode} ${volumeMode}, ${label}`,
    source: `cloud ${cloud.name}`,
    why: `${option.provisioner} serves ${mode} ${volumeMode} volumes; ${why}`,
    warnings,
    type,
    abilities: {
      takesFsType: isDisk && option.isCsi,
      bindsImmediately: option.isCsi || option.volumeBindingMode === 'Immediate',
      canExpand: option.allowVolumeExpansion,
      isShared: option.modes.includes('ReadWriteMany'),
      ...(option.encryption && { encryption: option.encryption }),
      ...(option.zoneLabel !== undefined && { zoneLabel: option.zoneLabel }),
    },
  };
};

export const draftFromClass = (
  original: StorageClass,
  { className }: Claim,
  { cloud, storage }: ClusterFacts,
): Draft => {
  const name = original.metadata.name ?? '';
  const notes = cloud.notes.join(' ');
  const shape = shapeOfClass(original);
  return {
    shape,
    used: new Map(),
    madeFor: `copy of the default class ${name}`,
    source: `StorageClass ${name}`,
    why: `copied from the default class. ${notes}`,
    warnings:
      cloud.name === 'unknown'
        ? [`StorageClass ${className} is a copy of the default class ${name}, since the cloud is not known: ${notes}`]
        : [],
    abilities: {
      takesFsType: storage.hasCsiDriver(shape.provisioner),
      bindsImmediately: shape.volumeBindingMode !== 'WaitForFirstConsumer' || storage.hasCsiDriver(shape.provisioner),
      canExpand: shape.allowVolumeExpansion ?? false,
    },
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
  abilities: { takesFsType: hasDriver, bindsImmediately: true, canExpand: true },
});

/**
 * The draft with the fields that the words of its name ask for (`-retain`, `-xfs`...), and a warning about every word that asks for
 * what cannot be had, or is nearly one that is read. Where the platform says what the class is, words of its own are its own business.
 */
export const followName = (
  draft: Draft,
  claim: Claim,
  cluster: Pick<ClusterFacts, 'cloud' | 'storage'>,
  injected: StorageClassInjection = {},
): Draft => {
  const { className } = claim;
  const reading = readName(className);
  const { shape, abilities } = draft;
  const { encryption, zoneLabel } = abilities;
  const parameters = withParameters(shape.parameters, {
    ...(reading.fsType && abilities.takesFsType && { [fsTypeName(shape.parameters)]: reading.fsType }),
    ...(reading.isEncrypted && typeof encryption === 'object' && encryption),
  });
  const isExpandable = reading.isExpandable && abilities.canExpand;
  const isImmediate = reading.volumeBindingMode === 'Immediate';
  const isByPlatform = isTyped(injected);
  const made = override({ ...shape, parameters }, injected);
  const isReplicated = isReplicatedClass(made, cluster.cloud.classOptions);
  const placed = placedIn(reading, cluster, { zoneLabel, injected, isReplicated });
  const unread = isByPlatform ? undefined : unreadNote(placed.reading, cluster.cloud.vocabulary);
  const denied = [...deniedWords(reading, abilities, isReplicated), ...placed.denied];
  return {
    ...draft,
    shape: {
      ...shape,
      ...(Object.keys(parameters).length > 0 && { parameters }),
      ...(reading.reclaimPolicy && { reclaimPolicy: reading.reclaimPolicy }),
      ...(reading.volumeBindingMode &&
        (abilities.bindsImmediately || !isImmediate) && { volumeBindingMode: reading.volumeBindingMode }),
      ...(isExpandable && { allowVolumeExpansion: true }),
      ...(placed.allowedTopologies && { allowedTopologies: placed.allowedTopologies }),
    },
    warnings: [
      ...draft.warnings,
      ...typeWarnings(isByPlatform ? typeOfClass(made, cluster.cloud.classOptions) : draft.type, made, claim),
      ...withoutWarnings(className, shape, denied, placed.why),
    ],
    ...(unread !== undefined && { unread: `StorageClass ${className}: ${unread}` }),
  };
};

/** Of which type its volumes are, the platform says. */
const isTyped = ({ provisioner, parameters }: StorageClassInjection): boolean =>
  provisioner !== undefined || parameters !== undefined;

/** What of its name a class is made without, and why. */
const withoutWarnings = (
  className: string,
  { provisioner }: ClassShape,
  denied: readonly string[],
  whyNotInZone: string | undefined,
): readonly string[] => [
  ...(denied.length === 0
    ? []
    : [
        `StorageClass ${className} is made without what ${quote(denied)} in its name asks for: ${provisioner} does not give it.`,
      ]),
  ...(whyNotInZone === undefined
    ? []
    : [`StorageClass ${className} is made without the zone that its name asks for: ${whyNotInZone}.`]),
];

/** As many as a person reads in a warning. */
const MOST_QUOTED = 3;

const quote = (words: readonly string[]): string => {
  const quoted = words.slice(0, MOST_QUOTED).map((word) => `“${word}”`);
  const others = words.length - quoted.length;
  return others > 0 ? `${quoted.join(', ')} and ${others} more` : quoted.join(', ');
};

/** The words of a name that ask for what its provisioner cannot do. */
const deniedWords = (reading: NameReading, abilities: Abilities, isReplicated: boolean): readonly string[] => {
  const denied: Readonly<Record<string, boolean>> = {
    ext4: !abilities.takesFsType,
    xfs: !abilities.takesFsType,
    immediate: !abilities.bindsImmediately,
    encrypted: abilities.encryption === undefined,
    expandable: !abilities.canExpand,
    regional: !isReplicated,
    regionalpd: !isReplicated,
    zrs: !isReplicated,
    shared: !abilities.isShared,
    rwx: !abilities.isShared,
  };
  return reading.words.filter((word) => Object.hasOwn(denied, word) && denied[word]);
};

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
  const why = `gives the class its ${Object.keys(value).join(', ')}`;
  return [derived, { path: classPath, source: by, mode, why, effect: 'companion' }];
};
