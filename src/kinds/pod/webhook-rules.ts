import type { AdmissionRule, Asked, Requirement } from '../../api/admission.ts';
import type { TargetKind } from '../../api/target-kinds.ts';
import { type Selection, selectedRules } from '../../controller/webhooks/selected-rules.ts';
import { CREATED_INJECTED_OR_ANOTHER_IMAGE } from '../../injection/enforcement.ts';
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
  matchConditions: [CREATED_INJECTED_OR_ANOTHER_IMAGE],
};

/** The rules under which every pod is sent that anybody gives something to. */
export const rulesInForce = (asked: readonly Asked[]): readonly AdmissionRule[] =>
  selectedRules(podRule, asked.flatMap(selectionsOf));

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
