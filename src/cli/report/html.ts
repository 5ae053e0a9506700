import { STANDINGS } from '../../report/examine.ts';
import { sentenceOf } from '../../report/policy-reports.ts';
import { findingsOf, groupsOf, type Report } from '../../report/report.ts';

const STYLE = `:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:75rem;padding:1rem}
table{border-collapse:collapse;width:100%}caption{text-align:left;font-weight:600;padding:1.5rem 0 .3rem}
th,td{text-align:left;vertical-align:top;border-bottom:1px solid #8886;padding:.3rem .8rem .3rem 0;overflow-wrap:anywhere}`;

/** One page without scripts or outside parts, to keep or to send. */
export const htmlText = (report: Report, at: Date): string => `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Quartermaster report</title><style>${STYLE}</style></head>
<body>
<main>
<h1>Quartermaster report</h1>
<p>${report.objects} objects, ${at.toISOString().slice(0, 19).replace('T', ' ')} UTC</p>
${table(
  'By namespace',
  ['Namespace', 'PlatformDefaults', ...STANDINGS],
  groupsOf(report.rows).map(({ namespace, defaults, counts }) => [
    namespace,
    defaults,
    ...STANDINGS.map((standing) => String(counts[standing])),
  ]),
)}
${table(
  'PlatformDefaults',
  ['Name', 'Mode', 'Matched', 'Won', 'To be known'],
  report.defaults.map(({ name, mode, matched, won, note, details }) => [
    name,
    mode,
    String(matched),
    String(won),
    [...(note === undefined ? [] : [note]), ...details].join('; '),
  ]),
)}
${table(
  'Findings',
  ['Standing', 'Object', 'PlatformDefaults', 'Why'],
  findingsOf(report).map((row) => [
    row.standing,
    `${row.kind} ${row.namespace}/${row.name}`,
    row.defaults,
    sentenceOf(row),
  ]),
)}
</main>
</body>
</html>
`;

const table = (title: string, head: readonly string[], rows: readonly (readonly string[])[]): string =>
  `<table><caption>${title}</caption><thead><tr>${head.map((cell) => `<th scope="col">${cell}</th>`).join('')}</tr></thead><tbody>
${rows.map((row) => `<tr>${row.map((cell) => `<td>${escaped(cell)}</td>`).join('')}</tr>`).join('\n')}
</tbody></table>`;

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
