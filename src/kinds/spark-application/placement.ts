import type { Injection } from '../../api/injection.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { type Edit, editsOf, FIRST, type FieldPath, OURSELVES } from '../../injection/edit.ts';
import { containerSecurityRefusal, podSecurityRefusal } from '../../injection/fields/security.ts';
import { memoize } from '../../injection/memo.ts';
import { listAt, mapAt, type Path, readAt, textAt } from '../../injection/path.ts';
import { containerFieldEdits, podFieldEdits } from '../../injection/pod-fields.ts';
import { CONTAINER_NAMES, type Role, SPARK_CONF, sparkConfField } from './fields.ts';

/** Maps of a role that spark-operator's webhook copies into its pods whole, over what a template says (sparkpod_defaulter.go). */
export const PLACEMENT_MAPS = ['affinity', 'dnsConfig', 'podSecurityContext', 'securityContext'] as const;

/** Fields of a role that are one value. */
export const PLACEMENT_FIELDS = ['priorityClassName', 'schedulerName', 'terminationGracePeriodSeconds'] as const;

/** What a role's pods are given that every pod has one of, where the role has it. */
export const placementEdits = (role: Role, injection: Injection): readonly Edit[] => [
  ...memoize(injection.podFields, placementEdits, role, () =>
    podFieldEdits(injection)
      .filter((edit) => !isOfTemplate(edit))
      .map(placedIn(role)),
  ),
  ...containerFieldEdits(['spec', role], injection),
  ...inTemplateEdits(role, injection),
];

const isOfTemplate = ({ at, key }: Edit): boolean => at.length === 1 && key === 'runtimeClassName';

const TEMPLATE_SPECS: Readonly<Record<Role, Path>> = {
  driver: ['spec', 'driver', 'template', 'spec'],
  executor: ['spec', 'executor', 'template', 'spec'],
};
const SPREAD = 'topologySpreadConstraints';

/** Where a pod template is written to, below a role. */
export const TEMPLATE_PATHS = ['template/spec', `template/spec/${SPREAD}`, `template/spec/containers/${FIRST}`];

/**
 * What a role has no field for and its pod template has. An app without one gets the template that spark-operator would write
 * for it anyway (submission.go): a container by the name that it tells Spark to look for.
 */
const inTemplateEdits = (role: Role, injection: Injection): readonly Edit[] => {
  const at = TEMPLATE_SPECS[role];
  const given = [
    ...podFieldEdits(injection)
      .filter(isOfTemplate)
      .map((edit) => ({ ...edit, at })),
    ...editsOf([...at, SPREAD], injection.topologySpreadConstraints),
  ];
  return given.length === 0 ? given : [...given, containerName(role)];
};

const containerName = (role: Role): Edit => ({
  at: [...TEMPLATE_SPECS[role], 'containers', FIRST],
  key: 'name',
  value: CONTAINER_NAMES[role],
  mode: 'Default',
  by: OURSELVES,
  why: 'a pod template has a container, and Spark calls its own so',
});

/** What a class of runtime settles anew in the pods of a template. */
export const supersededInTemplate = ({ at, key }: Edit): readonly FieldPath[] =>
  key === 'runtimeClassName' && at.at(-2) === 'template' ? [{ at, key: 'overhead' }] : [];

/** True for the container of a template that holds nothing else of ours. */
export const isNeedlessTemplate = (app: KubeObject, { at, by }: Edit): boolean =>
  by === OURSELVES && at[2] === 'template' && !['runtimeClassName', SPREAD].some((field) => hasIn(app, at, field));

const hasIn = (app: KubeObject, at: Path, field: string): boolean =>
  (readAt(app, [...at.slice(0, 4), field]) ?? undefined) !== undefined;

/** Why nothing can be given by a role's pod template. */
export const templateRefusal = (app: KubeObject, { at }: Edit): string | undefined => {
  const file = `spark.kubernetes.${at[1]}.podTemplateFile`;
  if (textAt(app, [...SPARK_CONF, file]) !== undefined)
    return `sparkConf names a ${file}, in whose place a template would be read`;
  const version = textAt(app, ['spec', 'sparkVersion']) ?? '';
  return /^v?[0-2]\./.test(version) ? 'Spark reads pod templates from 3.0 on' : undefined;
};

const placedIn =
  (role: Role) =>
  (edit: Edit): Edit => ({ ...edit, at: ['spec', role, ...edit.at.slice(1).map(ofRole)] });

/** The role's own securityContext is that of its container. */
const ofRole = (field: string): string => (field === 'securityContext' ? 'podSecurityContext' : field);

