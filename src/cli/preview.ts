import { styleText } from 'node:util';
import { createTwoFilesPatch } from 'diff';
import { stringify } from 'yaml';
import { patchBetween } from '../admission/patch.ts';
import { AppError } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { PreviewCluster } from '../explanation/cluster.ts';
import { explanationLines } from '../explanation/print.ts';
import { policyOf, type Settings } from '../settings/config.ts';
import { unshownFor } from './companions.ts';
import { type DescribedClusterOptions, describedCluster } from './described-cluster.ts';
import { locationOf, readObjects, type SourcedObject } from './documents.ts';
import { readSurroundings } from './given-defaults.ts';
import { identityOf, unmatchedBy } from './identity.ts';
import { type PreviewedDocument, preview } from './preview/session.ts';
import { counted } from './results/finding.ts';
import { EXIT, type Terminal } from './terminal.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The options of `preview`, as parsed. */
export interface PreviewOptions extends DescribedClusterOptions {
  readonly file: readonly string[];
  readonly recursive: boolean;
  readonly live: boolean;
  readonly output: Output;
  readonly explain: boolean;
  /** Files with what is stored already. */
  readonly old?: readonly string[];
  /** Warnings count as refusals do. */
  readonly strict?: boolean;
}

/** Prints what admission would do. Exit 0; 1 where an object would be refused, or not be in force, or with `strict` where a warning is given. Throws AppError for unusable input. */
export const previewCommand = async (
  options: PreviewOptions,
  settings: Settings,
  environment: Environment,
  terminal: Terminal,
): Promise<number> => {
  const objects = readObjects(options.file, { isRecursive: options.recursive });
  const old = readObjects(options.old ?? []).map(({ object }) => object);
  const cluster = await clusterFor(options, settings, environment, objects, old);
  const documents = preview(objects, cluster, options.namespace);
  refuseOthers(documents, old, options.namespace);
  terminal.print(render(documents, options.output, terminal.isColoured));
  for (const { source, warnings, denied, notInForce } of documents) {
    for (const warning of warnings) terminal.complain(`${locationOf(source)}: warning: ${warning}\n`);
    if (denied !== undefined) terminal.complain(`${locationOf(source)}: refused: ${denied}\n`);
    if (notInForce !== undefined) terminal.complain(`${locationOf(source)}: would not be in force: ${notInForce}\n`);
  }
  if (options.output === 'patch') terminal.complain(besidesPatches(documents));
  if (options.explain) terminal.complain(`\n${renderExplanations(documents)}`);
  terminal.complain(`${summary(documents)}\n`);
  const isFine = documents.every(
    ({ allowed, notInForce, warnings }) =>
      allowed && notInForce === undefined && !(options.strict && warnings.length > 0),
  );
  return isFine ? EXIT.fine : EXIT.refused;
};

/** Throws AppError('InvalidInput') where nothing of what is stored is updated. */
const refuseOthers = (documents: readonly PreviewedDocument[], old: readonly KubeObject[], fallback: string): void => {
  const applied = documents.map(({ object, namespace }) =>
    namespace === '' ? object : { ...object, metadata: { ...object.metadata, namespace } },
  );
  const unmatched = unmatchedBy(applied, old, fallback);
  if (unmatched !== undefined) throw new AppError('InvalidInput', `--old: ${unmatched}.`);
};

const summary = (documents: readonly PreviewedDocument[]): string => {
  const refused = documents.filter(({ allowed }) => !allowed).length;
  const changed = documents.filter(({ allowed, patch }) => allowed && patch.length > 0).length;
  const warnings = documents.reduce((sum, document) => sum + document.warnings.length, 0);
  const counts = `${changed} changed, ${documents.length - changed - refused} unchanged, ${refused} refused`;
  return `${counted(documents.length, 'object')}: ${counts}; ${counted(warnings, 'warning')}.`;
};

const clusterFor = async (
  options: PreviewOptions,
  settings: Settings,
  environment: Environment,
  sourced: readonly SourcedObject[],
  old: readonly KubeObject[],
): Promise<PreviewCluster> => {
  const objects = sourced.map(({ object }) => object);
  const placed = new Set(objects.map((object) => identityOf(object, options.namespace)));
  const besides = (others: readonly KubeObject[] = []): readonly KubeObject[] =>
    others.filter((other) => !placed.has(identityOf(other, options.namespace)));
  if (!options.live) {
    const described = describedCluster(options, settings);
    return { ...described, stored: [...besides(described.stored), ...old] };
  }
  const { liveCluster, liveObjects } = await import('./live-cluster.ts');
  const added = readSurroundings(options.defaults ?? [], policyOf(settings), options.namespace);
  const [cluster, live] = await Promise.all([
    liveCluster(settings, environment, added.defaults),
    liveObjects(environment, objects, options.namespace),
  ]);
  return { ...cluster, ...live, stored: [...besides(added.others), ...live.stored, ...old] };
};

