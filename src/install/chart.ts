import { stringify } from 'yaml';
import type { KubeObject } from '../api/kubernetes.ts';
import type { JsonSchema } from '../api/schema.ts';
import { CHECKS } from './chart-checks.ts';
import { installFiles } from './manifests.ts';
import { defaultValues, type InstallOptions, type InstallValues, NAME, optionsSchema, VERSION } from './options.ts';
import { expression } from './template.ts';
import { checkPodObject } from './workload.ts';

/** The options as Helm knows them: each is an expression instead of a value. */
const symbolic = {
  ...Object.fromEntries(Object.keys(defaultValues).map((name) => [name, expression(`.Values.${name}`)])),
  namespaceSelector: { matchExpressions: expression('.Values.namespaceSelector.matchExpressions') },
  objectSelector: { matchExpressions: expression('.Values.objectSelector.matchExpressions') },
  namespace: expression('.Release.Namespace'),
} as unknown as InstallOptions;

/** What Helm must not delete: with these go all objects of a kind, or the disks of volumes. */
const isKept = ({ kind }: KubeObject): boolean => kind === 'CustomResourceDefinition' || kind === 'Namespace';

/** The namespace of the release is Helm's to make (`--create-namespace`). */
const isRelease = ({ kind, metadata }: KubeObject): boolean =>
  kind === 'Namespace' && metadata.name === symbolic.namespace;

/** An object as the chart has it. */
export const chartObject = (object: KubeObject): KubeObject =>
  isKept(object)
    ? { ...object, metadata: { ...object.metadata, annotations: { 'helm.sh/resource-policy': 'keep' } } }
    : object;

/** What `helm test` runs. It stays with its log until the next time. */
const testHook = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: {
    ...object.metadata,
    annotations: { 'helm.sh/hook': 'test', 'helm.sh/hook-delete-policy': 'before-hook-creation' },
  },
});

/** The files of charts/quartermaster, by path: templates made of the very functions that print the install. */
export const chartFiles = ({ image, nfsServerImage } = defaultValues): Readonly<Record<string, string>> => ({
  'Chart.yaml': stringify({
    apiVersion: 'v2',
    name: NAME,
    description: 'Supplies data workloads with what the cluster they land on needs.',
    type: 'application',
    version: VERSION,
    appVersion: VERSION,
    kubeVersion: '>=1.34.0-0',
  }),
  'values.yaml': valuesFile({ ...defaultValues, image, nfsServerImage }),
  'values.schema.json': `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...schemaOf(optionsSchema.json) }, undefined, 2)}\n`,
  'templates/_helpers.tpl': HELPERS,
  'templates/_checks.tpl': CHECKS,
  'templates/checks.yaml': '{{- include "quartermaster.checks" . }}\n',
  'templates/NOTES.txt': NOTES,
  'templates/tests/check.yaml': documentOf(testHook(checkPodObject(symbolic))),
  ...Object.fromEntries(
    Object.entries(installFiles(symbolic))
      .map(
        ([file, objects]) =>
          [file, objects.filter((object) => typeof object === 'string' || !isRelease(object))] as const,
      )
      .filter(([, objects]) => objects.length > 0)
      .map(([file, objects]) => [`templates/${file}`, objects.map(documentOf).join('')]),
  ),
});

const HELPERS = `{{- define "quartermaster.pairs" -}}
{{- $pairs := list }}
{{- range $name, $value := . }}{{ $pairs = append $pairs (printf "%s=%s" $name $value) }}{{ end }}
{{- join "," $pairs }}
{{- end }}
`;

const NOTES = `Quartermaster {{ .Chart.AppVersion }} is in the namespace {{ .Release.Namespace }}. Until a replica has answered, nothing waits for it: jobs are stored as they are.

  kubectl -n {{ .Release.Namespace }} rollout status deployment/quartermaster
  kubectl -n {{ .Release.Namespace }} get rolebinding quartermaster-fail-closed   # there once webhooks fail closed
  helm test {{ .Release.Name }} -n {{ .Release.Namespace }} --logs   # asks about a claim that is not stored, and shows the answer

Its namespace should have the strictest Pod Security:

  kubectl label namespace {{ .Release.Namespace }} pod-security.kubernetes.io/enforce=restricted

Then write the first PlatformDefaults (kubectl explain platformdefaults.spec). Before you uninstall, delete the ObjectStores: see docs/uninstall.md. The CRDs and the
namespace of the NFS servers stay.
`;

