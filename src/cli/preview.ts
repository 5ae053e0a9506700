import { styleText } from 'node:util';
import { createTwoFilesPatch } from 'diff';
import jsonpatch from 'jsonpatch';
import { stringify } from 'yaml';
import type { Explanation, PatchOperation } from '../api/admission.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { policyOf, type Settings } from '../settings/config.ts';
import { companionsOf, type PreviewCluster } from './companions.ts';
import { type DescribedClusterOptions, describedCluster, readDefaults } from './described-cluster.ts';
import { locationOf, readObjects, type Source, type SourcedObject } from './documents.ts';
import { admit, type ObjectExplanation } from './explanation/explain.ts';
import { explanationLines, wrapped } from './explanation/print.ts';
import { asCreate, isHandled } from './explanation/request.ts';
import { EXIT, type Terminal } from './terminal.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The options of `preview`, as parsed. */
export interface PreviewOptions extends DescribedClusterOptions {
  readonly file: readonly string[];
  readonly recursive: boolean;
  readonly live: boolean;
  readonly output: Output;
  readonly explain: boolean;
}

/** Prints what admission would do. Exit 0; 1 where an object would be refused. Throws AppError for unusable input. */
export const previewCommand = async (
  options: PreviewOptions,
  settings: Settings,
  environment: Environment,
  terminal: Terminal,
): Promise<number> => {
  const objects = readObjects(options.file, { isRecursive: options.recursive });
  const cluster = await clusterFor(options, settings, environment, objects);
  const documents = preview(objects, cluster, options.namespace);
  terminal.print(render(documents, options.output, terminal.isColoured));
  for (const { source, warnings, denied } of documents) {
    for (const warning of warnings) terminal.complain(`${locationOf(source)}: warning: ${warning}\n`);
    if (denied !== undefined) terminal.complain(`${locationOf(source)}: refused: ${denied}\n`);
  }
  if (options.explain) terminal.complain(`\n${renderExplanations(documents, terminal.columns)}`);
  return documents.every(({ allowed }) => allowed) ? EXIT.fine : EXIT.refused;
};

const clusterFor = async (
  options: PreviewOptions,
  settings: Settings,
  environment: Environment,
  objects: readonly SourcedObject[],
): Promise<PreviewCluster> => {
  if (!options.live)
    return describedCluster(
      options,
      settings,
      objects.map(({ object }) => object),
    );
  const { liveCluster } = await import('./live-cluster.ts');
  return liveCluster(settings, environment, readDefaults(options.defaults ?? [], policyOf(settings)));
};

/** What admission would do to one object, as `preview -o json` prints it. */
export interface PreviewedDocument {
  readonly source: Source;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly allowed: boolean;
  /** After mutation: the patch applied by another implementation than the one that made it. */
  readonly object: KubeObject;
  readonly before: KubeObject;
  readonly patch: readonly PatchOperation[];
  readonly companions: readonly KubeObject[];
  readonly warnings: readonly string[];
  readonly explain: readonly Explanation[];
  /** What became of every PlatformDefaults there is, and what else is to be known. */
  readonly explanation: ObjectExplanation;
  /** Why it would be refused. */
  readonly denied?: string;
}

/** Pure: each object through the very code admission runs, as if it were created in `namespace` unless it names its own. */
export const preview = (
  objects: readonly SourcedObject[],
  cluster: PreviewCluster,
  namespace: string,
): readonly PreviewedDocument[] => objects.map((sourced) => previewOne(sourced, cluster, namespace));

const previewOne = (
  { source, object }: SourcedObject,
  cluster: PreviewCluster,
  fallback: string,
): PreviewedDocument => {
  const namespace = object.metadata.namespace ?? (isHandled(object) ? fallback : '');
  const { decision, explanation } = admit(asCreate(object, namespace), cluster);
  const namespaceCompanions = companionsOf(object, cluster);
  return {
    source,
    kind: object.kind,
    namespace,
    name: object.metadata.name ?? '',
    allowed: decision.denied === undefined,
    object: jsonpatch.apply_patch(object, [...decision.patch]),
    before: object,
    patch: decision.patch,
    companions: [...decision.companions, ...namespaceCompanions.companions],
    warnings: [...decision.warnings, ...namespaceCompanions.warnings],
    explain: decision.explain,
    explanation: explanation(),
    ...(decision.denied !== undefined && { denied: decision.denied }),
  };
};

