import type { SilentReplica } from '../replicas.ts';
import { type Html, html, linkTo } from './html.ts';
import { STYLE } from './style.ts';

const SECTIONS = [
  ['/', 'Decisions'],
  ['/defaults', 'Defaults'],
  ['/why', 'Why'],
  ['/report', 'Report'],
  ['/health', 'Health'],
] as const;

export interface PageParts {
  readonly title: string;
  /** One of the sections; anything else is none of them. */
  readonly path: string;
  /** Kept from section to section; empty: the whole cluster. */
  readonly namespace: string;
  readonly body: Html;
}

/** A whole document, without scripts and without anything from elsewhere. */
export const page = ({ title, path, namespace, body }: PageParts): string =>
  `<!doctype html>\n${
    html`<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Quartermaster</title>
<style>${{ markup: STYLE }}</style>
</head>
<body>
<a class="skip" href="#main">To the content</a>
<header><div class="wide"><p>Quartermaster</p><nav aria-label="Sections"><ul>${SECTIONS.map(
      ([to, name]) =>
        html`<li><a href="${linkTo(to, { namespace })}"${{ markup: to === path ? ' aria-current="page"' : '' }}>${name}</a></li>`,
    )}</ul></nav></div></header>
<main id="main" class="wide" tabindex="-1">
<h1>${title}</h1>
${body}
</main>
</body>
</html>
`.markup
  }`;

/** Whose part is missing. */
export const silentNote = (silent: readonly SilentReplica[]): Html =>
  html`${silent.map(({ name, why }) => html`<p class="note">Not all is here: ${name} ${why}.</p>`)}`;

/** A page that says why nothing is shown, and asks for the namespace that a tenant may see. */
export const refusalPage = (message: string): string =>
  page({
    title: 'Not shown',
    path: '',
    namespace: '',
    body: html`<p>${message}</p>
<form role="search" action="/" method="get">${field('Namespace', 'namespace', '')}<button>Show</button></form>`,
  });

export interface Column {
  readonly title: string;
  readonly isNumber?: boolean;
}

/** A table whose first column names its rows. Where it is narrow each row is a card, in which a cell tells its column. */
export const table = (
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly (Html | string)[])[],
): Html => {
  if (rows.length === 0) return html`<p class="dim">None.</p>`;
  const numberOf = (index: number): Html => ({ markup: columns[index]?.isNumber ? ' class="number"' : '' });
  return html`<div class="scroll" role="region" aria-label="${caption}" tabindex="0"><table><thead><tr>${columns.map(
    ({ title }, index) => html`<th scope="col"${numberOf(index)}>${title}</th>`,
  )}</tr></thead><tbody>${rows.map(
    ([first = '', ...cells]) =>
      html`<tr><th scope="row">${first}</th>${cells.map((cell, index) => html`<td data-column="${columns[index + 1]?.title ?? ''}"${numberOf(index + 1)}>${cell}</td>`)}</tr>`,
  )}</tbody></table></div>`;
};

/** A value that is good or not, with its reason. */
export const state = ({ isReady, reason, message }: { isReady: boolean; reason: string; message: string }): Html =>
  html`<span class="${isReady ? 'good' : 'bad'}">${reason}</span> <span class="dim">${message}</span>`;

/** `2026-11-28 23:59:59`, in UTC. */
export const moment = (at: string): string => at.slice(0, 19).replace('T', ' ');

export const field = (label: string, name: string, value: string): Html =>
  html`<label>${label}<input name="${name}" value="${value}" autocomplete="off" spellcheck="false"></label>`;
