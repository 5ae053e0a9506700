import type { KubeObject, LabelSelector } from '../../api/kubernetes.ts';
import { isRecord, type UnknownRecord } from '../../injection/path.ts';
import { type Assignment, type LeftOut, pathText } from './assignment.ts';
import { type Match, type Rule, untranslated } from './defaults.ts';
import { fieldsOf, listOf, textsOf } from './fields.ts';
import { readJsonPatch } from './json-patch.ts';
import { type Read, readMergePatch } from './merge-patch.ts';
import { kyvernoRule, kyvernoSpec, misread } from './schema.ts';
import { allOf, hasWildcard, inverseOf, matchOf, ofNamespaces, selectorOf } from './selectors.ts';
import { inOurSpelling, unknownVariable } from './variables.ts';

/** The rules of a kyverno.io ClusterPolicy or Policy; one that says why where nothing of it can be translated. */
export const readKyvernoPolicy = (policy: KubeObject): readonly Rule[] => {
  const { spec } = policy as KubeObject & { readonly spec?: unknown };
  const { name = '', namespace } = policy.metadata;
  const refused = refusalOf(spec);
  if (refused.length > 0) return [untranslated(name, refused)];
  return listOf(fieldsOf(spec)['rules']).map((rule, at) => {
    const fields = fieldsOf(rule);
    return {
      name: `${name}-${typeof fields['name'] === 'string' ? fields['name'] : at + 1}`,
      ...(policy.kind === 'Policy' && { namespace: namespace ?? 'default' }),
      ...readRule(rule),
    };
  });
};

const refusalOf = (spec: unknown): readonly LeftOut[] => {
  const wrong = misread(kyvernoSpec, spec ?? {});
  if (wrong.length > 0) return wrong;
  const { rules, admission, applyRules, webhookConfiguration } = fieldsOf(spec);
  if (listOf(rules).length === 0) return [{ field: 'rules', reason: 'is empty' }];
  if (admission === false)
    return [{ field: 'admission', reason: 'is false, so that no pod is changed when it is made' }];
  if (applyRules === 'One') return [{ field: 'applyRules', reason: 'has one rule decide over the others' }];
  const field = 'webhookConfiguration.matchConditions';
  return isSaid(fieldsOf(webhookConfiguration)['matchConditions']) ? [{ field, reason: CONDITION }] : [];
};

type Contents = Pick<Rule, 'matches' | 'assignments' | 'leftOut'>;

const nothing = (...leftOut: readonly LeftOut[]): Contents => ({ matches: [], assignments: [], leftOut });

/** What decides over a whole rule, and is no selector. */
const CONDITIONS = ['preconditions', 'celPreconditions'];
const CONDITION = 'is a condition, which no selector can say';
const OTHER_WORK = ['validate', 'generate', 'verifyImages'];

const readRule = (rule: unknown): Contents => {
  const fields = fieldsOf(rule);
  const { mutate } = fields;
  if (mutate === undefined) return nothing({ field: '', reason: 'is no mutate rule' });
  const wrong = misread(kyvernoRule, rule);
  if (wrong.length > 0) return nothing(...wrong);
  const condition = CONDITIONS.find((field) => isSaid(fields[field]));
  if (condition !== undefined) return nothing({ field: condition, reason: CONDITION });
  const matches = matchesOf(fieldsOf(fields['match']));
  if ('reason' in matches) return nothing(matches);
  const excluded = excludedOf(fields['exclude']);
  if ('reason' in excluded) return nothing(excluded);
  const { assignments, leftOut } = withVariables(readMutation(fieldsOf(mutate)));
  const others = OTHER_WORK.filter((field) => isSaid(fields[field]));
  return {
    matches: matches.map((match) =>
      matchOf(allOf([match.selector, excluded.labels]), allOf([match.namespaceSelector, excluded.namespaces])),
    ),
    assignments,
    leftOut: [...leftOut, ...others.map((field) => ({ field, reason: 'does something else than to change pods' }))],
  };
};