export const OUTPUTS = ['yaml', 'json', 'patch', 'diff'] as const;
export type Output = (typeof OUTPUTS)[number];

/** The previewed documents as text, ready to print. `isColoured` counts for diffs alone. */
export const render = (documents: readonly PreviewedDocument[], output: Output, isColoured: boolean): string => {
  switch (output) {
    case 'yaml':
      return renderYaml(documents);
    case 'json':
      return `${JSON.stringify({ documents: documents.map(({ before: _, ...document }) => document) }, null, 2)}\n`;
    case 'patch':
      return documents.map(renderPatch).join('');
    case 'diff':
      return documents.map((document) => renderDiff(document, isColoured)).join('');
  }
};

/** Companions stand before the first object that needs them, each once: `kubectl apply -f -` takes it in this order. */
const renderYaml = (documents: readonly PreviewedDocument[]): string => {
  const printed = new Set<string>();
  return documents
    .flatMap((document) => {
      const companions = document.companions
        .filter((companion) => isNew(printed, companion))
        .map((companion) => ({ document, object: companion, isCompanion: true }));
      const itself = { document, object: document.object, isCompanion: false };
      // What is made in a namespace comes after it.
      return document.kind === 'Namespace' ? [itself, ...companions] : [...companions, itself];
    })
    .map(
      ({ document, object, isCompanion }) =>
        `${isCompanion ? `# made for ${title(document)}` : heading(document)}\n${toYaml(object)}`,
    )
    .join('---\n');
};

const isNew = (printed: Set<string>, { apiVersion, kind, metadata }: KubeObject): boolean => {
  const key = [apiVersion, kind, metadata.namespace, metadata.name].join('/');
  if (printed.has(key)) return false;
  printed.add(key);
  return true;
};

const toYaml = (object: KubeObject): string =>
  stringify(object, { lineWidth: 0, version: '1.1', aliasDuplicateObjects: false });

const title = ({ kind, namespace, name }: PreviewedDocument): string =>
  `${kind} ${namespace === '' ? name : `${namespace}/${name}`}`;

const heading = (document: PreviewedDocument): string => {
  const verdict = document.denied === undefined ? '' : `: would be refused: ${document.denied}`;
  return `# ${locationOf(document.source)}${verdict}`;
};

const renderPatch = (document: PreviewedDocument): string =>
  `${JSON.stringify({ source: document.source, patch: document.patch })}\n`;

const renderDiff = (document: PreviewedDocument, isColoured: boolean): string => {
  const made = document.companions.map((companion) => diffOf('/dev/null', nameOf(companion), '', toYaml(companion)));
  const changed =
    document.patch.length === 0
      ? []
      : [diffOf(locationOf(document.source), title(document), toYaml(document.before), toYaml(document.object))];
  const text = [...made, ...changed].join('');
  if (text === '') return `# ${locationOf(document.source)}: ${title(document)} stays as it is\n`;
  return isColoured ? text.split('\n').map(colour).join('\n') : text;
};

const diffOf = (from: string, to: string, before: string, after: string): string =>
  createTwoFilesPatch(from, to, before, after, undefined, undefined, { context: 3 }).replace(/^=+\n/, '');

const nameOf = ({ kind, metadata }: KubeObject): string =>
  `${kind} ${[metadata.namespace, metadata.name].filter(Boolean).join('/')}`;

const colour = (line: string): string => {
  if (line.startsWith('+++') || line.startsWith('---')) return styleText('bold', line, { validateStream: false });
  if (line.startsWith('+')) return styleText('green', line, { validateStream: false });
  if (line.startsWith('-')) return styleText('red', line, { validateStream: false });
  if (line.startsWith('@@')) return styleText('cyan', line, { validateStream: false });
  return line;
};

/** For people: what became of each PlatformDefaults, by whom, why and why not. Broken at so many columns, where a terminal has them. */
export const renderExplanations = (
  documents: readonly PreviewedDocument[],
  columns = Number.POSITIVE_INFINITY,
): string =>
  documents
    .map((document) => {
      const head = `${title(document)} (${locationOf(document.source)})`;
      return `${wrapped(explanationLines(head, document.explanation, document.explain), columns).join('\n')}\n`;
    })
    .join('\n');
