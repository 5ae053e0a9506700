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

/**
 * The first condition of an entry that does not hold for a subject, with both sides, as a part of a sentence. Undefined where
 * it matches: exactly where the matcher finds it.
 */
export const mismatchOf = (entry: Entry, subject: Subject): string | undefined => {
  const { kinds } = entry.spec.match;
  if (!isOfKinds(kinds, subject)) return `kinds ${kinds.join(', ')}; the object is a ${subject.kind}`;
  if (!entry.isGlobal && entry.source.namespace !== subject.namespace)
    return `it holds in its own namespace ${entry.source.namespace} alone; the object is in ${subject.namespace}`;
  if (subject.isDisabled && !(entry.isGlobal && entry.mode === 'Enforce')) return optOutOf(subject);
  if (entry.clouds.length > 0 && !entry.clouds.includes(subject.cloud))
    return `clouds ${entry.clouds.join(', ')}; the cluster is on ${subject.cloud}`;
  if (entry.owner !== undefined && subject.pod?.owners.has(entry.owner) !== true)
    return `owner ${entry.owner}; the object has ${ownersOf(subject)}`;
  return (
    selectorMismatch('selector', entry.labelRequirements, subject.labels, 'the object') ??
    selectorMismatch(
      'namespaceSelector',
      entry.namespaceRequirements,
      subject.namespaceLabels,
      `namespace ${subject.namespace}`,
    )
  );
};

/** What is for every pod is for those of each framework. */
export const isOfKinds = (kinds: readonly string[], { kind, pod }: Pick<Subject, 'kind' | 'pod'>): boolean =>
  kinds.includes(kind) || (pod !== undefined && kinds.includes('Pod'));

const ownersOf = ({ pod }: Subject): string => {
  const owners = [...(pod?.owners ?? [])].filter((owner) => owner.includes('/'));
  return owners.length === 0 ? 'no owner' : `owner ${owners.slice(0, 5).join(', ')}`;
};

const optOutOf = ({ labels, namespace }: Subject): string => {
  const whose = labels[INJECT_LABEL] === INJECT_DISABLED ? 'the object' : `namespace ${namespace}`;
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
    const meant = operator === 'In' ? nearestOf(value, values) : undefined;
    return `${key}=${value}${meant === undefined ? '' : ` (did you mean ${meant}?)`}`;
  }
  const meant = nearestOf(key, Object.keys(labels));
  return meant === undefined ? `no label ${key}` : `no label ${key}, but ${meant}=${labels[meant]}`;
};
