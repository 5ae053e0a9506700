import { matchesGlob } from 'node:path';
import { stringify } from 'yaml';
import { AppError } from '../../api/errors.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import type { PlatformDefaults } from '../../api/platform-defaults.ts';
import { locationOf, readObjects, type SourcedObject } from '../documents.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import type { LeftOut } from './assignment.ts';
import { API_VERSION, type Rule, specsOf, untranslated } from './defaults.ts';
import { fieldsOf, listOf } from './fields.ts';
import { readGatekeeperMutator } from './gatekeeper.ts';
import { readKyvernoPolicy } from './kyverno.ts';
import { isBinding, policyNameOf, readBoundPolicy, readMutatingPolicy } from './mutating-policy.ts';

export interface ConvertOptions {
  readonly recursive?: boolean;
  readonly strict?: boolean;
  /** The system namespace, where defaults for the whole cluster go. */
  readonly namespace: string;
}

/** The kinds of other tools that are read, by group. */
const READERS: Readonly<Record<string, (object: KubeObject, all: readonly KubeObject[]) => readonly Rule[]>> = {
  'kyverno.io/ClusterPolicy': readKyvernoPolicy,
  'kyverno.io/Policy': readKyvernoPolicy,
  'policies.kyverno.io/MutatingPolicy': (object) => [readMutatingPolicy(object)],
  'policies.kyverno.io/NamespacedMutatingPolicy': (object) => [readMutatingPolicy(object)],
  'admissionregistration.k8s.io/MutatingAdmissionPolicy': (object, all) => [readBoundPolicy(object, all)],
  ...Object.fromEntries(
    ['Assign', 'AssignMetadata', 'ModifySet', 'AssignImage'].map((kind) => [
      `mutations.gatekeeper.sh/${kind}`,
      (object: KubeObject) => [readGatekeeperMutator(object)],
    ]),
  ),
};

/** Other kinds of these tools may be what a policy depends on, or what was meant by it. */
const isOfOthers = ({ apiVersion, kind }: KubeObject): boolean =>
  /^(kyverno\.io|policies\.kyverno\.io|mutations\.gatekeeper\.sh)\//.test(apiVersion) ||
  /^MutatingAdmissionPolicy/.test(kind);

/**
 * The `convert` command: prints the PlatformDefaults that do what the policies in the files do to pods, and on standard error what
 * was left out and why. Throws AppError('InvalidInput') where the files hold no policy.
 */
export const convertCommand = (files: readonly string[], options: ConvertOptions, terminal: Terminal): number => {
  const objects = readObjects(files, { isRecursive: options.recursive === true });
  const policies = objects.filter(({ object }) => readerOf(object) !== undefined);
  if (policies.length === 0)
    throw new AppError('InvalidInput', `There is none of ${Object.keys(READERS).join(', ')} in what was given.`);
  const nameFor = createNames();
  const results = objects
    .filter(({ object }) => readerOf(object) !== undefined || isOfOthers(object))
    .map((policy) =>
      convert(policy, { systemNamespace: options.namespace, nameFor, all: objects.map(({ object }) => object) }),
    );
  const documents = results.flatMap((result) => result.documents);
  const leftOut = results.flatMap((result) => result.leftOut);
  terminal.print(documents.join('---\n'));
  for (const line of leftOut) terminal.complain(`left out: ${line}\n`);
  terminal.complain(`${documents.length} PlatformDefaults; ${leftOut.length} left out.\n`);
  return options.strict === true && leftOut.length > 0 ? EXIT.refused : EXIT.fine;
};

const readerOf = ({ apiVersion, kind }: KubeObject) => READERS[`${apiVersion.split('/')[0]}/${kind}`];

interface Result {
  readonly documents: readonly string[];
  readonly leftOut: readonly string[];
}

interface Surroundings {
  readonly systemNamespace: string;
  readonly nameFor: NameFor;
  /** All objects that are given. */
  readonly all: readonly KubeObject[];
}

