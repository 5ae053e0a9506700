import type { DecisionQuery, ReplicaDecision } from '../status.ts';
import type { DecisionsAnswer } from '../status-api.ts';
import { type Html, html, linkTo, linkToWhy } from './html.ts';
import { field, moment, page, silentNote } from './layout.ts';
import { verdictList } from './verdicts.ts';

/** What was decided lately, of all replicas. */
export const decisionsPage = (answer: DecisionsAnswer, query: DecisionQuery): string =>
  page({
    title: 'Decisions',
    path: '/',
    namespace: query.namespace,
    body: html`
<p class="dim">What all replicas remember of what they decided, newest first. Times are UTC.</p>
${searchForm(query)}
${silentNote(answer.silent)}
<p role="status">${countText(answer, query)}</p>
${answer.items.length === 0 ? undefined : html`<ul class="list">${answer.items.map(decisionItem)}</ul>`}
${moreLink(answer, query)}`,
  });

const countText = ({ items, total }: DecisionsAnswer, query: DecisionQuery): string => {
  if (total === 0) return isSearch(query) ? 'No decision that is remembered fits.' : NOTHING_YET;
  if (total === 1) return '1 decision';
  return items.length === total ? `${total} decisions` : `The latest ${items.length} of ${total} decisions`;
};

const NOTHING_YET = 'Nothing that was decided is remembered yet.';

const isSearch = ({ namespace, kind, name, outcome, defaults }: DecisionQuery): boolean =>
  [namespace, kind, name, outcome, defaults].some((one) => one !== '');

const moreLink = ({ items, total }: DecisionsAnswer, query: DecisionQuery): Html | undefined => {
  if (items.length === total) return undefined;
  const limit = String(Math.min(total, 1_000));
  return html`<p><a href="${linkTo('/', { ...query, limit })}">Show them all</a></p>`;
};

const OUTCOMES = ['changed', 'unchanged', 'refused'];

const searchForm = ({ namespace, kind, name, outcome, defaults }: DecisionQuery): Html => html`
<form role="search" action="/" method="get">
${field('Namespace', 'namespace', namespace)}
${field('Kind', 'kind', kind)}
${field('Part of the name', 'name', name)}
${field('Given by', 'defaults', defaults)}
<label>Outcome<select name="outcome"><option value="">any</option>${OUTCOMES.map(
  (one) => html`<option${{ markup: one === outcome ? ' selected' : '' }}>${one}</option>`,
)}</select></label>
<button>Search</button>
</form>`;

const TONES = { changed: 'good', unchanged: 'dim', refused: 'bad' } as const;

const decisionItem = (decision: ReplicaDecision): Html => {
  const { at, outcome, dryRun, operation, kind, namespace, name } = decision;
  return html`<li class="folded"><details>
<summary><time datetime="${at}">${moment(at)}</time><span class="badge ${TONES[outcome]}">${outcome}</span><span class="what">${operation} ${kind} <b>${namespace}/${name}</b>${dryRun ? ' (dry run)' : ''}</span>${headline(decision)}</summary>
<div class="inside">
<p class="dim">By replica ${decision.replica}. ${whyLink(decision)}</p>
${reasons(decision)}
${changes(decision)}
${explained(decision)}
</div></details></li>`;
};

const headline = ({ denied, warnings, explain, audited }: ReplicaDecision): Html => {
  if (denied !== undefined) return html`<span class="more bad">${denied}</span>`;
  const givers = [...new Set(explain.map(({ source }) => source.replace('PlatformDefaults ', '')))].join(', ');
  const parts = [
    givers,
    warnings.length === 0 ? '' : warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`,
    audited.length === 0 ? '' : `${audited.length} audited`,
  ];
  return html`<span class="more dim">${parts.filter((part) => part !== '').join(' · ') || 'nothing was given'}</span>`;
};

/** What is made from a prefix has no name before it is stored. */
const whyLink = (decision: ReplicaDecision): Html | undefined =>
  decision.name.endsWith('*') || decision.outcome === 'refused'
    ? undefined
    : html`<a href="${linkToWhy(decision)}">Why is it as it is now?</a>`;

const reasons = ({ denied, warnings, auditedDenial }: ReplicaDecision): Html => {
  const lines = [
    ...(denied === undefined ? [] : [html`<li class="bad">${denied}</li>`]),
    ...warnings.map((warning) => html`<li class="warn">${warning}</li>`),
    ...(auditedDenial === undefined
      ? []
      : [html`<li>It would be refused, were all that is audited enforced: ${auditedDenial}</li>`]),
  ];
  return lines.length === 0 ? html`` : html`<ul class="plain">${lines}</ul>`;
};

const changes = ({ details, explain }: ReplicaDecision): Html => {
  if (details === undefined) return sourcesOnly(explain);
  if (details.changes.length === 0) return html``;
  return html`<h2>Before and after</h2><ul class="plain">${details.changes.map(
    (change) =>
      html`<li><code>${change.field}</code>${change.before === undefined ? undefined : html`<del>${change.before}</del>`}${change.after === undefined ? undefined : html`<ins>${change.after}</ins>`}</li>`,
  )}</ul>`;
};

/** One line for each source and reason, with all the paths it stands for. */
const sourcesOnly = (explain: ReplicaDecision['explain']): Html => {
  const groups = Map.groupBy(explain, ({ source, why }) => `${source}: ${why}`);
  return html`<p class="dim">One of many at once: it was not kept with its values.</p><ul class="plain">${[
    ...groups,
  ].map(
    ([reason, paths]) => html`<li>${reason}<br>${paths.map(({ path }) => html`<code>${path}</code> `)}</li>`,
  )}</ul>`;
};

const explained = ({ details, audited, explain }: ReplicaDecision): Html => {
  const derived = explain.filter(({ source }) => !source.startsWith('PlatformDefaults '));
  return html`${
    details === undefined ? undefined : html`<h2>Why, and why not</h2>${verdictList(details.notes, details)}`
  }${
    details === undefined || derived.length === 0
      ? undefined
      : html`<ul class="plain">${derived.map(({ path, source, why }) => html`<li><code>${path}</code> from ${source}: ${why}</li>`)}</ul>`
  }${
    audited.length === 0
      ? undefined
      : html`<h2>Audited: nothing of this was done</h2><ul class="plain">${audited.map(({ source, field: place }) => html`<li>${source}: <code>${place}</code></li>`)}</ul>`
  }`;
};