/** In our spelling, without those that need what is no variable here. */
const withVariables = ({ assignments, leftOut }: Read): Read => {
  const unknown = assignments.map((assignment) => ({ assignment, variable: unknownVariable(assignment.value) }));
  return {
    assignments: unknown.flatMap(({ assignment, variable }): readonly Assignment[] =>
      variable === undefined ? [{ ...assignment, value: inOurSpelling(assignment.value) }] : [],
    ),
    leftOut: [
      ...leftOut,
      ...unknown.flatMap(({ assignment, variable }) =>
        variable === undefined
          ? []
          : [{ field: pathText(assignment.path), reason: `needs {{ ${variable} }}, which is no variable here` }],
      ),
    ],
  };
};

const isSaid = (value: unknown): boolean =>
  Array.isArray(value) ? value.length > 0 : isRecord(value) ? Object.values(value).some(isSaid) : value !== undefined;

const readMutation = (mutate: UnknownRecord): Read => {
  const refused = (field: string, reason: string): Read => ({ assignments: [], leftOut: [{ field, reason }] });
  if (isSaid(mutate['targets'])) return refused('mutate.targets', 'changes objects that are there already');
  const [patch, ...others] = PATCHES.filter((field) => isGiven(mutate[field]));
  if (patch === undefined) return refused('mutate', 'has no patch');
  if (others.length > 0) return refused('mutate', `has ${[patch, ...others].join(' and ')}, of which one holds`);
  if (patch === 'patchStrategicMerge') return readMergePatch(mutate[patch]);
  if (patch === 'patchesJson6902') return readJsonPatch(mutate[patch]);
  const loops = listOf(mutate[patch]).map(fieldsOf);
  const patches = loops.map(patchOfEvery);
  return patches.length === 1 && patches[0] !== undefined
    ? readMergePatch(patches[0])
    : refused('mutate.foreach', 'is no loop over all containers');
};

const PATCHES = ['patchStrategicMerge', 'patchesJson6902', 'foreach'] as const;

const isGiven = (value: unknown): boolean => value !== undefined && value !== null;

/** The merge patch for every container that a loop comes to; undefined where it comes to something else. */
const patchOfEvery = ({ list, patchStrategicMerge, ...others }: UnknownRecord): unknown => {
  const isOfContainers = /^request\.object\.spec\.(containers|initContainers)(\[\])?$/.test(String(list));
  const isPlain = Object.entries(others).every(([field, value]) => field === 'order' || !isSaid(value));
  return isOfContainers && isPlain && isRecord(patchStrategicMerge) ? ofEveryContainer(patchStrategicMerge) : undefined;
};

/** In a loop over containers the one of the round is any of them. */
const ofEveryContainer = (value: unknown): unknown => {
  if (typeof value === 'string') return /^\{\{\s*element\.name\s*\}\}$/.test(value) ? '*' : value;
  if (Array.isArray(value)) return (value as unknown[]).map(ofEveryContainer);
  return isRecord(value)
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, ofEveryContainer(item)]))
    : value;
};

const matchesOf = (match: UnknownRecord): readonly Match[] | LeftOut => {
  const { any, all, ...legacy } = match;
  const ways = [any, all, legacy].filter(isSaid);
  if (ways.length === 0) return { field: 'match', reason: 'names no pods' };
  if (ways.length > 1) return { field: 'match', reason: 'has filters of several kinds, of which one holds' };
  if (listOf(all).length > 1) return { field: 'match.all', reason: 'has several filters; write one' };
  const filters = [...listOf(any), ...listOf(all), ...(isSaid(legacy) ? [legacy] : [])].map(fieldsOf);
  const read = filters.map(filterOf);
  const refused = read.find((one): one is LeftOut => 'reason' in one);
  return refused ?? (read as readonly Match[]);
};

