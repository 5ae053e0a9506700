import type { LabelRequirement } from '../api/kubernetes.ts';
import { NAMESPACE_NAME_LABEL } from '../api/names.ts';
import { violationsOfShape } from '../settings/label-requirements.ts';

/**
 * Why a selector of these requirements would fit nothing, each a phrase that begins with `field`. `always` are the requirements that
 * hold besides: webhooks that nothing fits would look installed and never be asked.
 */
export const violationsOfRequirements = (
  field: string,
  given: readonly LabelRequirement[],
  always: readonly LabelRequirement[] = [],
): readonly string[] => {
  const shapes = given.flatMap((one, at) => violationsOfShape(`${field}.matchExpressions[${at}]`, one));
  if (shapes.length > 0) return shapes;
  const all = [...given, ...always];
  const keys = [...new Set(given.map(({ key }) => key))];
  return keys
    .filter((key) => fitsNothing(all.filter((one) => one.key === key)))
    .map((key) => `${field}: no ${key} fits`);
};

/** All about one key. */
const fitsNothing = (all: readonly LabelRequirement[]): boolean => {
  const isAsked = all.some(({ operator }) => operator === 'In' || operator === 'Exists');
  if (all.some(({ operator }) => operator === 'DoesNotExist')) return isAsked;
  const [first, ...others] = all.filter(({ operator }) => operator === 'In').map(valuesOf);
  const refused = all.filter(({ operator }) => operator === 'NotIn').flatMap(valuesOf);
  return (
    first !== undefined &&
    !first.some((value) => !refused.includes(value) && others.every((values) => values.includes(value)))
  );
};

const valuesOf = ({ values }: LabelRequirement): readonly string[] => values ?? [];

/** What holds of every namespace that webhooks are asked about: it has its name for a label, and is none of these. */
export const namespacesBut = (names: readonly string[]): readonly LabelRequirement[] => [
  { key: NAMESPACE_NAME_LABEL, operator: 'Exists' },
  { key: NAMESPACE_NAME_LABEL, operator: 'NotIn', values: names },
];
