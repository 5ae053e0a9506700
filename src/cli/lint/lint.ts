import { SETTINGS_CONFIG_MAP } from '../../api/names.ts';
import { type ObjectStoreSpec, objectStoreCrd, objectStoreSpec } from '../../api/object-store.ts';
import { didYouMean, nearestOf } from '../../api/plain-text.ts';
import { platformDefaultsCrd } from '../../api/platform-defaults.ts';
import { type CustomResourceDefinition, type JsonSchema, map, open, text } from '../../api/schema.ts';
import { schemaViolations } from '../../api/schema-validation.ts';
import { verdictFor } from '../../clouds/index.ts';
import { nearMisses } from '../../defaults/explanation/near-miss.ts';
import { dnsLabel } from '../../defaults/validation/names.ts';
import { isRecord } from '../../injection/path.ts';
import { resolvePlacement } from '../../kinds/object-store/placement.ts';
import { findViolations } from '../../kinds/object-store/validation.ts';
import { LIVE_SETTINGS, policyOf, type Settings, violationOfSetting } from '../../settings/config.ts';
import { settings as definitions } from '../../settings/definitions.ts';
import type { FileText } from '../documents.ts';
import { sentenceOf } from '../preview/field-error.ts';
import { metadataErrors } from '../preview/metadata.ts';
import type { Finding } from '../results/finding.ts';
import { itemsOf, type LintedObject, missingSpec, readLinted } from './objects.ts';
import { lintDefaults, type Surroundings } from './platform-defaults.ts';

/** What each rule looks for. */
export const RULES: Readonly<Record<string, string>> = {
  syntax: 'Files are YAML or JSON and hold objects.',
  kind: 'apiVersion and kind are ones that there are.',
  schema: 'Fields are there, and of their type.',
  value: 'What no schema can say: what Kubernetes, a cloud or an operator would refuse.',
  reference: 'Variables, facts, clouds, templates and namespaces that are named are there.',
  setting: 'Settings are known, and hold what they take.',
  label: 'Labels and annotations of ours are spelled right.',
};

export interface Linted {
  readonly findings: readonly Finding[];
  /** How many objects were looked into, and how many there are besides. */
  readonly checked: number;
  readonly others: number;
}

/** Everything wrong with the PlatformDefaults, ObjectStores and settings in these texts, in the order of the files. */
export const lint = (texts: readonly FileText[], settings: Settings, namespace: string): Linted => {
  const files = texts.map(readLinted);
  const objects = files.flatMap((file) => file.objects);
  const surroundings = surroundingsOf(objects, settings, namespace);
  const checks = objects.map((object) => ({ object, check: checkFor(object) }));
  const findings = files.flatMap((file) => [
    ...file.findings,
    ...checks
      .filter(({ object }) => file.objects.includes(object))
      .flatMap(({ object, check }) => [
        ...headFindings(object),
        ...(check?.(object, surroundings, settings) ?? []),
        ...labelFindings(object),
      ]),
  ]);
  const checked = checks.filter(({ check }) => check !== undefined).length;
  return { findings: inOrder(findings), checked, others: objects.length - checked };
};

const inOrder = (findings: readonly Finding[]): readonly Finding[] =>
  [...Map.groupBy(findings, ({ file }) => file).values()].flatMap((list) =>
    list.toSorted((a, b) => a.line - b.line || a.column - b.column),
  );

const surroundingsOf = (objects: readonly LintedObject[], settings: Settings, namespace: string): Surroundings => ({
  systemNamespace: settings.namespace,
  namespace,
  variables: specsOf(objects).flatMap(({ variables }) => (isRecord(variables) ? Object.keys(variables) : [])),
  templates: specsOf(objects).flatMap(({ templates }) =>
    itemsOf(templates).flatMap((item) => (isRecord(item) ? String(item['name']) : [])),
  ),
  namespaces: objects
    .filter(({ value }) => value['kind'] === 'Namespace' && value['apiVersion'] === 'v1')
    .map(({ value }) => String(metadataOf(value)['name'])),
});

const specsOf = (objects: readonly LintedObject[]): readonly Readonly<Record<string, unknown>>[] =>
  objects
    .filter(({ value }) => value['kind'] === 'PlatformDefaults')
    .map(({ value: { spec } }) => spec)
    .filter(isRecord);

const metadataOf = ({ metadata }: LintedObject['value']): Readonly<Record<string, unknown>> =>
  isRecord(metadata) ? metadata : {};

const apiVersionOf = ({ spec }: CustomResourceDefinition): string =>
  `${spec.group}/${String(spec.versions[0]?.['name'])}`;

const OURS = [platformDefaultsCrd, objectStoreCrd].map((definition) => ({
  kind: String(definition.spec.names['kind']),
  apiVersion: apiVersionOf(definition),
  group: definition.spec.group,
}));

type Check = (object: LintedObject, surroundings: Surroundings, settings: Settings) => readonly Finding[];

/** By the kind that was meant, so that one mistake hides no other. */
const checkFor = (object: LintedObject): Check | undefined => {
  const { kind, apiVersion } = object.value;
  if (kind === 'ConfigMap' && apiVersion === 'v1')
    return metadataOf(object.value)['name'] === SETTINGS_CONFIG_MAP ? lintSettings : undefined;
  return CHECKS[meantKind(object)?.kind ?? ''];
};

const meantKind = ({ value: { kind, apiVersion } }: LintedObject): (typeof OURS)[number] | undefined => {
  if (typeof kind !== 'string') return undefined;
  const exact = OURS.find((one) => one.kind === kind);
  if (exact !== undefined) return exact;
  const [group = ''] = String(apiVersion).split('/');
  const own = OURS.filter((one) => one.group === group);
  const meant = nearestOf(
    kind,
    (own.length > 0 ? own : OURS).map((one) => one.kind),
  );
  return OURS.find((one) => one.kind === meant);
};

