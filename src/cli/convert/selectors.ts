import type { LabelRequirement, LabelSelector } from '../../api/kubernetes.ts';
import { isRecord } from '../../injection/path.ts';
import type { Match } from './defaults.ts';

const NAMESPACE_NAME = 'kubernetes.io/metadata.name';

/** Exactly these namespaces, or all but these. */
export const ofNamespaces = (operator: 'In' | 'NotIn', values: readonly string[]): LabelSelector => ({
  matchExpressions: [{ key: NAMESPACE_NAME, operator, values }],
});

/** What all of several selectors ask for; undefined where they ask for nothing. */
export const allOf = (selectors: readonly (LabelSelector | undefined)[]): LabelSelector | undefined => {
  const requirements = selectors.flatMap((selector) => selector?.matchExpressions ?? []);
  const labels = selectors.flatMap((selector) => Object.entries(selector?.matchLabels ?? {}));
  if (requirements.length === 0 && labels.length === 0) return undefined;
  const twice = labels.filter(([key], at) => labels.findLastIndex(([other]) => other === key) !== at);
  return {
    ...(labels.length > 0 && { matchLabels: Object.fromEntries(labels) }),
    ...((requirements.length > 0 || twice.length > 0) && {
      matchExpressions: [
        ...requirements,
        ...twice.map(([key, value]): LabelRequirement => ({ key, operator: 'In', values: [value] })),
      ],
    }),
  };
};

/** A match of these, without what asks for nothing. */
export const matchOf = (labels: LabelSelector | undefined, namespaces: LabelSelector | undefined): Match =>
  ({ ...(labels && { selector: labels }), ...(namespaces && { namespaceSelector: namespaces }) }) as Match;

/** A label selector as Kubernetes has it; a sentence where it has wildcards, which some tools know. */
export const selectorOf = (value: unknown): LabelSelector | string | undefined => {
  if (!isRecord(value)) return undefined;
  const { matchLabels, matchExpressions } = value as LabelSelector;
  const texts = [
    ...Object.entries(matchLabels ?? {}).flat(),
    ...(matchExpressions ?? []).flatMap(({ key, values }) => [key, ...(values ?? [])]),
  ];
  return texts.some(hasWildcard)
    ? 'selects by a pattern, and a label selector knows none'
    : { matchLabels, matchExpressions };
};

export const hasWildcard = (text: unknown): boolean => typeof text === 'string' && /[*?]/.test(text);

/** What everything else meets; undefined where one selector cannot say so. */
export const inverseOf = (selector: LabelSelector): LabelSelector | undefined => {
  const requirements: readonly LabelRequirement[] = [
    ...Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
      key,
      operator: 'In' as const,
      values: [value],
    })),
    ...(selector.matchExpressions ?? []),
  ];
  const [only, ...others] = requirements;
  if (only === undefined || others.length > 0) return undefined;
  return { matchExpressions: [{ ...only, operator: INVERSE[only.operator] }] };
};

const INVERSE = { In: 'NotIn', NotIn: 'In', Exists: 'DoesNotExist', DoesNotExist: 'Exists' } as const;
