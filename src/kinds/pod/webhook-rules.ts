import type { AdmissionRule, Asked, Requirement } from '../../api/admission.ts';
import type { LabelSelector } from '../../api/kubernetes.ts';
import type { TargetKind } from '../../api/target-kinds.ts';
import { CREATED_OR_INJECTED } from '../../injection/enforcement.ts';
import { FRAMEWORKS } from '../../injection/profiles/frameworks/index.ts';

/** A pod as it is made, and what would take off later what is enforced; all else is its controller's and the kubelet's. */
export const podRule: AdmissionRule = {
  name: 'pod',
  group: '',
  versions: ['v1'],
  resource: 'pods',
  operations: ['CREATE', 'UPDATE'],
  // Every controller that makes pods waits for us: better one without its defaults than none.
  failurePolicy: 'Ignore',
  matchConditions: [CREATED_OR_INJECTED],
};

/** Beyond so many webhooks they are made wider: the API server asks each of them of every pod. */
const MAX_RULES = 32;

/**
 * The rules under which every pod is sent that anybody gives something to, and as few others as selectors can tell: one for each
 * pair of selectors that no other covers.
 */
export const rulesInForce = (asked: readonly Asked[]): readonly AdmissionRule[] => {
  const selections = asked.flatMap(selectionsOf);
  const narrow = uncovered(byNamespaces(selections));
  const wide = narrow.length > MAX_RULES ? uncovered(byNamespaces(selections.map(ofAnyLabels))) : narrow;
  return (wide.length > MAX_RULES ? [EVERYTHING] : wide).map(ruleOf);
};

interface Selection {
  readonly labels: readonly Requirement[];
  readonly namespaceLabels: readonly Requirement[];
}

const EVERYTHING: Selection = { labels: [], namespaceLabels: [] };

const ofAnyLabels = ({ namespaceLabels }: Selection): Selection => ({ labels: [], namespaceLabels });

const selectionsOf = ({ kinds, labels, namespaceLabels }: Asked): readonly Selection[] =>
  kinds.includes('Pod')
    ? [{ labels, namespaceLabels }]
    : kinds.flatMap(labelsOfKind).map((known) => ({ labels: [...known, ...labels], namespaceLabels }));

/** What the pods of each framework of a kind are selected by; nothing for kinds that have rules of their own. */
const labelsOfKind = (kind: TargetKind): readonly (readonly Requirement[])[] =>
  FRAMEWORKS.filter((framework) => framework.kind === kind).map(({ knownBy: { labels = {}, selectedBy } }) => [
    ...Object.entries(labels).map(([key, values]) => ({ key, ...presence(values) })),
    ...(selectedBy === undefined ? [] : [{ key: selectedBy, ...presence([]) }]),
  ]);

const presence = (values: readonly string[]): Pick<Requirement, 'operator' | 'values'> => ({
  operator: values.length === 0 ? 'Exists' : 'In',
  values,
});

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

const ruleOf = ({ labels, namespaceLabels }: Selection, index: number): AdmissionRule => ({
  ...podRule,
  ...(index > 0 && { name: `${podRule.name}-${index + 1}`, calledName: podRule.name }),
  ...(labels.length > 0 && { objectSelector: selectorOf(labels) }),
  ...(namespaceLabels.length > 0 && { namespaceSelector: selectorOf(namespaceLabels) }),
});

const selectorOf = (requirements: readonly Requirement[]): LabelSelector => ({
  matchExpressions: requirements.map(({ key, operator, values }) =>
    values.length > 0 ? { key, operator, values } : { key, operator },
  ),
});
