import { dirname, join } from 'node:path';
import type { Node } from 'yaml';
import { AppError } from '../../api/errors.ts';
import type { KubeObject } from '../../api/kubernetes.ts';
import { schemaViolations } from '../../api/schema-validation.ts';
import { isRecord } from '../../injection/path.ts';
import { documentsIn, isFolder, namesIn, readObjects, type SourcedObject, textsOf } from '../documents.ts';
import { locate } from '../lint/nodes.ts';
import { type PolicyTests, policyTests } from './schema.ts';

/** A file of tests as it was read. */
export interface TestFile {
  readonly file: string;
  readonly content: PolicyTests;
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
export const readTestFile = (path: string): TestFile => {
  const [read] = textsOf([path]);
  const parsed = documentsIn(path, read?.text ?? '').find(({ document }) => document.contents !== null);
  if (parsed === undefined) throw new AppError('InvalidInput', `${path}: holds no tests.`);
  const { document, positionOf } = parsed;
  const placed = (offset: number, message: string): string => {
    const { line, column } = positionOf(offset);
    return `${path}:${line}:${column}: ${message}`;
  };
  const errors = document.errors.map(({ pos, message }) => placed(pos[0], message.replace(/\s+/g, ' ')));
  if (errors.length > 0) throw new AppError('InvalidInput', errors.join('\n'));
  const content: unknown = document.toJS({ maxAliasCount: -1 });
  const violations = schemaViolations(policyTests.json, content, '').map((sentence) =>
    sentence.replace(/^(\.|: )/, ''),
  );
  if (violations.length === 0) return testFileOf(path, content as PolicyTests);
  const root = document.contents as Node;
  throw new AppError(
    'InvalidInput',
    violations.map((sentence) => placed(locate(root, sentence, document).node.range?.[0] ?? 0, sentence)).join('\n'),
  );
};

const testFileOf = (file: string, content: PolicyTests): TestFile => {
  if (content.tests.length === 0) throw new AppError('InvalidInput', `${file}: holds no tests.`);
  return { file, content };
};

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
