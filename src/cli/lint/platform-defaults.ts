import { isMap, isScalar, type Node } from 'yaml';
import type { CloudName } from '../../api/facts.ts';
import { didYouMean, nearestOf } from '../../api/plain-text.ts';
import { type PlatformDefaults, type PlatformDefaultsSpec, platformDefaultsSpec } from '../../api/platform-defaults.ts';
import { schemaViolations } from '../../api/schema-validation.ts';
import { TARGET_KINDS } from '../../api/target-kinds.ts';
import { FACT_NAMES } from '../../clouds/cloud.ts';
import { clouds } from '../../clouds/index.ts';
import { CONTAINER_LISTS } from '../../defaults/validation/containers.ts';
import { validateDefaults } from '../../defaults/validation/spec.ts';
import { BUILT_IN_VARIABLES, isBuiltIn, requiredVariablesIn } from '../../defaults/variables.ts';
import { isRecord } from '../../injection/path.ts';
import type { Finding } from '../results/finding.ts';
import { type Located, locate, removeFrom } from './nodes.ts';
import { itemsOf, type LintedObject, missingSpec } from './objects.ts';

/** What is known besides the object: from the other files, and the command line. */
export interface Surroundings {
  readonly systemNamespace: string;
  /** Of objects that name none. */
  readonly namespace: string;
  /** Variables that some PlatformDefaults defines. */
  readonly variables: readonly string[];
  /** Names of the templates that some PlatformDefaults has. */
  readonly templates: readonly string[];
  /** Namespaces that stand in the files. */
  readonly namespaces: readonly string[];
}

/** Everything wrong with a PlatformDefaults, and what it names that there is not. */
export const lintDefaults = (object: LintedObject, surroundings: Surroundings): readonly Finding[] => {
  const { value, finding } = object;
  if (!isRecord(value['spec'])) return [finding('schema', missingSpec(value['spec']))];
  const references = referenceFindings(object, surroundings);
  const { findings, spec, affected } = lintSchema(object);
  if (spec === undefined) return [...findings, ...references];
  const { namespace = surroundings.namespace } = (value['metadata'] ?? {}) as { readonly namespace?: string };
  const defaults = { ...value, metadata: { namespace }, spec } as unknown as PlatformDefaults;
  const violations = validateDefaults(defaults, surroundings).filter(
    (sentence) => !affected.has(locate(object.root, sentence, object.document).node),
  );
  return [...findings, ...violations.map((sentence) => finding('value', sentence)), ...references];
};

interface SchemaResult {
  readonly findings: readonly Finding[];
  /** What is left of the spec without what is wrong; undefined where that is nothing. */
  readonly spec: PlatformDefaultsSpec | undefined;
  /** What lost a part: what is said of these follows from what was said already. */
  readonly affected: ReadonlySet<Node>;
}

/** Against the schema, again and again without what was found, so that what stands beside it is judged too. */
const lintSchema = ({ root, document, finding }: LintedObject): SchemaResult => {
  const findings: Finding[] = [];
  const affected = new Set<Node>();
  for (;;) {
    const spec = readSpec(root, document);
    if (spec === undefined) return { findings, spec, affected };
    const violations = schemaViolations(platformDefaultsSpec.json, spec, 'spec');
    if (violations.length === 0) return { findings, spec: spec as PlatformDefaultsSpec, affected };
    const located = violations.map((sentence) => ({ sentence, place: locate(root, sentence, document) }));
    findings.push(
      ...located.filter(({ place }) => !affected.has(place.node)).map(({ sentence }) => finding('schema', sentence)),
    );
    const changed = located.map(({ sentence, place }) => correct(sentence, place, affected));
    if (!changed.includes(true)) return { findings, spec: undefined, affected };
  }
};

const readSpec = (root: Node, document: LintedObject['document']): unknown => {
  const node = isMap(root) ? root.get('spec', true) : undefined;
  return node === undefined ? undefined : (node as Node).toJS(document);
};

