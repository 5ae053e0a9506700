import type { KubeObject } from '../../api/kubernetes.ts';
import { isRecord, type UnknownRecord } from '../../injection/path.ts';
import { type Assignment, type LeftOut, pathText, type Step } from './assignment.ts';
import { type Match, type Rule, untranslated } from './defaults.ts';
import { fieldsOf, listOf, textsOf } from './fields.ts';
import { gatekeeperSpecs, misread } from './schema.ts';
import { allOf, hasWildcard, matchOf, ofNamespaces, selectorOf } from './selectors.ts';
import { literal } from './variables.ts';

/** What a mutator of mutations.gatekeeper.sh does, as a rule. */
export const readGatekeeperMutator = (mutator: KubeObject): Rule => {
  const spec = fieldsOf((mutator as KubeObject & { readonly spec?: unknown }).spec);
  const name = mutator.metadata.name ?? '';
  const wrong = misread(gatekeeperSpecs[mutator.kind] ?? {}, spec);
  if (wrong.length > 0) return untranslated(name, wrong);
  const match = matchIn(spec, mutator.kind);
  if ('reason' in match) return untranslated(name, [match]);
  const read = assignmentsIn(mutator.kind, spec);
  return 'reason' in read
    ? untranslated(name, [read])
    : { name, matches: [match], assignments: read.assignments, leftOut: [] };
};

const assignmentsIn = (
  kind: string,
  spec: UnknownRecord,
): { readonly assignments: readonly Assignment[] } | LeftOut => {
  const location = String(spec['location']);
  const path = stepsOf(location);
  if (path === undefined) return { field: location, reason: 'is no location' };
  if (kind === 'AssignImage') return { field: location, reason: IMAGE };
  if (kind === 'ModifySet') return setIn(location, path, fieldsOf(spec['parameters']));
  const parameters = fieldsOf(spec['parameters']);
  const assign = fieldsOf(parameters['assign']);
  if (Object.keys(assign).length > 1)
    return { field: 'parameters.assign', reason: `has ${Object.keys(assign).join(' and ')}, of which one holds` };
  const value = assignedValue(assign);
  if (value === undefined) return { field: 'parameters.assign', reason: 'takes its value from outside' };
  // AssignMetadata adds, and never changes what is there.
  if (kind === 'AssignMetadata')
    return { assignments: [{ path, value: value.value, mode: 'Default', isMerged: false }] };
  const isDefault = isOnlyWhereAbsent(path, parameters);
  return typeof isDefault === 'boolean'
    ? { assignments: [{ path, value: value.value, mode: isDefault ? 'Default' : 'Enforce', isMerged: false }] }
    : isDefault;
};

const IMAGE =
  'changes parts of images by themselves; inject.imageRegistries replaces the beginning of their whole names';

const setIn = (
  location: string,
  path: readonly Step[],
  parameters: UnknownRecord,
): { readonly assignments: readonly Assignment[] } | LeftOut => {
  const field = 'parameters.values.fromList';
  const values = listOf(fieldsOf(parameters['values'])['fromList']);
  if (parameters['operation'] === 'prune')
    return { field: location, reason: 'removes something, and Quartermaster removes nothing' };
  if (isSaid(parameters['pathTests']))
    return { field: 'parameters.pathTests', reason: 'is a condition, which no selector can say' };
  if (values.length === 0) return { field, reason: 'is empty, and sets nothing' };
  if (pathText(path) === 'spec.tolerations')
    return {
      assignments: values.map((value) => ({
        path: [...path, '-'],
        value: escaped(value),
        mode: 'Default',
        isMerged: false,
      })),
    };
  if (pathText(path) !== 'spec.imagePullSecrets')
    return { field: location, reason: 'adds to a list that no key of inject adds to' };
  const names = values.map((value) => fieldsOf(value)['name']);
  if (!names.every((name) => typeof name === 'string')) return { field, reason: 'has an entry without name' };
  return {
    assignments: names.map((name, at) => ({
      path: [...path, { key: 'name', is: name }],
      value: escaped(values[at]),
      mode: 'Default',
      isMerged: false,
    })),
  };
};

const isSaid = (value: unknown): boolean => Array.isArray(value) && value.length > 0;

/** Whether an Assign holds where nothing is; what else it may depend on. */
const isOnlyWhereAbsent = (path: readonly Step[], parameters: UnknownRecord): boolean | LeftOut => {
  const field = 'parameters.pathTests';
  if (parameters['assignIf'] !== undefined)
    return { field: 'parameters.assignIf', reason: 'depends on the value that is there' };
  let isDefault = false;
  for (const test of listOf(parameters['pathTests']).map(fieldsOf)) {
    const tested = pathText(stepsOf(String(test['subPath'])) ?? []);
    if (test['condition'] === 'MustNotExist' && tested === pathText(path)) isDefault = true;
    else if (test['condition'] !== 'MustExist' || !ALWAYS.test(tested))
      return { field, reason: `depends on ${tested}` };
  }
  return isDefault;
};

