import type { CloudVerdict } from '../api/facts.ts';
import { MADE_FOR_ANNOTATION } from '../api/names.ts';
import type { Condition } from '../api/platform-defaults.ts';
import type { FactStores } from '../kube/stores.ts';
import type { DecisionLog, DecisionRecord } from './decisions.ts';
import type { Health } from './health.ts';

export interface SnapshotSources {
  readonly version: string;
  readonly health: Health;
  readonly replicaState: () => StatusSnapshot['replicaState'];
  readonly verdict: () => CloudVerdict | undefined;
  readonly stores: FactStores;
  readonly decisions: DecisionLog;
}

/** What the status page shows, read from memory at the moment it is asked for. */
export const takeSnapshot = ({
  version,
  health,
  replicaState,
  verdict,
  stores,
  decisions,
}: SnapshotSources): StatusSnapshot => ({
  version,
  waitingFor: health.waitingFor(),
  replicaState: replicaState(),
  cloud: verdict(),
  defaults: stores.platformDefaults.list().map(({ metadata, spec, status }) => ({
    name: `${metadata.namespace ?? ''}/${metadata.name ?? ''}`,
    kinds: spec.match.kinds.join(', '),
    mode: spec.mode ?? 'Default',
    state: ready(status?.conditions),
  })),
  storageClasses: stores.storageClasses.byIndex('owned', 'true').map(({ metadata, provisioner }) => ({
    name: metadata.name ?? '',
    provisioner,
    madeFor: metadata.annotations?.[MADE_FOR_ANNOTATION] ?? '',
  })),
  objectStores: stores.objectStores.list().map(({ metadata, spec, status }) => ({
    name: `${metadata.namespace ?? ''}/${metadata.name ?? ''}`,
    bucket: status?.url ?? spec.name,
    state: ready(status?.conditions),
  })),
  decisions: decisions.latest(),
});

const ready = (conditions: readonly Condition[] | undefined): string => {
  const condition = conditions?.find(({ type }) => type === 'Ready');
  return condition === undefined ? 'not looked at yet' : `${condition.reason}: ${condition.message}`;
};

export interface StatusSnapshot {
  readonly version: string;
  readonly waitingFor: readonly string[];
  readonly replicaState: {
    /** Undefined where no controllers run in this process. */
    readonly isLeading: boolean | undefined;
    readonly certificateUntil: Date | undefined;
  };
  readonly cloud: CloudVerdict | undefined;
  readonly defaults: readonly {
    readonly name: string;
    readonly kinds: string;
    readonly mode: string;
    readonly state: string;
  }[];
  readonly storageClasses: readonly {
    readonly name: string;
    readonly provisioner: string;
    readonly madeFor: string;
  }[];
  readonly objectStores: readonly { readonly name: string; readonly bucket: string; readonly state: string }[];
  readonly decisions: readonly DecisionRecord[];
}

/** The status page as one HTML document without scripts or outside parts. */
export const statusPage = (snapshot: StatusSnapshot): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Quartermaster</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>Quartermaster</h1><p>${escapeHtml(snapshot.version)} · ${readiness(snapshot.waitingFor)}${replicaState(snapshot.replicaState)}</p></header>
<main>
${cloudSection(snapshot.cloud)}
${section('Decisions', 'Newest first; what was left alone without a warning is not listed.', decisionRows(snapshot.decisions))}
${section(
  'Platform defaults',
  'In force, most recently valid version of each.',
  table(
    ['Name', 'Kinds', 'Mode', 'State'],
    snapshot.defaults.map(({ name, kinds, mode, state }) => [name, kinds, mode, state]),
  ),
)}
${section(
  'Storage classes made',
  'Each carries our label; others’ classes are never touched.',
  table(
    ['Name', 'Provisioner', 'Made for'],
    snapshot.storageClasses.map(({ name, provisioner, madeFor }) => [name, provisioner, madeFor]),
  ),
)}
${section(
  'Object stores',
  '',
  table(
    ['Name', 'Bucket', 'State'],
    snapshot.objectStores.map(({ name, bucket, state }) => [name, bucket, state]),
  ),
)}
</main>
</body>
</html>
`;

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--good:#1a7f37;--bad:#c93c37;--dim:#888}
body{font:15px/1.5 system-ui,sans-serif;margin:0;padding:0 1rem 3rem}
header,main{max-width:70rem;margin:auto}
header{display:flex;align-items:baseline;gap:1rem;border-bottom:1px solid var(--line);padding-top:1rem}
h1{font-size:1.4rem;margin:.5rem 0}h2{font-size:1.1rem;margin:2rem 0 .2rem}
p{margin:.2rem 0;color:var(--dim)}
table{border-collapse:collapse;width:100%;margin-top:.5rem;font-size:.92rem}
th{text-align:left;font-weight:600;border-bottom:1px solid var(--line);padding:.3rem .8rem .3rem 0}
section{overflow-x:auto}
td{vertical-align:top;min-width:5.5rem;border-bottom:1px solid var(--soft);padding:.3rem .8rem .3rem 0;overflow-wrap:anywhere}
code{font:.88em ui-monospace,monospace}
.now{white-space:nowrap}
ul{margin:0;padding-left:1.1rem;min-width:16rem}
.good{color:var(--good)}.bad{color:var(--bad)}
`;

