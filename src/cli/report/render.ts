import { stringify } from 'yaml';
import { type Row, STANDINGS, type Standing } from '../../report/examine.ts';
import { policyReports, sentenceOf } from '../../report/policy-reports.ts';
import { type DefaultsSummary, findingsOf, groupsOf, isFine, type Report } from '../../report/report.ts';
import { junitText } from '../results/junit.ts';
import { sarifText } from '../results/sarif.ts';
import { tableOf } from '../terminal.ts';
import { htmlText } from './html.ts';

export type ReportOutput = 'table' | 'json' | 'junit' | 'sarif' | 'html' | 'policyreport' | 'openreports';

/** A report as text for other programs. `at` is when it was made. */
export const renderReport = (report: Report, output: Exclude<ReportOutput, 'table'>, at: Date): string => {
  switch (output) {
    case 'json':
      return `${JSON.stringify({ apiVersion: 'v1', ...report, groups: groupsOf(report.rows) })}\n`;
    case 'junit':
      return junitText(suitesOf(report));
    case 'sarif':
      return sarifText(RULES, findingsOf(report).map(sarifOf));
    case 'html':
      return htmlText(report, at);
    case 'policyreport':
      return documents(policyReports(report, 'wgpolicy', at));
    case 'openreports':
      return documents(policyReports(report, 'openreports', at));
  }
};

const documents = (objects: readonly object[]): string =>
  objects.map((object) => stringify(object, { lineWidth: 0, aliasDuplicateObjects: false })).join('---\n');

const objectOf = ({ kind, namespace, name }: Row): string => `${kind} ${namespace}/${name}`;

/** Of one PlatformDefaults in one namespace: a table of thousands of lines is read by nobody. */
const MOST = 10;

/** What has a column where it is so of any object. */
const RARE: ReadonlySet<Standing> = new Set(['complies', 'audited']);

/** A report for people, its table as wide as they can see. */
export const reportTable = (report: Report, columns: number): string => {
  const groups = groupsOf(report.rows);
  const shown = STANDINGS.filter(
    (standing) => !RARE.has(standing) || groups.some(({ counts }) => counts[standing] > 0),
  );
  const head = ['NAMESPACE', 'PLATFORMDEFAULTS', ...shown.map((standing) => standing.toUpperCase())];
  const cells = groups.map(({ namespace, defaults, counts }) => [
    namespace,
    defaults === '' ? '(the object itself)' : defaults,
    ...shown.map((standing) => String(counts[standing])),
  ]);
  const findings = [...Map.groupBy(findingsOf(report), groupKey).values()].flatMap((list) => [
    ...list
      .slice(0, MOST)
      .map((row) => `${row.standing}  ${objectOf(row)}${row.defaults === '' ? '' : `  ${row.defaults}`}: ${row.why}`),
    ...(list.length > MOST ? [`  and ${list.length - MOST} more like it; -o json has all`] : []),
  ]);
  const notes = report.defaults.flatMap(notesOn);
  return [
    ...(cells.length === 0 ? [] : tableOf([head, ...cells], columns)),
    ...(findings.length === 0 ? [] : ['', ...findings]),
    ...(notes.length === 0 ? [] : ['', ...notes]),
    '',
  ].join('\n');
};

const groupKey = ({ namespace, defaults, standing }: Row): string => [namespace, defaults, standing].join(' ');

/** What is to be known of a PlatformDefaults, a line each. */
const notesOn = ({ name, mode, note, details, matched }: DefaultsSummary): readonly string[] => {
  if (note === 'invalid') return [`${name}: invalid: ${details.join('; ')}`];
  return [
    ...(note === 'unmatched' ? [`${name}: matches nothing`] : []),
    ...(note === 'never won'
      ? [`${name}: matches ${matched} and ${mode === 'Audit' ? 'would give' : 'gives'} none of them anything`]
      : []),
    ...details.map((detail) => `${name}: ${detail}`),
  ];
};

const RULES: Readonly<Record<string, string>> = {
  lacks: 'A new object would be given what this one was not.',
  outdated: 'What an object was given is not what a new one would be given.',
  edited: 'What an object was given was changed since.',
  forged: 'The record of an object says what Quartermaster cannot have written.',
  refused: 'A default is for an object and could not be applied.',
  audited: 'A new object would be given something or refused, were a default enforced that is audited.',
  unreadable: 'An object could not be held against any PlatformDefaults.',
};

const levelOf = ({ isEnforced, standing }: Row): 'error' | 'warning' | 'note' => {
  if (standing === 'audited') return 'note';
  return isEnforced || standing === 'forged' || standing === 'unreadable' ? 'error' : 'warning';
};

const sarifOf = (row: Row) => ({
  rule: row.standing,
  level: levelOf(row),
  message: `${objectOf(row)}${row.defaults === '' ? '' : `, PlatformDefaults ${row.defaults}`}: ${sentenceOf(row)}`,
  about: objectOf(row),
});

const suitesOf = ({ rows }: Report) =>
  [...Map.groupBy(rows, ({ defaults }) => defaults)].map(([defaults, list]) => ({
    name: defaults === '' ? 'the object itself' : defaults,
    cases: list.map((row) => ({
      name: objectOf(row),
      failures: isFine(row) || row.standing === 'audited' ? [] : [sentenceOf(row)],
    })),
  }));
