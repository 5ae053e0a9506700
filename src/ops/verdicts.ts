import { MAX_NAME_LENGTH, plainText } from '../api/plain-text.ts';
import { type DefaultsExplanation, type ValueExplanation, VERDICT_ORDER } from '../defaults/explanation/explanation.ts';
import { shownValue } from './changes.ts';

/** What became of one PlatformDefaults for one object, as it is kept and sent. */
export interface DefaultsVerdict {
  /** `<namespace>/<name>@<generation>`. */
  readonly source: string;
  readonly mode: DefaultsExplanation['mode'];
  readonly verdict: DefaultsExplanation['verdict'];
  readonly why: string;
  /** The first of them, those that came to nothing before the others. */
  readonly values: readonly ValueVerdict[];
  /** How many more there are; an older version does not say. */
  readonly valuesLeftOut?: number | undefined;
}

/** The PlatformDefaults that hold in a namespace, the first of them. */
export interface DefaultsVerdicts {
  readonly defaults: readonly DefaultsVerdict[];
  /** How many more there are; an older version does not say. */
  readonly defaultsLeftOut?: number | undefined;
}

export interface ValueVerdict {
  readonly verdict: ValueExplanation['verdict'];
  readonly field: string;
  /** As JSON, cut where it is long; left out where it came to none. */
  readonly value?: string;
  /** What it replaced, or gave way to. */
  readonly over?: string;
  readonly why: string;
}

/** Of one object, and of one PlatformDefaults. Anybody makes as many as they like. */
const MAX_DEFAULTS = 50;
const MAX_VALUES = 50;
/** Of all values of one object: a hundred objects are remembered. */
const MAX_CHARACTERS = 32_000;
const MAX_WHY_LENGTH = 500;

/** In the diff one sees what was given. */
const VALUE_ORDER: readonly ValueVerdict['verdict'][] = ['refused', 'kept back', 'applied'];

/** Those of these namespaces. Others hold elsewhere: there are many, and they are nobody else's business. */
export const verdictsOf = (
  defaults: readonly DefaultsExplanation[],
  namespaces: readonly string[],
): DefaultsVerdicts => {
  let characters = 0;
  const boundedValue = (value: ValueExplanation): readonly ValueVerdict[] => {
    if (characters >= MAX_CHARACTERS) return [];
    const verdict = valueVerdict(value);
    characters += Object.values(verdict).join('').length;
    return [verdict];
  };
  const there = defaults
    .filter(({ source }) => namespaces.some((namespace) => source.startsWith(`${namespace}/`)))
    .toSorted((one, other) => VERDICT_ORDER.indexOf(one.verdict) - VERDICT_ORDER.indexOf(other.verdict));
  return {
    defaults: there.slice(0, MAX_DEFAULTS).map(({ source, mode, verdict, why, values: all }) => {
      const values = all
        .toSorted((one, other) => VALUE_ORDER.indexOf(one.verdict) - VALUE_ORDER.indexOf(other.verdict))
        .slice(0, MAX_VALUES)
        .flatMap(boundedValue);
      return {
        source: plainText(source, 2 * MAX_NAME_LENGTH),
        mode,
        verdict,
        why: plainText(why, MAX_WHY_LENGTH),
        values,
        valuesLeftOut: all.length - values.length,
      };
    }),
    defaultsLeftOut: Math.max(there.length - MAX_DEFAULTS, 0),
  };
};

const valueVerdict = ({ verdict, field, value, over, why }: ValueExplanation): ValueVerdict => ({
  verdict,
  field: plainText(field, MAX_WHY_LENGTH),
  ...(value !== undefined && { value: shownValue(value) }),
  ...(over !== undefined && { over: shownValue(over) }),
  why: plainText(why, MAX_WHY_LENGTH),
});