const readiness = (waitingFor: readonly string[]): string =>
  waitingFor.length === 0
    ? '<span class="good">ready</span>'
    : `<span class="bad">waiting for ${escapeHtml(waitingFor.join(', '))}</span>`;

const replicaState = ({ isLeading, certificateUntil }: StatusSnapshot['replicaState']): string => {
  const parts = [
    isLeading === undefined ? [] : [isLeading ? 'leads' : 'does not lead'],
    certificateUntil === undefined ? [] : [`certificate until ${certificateUntil.toISOString().slice(0, 10)}`],
  ];
  return parts
    .flat()
    .map((part) => ` · ${part}`)
    .join('');
};

const section = (title: string, lead: string, body: string): string =>
  `<section><h2>${title}</h2><p>${lead}</p>${body}</section>`;

const cloudSection = (cloud: CloudVerdict | undefined): string => {
  if (cloud === undefined) return section('Cloud', 'Not settled yet.', '');
  const rows = Object.entries(cloud.facts).map(([name, { value, source }]) => [name, value, source]);
  return section(
    `Cloud: ${escapeHtml(cloud.name)}`,
    escapeHtml(cloud.notes.join(' ')),
    table(['Fact', 'Value', 'From'], rows),
  );
};

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  if (rows.length === 0) return '<p>None.</p>';
  return `<table><thead><tr>${head.map((cell) => `<th>${cell}</th>`).join('')}</tr></thead><tbody>${rows
    .map((row) => `<tr>${row.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')}</tr>`)
    .join('')}</tbody></table>`;
};

const decisionRows = (records: readonly DecisionRecord[]): string => {
  if (records.length === 0) return '<p>None yet.</p>';
  return `<table><thead><tr><th>Time (UTC)</th><th>Object</th><th>Outcome</th><th>What and why</th></tr></thead><tbody>${records
    .map(decisionRow)
    .join('')}</tbody></table>`;
};

const decisionRow = ({
  at,
  operation,
  kind,
  namespace,
  name,
  outcome,
  dryRun,
  explain,
  warnings,
  denied,
  audited,
  auditedDenial,
}: DecisionRecord): string => {
  const reasons = [
    ...(denied === undefined ? [] : [escapeHtml(denied)]),
    ...warnings.map((warning) => `<span class="bad">${escapeHtml(warning)}</span>`),
    ...changesByReason(explain),
    ...(auditedDenial === undefined
      ? []
      : [`would be refused, were all that is audited enforced: ${escapeHtml(auditedDenial)}`]),
    ...auditedBySource(audited),
  ];
  const tone = outcome === 'refused' ? 'bad' : 'good';
  return `<tr><td class="now">${at.toISOString().slice(11, 19)}</td><td>${escapeHtml(operation)} ${escapeHtml(kind)}<br>${escapeHtml(namespace)}/${escapeHtml(name)}</td><td class="now ${tone}">${outcome}${dryRun ? ' (dry run)' : ''}</td><td><ul>${reasons.map((reason) => `<li>${reason}</li>`).join('')}</ul></td></tr>`;
};

/** One line for each source and reason, with all the paths it stands for. */
const changesByReason = (explain: DecisionRecord['explain']): readonly string[] => {
  const groups = Map.groupBy(explain, ({ source, why }) => `<em>${escapeHtml(source)}</em>: ${escapeHtml(why)}`);
  return [...groups].map(
    ([reason, changes]) => `${reason}<br>${changes.map(({ path }) => `<code>${escapeHtml(path)}</code>`).join(', ')}`,
  );
};

const auditedBySource = (audited: DecisionRecord['audited']): readonly string[] =>
  [...Map.groupBy(audited, ({ source }) => source)].map(
    ([source, changes]) =>
      `<em>${escapeHtml(source)}</em> is audited and would change<br>${changes.map(({ field }) => `<code>${escapeHtml(field)}</code>`).join(', ')}`,
  );

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
