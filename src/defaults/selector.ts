import type { LabelRequirement, LabelSelector, Maybe, StringMap } from '../api/kubernetes.ts';

/** One thing a label selector asks for; matchLabels are `In` with one value. */
export interface Requirement {
  readonly key: string;
  readonly operator: LabelRequirement['operator'];
  readonly values: readonly string[];
}

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

/** True where no labels at all could meet both: they want the same key to be two things. */
export const areDisjoint = (some: readonly Requirement[], others: readonly Requirement[]): boolean =>
  some.some((one) => others.some((other) => one.key === other.key && areExclusive(one, other)));

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

const areExclusive = (one: Requirement, other: Requirement): boolean => {
  if (one.operator === 'In') return one.values.every((value) => !meets(other, { [other.key]: value }));
  if (other.operator === 'In') return areExclusive(other, one);
  const operators = [one.operator, other.operator];
  return operators.includes('Exists') && operators.includes('DoesNotExist');
};
