import type { Asked, Requirement } from '../api/admission.ts';
import type { DefaultsSource, Mode, TargetKind } from '../api/injection.ts';
import type { LabelSelector, Maybe, StringMap } from '../api/kubernetes.ts';
import { NAMESPACE_NAME_LABEL } from '../api/names.ts';
import { compareText } from '../api/plain-text.ts';
import type { PlatformDefaults, PlatformDefaultsSpec } from '../api/platform-defaults.ts';
import { type ContainerSelector, containerSelector } from './containers.ts';

/** A PlatformDefaults as resolution wants it. Immutable: make it once for each generation. */
export interface Entry {
  readonly source: DefaultsSource;
  readonly spec: PlatformDefaultsSpec;
  /** Enforce for one with the mode Audit: what that would come to is what is told. */
  readonly mode: Mode;
  /** It changes nothing. */
  readonly isAudit: boolean;
  /** In the system namespace: holds everywhere. */
  readonly isGlobal: boolean;
  readonly labelRequirements: readonly Requirement[];
  readonly namespaceRequirements: readonly Requirement[];
  /** What one owner of a pod must be: `group/Kind`, or `Kind` of any group. */
  readonly owner: string | undefined;
  /** Undefined: those that the kind of pod gives everything to. */
  readonly containers: ContainerSelector | undefined;
  /** Empty: every cloud. */
  readonly clouds: readonly string[];
  /** Compared from left to right; the higher wins. Two entries of equal precedence are told apart by name alone. */
  readonly precedence: readonly number[];
  /** The same for pods of a framework that it names beside every pod, and for what is no pod; undefined where that is no other. */
  readonly named: Entry | undefined;
}

/** True for what is enforced for the whole cluster. */
export const isEnforcedGlobally = ({ isGlobal, mode }: Entry): boolean => isGlobal && mode === 'Enforce';

export interface DefaultsOptions {
  readonly systemNamespace: string;
}

/** Reads a PlatformDefaults that `validateDefaults` found nothing wrong with. One without a namespace is global. */
export const entryOf = (defaults: PlatformDefaults, { systemNamespace }: DefaultsOptions): Entry => {
  const { metadata } = defaults;
  const spec = withoutNulls(defaults.spec);
  const namespace = metadata.namespace ?? systemNamespace;
  const isGlobal = namespace === systemNamespace;
  const isAudit = spec.mode === 'Audit';
  const mode = spec.mode === 'Audit' ? 'Enforce' : (spec.mode ?? 'Default');
  const labelRequirements = requirementsOf(spec.match.selector);
  const namespaceRequirements = requirementsOf(spec.match.namespaceSelector);
  const entry: Entry = {
    source: { namespace, name: metadata.name ?? '', generation: metadata.generation ?? 0 },
    spec,
    mode,
    isAudit,
    isGlobal,
    labelRequirements,
    namespaceRequirements,
    owner: ownerOf(spec.match),
    containers: spec.match.containers && containerSelector(spec.match.containers),
    clouds: spec.match.clouds ?? [],
    precedence: [
      rankOf(mode, isGlobal),
      labelRequirements.length,
      namespaceRequirements.length,
      podPrecedence(spec.match),
      spec.priority ?? 0,
    ],
    named: undefined,
  };
  return spec.match.kinds.length > 1 && spec.match.kinds.includes('Pod') ? { ...entry, named: asNamed(entry) } : entry;
};

/** How specific an entry is follows from the kind that it is asked for, of those that it names. */
export const entryFor = (entry: Entry, kind: TargetKind): Entry =>
  kind !== 'Pod' && entry.named !== undefined && entry.spec.match.kinds.includes(kind) ? entry.named : entry;

const asNamed = (entry: Entry): Entry => {
  const { match } = entry.spec;
  const kinds = match.kinds.filter((kind) => kind !== 'Pod');
  const precedence = entry.precedence.with(AT_POD, podPrecedence({ ...match, kinds }));
  return { ...entry, precedence };
};

/** Where the precedence has what is said of pods. */
export const AT_POD = 3;

