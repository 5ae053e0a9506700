import { AppError } from '../../api/errors.ts';
import type { Settings } from '../../settings/config.ts';
import { isOfTests, textsOf } from '../documents.ts';
import { counted, type Finding, findingLine } from '../results/finding.ts';
import { junitText } from '../results/junit.ts';
import { sarifText } from '../results/sarif.ts';
import { EXIT, type Terminal } from '../terminal.ts';
import { type Linted, lint, RULES } from './lint.ts';

export interface LintOptions {
  readonly recursive: boolean;
  /** Of objects that name none. */
  readonly namespace: string;
  readonly output: 'table' | 'json' | 'sarif' | 'junit';
  /** Warnings count as mistakes do. */
  readonly strict: boolean;
}

/** Prints every mistake in the files. Exit 0 without any, 1 with one. Throws AppError('InvalidInput') for what cannot be read. */
export const lintCommand = (
  paths: readonly string[],
  options: LintOptions,
  settings: Settings,
  terminal: Terminal,
): number => {
  // Those that are named, and folders of nothing else, are passed over too: `quartermaster test` checks its own.
  const texts = textsOf(paths, { isRecursive: options.recursive, hasTests: true }).filter(
    ({ file }) => !isOfTests(file),
  );
  const linted = lint(texts, settings, options.namespace);
  const files = texts.map(({ file }) => file);
  if (files.length > 0 && linted.checked + linted.others + linted.findings.length === 0)
    throw new AppError('InvalidInput', `${files.join(', ')} ${files.length > 1 ? 'hold' : 'holds'} no object.`);
  if (options.output === 'table') terminal.tell(table(linted, terminal));
  else terminal.print(render(linted, files, options.output));
  terminal.complain(`${summary(linted, files.length)}\n`);
  const wrong = linted.findings.filter(({ severity }) => severity === 'error' || options.strict);
  return wrong.length === 0 ? EXIT.fine : EXIT.refused;
};

const summary = ({ findings, checked, others }: Linted, files: number): string => {
  const mistakes = findings.filter(({ severity }) => severity === 'error').length;
  const besides = others === 0 ? '' : ` (and ${others} of other kinds)`;
  return `${counted(files, 'file')}, ${counted(checked, 'object')} checked${besides}: ${counted(mistakes, 'mistake')}, ${counted(findings.length - mistakes, 'warning')}.`;
};

const table = ({ findings }: Linted, { isColoured }: Terminal): string =>
  findings.map((finding) => `${findingLine(finding, isColoured)}\n`).join('');

const render = (
  { findings }: Linted,
  files: readonly string[],
  output: Exclude<LintOptions['output'], 'table'>,
): string => {
  switch (output) {
    case 'json':
      return `${JSON.stringify({ findings }, null, 2)}\n`;
    case 'sarif':
      return sarifText(
        RULES,
        findings.map(({ rule, severity, message, ...at }) => ({ rule, level: severity, message, at })),
      );
    case 'junit':
      return junitText([
        { name: 'lint', cases: files.map((file) => ({ name: file, failures: failuresOf(findings, file) })) },
      ]);
  }
};

const failuresOf = (findings: readonly Finding[], file: string): readonly string[] =>
  findings.filter((finding) => finding.file === file).map((finding) => findingLine(finding, false));