/** Where else an application says what one of these would say; for a default, what implies it too. */
export const placementConflicts = ({ at, key, mode }: Edit, role: Role): readonly FieldPath[] => {
  const field = at.at(-1) ?? '';
  const template: Path = ['spec', role, 'template', 'spec'];
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

/** Keys that hold for both roles where no key of a role says otherwise (KubernetesConf.scala). */
const GENERAL = /^spark\.kubernetes\.(scheduler\.name|node\.selector\..+|container\.image)$/;
const OF_ROLE = /^spark\.kubernetes\.(?:driver|executor)\.(scheduler\.name|node\.selector\..+|container\.image)$/;

/**
 * Of a key for both roles that is enforced those of the roles, which Spark reads in its place; and of one for a role the one for both,
 * where that is another's word. `edits` are all that is to be injected, the best first.
 */
export const roleKeyConflicts = (edits: readonly Edit[]): ((app: KubeObject, edit: Edit) => readonly FieldPath[]) => {
  const conf = edits.filter(({ at }) => at.at(-1) === 'sparkConf');
  const given: GivenConf = new Map(conf.map((edit, rank) => [edit.key, { ...edit, rank }]));
  return (app, edit) => {
    if (edit.at.at(-1) !== 'sparkConf') return NOTHING;
    const general = GENERAL.exec(edit.key)?.[1];
    if (general !== undefined) return edit.mode === 'Default' ? NOTHING : keysOfRoles(general, edit, given);
    const ofRole = OF_ROLE.exec(edit.key)?.[1];
    return ofRole === undefined ? NOTHING : keyOfBoth(app, edit, given.get(`spark.kubernetes.${ofRole}`), given);
  };
};

/** What is to be injected into sparkConf, by key: of two the one with the lesser rank is the better. */
type GivenConf = ReadonlyMap<string, Edit & { readonly rank: number }>;

const isBetter = (given: GivenConf, key: string, than: string): boolean =>
  (given.get(key)?.rank ?? Infinity) < (given.get(than)?.rank ?? Infinity);

const keysOfRoles = (setting: string, { key, by }: Edit, given: GivenConf): readonly FieldPath[] =>
  ['driver', 'executor']
    .map((role) => `spark.kubernetes.${role}.${setting}`)
    .filter((ofRole) => given.get(ofRole)?.by !== by && !isBetter(given, ofRole, key))
    .map(sparkConfField);

const keyOfBoth = (
  app: KubeObject,
  { key, by, mode }: Edit,
  ofBoth: Edit | undefined,
  given: GivenConf,
): readonly FieldPath[] => {
  const name = key.replace(/^spark\.kubernetes\.(?:driver|executor)\./, 'spark.kubernetes.');
  const isOurs = ofBoth !== undefined && mapAt(app, SPARK_CONF)[name] === ofBoth.value;
  const isOthers = isOurs ? ofBoth.by !== by && isBetter(given, name, key) : mode === 'Default';
  return isOthers ? [sparkConfField(name)] : NOTHING;
};

const NOTHING: readonly FieldPath[] = [];

const impliedBy = (key: string): readonly FieldPath[] => {
  if (key === 'schedulerName') return [{ at: ['spec'], key: 'batchScheduler' }];
  return key === 'priorityClassName' ? [{ at: ['spec', 'batchSchedulerOptions'], key }] : [];
};

/** Why a role's field cannot be given, whoever asks for it. */
export const placementRefusal = (app: KubeObject, { key }: Edit): string | undefined =>
  key === 'schedulerName' && textAt(app, ['spec', 'batchScheduler'])
    ? 'spark-operator has spec.batchScheduler choose it, whatever the role says'
    : undefined;

/** The same of its security contexts: as of any pod. */
export const securityRefusal = (app: KubeObject, edit: Edit): string | undefined => {
  const role = mapAt(app, edit.at.slice(0, 2));
  const ofPod = mapAt(role, ['podSecurityContext']);
  if (edit.at.at(-1) === 'securityContext') {
    const ofTemplate = mapAt(role, ['template', 'spec', 'securityContext']);
    return containerSecurityRefusal(mapAt(app, edit.at), { ...ofTemplate, ...ofPod }, edit);
  }
  const containers = [
    { securityContext: role['securityContext'] },
    ...CONTAINER_LISTS.flatMap((at) => listAt(role, at)),
  ];
  return podSecurityRefusal({ ofPod, containers, spec: role }, edit);
};

const CONTAINER_LISTS: readonly Path[] = [
  ['initContainers'],
  ['sidecars'],
  ['template', 'spec', 'initContainers'],
  ['template', 'spec', 'containers'],
];