const filterOf = (filter: UnknownRecord): Match | LeftOut => {
  const who = ['subjects', 'roles', 'clusterRoles'].find((field) => isSaid(filter[field]));
  if (who !== undefined) return { field: `match.${who}`, reason: 'selects by who asks' };
  const resources = fieldsOf(filter['resources']);
  const kinds = textsOf(resources['kinds']);
  const other = kinds.find((kind) => !/^(\*\/)?(v1\/)?Pod$/.test(kind));
  if (other !== undefined || kinds.length === 0)
    return { field: 'match.resources.kinds', reason: kindReason(other ?? 'no kind') };
  return selectionOf(resources);
};

const kindReason = (kind: string): string =>
  /^(.*\/)?(Deployment|StatefulSet|DaemonSet|ReplicaSet|Job|CronJob)$/.test(kind)
    ? `names ${kind}, whose pods are given what pods are: name Pod`
    : `names ${kind}, and only rules for Pod are translated`;

const selectionOf = (resources: UnknownRecord): Match | LeftOut => {
  const refuse = (field: string, reason: string): LeftOut => ({ field: `resources.${field}`, reason });
  const named = ['name', 'names'].find((field) => isSaid(resources[field]) && String(resources[field]) !== '*');
  if (named !== undefined) return refuse(named, 'selects by the name of the pod');
  if (isSaid(resources['annotations'])) return refuse('annotations', 'selects by annotations');
  const operations = textsOf(resources['operations']);
  if (operations.length > 0 && !operations.includes('CREATE'))
    return refuse('operations', 'is for changes, and pods are given things when they are made');
  const namespaces = textsOf(resources['namespaces']).filter((name) => name !== '*');
  if (namespaces.some(hasWildcard)) return refuse('namespaces', 'selects namespaces by a pattern; label them');
  const labels = selectorOf(resources['selector']);
  const namespaceLabels = selectorOf(resources['namespaceSelector']);
  if (typeof labels === 'string') return refuse('selector', labels);
  if (typeof namespaceLabels === 'string') return refuse('namespaceSelector', namespaceLabels);
  const byName = namespaces.length > 0 ? ofNamespaces('In', namespaces) : undefined;
  return matchOf(allOf([labels]), allOf([namespaceLabels, byName]));
};

interface Excluded {
  readonly labels?: LabelSelector | undefined;
  readonly namespaces?: LabelSelector | undefined;
}

/** What must hold of pods that nothing excludes; each filter has to be one condition, since a selector is a list of "and". */
const excludedOf = (exclude: unknown): Excluded | LeftOut => {
  if (!isSaid(exclude)) return {};
  const fields = fieldsOf(exclude);
  const all = listOf(fields['all']);
  const { any: _any, all: _all, ...legacy } = fields;
  const filters = [...listOf(fields['any']), ...all, ...(isSaid(legacy) ? [legacy] : [])].map(fieldsOf);
  const inverted = all.length > 1 ? [undefined] : filters.map(invertedFilter);
  if (inverted.some((one) => one === undefined))
    return { field: 'exclude', reason: 'excludes by more than one selector can say' };
  return {
    labels: allOf(inverted.map((one) => one?.labels)),
    namespaces: allOf(inverted.map((one) => one?.namespaces)),
  };
};

const invertedFilter = (filter: UnknownRecord): Excluded | undefined => {
  const { kinds = ['Pod'], ...others } = fieldsOf(filter['resources']);
  const match = filterOf({ ...filter, resources: { ...others, kinds } });
  if ('reason' in match) return undefined;
  const { selector, namespaceSelector } = match;
  if ((selector === undefined) === (namespaceSelector === undefined)) return undefined;
  const labels = selector && inverseOf(selector as LabelSelector);
  const namespaces = namespaceSelector && inverseOf(namespaceSelector as LabelSelector);
  return labels === undefined && namespaces === undefined ? undefined : { labels, namespaces };
};
