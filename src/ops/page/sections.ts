import {
  type DefaultsAnswer,
  type HealthAnswer,
  REPORT_RESULTS,
  type ReportAnswer,
  type WhyAnswer,
  type WhyQuery,
} from '../status-api.ts';
import { type Html, html, linkTo, linkToWhy } from './html.ts';
import { field, moment, page, silentNote, state, table } from './layout.ts';
import { verdictList } from './verdicts.ts';

/** What holds, and what it won and lost lately. */
export const defaultsPage = ({ silent, decisions, explained, items }: DefaultsAnswer, namespace: string): string =>
  page({
    title: 'Defaults in force',
    path: '/defaults',
    namespace,
    body: html`
<p class="dim">Counted over the ${decisions} decisions that are remembered. “Kept back” and “refused” were found out for ${explained} of them.</p>
${silentNote(silent)}
${table(
  'Defaults in force',
  [
    { title: 'PlatformDefaults' },
    { title: 'Kinds' },
    { title: 'Mode' },
    { title: 'Won', isNumber: true },
    { title: 'Kept back', isNumber: true },
    { title: 'Refused', isNumber: true },
    { title: 'State' },
  ],
  items.map((one) => [
    html`<a href="${linkTo('/', { defaults: `${one.namespace}/${one.name}`, namespace })}">${one.namespace}/${one.name}</a>${one.isGlobal ? ' (all namespaces)' : ''}`,
    one.kinds.join(', '),
    one.priority === 0 ? one.mode : `${one.mode}, priority ${one.priority}`,
    String(one.won),
    String(one.lost),
    String(one.refused),
    state(one.state),
  ]),
)}`,
  });

/** Replicas, controllers, providers. */
export const healthPage = (answer: HealthAnswer, namespace: string): string =>
  page({
    title: 'Health',
    path: '/health',
    namespace,
    body: html`
${silentNote(answer.silent)}
<h2>Replicas</h2>
${table('Replicas', [{ title: 'Replica' }, { title: 'Version' }, { title: 'State' }, { title: 'Leads' }, { title: 'Certificate until' }], answer.replicas.map(replicaRow))}
<h2>Controllers of the replica that leads</h2>
${table('Controllers', [{ title: 'Controller' }, { title: 'Waiting', isNumber: true }, { title: 'Failing', isNumber: true }, { title: 'Last failure' }], controllerRows(answer))}
<h2>Providers of buckets</h2>
${table(
  'Object stores',
  [{ title: 'ObjectStore' }, { title: 'Provider' }, { title: 'Bucket' }, { title: 'State' }],
  answer.objectStores.map((one) => [`${one.namespace}/${one.name}`, one.provider, one.bucket, state(one.state)]),
)}
${cloudSection(answer)}`,
  });

const replicaRow = ({
  name,
  version,
  waitingFor,
  unreadable = [],
  isLeading,
  certificateUntil,
}: HealthAnswer['replicas'][number]) => [
  name,
  version,
  html`${
    waitingFor.length === 0
      ? html`<span class="good">ready</span>`
      : html`<span class="bad">waiting for ${waitingFor.join(', ')}</span>`
  }${
    unreadable.length === 0
      ? ''
      : html`, <span class="bad">may not list and watch ${unreadable.join(', ')}: apply the roles of this version</span>`
  }`,
  isLeading === true ? 'leads' : '',
  certificateUntil?.slice(0, 10) ?? '',
];

const controllerRows = ({ replicas }: HealthAnswer) =>
  replicas
    .filter(({ isLeading }) => isLeading === true)
    .flatMap(({ controllers }) => controllers)
    .map(({ name, waiting, failing, failedAt }) => [
      name,
      String(waiting),
      failing === 0 ? '0' : html`<span class="bad">${failing}</span>`,
      failedAt === undefined ? '' : moment(failedAt),
    ]);

const cloudSection = ({ cloud, storageClasses }: HealthAnswer): Html =>
  cloud === undefined
    ? html``
    : html`<h2>Cloud: ${cloud.name}</h2>${cloud.notes.map((note) => html`<p>${note}</p>`)}
${table(
  'Facts of the cloud',
  [{ title: 'Fact' }, { title: 'Value' }, { title: 'From' }],
  Object.entries(cloud.facts).map(([name, fact]) => [name, fact.value, fact.source]),
)}
<h2>Storage classes made</h2>
${table(
  'Storage classes made',
  [{ title: 'StorageClass' }, { title: 'Provisioner' }, { title: 'Made for' }],
  storageClasses.map(({ name, provisioner, madeFor }) => [name, provisioner, madeFor]),
)}`;

/** What PolicyReports say. */
export const reportPage = ({ notes, isKept, namespaces, findings }: ReportAnswer, namespace: string): string =>
  page({
    title: 'Report',
    path: '/report',
    namespace,
    body: html`
${notes.map((note) => html`<p class="note">${note}</p>`)}
${
  isKept
    ? html`<h2>By namespace</h2>
${table(
  'Results by namespace',
  [{ title: 'Namespace' }, ...REPORT_RESULTS.map((title) => ({ title, isNumber: true }))],
  namespaces.map((one) => [
    html`<a href="${linkTo('/report', { namespace: one.namespace })}">${one.namespace}</a>`,
    ...REPORT_RESULTS.map((result) => String(one[result])),
  ]),
)}
<h2>What is not as the defaults would have it</h2>
${table(
  'Findings',
  [{ title: 'Object' }, { title: 'PlatformDefaults' }, { title: 'Result' }, { title: 'Why' }],
  findings.map((one) => [
    html`<a href="${linkToWhy(one)}">${one.kind} ${one.namespace}/${one.name}</a>`,
    one.defaults,
    `${one.result} (${one.standing})`,
    one.message,
  ]),
)}`
    : undefined
}`,
  });

/** The question, and its answer or why there is none. */
export const whyPage = (query: WhyQuery, answer: WhyAnswer | string | undefined): string =>
  page({
    title: 'Why is it as it is?',
    path: '/why',
    namespace: query.namespace,
    body: html`
<p class="dim">What a stored object was given, what a new one like it would be given now, and why they differ.</p>
<form role="search" action="/why" method="get">
${field('Kind', 'kind', query.kind)}
${field('Namespace', 'namespace', query.namespace)}
${field('Name', 'name', query.name)}
<button>Ask</button>
</form>
${typeof answer === 'string' ? html`<p class="note" role="status">${answer}</p>` : answer && whyBody(answer)}`,
  });

const whyBody = ({ kind, namespace, name, was, differs, now }: WhyAnswer): Html => html`
<h2>${kind} ${namespace}/${name}</h2>
<ul class="plain">${was.map((sentence) => html`<li>${sentence}</li>`)}</ul>
<h2>A new one like it</h2>
${
  differs.length === 0
    ? html`<p>would be given the same.</p>`
    : html`<ul class="plain">${differs.map((sentence) => html`<li class="warn">${sentence}</li>`)}</ul>`
}
${now.isSent ? undefined : html`<p class="warn">No webhook would be sent it.</p>`}
${verdictList(now.notes, now)}`;
