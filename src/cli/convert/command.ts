import { stringify } from 'yaml';
import { AppError } from '../../api/errors.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import type { PlatformDefaults } from '../../api/platform-defaults.ts';
import { locationOf, readObjects, type SourcedObject } from '../documents.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { defaultsOf, type Rule } from './defaults.ts';
import { readGatekeeperMutator } from './gatekeeper.ts';
import { readKyvernoPolicy } from './kyverno.ts';
import { readMutatingPolicy } from './mutating-policy.ts';

export interface ConvertOptions {
  readonly recursive?: boolean;
  readonly strict?: boolean;
  /** The system namespace, where defaults for the whole cluster go. */
  readonly namespace: string;
}

/** The kinds of other tools that are read, by group. */
const READERS: Readonly<Record<string, (object: KubeObject) => readonly Rule[]>> = {
  'kyverno.io/ClusterPolicy': readKyvernoPolicy,
  'kyverno.io/Policy': readKyvernoPolicy,
  'policies.kyverno.io/MutatingPolicy': (object) => [readMutatingPolicy(object)],
  'policies.kyverno.io/NamespacedMutatingPolicy': (object) => [readMutatingPolicy(object)],
  'admissionregistration.k8s.io/MutatingAdmissionPolicy': (object) => [readMutatingPolicy(object)],
  ...Object.fromEntries(
    ['Assign', 'AssignMetadata', 'ModifySet', 'AssignImage'].map((kind) => [
      `mutations.gatekeeper.sh/${kind}`,
      (object: KubeObject) => [readGatekeeperMutator(object)],
    ]),
  ),
};

/**
 * The `convert` command: prints the PlatformDefaults that do what the policies in the files do to pods, and on standard error what
 * was left out and why. Throws AppError('InvalidInput') where the files hold no policy.
 */
export const convertCommand = (files: readonly string[], options: ConvertOptions, terminal: Terminal): number => {
  const objects = readObjects(files, { isRecursive: options.recursive === true });
  const policies = objects.filter(({ object }) => readerOf(object) !== undefined);
  if (policies.length === 0)
    throw new AppError('InvalidInput', `There is none of ${Object.keys(READERS).join(', ')} in what was given.`);
  const results = policies.map((policy) => convert(policy, options.namespace));
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

const convert = ({ object, source }: SourcedObject, systemNamespace: string): Result => {
  const rules = readerOf(object)?.(object) ?? [];
  const results = rules.map((rule) => ({ rule, ...defaultsOf(rule, systemNamespace) }));
  const title = `${object.kind} ${object.metadata.name ?? ''}`;
  return {
    documents: results.flatMap(({ rule, defaults }) =>
      defaults.map((one) => documentOf(one, `${title}${ruleOf(object, rule)}`)),
    ),
    leftOut: results.flatMap(({ rule, leftOut }) =>
      leftOut.map(
        ({ field, reason }) =>
          `${locationOf(source)}: ${title}${ruleOf(object, rule)}: ${field === '' ? 'it' : field} ${reason}.`,
      ),
    ),
  };
};

/** Of a policy with several rules, which. */
const ruleOf = ({ metadata: { name = '' } }: KubeObject, rule: Rule): string =>
  rule.name === name ? '' : `, rule ${rule.name.slice(name.length + 1)}`;

const documentOf = (defaults: PlatformDefaults, from: string): string =>
  `# From ${from}.\n${stringify(defaults, { lineWidth: 0, version: '1.1', aliasDuplicateObjects: false })}`;
