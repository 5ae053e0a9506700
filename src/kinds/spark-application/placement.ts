import type { Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import type { Edit, FieldPath } from '../../injection/edit.ts';
import { memoize } from '../../injection/memo.ts';
import { type Path, textAt } from '../../injection/path.ts';
import { containerFieldEdits, podFieldEdits } from '../../injection/pod-fields.ts';
import { inTemplateContainer, type Role, sparkConfField } from './fields.ts';

/** Maps of a role that spark-operator's webhook copies into its pods whole, over what a template says (sparkpod_defaulter.go). */
export const PLACEMENT_MAPS = ['affinity', 'dnsConfig', 'podSecurityContext', 'securityContext'] as const;

/** Fields of a role that are one value. */
export const PLACEMENT_FIELDS = ['priorityClassName', 'schedulerName', 'terminationGracePeriodSeconds'] as const;

/** What a role's pods are given that every pod has one of, where the role has it. */
export const placementEdits = (role: Role, injection: Injection): readonly Edit[] => [
  ...memoize(injection.podFields, placementEdits, role, () => podFieldEdits(injection).map(placedIn(role))),
  ...containerFieldEdits(['spec', role], injection),
];

const placedIn =
  (role: Role) =>
  (edit: Edit): Edit => ({ ...edit, at: ['spec', role, ...edit.at.slice(1).map(ofRole)] });

/** The role's own securityContext is that of its container. */
const ofRole = (field: string): string => (field === 'securityContext' ? 'podSecurityContext' : field);

/** Where else an application says what one of these would say; for a default, what implies it too. */
export const placementConflicts = (app: KubeObject, { at, key, mode }: Edit, role: Role): readonly FieldPath[] => {
  const field = at.at(-1) ?? '';
  const template: Path = ['spec', role, 'template', 'spec'];
  if (field === 'securityContext') return inTemplateContainer(app, role, undefined, 'securityContext');
  if (field === 'podSecurityContext') return [{ at: template, key: 'securityContext' }];
  if (field === 'affinity' || field === 'dnsConfig') return [{ at: template, key: field }];
  if (field !== role || !PLACEMENT_FIELDS.some((name) => name === key)) return [];
  return [
    { at: template, key },
    ...(key === 'schedulerName' ? schedulerKeys(role).map(sparkConfField) : []),
    ...(mode === 'Default' ? impliedBy(key) : []),
  ];
};

/** Keys of sparkConf that name the scheduler of a role's pods. */
export const schedulerKeys = (role: Role): readonly string[] => [
  'spark.kubernetes.scheduler.name',
  `spark.kubernetes.${role}.scheduler.name`,
];

const impliedBy = (key: string): readonly FieldPath[] => {
  if (key === 'schedulerName') return [{ at: ['spec'], key: 'batchScheduler' }];
  return key === 'priorityClassName' ? [{ at: ['spec', 'batchSchedulerOptions'], key }] : [];
};

/** Why a role's field cannot be given, whoever asks for it. */
export const placementRefusal = (app: KubeObject, { key }: Edit): string | undefined =>
  key === 'schedulerName' && textAt(app, ['spec', 'batchScheduler'])
    ? 'spark-operator has spec.batchScheduler choose it, whatever the role says'
    : undefined;