const valuesFile = (values: InstallValues): string =>
  Object.entries(values)
    .map(
      ([name, value]) =>
        `# ${optionsSchema.json.properties?.[name]?.description ?? ''}\n${stringify({ [name]: value })}`,
    )
    .join('\n');

/** Draft 7 of JSON Schema, without what only API servers know. */
const schemaOf = (schema: JsonSchema): Readonly<Record<string, unknown>> => {
  const { properties, items, additionalProperties, ...others } = schema;
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const plain = Object.entries(others).filter(([key]) => !key.startsWith('x-'));
  const isTop = schema === optionsSchema.json;
  const fields = properties && Object.entries(properties).map(([name, field]) => [name, schemaOf(field)]);
  return {
    ...Object.fromEntries(plain),
    ...(fields && { properties: { ...Object.fromEntries(fields), ...(isTop && { global: { type: 'object' } }) } }),
    ...(items && { items: schemaOf(items) }),
    ...(additionalProperties && { additionalProperties: schemaOf(additionalProperties) }),
    ...(schema.type === 'object' && !additionalProperties && !isOpen && { additionalProperties: false }),
  };
};

const documentOf = (object: KubeObject | string): string => {
  if (typeof object === 'string') return `{{- ${object.slice(1, -1)} }}\n`;
  const text = stringify(withFields(chartObject(object)), { lineWidth: 0, aliasDuplicateObjects: false });
  return `---\n${linesOf(text.replaceAll('{{', '{{ "{{" }}').split('\n')).join('\n')}`;
};

const ITEMS = /^⟦items (.*)⟧$/;

/** A list that is nothing but an option is left out where the option is empty, with what would hold nothing else. */
const withFields = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withFields);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      const path = emptyPath(item);
      return path === undefined
        ? [name, withFields(item)]
        : [expression(`field ${[name, ...path.names].join('/')} ${path.go}`), ''];
    }),
  );
};

const emptyPath = (value: unknown): { readonly names: readonly string[]; readonly go: string } | undefined => {
  if (Array.isArray(value)) {
    const [, go] = value.length === 1 && typeof value[0] === 'string' ? (ITEMS.exec(value[0]) ?? []) : [];
    return go === undefined ? undefined : { names: [], go };
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const [[name, item] = ['', undefined], ...others] = Object.entries(value);
  const inner = others.length === 0 ? emptyPath(item) : undefined;
  return inner && { names: [name, ...inner.names], go: inner.go };
};

/** The lines of a document as a template. */
const linesOf = (lines: readonly string[]): readonly string[] => {
  const [line, ...others] = lines;
  if (line === undefined) return [];
  const block = /^( *)⟦fieldWhen (\S+) (.*)⟧:$/.exec(line);
  if (block === null) return [...templateLines(line), ...linesOf(others)];
  const [, indent = '', name = '', go = ''] = block;
  const end = others.findIndex((one) => one.search(/\S/) <= indent.length);
  return [`{{- if ${go} }}`, `${indent}${name}:`, ...others.slice(0, end), '{{- end }}', ...linesOf(others.slice(end))];
};

const templateLines = (line: string): readonly string[] => {
  const [, indent = '', kind = '', go = ''] =
    /^( *)(?:- )?⟦(items|variables|entries|if|end)\s?(.*?)⟧(?:: "")?$/.exec(line) ?? [];
  if (kind === 'if' || kind === 'end') return [`{{- ${kind} ${go}`.trimEnd().concat(' }}')];
  if (kind === 'items' || kind === 'entries') return optional(go, indent.length, []);
  if (kind === 'variables') {
    const range = `{{- range $name, $value := ${go} }}`;
    return [range, `${indent}- name: {{ $name }}`, `${indent}  value: {{ $value | quote }}`, '{{- end }}'];
  }
  const field = /^( *(?:- )?)⟦field (\S+) (.*)⟧: ""$/.exec(line);
  if (field !== null) return optional(field[3] ?? '', field[1]?.length ?? 0, field[2]?.split('/') ?? []);
  return [line.replace(/⟦(.*?)⟧/g, '{{ $1 }}')];
};

/** What an option holds, under these fields, where it holds anything. */
const optional = (go: string, depth: number, names: readonly string[]): readonly string[] => [
  `{{- with ${go} }}`,
  ...names.map((name, at) => `${' '.repeat(depth + at * 2)}${name}:`),
  `{{- toYaml . | nindent ${depth + names.length * 2} }}`,
  '{{- end }}',
];
