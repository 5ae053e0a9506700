import { existsSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import {
  type Document,
  type ErrorCode,
  isCollection,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseAllDocuments,
  type ScalarTag,
  type Tags,
  visit,
  YAMLParseError,
} from 'yaml';
import { AppError, messageOf } from '../api/errors.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { isRecord } from '../injection/path.ts';
import { decodeText, isAliasBomb, partsOf, type TextPart } from './manifest-text.ts';

/** Where an object stands: the document counts from 1 within its file, the line is the object's first. */
export interface Source {
  readonly file: string;
  readonly document: number;
  readonly line: number;
}

export interface SourcedObject {
  readonly source: Source;
  readonly object: KubeObject;
}

const EXTENSIONS: ReadonlySet<string> = new Set(['.yaml', '.yml', '.json']);

/**
 * Every Kubernetes object in the files, folders and `-` (standard input) given, in order; Lists are taken apart. What a folder has of
 * policy tests is passed over.
 * Throws AppError('InvalidInput') with one line naming file, document and line.
 */
export const readObjects = (paths: readonly string[], options: ReadOptions = {}): readonly SourcedObject[] =>
  textsOf(paths, options).flatMap(objectsIn);

export interface ReadOptions {
  /** Folders within folders too. */
  readonly isRecursive?: boolean;
  /** What folders have of policy tests too, for who passes over them. */
  readonly hasTests?: boolean;
}

/** Several may be joined by commas, as kubectl takes them. */
const pathsIn = (path: string): readonly string[] => {
  if (path === '-' || existsSync(path)) return [path];
  const paths = path.split(',').filter((one) => one !== '');
  if (paths.length > 0) return paths;
  throw new AppError('InvalidInput', `"${path}" names no file and no folder.`);
};

const filesOf = (path: string, { isRecursive = false, hasTests = false }: ReadOptions): readonly string[] => {
  if (path === '-' || !isFolder(path)) return [path];
  const files = namesIn(path, isRecursive)
    .filter((name) => EXTENSIONS.has(extname(name)))
    .sort()
    .map((name) => join(path, name))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isDirectory() !== true);
  const manifests = files.filter((file) => hasTests || !isOfTests(file));
  if (manifests.length > 0) return manifests;
  if (files.length > 0)
    throw new AppError('InvalidInput', `${path}: the folder holds policy tests alone; quartermaster test runs them.`);
  const deeper = isRecursive ? '' : '; with -R folders within it are looked through too';
  throw new AppError('InvalidInput', `${path}: the folder holds no .yaml, .yml or .json file${deeper}.`);
};

/** Policy tests and their snapshots, which stand beside manifests and hold none. */
export const isOfTests = (file: string): boolean => /\.(test|snapshot)\.ya?ml$/.test(file);

/** Throws AppError('InvalidInput') where there is neither file nor folder, or none that may be looked at. */
export const isFolder = (path: string): boolean => {
  try {
    return statSync(path).isDirectory();
  } catch (cause) {
    if (!isMissing(cause)) return unreadable(path, cause);
    const what = /^https?:\/\//.test(path)
      ? 'addresses are not read: download it, and give the file or - for standard input'
      : 'there is no such file or folder';
    throw new AppError('InvalidInput', `${path}: ${what}.`, { cause });
  }
};

const isMissing = (cause: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(codeOf(cause));

const codeOf = (cause: unknown): string => String((cause as NodeJS.ErrnoException).code);

/** What is in a folder, by its path from there. Throws AppError('InvalidInput') where that cannot be read. */
export const namesIn = (folder: string, isRecursive: boolean): readonly string[] => {
  try {
    return readdirSync(folder, { recursive: isRecursive, encoding: 'utf8' });
  } catch (cause) {
    return unreadable(folder, cause);
  }
};

const unreadable = (what: string, cause: unknown): never => {
  throw new AppError('InvalidInput', `${what}: cannot be read: ${messageOf(cause)}.`, { cause });
};

/** A file as it was read. */
export interface FileText {
  readonly file: string;
  readonly text: string;
}

/** The text of every file in the files, folders and `-` given, in order. Throws AppError('InvalidInput') for what cannot be read. */
export const textsOf = (paths: readonly string[], options: ReadOptions = {}): readonly FileText[] =>
  paths
    .flatMap(pathsIn)
    .flatMap((path) => filesOf(path, options))
    .map((path) => {
      const file = path === '-' ? 'standard input' : path;
      return { file, text: textOf(path, file) };
    });

const objectsIn = ({ file, text }: FileText): readonly SourcedObject[] => {
  const objects = parseObjects(file, text);
  if (objects.length === 0)
    throw new AppError('InvalidInput', `${file}: document 1, line 1: the file holds no object.`);
  return objects;
};

const textOf = (path: string, file: string): string => {
  try {
    return decodeText(path === '-' ? readStandardInput() : readFileSync(path), file);
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    return unreadable(file, cause);
  }
};

/** To its end. Node makes a pipe one that does not wait, so that reading it fails where nothing is there yet. */
const readStandardInput = (): Uint8Array => {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = nextChunk();
    if (chunk === undefined) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_AGAIN_MS);
    else if (chunk.length === 0) return Buffer.concat(chunks);
    else chunks.push(chunk);
  }
};

