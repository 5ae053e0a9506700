import type { LabelSelector } from '../../api/kubernetes.ts';
import type { PlatformDefaultsSpec } from '../../api/platform-defaults.ts';
import { requirementsOf } from '../selector.ts';
import { qualifiedName } from './names.ts';

/** What no object could meet, or no API server would take, in the selectors of `spec.match`. */
export const selectorViolations = (match: PlatformDefaultsSpec['match']): readonly string[] => [
  ...violationsOf('spec.match.selector', match.selector),
  ...violationsOf('spec.match.namespaceSelector', match.namespaceSelector),
];

const violationsOf = (field: string, selector: LabelSelector | undefined): readonly string[] =>
  requirementsOf(selector).flatMap(({ key, operator, values }) => {
    if (!qualifiedName.accepts(key)) return [`${field}: "${key}" is not ${qualifiedName.title}`];
    const needsValues = operator === 'In' || operator === 'NotIn';
    if (needsValues && values.length === 0) return [`${field}: ${key} ${operator} needs values`];
    return needsValues || values.length === 0 ? [] : [`${field}: ${key} ${operator} takes no values`];
  });
