import type { KubeObject } from '../../api/kubernetes.ts';
import type { UnknownRecord } from '../../injection/path.ts';
import { type Assignment, type LeftOut, pathText } from './assignment.ts';
import { NotPlain, readApplyConfiguration } from './cel-object.ts';
import type { Match, Rule } from './defaults.ts';
import { fieldsOf, listOf } from './fields.ts';
import { type Read, readMergePatch } from './merge-patch.ts';
import { bindingSpec, misread, mutatingSpec } from './schema.ts';
import { allOf, matchOf, selectorOf } from './selectors.ts';

/** A MutatingAdmissionPolicy, for what each of its bindings that are given selects. */
export const readBoundPolicy = (policy: KubeObject, objects: readonly KubeObject[]): Rule => {
  const rule = readMutatingPolicy(policy);
  const bindings = objects.filter((object) => isBinding(object) && policyNameOf(object) === policy.metadata.name);
  const reason = 'has no MutatingAdmissionPolicyBinding in what was given, and changes nothing without one';
  if (bindings.length === 0) return { ...rule, matches: [], leftOut: [...rule.leftOut, { field: '', reason }] };
  const bound = bindings.map(boundTo);
  return {
    ...rule,
    matches: rule.matches.flatMap((match) =>
      bound.flatMap((to) => ('reason' in to ? [] : [matchOf(...both(match, to))])),
    ),
    leftOut: [...rule.leftOut, ...bound.flatMap((to) => ('reason' in to ? [to] : []))],
  };
};

export const isBinding = ({ kind }: KubeObject): boolean => kind === 'MutatingAdmissionPolicyBinding';

/** Undefined where it is no text. */
export const policyNameOf = (binding: KubeObject): string | undefined => {
  const { policyName } = fieldsOf((binding as KubeObject & { readonly spec?: unknown }).spec);
  return typeof policyName === 'string' ? policyName : undefined;
};

const both = (one: Match, other: Match): Parameters<typeof matchOf> => [
  allOf([one.selector, other.selector]),
  allOf([one.namespaceSelector, other.namespaceSelector]),
];

const boundTo = (binding: KubeObject): Match | LeftOut => {
  const named = ({ field, reason }: LeftOut): LeftOut => ({
    field: `binding ${binding.metadata.name ?? ''}: ${field}`,
    reason,
  });
  const spec = fieldsOf((binding as KubeObject & { readonly spec?: unknown }).spec);
  const [wrong] = misread(bindingSpec, spec);
  if (wrong !== undefined) return named(wrong);
  if (spec['paramRef'] !== undefined) return named({ field: 'paramRef', reason: 'has parameters decide' });
  const resources = fieldsOf(spec['matchResources']);
  const match = selectedBy(resources, 'matchResources', listOf(resources['resourceRules']).length === 0);
  return 'reason' in match ? named(match) : match;
};

/** A MutatingPolicy of Kyverno, or a MutatingAdmissionPolicy as if it were bound everywhere. */
export const readMutatingPolicy = (policy: KubeObject): Rule => {
  const spec = fieldsOf((policy as KubeObject & { readonly spec?: unknown }).spec);
  const { name = '', namespace } = policy.metadata;
  const base = { name, ...(policy.kind.startsWith('Namespaced') && { namespace: namespace ?? 'default' }) };
  const wrong = misread(mutatingSpec, spec);
  if (wrong.length > 0) return { ...base, matches: [], assignments: [], leftOut: wrong };
  const match = matchIn(spec);
  if ('reason' in match) return { ...base, matches: [], assignments: [], leftOut: [match] };
  const reads = listOf(spec['mutations']).map((mutation, at) => mutationOf(fieldsOf(mutation), at));
  const assignments = reads.flatMap((read) => read.assignments);
  return {
    ...base,
    matches: [match],
    assignments: assignments.filter((assignment) => !isAtomic(assignment)),
    leftOut: [
      ...(reads.length === 0 ? [{ field: 'mutations', reason: 'is empty, and sets nothing' }] : []),
      ...reads.flatMap((read) => read.leftOut),
      ...assignments.filter(isAtomic).map(({ path }) => ({
        field: pathText(path),
        reason: 'replaces a list or map as a whole, which the API server refuses',
      })),
    ],
  };
};