const headFindings = (object: LintedObject): readonly Finding[] => {
  const { value, finding } = object;
  const missing = ['apiVersion', 'kind'].filter((field) => typeof value[field] !== 'string' || value[field] === '');
  if (missing.length > 0) return missing.map((field) => finding('kind', `${field}: is required`));
  const { kind, apiVersion } = value as { readonly kind: string; readonly apiVersion: string };
  const [group = ''] = apiVersion.split('/');
  const meant = meantKind(object);
  if (meant === undefined) {
    const kinds = OURS.filter((one) => one.group === group).map((one) => one.kind);
    return kinds.length === 0
      ? []
      : [finding('kind', `kind: there is no ${kind} in ${group}, only ${kinds.join(', ')}`)];
  }
  return [
    ...(kind === meant.kind ? [] : [finding('kind', `kind: there is no ${kind}${didYouMean(kind, [meant.kind])}`)]),
    ...(apiVersion === meant.apiVersion
      ? []
      : [finding('kind', `apiVersion: ${meant.kind} is of ${meant.apiVersion}, not of ${apiVersion}`)]),
    ...metadataFindings(object),
    ...Object.keys(value)
      .filter((field) => !ROOT_FIELDS.includes(field))
      .map((field) => finding('schema', `${field}: there is no such field${didYouMean(field, ROOT_FIELDS)}`)),
  ];
};

/** What the API server could not read, and what it would refuse. */
const metadataFindings = ({ value, finding }: LintedObject): readonly Finding[] => {
  const { metadata = {} } = value;
  if (metadata !== null && !isRecord(metadata)) return [finding('schema', 'metadata: must be an object')];
  const wrong = schemaViolations(metadataSchema, metadata ?? {}, 'metadata');
  if (wrong.length > 0) return wrong.map((sentence) => finding('schema', sentence));
  const { namespace } = metadataOf(value);
  return [
    ...metadataErrors({ apiVersion: '', kind: '', metadata: metadata ?? {} }, true).map((error) =>
      finding('value', sentenceOf(error)),
    ),
    ...(typeof namespace !== 'string' || namespace === '' || dnsLabel.accepts(namespace)
      ? []
      : [finding('value', `metadata.namespace: "${namespace}" is not ${dnsLabel.title}`)]),
  ];
};

const metadataSchema: JsonSchema = open('What is read of metadata.', {
  name: text('Its name.'),
  generateName: text('What its name begins with.'),
  namespace: text('Its namespace.'),
  labels: map('Labels.', text('A label.')),
  annotations: map('Annotations.', text('An annotation.')),
}).json;

const ROOT_FIELDS = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];

const lintObjectStore: Check = ({ value, finding }, { systemNamespace, namespace: fallback }, settings) => {
  const { spec } = value;
  if (!isRecord(spec)) return [finding('schema', missingSpec(spec))];
  const violations = schemaViolations(objectStoreSpec.json, spec, 'spec');
  if (violations.length > 0) return violations.map((sentence) => finding('schema', sentence));
  const { namespace = fallback } = metadataOf(value);
  const policy = policyOf(settings);
  const cloud = verdictFor(settings.cloud === 'auto' ? 'unknown' : settings.cloud, {}, []);
  return findViolations({
    spec: spec as unknown as ObjectStoreSpec,
    placement: resolvePlacement(spec as unknown as ObjectStoreSpec, cloud, policy),
    isLoopbackAllowed: policy.allowLoopbackEndpoints ?? false,
    isPlatform: namespace === systemNamespace,
  }).map(({ message }) => finding('value', message.replace(/\.$/, '')));
};

const ENVS = Object.values(definitions).map(({ env }) => env);
const LIVE = LIVE_SETTINGS.map((name) => definitions[name].env);

const lintSettings: Check = ({ value, finding }) =>
  Object.entries(isRecord(value['data']) ? value['data'] : {}).flatMap(([key, text]) => {
    const at = `data.${key}`;
    if (!ENVS.includes(key)) return [finding('setting', `${at}: is no setting${didYouMean(key, ENVS)}`)];
    if (typeof text !== 'string') return [finding('setting', `${at}: must be a string; quote it`)];
    const wrong = violationOfSetting(key, text);
    return [
      ...(wrong === undefined ? [] : [finding('setting', `${at}: ${wrong}`)]),
      ...(LIVE.some((env) => env === key)
        ? []
        : [finding('setting', `${at}: is read at the start only; set it in the Deployment`, 'warning')]),
    ];
  });

const CHECKS: Readonly<Record<string, Check>> = { PlatformDefaults: lintDefaults, ObjectStore: lintObjectStore };

/** Of any object: what looks like a label of ours and does nothing. */
const labelFindings = ({ value, finding }: LintedObject): readonly Finding[] => {
  const { labels, annotations } = metadataOf(value);
  const misses = (field: string, sentences: readonly string[]): readonly Finding[] =>
    sentences.map((sentence) => {
      const [, key = ''] = /(?:label|annotation) ([^\s:,]+)/.exec(sentence) ?? [];
      return finding('label', `metadata.${field}.${key}: ${sentence.replace(/\.$/, '')}`);
    });
  return [
    ...misses('labels', nearMisses('the object', { labels: textsOf(labels) })),
    ...misses('annotations', nearMisses('the object', { annotations: textsOf(annotations) })),
  ];
};

const textsOf = (map: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(isRecord(map) ? map : {}).map(([key, item]) => [key, String(item)]));
