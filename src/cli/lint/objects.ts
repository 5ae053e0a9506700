import { type Document, isMap, isSeq, type Node } from 'yaml';
import { AppError } from '../../api/errors.ts';
import { isRecord } from '../../injection/path.ts';
import { documentsIn, type FileText, type ParsedDocument } from '../documents.ts';
import { isAliasBomb } from '../manifest-text.ts';
import type { Finding } from '../results/finding.ts';
import { locate } from './nodes.ts';

/** An object of a file, and what tells where each of its values stands. */
export interface LintedObject {
  readonly value: Readonly<Record<string, unknown>>;
  readonly root: Node;
  readonly document: Document.Parsed;
  /** A finding about what a sentence begins with the path of. */
  readonly finding: (rule: string, message: string, severity?: Finding['severity']) => Finding;
}

export interface ReadFile {
  readonly objects: readonly LintedObject[];
  /** What is no YAML, or no object. */
  readonly findings: readonly Finding[];
}

/** The objects of a file with their places; Lists are taken apart. Throws nothing. */
export const readLinted = ({ file, text }: FileText): ReadFile => {
  const read = documentsIn(file, text).map((parsed) => readDocument(parsed, file));
  return { objects: read.flatMap(({ objects }) => objects), findings: read.flatMap(({ findings }) => findings) };
};

const readDocument = (parsed: ParsedDocument, file: string): ReadFile => {
  const { document, positionOf } = parsed;
  const at = (offset: number, message: string): Finding => ({
    file,
    ...positionOf(offset),
    severity: 'error',
    rule: 'syntax',
    message,
  });
  if (document.errors.length > 0) {
    const findings = document.errors.map(({ pos, message }) => at(pos[0], message.replace(/\s+/g, ' ')));
    return { objects: [], findings };
  }
  const root = document.contents as Node | null;
  const value = readValue(document);
  if (value instanceof AppError) return { objects: [], findings: [at(offsetOf(root), value.message)] };
  if (root === null || value === null) return { objects: [], findings: [] };
  const items = itemsIn(value, root);
  const strays = items.filter((item) => !isRecord(item.value));
  return {
    objects: items.flatMap((item) => objectOf(item, parsed, file)),
    findings: strays.map((item) => at(offsetOf(item.root), 'this is not an object; write a Kubernetes manifest')),
  };
};

const readValue = (document: Document.Parsed): unknown => {
  try {
    const value: unknown = document.toJS({ maxAliasCount: -1 });
    if (!isAliasBomb(value) && JSON.stringify(value) !== undefined) return value;
  } catch (cause) {
    if (cause instanceof ReferenceError) return new AppError('InvalidInput', cause.message, { cause });
    // Told below.
  }
  return new AppError('InvalidInput', 'its aliases make far too much of it, or stand within what they name');
};

interface Item {
  readonly value: unknown;
  readonly root: Node;
}

/** What a List holds; else the value itself. */
const itemsIn = (value: unknown, root: Node): readonly Item[] => {
  if (!isRecord(value) || !isMap(root)) return [{ value, root }];
  const nodes = root.get('items', true);
  const values = value['items'];
  const isList = String(value['kind']).endsWith('List') && Array.isArray(values) && isSeq(nodes);
  return isList
    ? (values as readonly unknown[]).map((item, at) => ({ value: item, root: nodes.items[at] as Node }))
    : [{ value, root }];
};

const objectOf = (
  { value, root }: Item,
  { document, positionOf }: ParsedDocument,
  file: string,
): readonly LintedObject[] => {
  if (!isRecord(value)) return [];
  const finding: LintedObject['finding'] = (rule, message, severity = 'error') => {
    const { node } = locate(root, message, document);
    return { file, ...positionOf(offsetOf(node)), severity, rule, message };
  };
  return [{ value, root, document, finding }];
};

const offsetOf = (node: Node | null): number => node?.range?.[0] ?? 0;

/** What a list holds; nothing for what is none. */
export const itemsOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** Of a spec that is no object: what to do about it. */
export const missingSpec = (spec: unknown): string =>
  spec === undefined || spec === null ? 'spec: is required' : 'spec: must be an object';
