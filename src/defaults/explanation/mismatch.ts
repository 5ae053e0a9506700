import type { Requirement } from '../../api/admission.ts';
import type { DefaultsTarget } from '../../api/injection.ts';
import type { StringMap } from '../../api/kubernetes.ts';
import { INJECT_DISABLED, INJECT_LABEL } from '../../api/names.ts';
import { nearestOf } from '../../api/plain-text.ts';
import { type Entry, meetsAll } from '../entry.ts';

/** Whom defaults are looked up for, as far as it decides which match. */
export type Subject = Pick<
  DefaultsTarget,
  'namespace' | 'labels' | 'namespaceLabels' | 'cloud' | 'isDisabled' | 'pod'
> & {
  readonly kind: string;
};

/** A condition of an entry that does not hold. */
export interface Mismatch {
  /** In one word, for a metric. */
  readonly unmet: 'kind' | 'namespace' | 'opted_out' | 'cloud' | 'owner' | 'selector' | 'namespace_selector';
  /** With both sides, as a part of a sentence. */
  readonly why: string;
}

/** The first condition of an entry that does not hold for a subject. Undefined where it matches: exactly where the matcher finds it. */
export const mismatchOf = (entry: Entry, subject: Subject): Mismatch | undefined => {
  const { kinds } = entry.spec.match;
  if (!isOfKinds(kinds, subject))
    return { unmet: 'kind', why: `kinds ${kinds.join(', ')}; the object is a ${subject.kind}` };
  if (!entry.isGlobal && entry.source.namespace !== subject.namespace) {
    const why = `it holds in its own namespace ${entry.source.namespace} alone; the object is in ${subject.namespace}`;
    return { unmet: 'namespace', why };
  }
  if (subject.isDisabled && !(entry.isGlobal && entry.mode === 'Enforce'))
    return { unmet: 'opted_out', why: optOutOf(subject) };
  if (entry.clouds.length > 0 && !entry.clouds.includes(subject.cloud))
    return { unmet: 'cloud', why: `clouds ${entry.clouds.join(', ')}; the cluster is on ${subject.cloud}` };
  if (entry.owner !== undefined && subject.pod?.owners.has(entry.owner) !== true)
    return { unmet: 'owner', why: `owner ${entry.owner}; the object has ${ownersOf(subject)}` };
  return labelMismatch(entry, subject);
};

const labelMismatch = (entry: Entry, { labels, namespace, namespaceLabels }: Subject): Mismatch | undefined => {
  const own = selectorMismatch('selector', entry.labelRequirements, labels, 'the object');
  if (own !== undefined) return { unmet: 'selector', why: own };
  const { namespaceRequirements } = entry;
  const why = selectorMismatch('namespaceSelector', namespaceRequirements, namespaceLabels, `namespace ${namespace}`);
  return why === undefined ? undefined : { unmet: 'namespace_selector', why };
};

/** What is for every pod is for those of each framework. */
export const isOfKinds = (kinds: readonly string[], { kind, pod }: Pick<Subject, 'kind' | 'pod'>): boolean =>
  kinds.includes(kind) || (pod !== undefined && kinds.includes('Pod'));

const ownersOf = ({ pod }: Subject): string => {
  const owners = [...(pod?.owners ?? [])].filter((owner) => owner.includes('/'));
  return owners.length === 0 ? 'no owner' : `owner ${owners.slice(0, 5).join(', ')}`;
};

/** Claims without a class to make, and pods that others mount into, are given no more either. */
const optOutOf = ({ labels, namespace, namespaceLabels }: Subject): string => {
  const hasOptedOut = labels[INJECT_LABEL] === INJECT_DISABLED;
  if (!hasOptedOut && namespaceLabels[INJECT_LABEL] !== INJECT_DISABLED)
    return 'such an object is given no more than what is enforced for the whole cluster';
  const whose = hasOptedOut ? 'the object' : `namespace ${namespace}`;
  return `${whose} opted out with the label ${INJECT_LABEL}: ${INJECT_DISABLED}`;
};

/** What a selector asks for and these labels do not have; undefined where they have it all. */
export const selectorMismatch = (
  field: string,
  requirements: readonly Requirement[],
  labels: StringMap,
  whose: string,
): string | undefined => {
  const unmet = requirements.find((requirement) => !meetsAll([requirement], labels));
  if (unmet === undefined) return undefined;
  if (unmet.operator === 'NotIn') return `${field} leaves out ${unmet.key}=${labels[unmet.key]}, which ${whose} has`;
  return `${field} ${requirementText(unmet)}; ${whose} has ${presentText(unmet, labels)}`;
};

/** As kubectl writes selectors. */
export const requirementText = ({ key, operator, values }: Requirement): string => {
  switch (operator) {
    case 'In':
      return values.length === 1 ? `${key}=${values[0]}` : `${key} in (${values.join(', ')})`;
    case 'NotIn':
      return values.length === 1 ? `${key}!=${values[0]}` : `${key} notin (${values.join(', ')})`;
    case 'Exists':
      return key;
    case 'DoesNotExist':
      return `!${key}`;
  }
};

const presentText = ({ key, operator, values }: Requirement, labels: StringMap): string => {
  if (Object.hasOwn(labels, key)) {
    const value = labels[key] ?? '';
    const meant = operator === 'In' ? nearestOf(value, values.slice(0, MAX_READ)) : undefined;
    return `${key}=${value}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`;
  }
  const meant = nearestOf(
    key,
    firstKeys(labels).filter((other) => isNear(key, other)),
  );
  return meant === undefined ? `no label ${key}` : `no label ${key}, but ${meant}=${labels[meant]}`;
};

/** The prefix that two keys share makes neither a mistyped one of the other. */
const isNear = (key: string, other: string): boolean => {
  const at = key.indexOf('/') + 1;
  if (key.slice(0, at) !== other.slice(0, at)) return true;
  return nearestOf(key.slice(at), [other.slice(at)]) !== undefined;
};

/** Found once for each object: to find them is to enumerate all. */
const firstKeys = (labels: StringMap): readonly string[] => {
  const keys = keysOf.get(labels) ?? Object.keys(labels).slice(0, MAX_READ);
  keysOf.set(labels, keys);
  return keys;
};
const keysOf = new WeakMap<StringMap, readonly string[]>();

/** Of a few somebody mistyped one. A tenant has as many labels as fit into an object, and as many PlatformDefaults to hold them against. */
const MAX_READ = 50;