const LOOK_AGAIN_MS = 10;

/** Empty at the end; undefined where nothing is there yet. */
const nextChunk = (): Uint8Array | undefined => {
  const chunk = Buffer.alloc(65_536);
  try {
    return chunk.subarray(0, readSync(0, chunk));
  } catch (error) {
    if (codeOf(error) === 'EAGAIN') return undefined;
    throw error;
  }
};

/** The objects of one text. Scalars are read as kubectl reads them (YAML 1.1: `yes` is true), but times stay strings. */
export const parseObjects = (file: string, text: string): readonly SourcedObject[] =>
  documentsIn(file, text).flatMap(objectsOf);

/** Where something stands in its file, both from 1. */
interface Position {
  readonly line: number;
  readonly column: number;
}

/** One YAML document as it was parsed, its errors in it. */
export interface ParsedDocument {
  readonly document: Document.Parsed;
  readonly from: Source;
  readonly positionOf: (offset: number) => Position;
}

/** The documents of one text. Throws nothing: what is wrong with each stands in its `errors`. */
export const documentsIn = (file: string, text: string): readonly ParsedDocument[] => {
  let documentsBefore = 0;
  return partsOf(text).flatMap((part) => {
    const found = parsePart(file, part, documentsBefore);
    documentsBefore += 1;
    return found;
  });
};

const parsePart = (
  file: string,
  { text, linesBefore }: TextPart,
  documentsBefore: number,
): readonly ParsedDocument[] => {
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter,
    version: '1.1',
    customTags: asGoReads,
    merge: true,
    prettyErrors: false,
    // Looks through all keys of a map for each: `refuseKeys` does it.
    uniqueKeys: false,
  });
  if (!Array.isArray(documents)) return [];
  documents.forEach(refuseKeys);
  documents.forEach(refuseDepth);
  return documents.map((document, index) => ({
    document,
    from: { file, document: documentsBefore + index + 1, line: 1 },
    positionOf: (offset) => {
      const { line, col } = lineCounter.linePos(offset);
      return { line: linesBefore + line, column: col };
    },
  }));
};

/** Where the parser ran out of stack, nothing else that it says of a document counts. */
const refuseDepth = ({ errors }: Document.Parsed): void => {
  const exhausted = errors.find(({ code }) => code === 'RESOURCE_EXHAUSTION');
  if (exhausted === undefined) return;
  errors.splice(0, errors.length, new YAMLParseError(exhausted.pos, exhausted.code, 'it nests too deeply'));
};

/** Keys that stand twice, and those that are no text: nothing of Kubernetes has them, they are what `{{ .Values.x }}` reads as. */
const refuseKeys = (document: Document.Parsed): void => {
  const refuseAt = (key: Node, code: ErrorCode, message: string): void => {
    const [start = 0, end = start] = key.range ?? [];
    document.errors.push(new YAMLParseError([start, end], code, message));
  };
  visit(document, {
    Map: (_, { items }) => {
      const keys = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (keys.has(key.value)) refuseAt(key, 'DUPLICATE_KEY', `the key ${String(key.value)} stands twice`);
        keys.add(key.value);
      }
    },
    Pair: (_, { key }) => {
      if (!isCollection(key)) return undefined;
      refuseAt(key, 'IMPOSSIBLE', 'a key is no text, as in a template that was not rendered');
      return visit.BREAK;
    },
  });
};

