import type { AdmissionRule, Requirement } from '../../api/admission.ts';
import type { LabelSelector } from '../../api/kubernetes.ts';

/** Beyond so many webhooks they are made wider: the API server asks each of them of every pod. */
const MAX_RULES = 32;

/** Objects by their labels, and by those of their namespace. */
export interface Selection {
  readonly labels: readonly Requirement[];
  readonly namespaceLabels: readonly Requirement[];
}

const EVERYTHING: Selection = { labels: [], namespaceLabels: [] };

const ofAnyLabels = ({ namespaceLabels }: Selection): Selection => ({ labels: [], namespaceLabels });

/**
 * A rule made narrower: for every object that any of the selections is of, and as few others as selectors can tell, one for each pair
 * of selectors that no other covers.
 */
export const selectedRules = (rule: AdmissionRule, selections: readonly Selection[]): readonly AdmissionRule[] => {
  const narrow = uncovered(byNamespaces(selections));
  const wide = narrow.length > MAX_RULES ? uncovered(byNamespaces(selections.map(ofAnyLabels))) : narrow;
  return (wide.length > MAX_RULES ? [EVERYTHING] : wide).map((selection, index) => ruleOf(rule, selection, index));
};

/** Those with the same labels, and each for namespaces by one label alone, as one: tenants ask for their own namespace. */
const byNamespaces = (selections: readonly Selection[]): readonly Selection[] => {
  const groups = Map.groupBy(selections, ({ labels, namespaceLabels }) => {
    const [first, ...others] = namespaceLabels;
    const isJoinable = others.length === 0 && first?.operator === 'In';
    return JSON.stringify([canonical(labels), isJoinable ? first.key : canonical(namespaceLabels)]);
  });
  return [...groups.values()].flatMap((alike) => {
    const [first] = alike;
    const [requirement, ...others] = first?.namespaceLabels ?? [];
    if (first === undefined) return [];
    if (requirement?.operator !== 'In' || others.length > 0) return [first];
    const values = [...new Set(alike.flatMap(({ namespaceLabels }) => namespaceLabels[0]?.values ?? []))].sort();
    return [{ labels: first.labels, namespaceLabels: [{ ...requirement, values }] }];
  });
};

const canonical = (requirements: readonly Requirement[]): readonly string[] =>
  [
    ...new Set(requirements.map(({ key, operator, values }) => JSON.stringify([key, operator, values.toSorted()]))),
  ].sort();

/** Without those that another one covers, the widest first; one more than there may be at most, so that the cost stays linear. */
const uncovered = (selections: readonly Selection[]): readonly Selection[] => {
  const kept: Selection[] = [];
  for (const selection of selections.toSorted((one, other) => countOf(one) - countOf(other))) {
    if (kept.length > MAX_RULES) break;
    if (!kept.some((other) => covers(other, selection))) kept.push(selection);
  }
  return kept;
};

const countOf = ({ labels, namespaceLabels }: Selection): number => labels.length + namespaceLabels.length;

const covers = (wide: Selection, narrow: Selection): boolean =>
  implies(narrow.labels, wide.labels) && implies(narrow.namespaceLabels, wide.namespaceLabels);

const implies = (given: readonly Requirement[], wanted: readonly Requirement[]): boolean =>
  wanted.every((want) => given.some((have) => have.key === want.key && isWithin(have, want)));

const isWithin = (have: Requirement, want: Requirement): boolean => {
  if (want.operator === 'Exists') return have.operator === 'Exists' || have.operator === 'In';
  if (want.operator === 'In')
    return have.operator === 'In' && have.values.every((value) => want.values.includes(value));
  if (want.operator === 'DoesNotExist') return have.operator === 'DoesNotExist';
  if (have.operator === 'In') return !want.values.some((value) => have.values.includes(value));
  return have.operator === 'NotIn' && want.values.every((value) => have.values.includes(value));
};

const ruleOf = (rule: AdmissionRule, { labels, namespaceLabels }: Selection, index: number): AdmissionRule => ({
  ...rule,
  ...(index > 0 && { name: `${rule.name}-${index + 1}`, calledName: rule.calledName ?? rule.name }),
  ...(labels.length > 0 && { objectSelector: withRequirements(rule.objectSelector, labels) }),
  ...(namespaceLabels.length > 0 && { namespaceSelector: withRequirements(rule.namespaceSelector, namespaceLabels) }),
});

const withRequirements = (
  selector: LabelSelector | undefined,
  requirements: readonly Requirement[],
): LabelSelector => ({
  ...selector,
  matchExpressions: [
    ...(selector?.matchExpressions ?? []),
    ...requirements.map(({ key, operator, values }) =>
      values.length > 0 ? { key, operator, values } : { key, operator },
    ),
  ],
});