export type Output = 'yaml' | 'json' | 'patch' | 'diff';

/** The previewed documents as text, ready to print. `isColoured` counts for diffs alone. */
export const render = (documents: readonly PreviewedDocument[], output: Output, isColoured: boolean): string => {
  switch (output) {
    case 'yaml':
      return renderYaml(documents);
    case 'json':
      return `${JSON.stringify({ documents: documents.map(({ before: _, given: __, ...document }) => document) }, null, 2)}\n`;
    case 'patch':
      return documents.filter(isInFile).map(renderPatch).join('');
    case 'diff':
      return documents.map((document) => renderDiff(document, isColoured)).join('');
  }
};

/** What is made for a document: nothing for one that would be refused. */
const companionsOf = ({ companions, allowed }: PreviewedDocument): readonly KubeObject[] => (allowed ? companions : []);

const unshownOf = ({ unshown = [], allowed }: PreviewedDocument): readonly string[] => (allowed ? unshown : []);

/**
 * Companions stand before the first object that needs them, each once: `kubectl apply -f -` takes it in this order. Of one that would be
 * refused there is a comment alone.
 */
const renderYaml = (documents: readonly PreviewedDocument[]): string => {
  const printed = new Set<string>();
  return documents
    .flatMap((document) => {
      const companions = companionsOf(document)
        .filter((companion) => isNew(printed, companion))
        .map((companion) => ({ document, object: companion, isCompanion: true }));
      const itself = { document, object: document.object, isCompanion: false };
      // What is made in a namespace comes after it.
      return document.kind === 'Namespace' ? [itself, ...companions] : [...companions, itself];
    })
    .map(({ document, object, isCompanion }) => {
      if (isCompanion) return `# made for ${title(document)}\n${commentsOf(unshownFor(object))}${toYaml(object)}`;
      if (!document.allowed) return refusalOf(document);
      const text = toYaml(object);
      return `# ${placeOf(document)}\n${document.createdBy === undefined ? text : commented(text)}`;
    })
    .join('---\n');
};

const commentsOf = (sentences: readonly string[]): string => sentences.map((one) => `# ${one}\n`).join('');

/** Nobody is to apply what another object makes. */
const commented = (text: string): string => text.replace(/^/gm, '# ').replace(/# $/, '');

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

const placeOf = (document: PreviewedDocument): string => `${locationOf(document.source)}${madeBy(document)}`;

/** As comments: some refusals have several lines. */
const refusalOf = (document: PreviewedDocument): string =>
  commented(`${placeOf(document)}: would be refused: ${document.denied}\n`);

const madeBy = ({ createdBy, kind }: PreviewedDocument): string =>
  createdBy === undefined ? '' : `: the ${kind} made by ${createdBy}`;

const isInFile = ({ createdBy }: PreviewedDocument): boolean => createdBy === undefined;

/** A JSON Patch for the object as the file has it, in one line; `null` for one that would be refused, which no patch makes good. */
const renderPatch = ({ operation, given, object, patch, allowed }: PreviewedDocument): string => {
  if (!allowed) return 'null\n';
  return `${JSON.stringify(operation === 'UPDATE' ? patchBetween(given, object) : patch)}\n`;
};

/** What no patch of an object in the files says: what else would be made, and how. */
const besidesPatches = (documents: readonly PreviewedDocument[]): string =>
  documents
    .flatMap((document) => [
      ...companionsOf(document).map((companion) => `${locationOf(document.source)}: also made: ${nameOf(companion)}`),
      ...unshownOf(document).map((sentence) => `${locationOf(document.source)}: ${sentence}`),
      ...(isInFile(document) || !document.allowed || document.patch.length === 0
        ? []
        : [`${placeOf(document)}: changed too, with ${counted(document.patch.length, 'operation')}`]),
    ])
    .map((line) => `${line}\n`)
    .join('');

const renderDiff = (document: PreviewedDocument, isColoured: boolean): string => {
  if (!document.allowed) return refusalOf(document);
  const made = document.companions.map((companion) => diffOf('/dev/null', nameOf(companion), '', toYaml(companion)));
  const changed =
    document.patch.length === 0
      ? []
      : [diffOf(placeOf(document), title(document), toYaml(document.before), toYaml(document.object))];
  const text = [...made, commentsOf(unshownOf(document)), ...changed].join('');
  if (text === '') return `# ${placeOf(document)}: ${title(document)} stays as it is\n`;
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

/** For people: what became of each PlatformDefaults, by whom, why and why not. */
export const renderExplanations = (documents: readonly PreviewedDocument[]): string =>
  documents
    .map((document) => {
      const head = `${title(document)} (${placeOf(document)})`;
      return `${explanationLines(head, document.explanation, document.explain).join('\n')}\n`;
    })
    .join('\n');
