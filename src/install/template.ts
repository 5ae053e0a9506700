import type { StringMap } from '../api/kubernetes.ts';

/**
 * The install is written once, for values and for the chart. For the chart the options are expressions of Go templates, which these
 * functions carry through to where they belong; `src/install/chart.ts` makes templates of what comes out.
 */
const OPEN = '⟦';
const CLOSE = '⟧';

/** Stands for a value that Helm knows: `.Values.replicas`. */
export const expression = (go: string): string => `${OPEN}${go}${CLOSE}`;

const expressionOf = (value: unknown): string | undefined =>
  typeof value === 'string' && value.startsWith(OPEN) ? value.slice(1, -1) : undefined;

/** The items where the option is on. */
export const when = <T>(option: boolean, items: readonly T[]): readonly T[] => {
  const go = expressionOf(option);
  if (go === undefined) return option ? items : [];
  return [expression(`if ${go}`) as T, ...items, expression('end') as T];
};

/** The items where a map that is an option holds this value. */
export const whenSet = <T>(
  map: StringMap,
  { name, value }: { readonly name: string; readonly value: string },
  items: readonly T[],
): readonly T[] => {
  const go = expressionOf(map);
  if (go === undefined) return map[name] === value ? items : [];
  const isSet = `eq (get (${go} | default dict) "${name}") "${value}"`;
  return [expression(`if ${isSet}`) as T, ...items, expression('end') as T];
};

/** The items of a list that is an option, among others. */
export const itemsOf = <T>(list: readonly T[]): readonly T[] => {
  const go = expressionOf(list);
  return go === undefined ? list : [expression(`items ${go}`) as T];
};

/** An item for each entry of a map of settings, by name. */
export const variablesOf = (map: StringMap): readonly { readonly name: string; readonly value: string }[] => {
  const go = expressionOf(map);
  if (go !== undefined) return [expression(`variables ${go}`) as never];
  return Object.keys(map)
    .toSorted()
    .map((name) => ({ name, value: map[name] ?? '' }));
};

/** The entries of a map that is an option, among others. */
export const entriesOf = (map: StringMap): StringMap => {
  const go = expressionOf(map);
  return go === undefined ? map : { [expression(`entries ${go}`)]: '' };
};

/** A field that is left out where its list or map is empty. */
export const fieldOf = (name: string, value: object): Readonly<Record<string, unknown>> => {
  const go = expressionOf(value);
  if (go !== undefined) return { [expression(`field ${name} ${go}`)]: '' };
  return Object.keys(value).length === 0 ? {} : { [name]: value };
};

/** What is made of an option: by `make`, or in a template by Go, `%` being the option. */
export const madeOf = <T, U extends string | number>(option: T, make: (option: T) => U, go: string): U => {
  const given = expressionOf(option);
  return given === undefined ? make(option) : (expression(go.replace('%', given)) as U);
};

/** A field that is there where the option is on. */
export const fieldWhen = (
  option: boolean,
  name: string,
  value: readonly object[],
): Readonly<Record<string, readonly object[]>> => {
  const go = expressionOf(option);
  if (go !== undefined) return { [expression(`fieldWhen ${name} ${go}`)]: value };
  return option ? { [name]: value } : {};
};