/** Puts the kind that was meant in the place of a mistyped one; takes anything else out, and the mounts of a volume with it. */
const correct = (sentence: string, place: Located, affected: Set<Node>): boolean => {
  const { node, holder } = place;
  const meant = isScalar(node) ? nearestOf(String(node.value), TARGET_KINDS) : undefined;
  if (meant !== undefined && isScalar(node) && /^spec\.match\.kinds\[/.test(sentence)) {
    node.value = meant;
    return true;
  }
  if (holder !== undefined) affected.add(holder.node);
  return removeFrom(place);
};

/** What it names that nothing here has: clouds, variables, templates, namespaces. */
const referenceFindings = (object: LintedObject, surroundings: Surroundings): readonly Finding[] => {
  const { value, finding } = object;
  const { namespace } = (value['metadata'] ?? {}) as { readonly namespace?: unknown };
  return [
    ...cloudFindings(object),
    ...stringsIn(value['spec'], 'spec').flatMap(([path, text]) => variableFindings(path, text, object, surroundings)),
    ...templateFindings(object, surroundings),
    ...(typeof namespace === 'string' ? namespaceFindings('metadata.namespace', namespace, object, surroundings) : []),
    ...(namespace === undefined
      ? [
          finding(
            'reference',
            `metadata: names no namespace, so that kubectl puts it where it stands; what holds everywhere is in ${surroundings.systemNamespace}`,
            'warning',
          ),
        ]
      : []),
    ...selectedNamespaces(value['spec']).flatMap(([path, name]) => namespaceFindings(path, name, object, surroundings)),
  ];
};

const CLOUDS: readonly CloudName[] = [...clouds.map(({ name }) => name), 'unknown'];

const cloudFindings = ({ value, finding }: LintedObject): readonly Finding[] => {
  const match = isRecord(value['spec']) ? value['spec']['match'] : undefined;
  const named = isRecord(match) && Array.isArray(match['clouds']) ? (match['clouds'] as readonly unknown[]) : [];
  return named.flatMap((cloud, at) =>
    typeof cloud !== 'string' || CLOUDS.some((name) => name === cloud)
      ? []
      : [
          finding(
            'reference',
            `spec.match.clouds[${at}]: "${cloud}" is no cloud that is known; the clouds are ${CLOUDS.join(', ')}${didYouMean(cloud, CLOUDS)}`,
          ),
        ],
  );
};

/** Every string in a value, with its path. */
const stringsIn = (value: unknown, path: string): readonly (readonly [string, string])[] => {
  if (typeof value === 'string') return [[path, value]];
  if (Array.isArray(value)) return value.flatMap((item: unknown, at) => stringsIn(item, `${path}[${at}]`));
  return isRecord(value) ? Object.entries(value).flatMap(([key, item]) => stringsIn(item, `${path}.${key}`)) : [];
};

/** A near miss is a mistake; anything else may be defined in a file that was not given. */
const variableFindings = (
  path: string,
  text: string,
  { finding }: LintedObject,
  { variables }: Surroundings,
): readonly Finding[] =>
  [...requiredVariablesIn(text)]
    .filter((name) => !isBuiltIn(name) && !variables.includes(name) && !/[\s{}]/.test(name) && name !== '')
    .map((name) => {
      const near = didYouMean(name, [...BUILT_IN_VARIABLES, ...variables]);
      const fact = Object.hasOwn(FACT_NAMES, name)
        ? '; it is a fact, and only cloud, region, zone and account are variables'
        : '';
      const message = `${path}: \${${name}} is built in nowhere, and no PlatformDefaults here defines it${fact}${near}`;
      return finding('reference', message, near === '' && fact === '' ? 'warning' : 'error');
    });

/** Of variables the same holds: without any template in the files they are kept elsewhere. */
const templateFindings = (
  { value: { spec }, finding }: LintedObject,
  { templates }: Surroundings,
): readonly Finding[] => {
  if (templates.length === 0 || !isRecord(spec) || !isRecord(spec['inject'])) return [];
  const { inject } = spec;
  return CONTAINER_LISTS.flatMap((list) =>
    itemsOf(inject[list]).flatMap((item, at) => {
      const name = isRecord(item) ? item['template'] : undefined;
      if (typeof name !== 'string' || templates.includes(name)) return [];
      const near = didYouMean(name, templates);
      const message = `spec.inject.${list}[${at}].template: no PlatformDefaults here has a template ${name}${near}`;
      return [finding('reference', message, near === '' ? 'warning' : 'error')];
    }),
  );
};

const selectedNamespaces = (spec: unknown): readonly (readonly [string, string])[] => {
  const path = 'spec.match.namespaceSelector';
  const match = isRecord(spec) && isRecord(spec['match']) ? spec['match'] : {};
  return stringsIn(match['namespaceSelector'], path).filter(([at]) =>
    at.startsWith(`${path}.matchLabels.kubernetes.io/metadata.name`),
  );
};

const namespaceFindings = (
  path: string,
  name: string,
  { finding }: LintedObject,
  { systemNamespace, namespaces }: Surroundings,
): readonly Finding[] => {
  const known = [systemNamespace, ...namespaces];
  const near = known.includes(name) ? '' : didYouMean(name, known);
  return near === '' ? [] : [finding('reference', `${path}: "${name}" is no namespace that stands here${near}`)];
};