/** What every pod has. */
const ALWAYS = /^(spec|metadata|spec\.containers(\[name:\*\])?)$/;

const assignedValue = (assign: UnknownRecord): { readonly value: unknown } | undefined => {
  const from = fieldsOf(assign['fromMetadata'])['field'];
  if (from === 'namespace' || from === 'name') return { value: `\${${from}}` };
  return Object.hasOwn(assign, 'value') ? { value: escaped(assign['value']) } : undefined;
};

const escaped = (value: unknown): unknown => {
  if (typeof value === 'string') return literal(value);
  if (Array.isArray(value)) return (value as unknown[]).map(escaped);
  return isRecord(value) ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, escaped(item)])) : value;
};

/** `spec.containers[name: *].env`, with names in quotes where they hold dots. */
const stepsOf = (location: string): readonly Step[] | undefined => {
  const steps: Step[] = [];
  let remaining = `.${location}`;
  while (remaining !== '') {
    const found = FIELD.exec(remaining) ?? ENTRY.exec(remaining);
    if (found === null) return undefined;
    const { double, single, plain, key, value } = found.groups ?? {};
    steps.push(key === undefined ? (double ?? single ?? plain ?? '') : { key, is: unquoted(value ?? '') });
    remaining = remaining.slice(found[0].length);
  }
  return steps;
};

const FIELD = /^\.(?:"(?<double>[^"]+)"|'(?<single>[^']+)'|(?<plain>[^.[\]"']+))/;
const ENTRY = /^\[\s*(?<key>\w+)\s*:\s*(?<value>"[^"]*"|'[^']*'|[^\]]*?)\s*\]/;
const unquoted = (text: string): string => text.replace(/^(["'])(.*)\1$/, '$2');

const matchIn = (spec: UnknownRecord, kind: string): Match | LeftOut => {
  const match = fieldsOf(spec['match']);
  const refuse = (field: string, reason: string): LeftOut => ({ field: `match.${field}`, reason });
  const others = otherKinds(spec, match, kind);
  if (others !== undefined) return others;
  if (match['scope'] === 'Cluster') return refuse('scope', 'is for what has no namespace');
  if (match['source'] === 'Generated') return refuse('source', 'is for what a template would make');
  if (match['name'] !== undefined && match['name'] !== '*') return refuse('name', 'selects by the name of the pod');
  const [named, excluded] = [textsOf(match['namespaces']), textsOf(match['excludedNamespaces'])];
  if ([...named, ...excluded].some(hasWildcard))
    return refuse('namespaces', 'selects namespaces by a pattern; label them');
  const labels = selectorOf(match['labelSelector']);
  const namespaceLabels = selectorOf(match['namespaceSelector']);
  if (typeof labels === 'string') return refuse('labelSelector', labels);
  if (typeof namespaceLabels === 'string') return refuse('namespaceSelector', namespaceLabels);
  return matchOf(
    allOf([labels]),
    allOf([
      namespaceLabels,
      named.length > 0 ? ofNamespaces('In', named) : undefined,
      excluded.length > 0 ? ofNamespaces('NotIn', excluded) : undefined,
    ]),
  );
};

/** Only what is for pods, and for nothing else, can be translated whole. */
const otherKinds = (spec: UnknownRecord, match: UnknownRecord, kind: string): LeftOut | undefined => {
  const applied = listOf(spec['applyTo']).map(fieldsOf);
  const matched = listOf(match['kinds']).map(fieldsOf);
  const only = 'and only mutators for Pod alone are translated';
  const other = [
    ...applied.flatMap((one) => othersThanPods(one, 'groups')),
    ...matched.flatMap((one) => othersThanPods(one, 'apiGroups')),
  ].at(0);
  if (other !== undefined) return { field: 'match.kinds', reason: `names ${other}, ${only}` };
  const named = kind === 'AssignMetadata' ? matched : applied;
  if (named.some((one) => textsOf(one['kinds']).includes('Pod'))) return undefined;
  return kind === 'AssignMetadata'
    ? { field: 'match.kinds', reason: `is for objects of every kind, ${only}` }
    : { field: 'applyTo', reason: 'names no kind' };
};

const othersThanPods = (named: UnknownRecord, field: 'groups' | 'apiGroups'): readonly string[] => {
  const groups = textsOf(named[field]);
  if (groups.length > 0 && !groups.some((group) => group === '' || group === '*'))
    return [`kinds of ${groups.join(', ')}`];
  return textsOf(named['kinds']).filter((name) => name !== 'Pod' && name !== '*');
};