const convert = ({ object, source }: SourcedObject, { systemNamespace, nameFor, all }: Surroundings): Result => {
  const results = rulesOf(object, all).map((rule) => ({ rule, ...specsOf(rule, systemNamespace) }));
  const title = `${object.kind} ${object.metadata.name ?? ''}`;
  return {
    documents: results.flatMap(({ rule, specs }) =>
      specs.map((spec) => {
        const namespace = rule.namespace ?? systemNamespace;
        const metadata = { name: nameFor(rule.name, namespace), namespace };
        const defaults = { apiVersion: API_VERSION, kind: 'PlatformDefaults', metadata, spec } as const;
        return documentOf(defaults, `${title}${ruleOf(object, rule)}`);
      }),
    ),
    leftOut: results.flatMap(({ rule, leftOut }) =>
      leftOut.map(
        ({ field, reason }) =>
          `${locationOf(source)}: ${title}${ruleOf(object, rule)}: ${field === '' ? 'it' : field} ${reason}.`,
      ),
    ),
  };
};

const rulesOf = (object: KubeObject, all: readonly KubeObject[]): readonly Rule[] => {
  const { name } = object.metadata;
  if (typeof name !== 'string' || name === '')
    return [untranslated('', [{ field: 'metadata.name', reason: 'is required' }])];
  const reader = readerOf(object);
  if (reader === undefined) return [untranslated(name, othersIn(object, all))];
  const exception = all.find((other) => isException(other) && keepsFrom(other, name));
  if (exception === undefined) return reader(object, all);
  const reason = `is kept from some pods by PolicyException ${exception.metadata.name ?? ''}`;
  return [untranslated(name, [{ field: '', reason }])];
};

/** A binding is read with its policy. */
const othersIn = (object: KubeObject, all: readonly KubeObject[]): readonly LeftOut[] => {
  if (!isBinding(object)) return [{ field: '', reason: 'is of a kind that is not read' }];
  const policyName = policyNameOf(object);
  if (all.some(({ kind, metadata }) => kind === 'MutatingAdmissionPolicy' && metadata.name === policyName)) return [];
  return [{ field: 'policyName', reason: `is of ${policyName ?? 'no policy'}, which is not in what was given` }];
};

const isException = ({ kind }: KubeObject): boolean => kind === 'PolicyException';

/** Whether an exception of Kyverno names this policy, by a pattern too. */
const keepsFrom = (exception: KubeObject, policy: string): boolean => {
  const { exceptions, policyRefs } = fieldsOf((exception as KubeObject & { readonly spec?: unknown }).spec);
  const patterns = [
    ...listOf(exceptions).map((one) => fieldsOf(one)['policyName']),
    ...listOf(policyRefs).map((one) => fieldsOf(one)['name']),
  ];
  // Of a Policy with its namespace before it.
  return patterns.some((pattern) => matchesGlob(policy, String(pattern).replace(/^.*\//, '')));
};

type NameFor = (rule: string, namespace: string) => string;

/** Names for PlatformDefaults, none twice in a namespace: the later one would take the place of the other. */
const createNames = (): NameFor => {
  const taken = new Set<string>();
  return (rule, namespace) => {
    const base = asName(rule);
    let name = base;
    for (let at = 2; taken.has(`${namespace}/${name}`); at += 1) name = `${base}-${at}`;
    taken.add(`${namespace}/${name}`);
    return name;
  };
};

const asName = (rule: string): string =>
  rule
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .slice(0, 240)
    .replace(/^[-.]+|[-.]+$/g, '');

/** Of a policy with several rules, which. */
const ruleOf = ({ metadata: { name = '' } }: KubeObject, rule: Rule): string =>
  rule.name === name ? '' : `, rule ${rule.name.slice(name.length + 1)}`;

const documentOf = (defaults: PlatformDefaults, from: string): string =>
  `# From ${from}.\n${stringify(defaults, { lineWidth: 0, version: '1.1', aliasDuplicateObjects: false })}`;