/** Server-side apply would replace it whole: a list without keys, and the one map of a pod that is like that. */
const isAtomic = ({ path, value }: Assignment): boolean => Array.isArray(value) || path[1] === 'nodeSelector';

const mutationOf = (mutation: UnknownRecord, at: number): Read => {
  const refused = (field: string, reason: string): Read => ({
    assignments: [],
    leftOut: [{ field: `mutations[${at}].${field}`, reason }],
  });
  const { patchType = 'ApplyConfiguration' } = mutation;
  if (patchType !== 'ApplyConfiguration' || mutation['jsonPatch'] !== undefined)
    return refused(String(patchType), 'is a patch that an expression makes');
  const { expression } = fieldsOf(mutation['applyConfiguration']);
  if (typeof expression !== 'string') return refused('applyConfiguration.expression', 'is required');
  try {
    return readMergePatch(readApplyConfiguration(expression));
  } catch (cause) {
    if (!(cause instanceof NotPlain)) throw cause;
    return refused('applyConfiguration.expression', cause.message);
  }
};

const CONDITIONS = ['matchConditions', 'paramKind', 'targetMatchConstraints'];

const matchIn = (spec: UnknownRecord): Match | LeftOut => {
  const condition = CONDITIONS.find(
    (field) => spec[field] !== undefined && !(Array.isArray(spec[field]) && spec[field].length === 0),
  );
  if (condition !== undefined) return { field: condition, reason: 'is a condition, which no selector can say' };
  const { admission, mutateExisting } = fieldsOf(spec['evaluation']);
  if (fieldsOf(admission)['enabled'] === false)
    return { field: 'evaluation.admission', reason: 'is off, so that no pod is changed when it is made' };
  if (fieldsOf(mutateExisting)['enabled'] === true)
    return { field: 'evaluation.mutateExisting', reason: 'changes objects that are there already' };
  return selectedBy(fieldsOf(spec['matchConstraints']), 'matchConstraints', false);
};

/** What the MatchResources of a policy or a binding select; those of a binding may name no rules. */
const selectedBy = (resources: UnknownRecord, at: string, isOfAll: boolean): Match | LeftOut => {
  if (listOf(resources['excludeResourceRules']).length > 0)
    return { field: `${at}.excludeResourceRules`, reason: 'excludes by more than one selector can say' };
  const rules = listOf(resources['resourceRules']).map(fieldsOf);
  if (!isOfAll && (rules.length === 0 || !rules.every(isOfNewPods)))
    return { field: `${at}.resourceRules`, reason: 'is not for pods alone as they are made' };
  const labels = selectorOf(resources['objectSelector']);
  const namespaceLabels = selectorOf(resources['namespaceSelector']);
  if (typeof labels === 'string' || typeof namespaceLabels === 'string')
    return { field: at, reason: 'selects by a pattern, and a label selector knows none' };
  return matchOf(allOf([labels]), allOf([namespaceLabels]));
};

const isOfNewPods = (rule: UnknownRecord): boolean => {
  const has = (field: string, ...values: readonly string[]) =>
    listOf(rule[field]).some((value) => values.includes(String(value)));
  const resources = listOf(rule['resources']);
  return (
    resources.length === 1 &&
    resources[0] === 'pods' &&
    has('apiGroups', '', '*') &&
    has('operations', 'CREATE', '*') &&
    [undefined, '*', 'Namespaced'].some((scope) => scope === rule['scope']) &&
    listOf(rule['resourceNames']).length === 0
  );
};
