import { dirname, join } from 'node:path';
import type { Node } from 'yaml';
import { AppError } from '../../api/errors.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { schemaViolations } from '../../api/schema-validation.ts';
import { isRecord } from '../../injection/path.ts';
import {
  contentOf,
  documentsIn,
  isFolder,
  namesIn,
  type ParsedDocument,
  readObjects,
  type SourcedObject,
  textsOf,
} from '../documents.ts';
import { locate } from '../lint/nodes.ts';
import { type Given, type PolicyTest, type PolicyTests, policyTests } from './schema.ts';

/** A file of tests as it was read. */
export interface TestFile {
  readonly file: string;
  /** Of all its documents, each with what its document gives. */
  readonly tests: readonly PolicyTest[];
}

const NAME = /\.test\.ya?ml$/;

/** Every file of tests (`*.test.yaml`) in these folders and those within them. Throws AppError('InvalidInput') where there is none. */
export const testFilesIn = (paths: readonly string[]): readonly string[] =>
  paths.flatMap((path) => {
    if (!isFolder(path)) return [path];
    const names = namesIn(path, true).filter((name) => NAME.test(name));
    if (names.length === 0) throw new AppError('InvalidInput', `${path}: holds no file named *.test.yaml.`);
    return names.toSorted().map((name) => join(path, name));
  });

/** Reads one. Throws AppError('InvalidInput') naming every mistake with line and column. */
export const readTestFile = (file: string): TestFile => {
  const documents = textsOf([file]).flatMap(({ text }) => documentsIn(file, text));
  refuse(
    documents.flatMap((parsed) => parsed.document.errors.map(({ pos, message }) => placed(parsed, pos[0], message))),
  );
  const read = documents
    .map((parsed) => ({ parsed, content: contentOf(parsed) }))
    .filter(({ content }) => content !== null && content !== undefined);
  refuse(read.flatMap(({ parsed, content }) => violationsIn(parsed, content)));
  const tests = read.flatMap(({ content }) => testsOf(content as PolicyTests));
  if (tests.length === 0) refuse([`${file}: holds no tests.`]);
  const names = tests.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) refuse([`${file}: two tests are called "${twice}".`]);
  return { file, tests };
};

const refuse = (messages: readonly string[]): void => {
  if (messages.length > 0) throw new AppError('InvalidInput', messages.join('\n'));
};

const placed = ({ from, positionOf }: ParsedDocument, offset: number, message: string): string => {
  const { line, column } = positionOf(offset);
  return `${from.file}:${line}:${column}: ${message.replace(/\s+/g, ' ')}`;
};

const violationsIn = (parsed: ParsedDocument, content: unknown): readonly string[] => {
  const root = parsed.document.contents as Node;
  const offsetOf = (sentence: string): number => locate(root, sentence, parsed.document).node.range?.[0] ?? 0;
  const violations = schemaViolations(policyTests.json, content, '').map((one) => one.replace(/^(\.|: )/, ''));
  if (violations.length > 0) return violations.map((sentence) => placed(parsed, offsetOf(sentence), sentence));
  const isEmpty = (content as PolicyTests).tests.length === 0;
  return isEmpty ? [placed(parsed, offsetOf('tests'), 'tests: holds no tests')] : [];
};

const testsOf = ({ given = {}, tests }: PolicyTests): readonly PolicyTest[] =>
  tests.map((test) => ({ ...test, given: mergedGiven(given, test.given ?? {}) }));

const mergedGiven = (document: Given, test: Given): Given => ({
  ...document,
  ...test,
  defaults: [...(document.defaults ?? []), ...(test.defaults ?? [])],
  objects: [...(document.objects ?? []), ...(test.objects ?? [])],
  facts: { ...document.facts, ...test.facts },
  settings: { ...document.settings, ...test.settings },
  namespaces: { ...document.namespaces, ...test.namespaces },
});

/** The objects that a test names: by path from its file, or written out in it. Throws AppError('InvalidInput'). */
export const objectsNamed = (named: readonly unknown[], file: string): readonly SourcedObject[] =>
  named.flatMap((one) => {
    if (typeof one === 'string') return readObjects([join(dirname(file), one)], { isRecursive: true });
    return [{ source: { file, document: 1, line: 1 }, object: writtenOut(one, file) }];
  });

const writtenOut = (value: unknown, file: string): KubeObject => {
  if (isRecord(value) && typeof value['apiVersion'] === 'string' && typeof value['kind'] === 'string')
    return { metadata: {}, ...value } as unknown as KubeObject;
  throw new AppError('InvalidInput', `${file}: an object has no apiVersion or no kind, and is no path either.`);
};
