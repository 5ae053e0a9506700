import { globSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import ts from 'typescript';

/** Words of our own that the field has terms for: none of them names anything in src/. (`flaws` is one more, but a field of the log.) */
const replaced = new Set(
  [
    'patience',
    'turns',
    'pace',
    'paced',
    'lane',
    'rest',
    'strike',
    'strikes',
    'halt',
    'halts',
    'halted',
    'seen',
    'sight',
  ]
    .concat(['act', 'acts', 'gift', 'gifts', 'held', 'spot', 'spots', 'alarm', 'flaw', 'remark', 'remarks', 'offer'])
    .concat(['offers', 'anywhere', 'around', 'density', 'ending', 'amount', 'furnish']),
);
const formless = new Set(['utils', 'helpers', 'common', 'misc', 'types', 'manager']);
const MOST_FILES = 15;

const files = globSync('src/**/*.ts').map((path) => path.replaceAll('\\', '/'));

/** What stands where nobody would look for it, or is called what nobody would call it. */
const violations = [
  ...files
    .filter((path) => dirname(path) === 'src' && path !== 'src/main.ts')
    .map((path) => `${path} stands in no room.`),
  ...[...Map.groupBy(files, dirname)]
    .filter(([, list]) => list.length > MOST_FILES)
    .map(([folder, { length }]) => `${folder} has ${length} files in a row; ${MOST_FILES} are the most.`),
  ...files.flatMap((path) =>
    [
      ...path
        .slice(0, -'.ts'.length)
        .split('/')
        .filter((name) => formless.has(name)),
      ...wordsOfFile(path),
    ].map((name) => `${path}: "${name}" says nothing of what is there; docs/architecture.md has the words.`),
  ),
  ...files.flatMap((path) =>
    identifiersOf(path).map(({ name, line }) => `${path}:${line}: ${name} is a word the field has a term for.`),
  ),
];

function identifiersOf(path: string): readonly { readonly name: string; readonly line: number }[] {
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const found: { name: string; line: number }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isIdentifier(node) && wordsOf(node.text).some((word) => replaced.has(word)))
      found.push({ name: node.text, line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1 });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function wordsOfFile(path: string): readonly string[] {
  return basename(path, '.ts')
    .split('-')
    .filter((word) => replaced.has(word));
}

function wordsOf(identifier: string): readonly string[] {
  return identifier.split(/(?=[A-Z])|_/).map((word) => word.toLowerCase());
}

for (const violation of new Set(violations)) process.stderr.write(`${violation}\n`);
process.exitCode = violations.length > 0 ? 1 : 0;
