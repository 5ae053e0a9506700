import type { KubeObject, LabelSelector } from '../../api/kubernetes.ts';
import { isRecord, type UnknownRecord } from '../../injection/path.ts';
import { type Assignment, type LeftOut, pathText } from './assignment.ts';
import type { Match, Rule } from './defaults.ts';
import { fieldsOf, listOf, textsOf } from './fields.ts';
import { readJsonPatch } from './json-patch.ts';
import { type Read, readMergePatch } from './merge-patch.ts';
import { allOf, hasWildcard, inverseOf, matchOf, ofNamespaces, selectorOf } from './selectors.ts';
import { inOurSpelling, unknownVariable } from './variables.ts';

/** The rules of a kyverno.io ClusterPolicy or Policy. */
export const readKyvernoPolicy = (policy: KubeObject): readonly Rule[] => {
  const { spec } = policy as KubeObject & { readonly spec?: unknown };
  const { name = '', namespace } = policy.metadata;
  return listOf(fieldsOf(spec)['rules']).map((rule) => {
    const fields = fieldsOf(rule);
    return {
      name: `${name}-${String(fields['name'])}`,
      ...(policy.kind === 'Policy' && { namespace: namespace ?? 'default' }),
      ...readRule(fields),
    };
  });
};

type Contents = Pick<Rule, 'matches' | 'assignments' | 'leftOut'>;

const nothing = (field: string, reason: string): Contents => ({
  matches: [],
  assignments: [],
  leftOut: [{ field, reason }],
});

/** What decides over a whole rule, and is no selector. */
const CONDITIONS = ['preconditions', 'celPreconditions'];

const readRule = (rule: UnknownRecord): Contents => {
  if (!isRecord(rule['mutate'])) return nothing('', 'is no mutate rule');
  const condition = CONDITIONS.find((field) => isSaid(rule[field]));
  if (condition !== undefined) return nothing(condition, 'is a condition, which no selector can say');
  if (isSaid(rule['mutate']['targets'])) return nothing('mutate.targets', 'changes objects that are there already');
  const matches = matchesOf(fieldsOf(rule['match']));
  if (!Array.isArray(matches)) return { matches: [], assignments: [], leftOut: [matches as LeftOut] };
  const excluded = excludedOf(rule['exclude']);
  if ('reason' in excluded) return { matches: [], assignments: [], leftOut: [excluded] };
  const { assignments, leftOut } = readMutation(rule['mutate']);
  const unknown = assignments.map((assignment) => ({ assignment, variable: unknownVariable(assignment.value) }));
  return {
    matches: (matches as readonly Match[]).map((match) =>
      matchOf(allOf([match.selector, excluded.labels]), allOf([match.namespaceSelector, excluded.namespaces])),
    ),
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
  if (mutate['patchStrategicMerge'] !== undefined) return readMergePatch(mutate['patchStrategicMerge']);
  if (mutate['patchesJson6902'] !== undefined) return readJsonPatch(mutate['patchesJson6902']);
  const [each, ...others] = listOf(mutate['foreach']).map(fieldsOf);
  const list = /^request\.object\.spec\.(containers|initContainers)(\[\])?$/.exec(String(each?.['list']))?.[1];
  const patch = each?.['patchStrategicMerge'];
  if (
    each === undefined ||
    others.length > 0 ||
    list === undefined ||
    isSaid(each['preconditions']) ||
    !isRecord(patch)
  )
    return { assignments: [], leftOut: [{ field: 'mutate.foreach', reason: 'is no loop over all containers' }] };
  return readMergePatch(ofEveryContainer(patch));
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
  const all = listOf(match['all']);
  if (all.length > 1) return { field: 'match.all', reason: 'has several filters; write one' };
  const filters = [...listOf(match['any']), ...all, ...(isRecord(match['resources']) ? [match] : [])].map(fieldsOf);
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
  const filters = [...listOf(fields['any']), ...all, ...(isRecord(fields['resources']) ? [fields] : [])].map(fieldsOf);
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