/** What must be sent to us for this entry, in a cloud; nothing where it injects nothing there. Undefined: any cloud. */
export const askedBy = (
  { spec, isGlobal, source, clouds, labelRequirements, namespaceRequirements }: Entry,
  cloud: string | undefined,
): readonly Asked[] => {
  if (spec.inject === undefined || (cloud !== undefined && clouds.length > 0 && !clouds.includes(cloud))) return [];
  const own: readonly Requirement[] = isGlobal
    ? []
    : [{ key: NAMESPACE_NAME_LABEL, operator: 'In', values: [source.namespace] }];
  return [{ kinds: spec.match.kinds, labels: labelRequirements, namespaceLabels: [...namespaceRequirements, ...own] }];
};

/** False for one that no object can have anything of. */
export const givesAnything = ({ spec }: Entry): boolean =>
  [spec.inject, spec.variables, spec.templates].some((part) => part !== undefined);

/** Best first: who comes earlier wins every key that both give. A total order within what can match one object. */
export const compareEntries = (a: Entry, b: Entry): number => {
  const unequal = a.precedence.findIndex((rank, index) => rank !== b.precedence[index]);
  if (unequal >= 0) return (b.precedence[unequal] ?? 0) - (a.precedence[unequal] ?? 0);
  return compareText(a.source.name, b.source.name) || compareText(a.source.namespace, b.source.namespace);
};

/** True where nothing but the name decides between the two. */
export const hasEqualPrecedence = (a: Entry, b: Entry): boolean =>
  a.precedence.every((rank, index) => rank === b.precedence[index]);

/** `namespace/name`, as messages have it. */
export const namespacedName = ({ source }: Entry): string => `${source.namespace}/${source.name}`;

/**
 * What is enforced stands above every default. Among defaults the namespace knows better than the platform; among
 * what is enforced the platform has the last word, or a tenant could undo it with a PlatformDefaults of their own.
 */
const rankOf = (mode: Mode, isGlobal: boolean): number => {
  if (mode === 'Enforce') return isGlobal ? 3 : 2;
  return isGlobal ? 0 : 1;
};

/** A framework is more than every pod; an owner and certain containers are more than any. */
const podPrecedence = ({ kinds, owner, containers }: PlatformDefaultsSpec['match']): number =>
  (kinds.includes('Pod') ? 0 : 1) + (owner === undefined ? 0 : 1) + (containers === undefined ? 0 : 1);

const ownerOf = ({ owner }: PlatformDefaultsSpec['match']): string | undefined =>
  owner && (owner.group === undefined ? owner.kind : `${owner.group}/${owner.kind}`);

/** All requirements of a selector. None for an absent or empty one: it selects everything. */
export const requirementsOf = (selector: Maybe<LabelSelector>): readonly Requirement[] => [
  ...Object.entries(selector?.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: 'In' as const,
    values: [value],
  })),
  ...(selector?.matchExpressions ?? []).map(({ key, operator, values }) => ({ key, operator, values: values ?? [] })),
];

/** True where the labels meet every requirement, by Kubernetes' own rules: NotIn holds where the label is absent. */
export const meetsAll = (requirements: readonly Requirement[], labels: StringMap): boolean =>
  requirements.every((requirement) => meets(requirement, labels));

const meets = ({ key, operator, values }: Requirement, labels: StringMap): boolean => {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
};

/** True where no value of their key, nor its absence, meets both. */
export const areExclusive = (one: Requirement, other: Requirement): boolean => {
  if (one.operator === 'In') return one.values.every((value) => !meets(other, { [other.key]: value }));
  if (other.operator === 'In') return areExclusive(other, one);
  const operators = [one.operator, other.operator];
  return operators.includes('Exists') && operators.includes('DoesNotExist');
};

/** A value without the fields that are null, as the API server stores it. The very value where there are none. */
export const withoutNulls = <T>(value: T): T => prune(value) as T;

const prune = (value: unknown): unknown => {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map(prune);
    return items.some((item, at) => item !== value[at]) ? items : value;
  }
  const before = Object.entries(value);
  const after = before.filter(([, item]) => item !== null).map(([key, item]) => [key, prune(item)] as const);
  const isSame = after.length === before.length && after.every(([, item], at) => item === before[at]?.[1]);
  return isSame ? value : Object.fromEntries(after);
};
