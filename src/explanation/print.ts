import type { Explanation } from '../api/admission.ts';
import { type DefaultsExplanation, type ValueExplanation, VERDICT_ORDER } from '../defaults/explanation/explanation.ts';
import { OURSELVES } from '../injection/edit.ts';
import type { ObjectExplanation } from './explain.ts';

/** An explanation as lines, `head` first. */
export const explanationLines = (
  head: string,
  { notes, defaults }: ObjectExplanation,
  explain: readonly Explanation[],
): readonly string[] => {
  const derived = explain.filter(({ source }) => !source.startsWith('PlatformDefaults ') && source !== OURSELVES);
  const lines = [
    ...notes.map((note) => `  note: ${note}`),
    ...defaults
      .toSorted((a, b) => VERDICT_ORDER.indexOf(a.verdict) - VERDICT_ORDER.indexOf(b.verdict))
      .flatMap(defaultsLines),
    ...derived.map(({ path, source, why }) => `  ${path} from ${source}: ${why}`),
  ];
  return [head, ...(lines.length === 0 ? ['  nothing was changed, and no PlatformDefaults could have'] : lines)];
};

const defaultsLines = ({ source, mode, verdict, why, values }: DefaultsExplanation): readonly string[] => [
  `  ${headVerdict(mode, verdict)}: PlatformDefaults ${source}${mode === 'Default' ? '' : ` (${mode})`}: ${why}`,
  ...alike(values).map((value) => `    ${valueVerdict(mode, value)}: ${valueText(value)}`),
];

/** Of what is audited nothing is done. */
const headVerdict = (mode: DefaultsExplanation['mode'], verdict: DefaultsExplanation['verdict']): string =>
  mode === 'Audit' && (verdict === 'refused' || verdict === 'kept back') ? `would be ${verdict}` : verdict;

const valueVerdict = (mode: DefaultsExplanation['mode'], { verdict }: ValueExplanation): string =>
  mode === 'Audit' ? `would be ${verdict}` : verdict;

/** One line for a value that goes to several places for the same reason. */
const alike = (values: readonly ValueExplanation[]): readonly ValueExplanation[] => {
  const groups = Map.groupBy(values, ({ verdict, field, value, over, why }) =>
    JSON.stringify([verdict, keyOf(field), value, over, why]),
  );
  return [...groups.values()].flatMap(([first, ...others]) =>
    first === undefined
      ? []
      : [
          {
            ...first,
            field: titleOf(
              first.field,
              others.map(({ field }) => placeOf(field)),
            ),
          },
        ],
  );
};

const titleOf = (field: string, places: readonly string[]): string =>
  places.length === 0 ? field : `${[placeOf(field), ...places].join(' and ')} ${keyOf(field)}`;

const placeOf = (field: string): string => field.slice(0, Math.max(field.indexOf(' '), 0)) || field;
const keyOf = (field: string): string => field.slice(field.indexOf(' ') + 1);

const valueText = ({ verdict, field, value, over, why }: ValueExplanation): string => {
  const given = value === undefined ? '' : ` = ${shown(value)}`;
  if (over === undefined) return `${field}${given}: ${why}`;
  return verdict === 'applied'
    ? `${field}${given} instead of ${shown(over)}: ${why}`
    : `${field}${given}: ${why}: ${shown(over)}`;
};

/** In characters. */
const MOST = 200;

const shown = (value: unknown): string => {
  const text = JSON.stringify(bare(value)) ?? 'nothing';
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
};

/** The value of an environment variable says all that its entry does. */
const bare = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && 'name' in value && 'value' in value && Object.keys(value).length === 2
    ? value.value
    : value;
