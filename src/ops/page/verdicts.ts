import type { DefaultsVerdict, DefaultsVerdicts, ValueVerdict } from '../verdicts.ts';
import { type Html, html } from './html.ts';

const TONES: Readonly<Record<DefaultsVerdict['verdict'], string>> = {
  applied: 'good',
  'given again': 'good',
  audited: 'warn',
  refused: 'bad',
  'kept back': 'warn',
  'not matching': 'dim',
};

/** Every PlatformDefaults with what became of it for one object, and why. */
export const verdictList = (notes: readonly string[], { defaults, defaultsLeftOut = 0 }: DefaultsVerdicts): Html => {
  if (notes.length + defaults.length === 0) return html`<p class="dim">No PlatformDefaults holds in the namespace.</p>`;
  return html`<ul class="list">${notes.map((note) => html`<li class="warn">${note}</li>`)}${defaults.map(verdictItem)}${
    defaultsLeftOut === 0
      ? undefined
      : html`<li class="dim">${defaultsLeftOut} more PlatformDefaults are left out here: <code>quartermaster why</code> has all of them.</li>`
  }</ul>`;
};

const verdictItem = ({ source, mode, verdict, why, values, valuesLeftOut = 0 }: DefaultsVerdict): Html =>
  html`<li><span class="badge ${TONES[verdict]}">${mode === 'Audit' && (verdict === 'refused' || verdict === 'kept back') ? `would be ${verdict}` : verdict}</span> <b>${source}</b>${mode === 'Default' ? '' : ` (${mode})`}: ${why}${
    values.length + valuesLeftOut === 0
      ? undefined
      : html`<ul class="plain">${values.map((value) => valueItem(mode, value))}${valuesLeftOut === 0 ? undefined : html`<li class="dim">${valuesLeftOut} more are left out here</li>`}</ul>`
  }</li>`;

const valueItem = (mode: DefaultsVerdict['mode'], { verdict, field, value, over, why }: ValueVerdict): Html =>
  html`<li><span class="${TONES[verdict]}">${mode === 'Audit' ? `would be ${verdict}` : verdict}</span> <code>${field}</code>${
    value === undefined ? undefined : html` = <code>${value}</code>`
  }: ${why}${over === undefined ? undefined : html` (${verdict === 'applied' ? 'instead of' : 'there is'} <code>${over}</code>)`}</li>`;