/** sigs.k8s.io/yaml knows no base-60 numbers and leaves times and binary as the text they are. */
const asGoReads = (tags: Tags): Tags =>
  tags.filter(
    (tag) =>
      typeof tag === 'string' ||
      (!['TIME'].includes((tag as ScalarTag).format ?? '') && !tag.tag.endsWith(':timestamp')),
  );

/** What a document holds. Throws AppError('InvalidInput') with its first error. */
export const contentOf = ({ document, from, positionOf }: ParsedDocument): unknown => {
  const [error] = document.errors;
  if (error !== undefined) refuse({ ...from, line: positionOf(error.pos[0]).line }, error.message.replace(/\s+/g, ' '));
  return toObject(document, { ...from, line: positionOf(document.contents?.range?.[0] ?? 0).line });
};

const objectsOf = (parsed: ParsedDocument): readonly SourcedObject[] => {
  const { document, from, positionOf } = parsed;
  const lineAt = (offset: number): number => positionOf(offset).line;
  const value = contentOf(parsed);
  const node = document.contents as ParsedNode | null;
  if (node === null || value === null) return [];
  const source = { ...from, line: lineAt(node.range[0]) };
  const items = isMap(node) ? node.get('items', true) : undefined;
  const listed = listedIn(value, source);
  if (listed === undefined) return [{ source, object: checked(value, source) }];
  const nodes = isSeq(items) ? (items.items as ParsedNode[]) : [];
  return listed.map((item, index) => {
    const at = { ...source, line: lineAt(nodes[index]?.range[0] ?? 0) };
    return { source: at, object: checked(item, at) };
  });
};

const toObject = (document: Document.Parsed, source: Source): unknown => {
  try {
    const value: unknown = document.toJS({ maxAliasCount: -1 });
    return isAliasBomb(value) ? refuse(source, 'its aliases make far too much of it; write it without') : value;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw new AppError(
      'InvalidInput',
      `${locationOf(source)}: ${cause instanceof Error ? cause.message : 'cannot be read'}.`,
      { cause },
    );
  }
};

/** What a List holds; undefined where it is none. Those of one kind, as the API server has them, need not name it. Go writes an empty one as null. */
const listedIn = (value: unknown, source: Source): readonly unknown[] | undefined => {
  if (!isRecord(value) || typeof value['kind'] !== 'string' || !value['kind'].endsWith('List')) return undefined;
  const { apiVersion, kind, items } = value;
  if (items === null) return [];
  if (!Array.isArray(items)) return kind === 'List' ? refuse(source, whyNoList(items)) : undefined;
  const known = kind === 'List' ? {} : { apiVersion, kind: String(kind).slice(0, -'List'.length) };
  return (items as unknown[]).map((item) => (isRecord(item) ? { ...known, ...item } : item));
};

const whyNoList = (items: unknown): string =>
  items === undefined ? 'the List has no items' : 'items of the List is no list';

const checked = (value: unknown, source: Source): KubeObject => {
  if (!isRecord(value)) return refuse(source, 'this is not an object; write a Kubernetes manifest');
  const { apiVersion, kind, metadata } = value;
  if (typeof kind !== 'string' || kind === '') return refuse(source, 'the object has no kind');
  if (typeof apiVersion !== 'string' || apiVersion === '') return refuse(source, `the ${kind} has no apiVersion`);
  if (metadata !== undefined && !isRecord(metadata)) return refuse(source, `metadata of the ${kind} is not an object`);
  // What applies patches here takes such a key for the prototype, and would show an object without it.
  if (jsonOf(value, source).includes('"__proto__":'))
    return refuse(source, `a key of the ${kind} is __proto__, which cannot be previewed; rename it`);
  return { ...value, apiVersion, kind, metadata: metadata ?? {} };
};

const jsonOf = (value: unknown, source: Source): string => {
  try {
    return JSON.stringify(value);
  } catch {
    return refuse(source, 'an alias stands within what it names, or all nests too deeply');
  }
};

const refuse = (source: Source, what: string): never => {
  throw new AppError('InvalidInput', `${locationOf(source)}: ${what}.`);
};

export const locationOf = ({ file, document, line }: Source): string => `${file}: document ${document}, line ${line}`;
