import { styleText } from 'node:util';
import { createTwoFilesPatch } from 'diff';
import { stringify } from 'yaml';
import type { KubeObject } from '../api/kubernetes.ts';
import { locationOf } from './documents.ts';
import type { PreviewedDocument } from './preview.ts';

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

/** A table a person can read: what was changed, by whom, why. */
export const renderExplanations = (documents: readonly PreviewedDocument[]): string =>
  documents.map(explainOne).join('\n');

const explainOne = (document: PreviewedDocument): string => {
  const rows = document.explain.map(({ path, source, mode, why }) => [path, source, mode, why]);
  const body = rows.length === 0 ? ['  nothing was changed'] : table([['PATH', 'SOURCE', 'MODE', 'WHY'], ...rows]);
  return `${[`${title(document)} (${locationOf(document.source)})`, ...body].join('\n')}\n`;
};

const table = (rows: readonly (readonly string[])[]): readonly string[] => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd());
};
