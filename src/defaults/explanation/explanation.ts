import { isDeepStrictEqual } from 'node:util';
import type { Explanation, Outcome } from '../../api/admission.ts';
import { mountPathsOf } from '../../api/inject-spec.ts';
import type { DefaultsSource, DefaultsTarget, Mode } from '../../api/injection.ts';
import { OURSELVES } from '../../injection/edit.ts';
import { type Entry, givesAnything, namespacedName } from '../entry.ts';
import type { Validation } from '../in-force.ts';
import { type Layer, mergeLayers } from '../merge.ts';
import { type LeftOut, layersFor } from '../resolution.ts';
import { comesOf, IN_CONTAINERS, type Item, itemsOf, placeInSpec, valueIn } from './items.ts';
import { isOfKinds, type Mismatch, mismatchOf, type Subject } from './mismatch.ts';
import { type Rival, rivalsOf, whyLost } from './rivals.ts';

/** What became of one value that a PlatformDefaults has for an object. */
export interface ValueExplanation {
  readonly verdict: 'applied' | 'kept back' | 'refused';
  /** `spec.driver.env HTTP_PROXY` of the object, or `env HTTP_PROXY` of `spec.inject` where it came to no field. */
  readonly field: string;
  readonly value: unknown;
  /** What it replaced, or gave way to. */
  readonly over?: unknown;
  /** A part of a sentence. */
  readonly why: string;
}

/** What became of one PlatformDefaults for one object. */
export interface DefaultsExplanation {
  /** `<namespace>/<name>@<generation>`. */
  readonly source: string;
  readonly mode: Mode | 'Audit';
  /** `audited`: it would be applied, were it enforced. Of all others with that mode, and of their values, the verdicts are what would be. `given again`: a change of an object is settled with what the object was given when it was made. */
  readonly verdict: 'applied' | 'audited' | 'given again' | 'kept back' | 'refused' | 'not matching';
  /** A part of a sentence. */
  readonly why: string;
  readonly values: readonly ValueExplanation[];
  /** Of what does not match: the condition that failed first, where one did. */
  readonly unmet?: Mismatch['unmet'];
}

/** What people look for first comes first. */
export const VERDICT_ORDER: readonly DefaultsExplanation['verdict'][] = [
  'applied',
  'given again',
  'audited',
  'refused',
  'kept back',
  'not matching',
];

/** What happened to an object, as far as it explains what defaults did. */
export interface Happened {
  /** What defaults were looked up for; none where the object is of no kind they know, or was not sent. */
  readonly targets: readonly DefaultsTarget[];
  /** Whom they would have been looked up for. */
  readonly subject: Subject;
  /** Why they were not, for one that would have matched: a part of a sentence. */
  readonly unasked: (entry: Entry) => string;
  readonly outcomes: readonly Outcome[];
  readonly explain: readonly Explanation[];
  /** Why the object was refused as a whole. */
  readonly denied: string | undefined;
  /** The same, were all that is audited enforced; undefined where nothing is, or the object was not sent. */
  readonly audited?: Pick<Happened, 'targets' | 'outcomes' | 'explain' | 'denied'> | undefined;
}

/** Explains every PlatformDefaults there is, in force or not, for one object. None is left out. */
export const explainDefaults = (
  entries: readonly Entry[],
  invalid: readonly Validation[],
  happened: Happened,
): readonly DefaultsExplanation[] => {
  const { audited, denied } = happened;
  const inForce = findingsOf(
    entries.filter(({ isAudit }) => !isAudit),
    happened,
    denied && `the object itself is refused: ${denied}`,
  );
  const enforced = { ...happened, ...audited };
  const wouldBe = findingsOf(
    audited === undefined ? [] : entries,
    enforced,
    inForce.refusal ?? (audited?.denied && `the object itself would be refused: ${audited.denied}`),
  );
  return [
    ...entries.map((entry) =>
      entry.isAudit ? asAudited(explainEntry(entry, wouldBe), inForce) : explainEntry(entry, inForce),
    ),
    ...explainGone(entries, inForce),
    ...invalid.flatMap(explainInvalid),
  ];
};

/** What an object that is changed was given by those that are not there any more. */
const explainGone = (entries: readonly Entry[], { again, refusal }: Findings): readonly DefaultsExplanation[] => {
  const known = new Set(entries.map(namespacedName));
  return [...again]
    .filter(([name]) => name !== OURSELVES && !known.has(name))
    .flatMap(([, outcomes]) => {
      const [first] = outcomes;
      if (first === undefined) return [];
      const gone = 'it is not there any more, and was when the object was made: ';
      return [{ source: first.by, mode: first.mode, ...givenAgain(outcomes, gone, refusal) }];
    });
};

const givenAgain = (
  outcomes: readonly Outcome[],
  then: string,
  refusal: string | undefined,
): Pick<DefaultsExplanation, 'verdict' | 'why' | 'values'> => {
  if (refusal !== undefined) return { verdict: 'refused', why: refusal, values: [] };
  const values = outcomes.map(explanationOf);
  return { verdict: 'given again', why: `${then}${verdictOf(values).why}`, values };
};

const generationOf = (source: string): string => source.slice(source.lastIndexOf('@') + 1);
const nameOf = (source: string): string => source.slice(0, Math.max(source.lastIndexOf('@'), 0)) || source;

/** What happened, by what is asked about it: there can be thousands of entries, and as many values. */
interface Findings {
  readonly happened: Happened;
  readonly matches: readonly Match[];
  readonly outcomes: ReadonlyMap<string, readonly Outcome[]>;
  readonly explain: ReadonlyMap<string, readonly Explanation[]>;
  /** The same of a change, by `namespace/name`: it goes by the generation that was there when the object was made. */
  readonly again: ReadonlyMap<string, readonly Outcome[]>;
  /** What was applied, by its field. */
  readonly applied: () => ReadonlyMap<string, Outcome>;
  /** The same, by its key there: one for each container. */
  readonly inContainers: () => ReadonlyMap<string, readonly Outcome[]>;
  /** That the object is refused as a whole, and why. */
  readonly refusal: string | undefined;
}

const findingsOf = (entries: readonly Entry[], happened: Happened, refusal: string | undefined): Findings => ({
  happened,
  refusal: refusal?.replace(/\.$/, ''),
  matches: matchesOf(entries, happened.targets),
  outcomes: Map.groupBy(happened.outcomes, ({ by }) => by),
  explain: Map.groupBy(happened.explain, ({ source }) => source),
  inContainers: once(() =>
    Map.groupBy(
      happened.outcomes.filter(({ verdict }) => verdict === 'applied'),
      ({ key }) => String(key),
    ),
  ),
  again: Map.groupBy(happened.targets.length === 0 ? happened.outcomes : [], ({ by }) => nameOf(by)),
  applied: once(
    () =>
      new Map(
        happened.outcomes
          .filter(({ verdict }) => verdict === 'applied')
          .map((outcome) => [fieldOf(outcome), outcome] as const),
      ),
  ),
});

const isByContainer = ({ key }: Item, { isScoped }: Match): boolean => isScoped && IN_CONTAINERS.has(key);

const matchesOf = (entries: readonly Entry[], targets: readonly DefaultsTarget[]): readonly Match[] =>
  targets.map((target) => {
    const matched = entries.filter((entry) => mismatchOf(entry, target) === undefined && givesAnything(entry));
    const { layers, leftOut } = layersFor(matched, target);
    return {
      isScoped: matched.some(({ containers }) => containers !== undefined),
      matched: new Set(matched),
      layers: new Map(layers.map((layer) => [layer.entry.source, layer])),
      leftOut: Map.groupBy(leftOut, ({ entry }) => entry.source),
      winners: once(() => winnersOf(layers)),
    };
  });

const once = <T>(make: () => T): (() => T) => {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
};

/** Told as what would be, beside what is given today. */
const asAudited = (explanation: DefaultsExplanation, inForce: Findings): DefaultsExplanation => {
  const { verdict, why, values } = explanation;
  if (verdict === 'not matching' || inForce.refusal !== undefined) return { ...explanation, mode: 'Audit' };
  return {
    ...explanation,
    mode: 'Audit',
    verdict: verdict === 'applied' ? 'audited' : verdict,
    why: `nothing of it was done; were it enforced, ${why}`,
    values: values.map((value) => besideToday(value, inForce)),
  };
};

/** What others give today is nothing to the object that is decided as if they had given way. */
const besideToday = (value: ValueExplanation, { applied }: Findings): ValueExplanation => {
  const today = applied().get(value.field);
  if (value.verdict !== 'applied' || today === undefined) return value;
  if (isDeepStrictEqual(today.value, value.value)) return { ...value, why: `${today.by} gives the same today` };
  return { ...value, over: today.value, why: `${today.by} gives it today` };
};

interface Match {
  /** One of them is for some containers alone, so that others may win in others. */
  readonly isScoped: boolean;
  readonly matched: ReadonlySet<Entry>;
  readonly layers: ReadonlyMap<DefaultsSource, Layer>;
  readonly leftOut: ReadonlyMap<DefaultsSource, readonly LeftOut[]>;
  readonly winners: () => Winners;
}

/** What all layers come to, for those that gave way. */
interface Winners {
  readonly items: ReturnType<typeof itemsOf>;
  readonly byMountPath: ReadonlyMap<string, Entry>;
  readonly byTitle: ReadonlyMap<string, Entry>;
}

const winnersOf = (layers: readonly Layer[]): Winners => ({
  items: itemsOf(mergeLayers(layers, [])),
  byMountPath: new Map(layers.toReversed().flatMap((one) => mountPathsOf(one.inject).map((path) => [path, one.entry]))),
  byTitle: new Map(layers.map(({ entry }) => [titleOf(entry), entry])),
});

const titleOf = ({ source }: Entry): string => sourceTitle(source);

const sourceTitle = ({ namespace, name, generation }: DefaultsSource): string => `${namespace}/${name}@${generation}`;

const explainInvalid = ({ defaults, violations, inForce }: Validation): readonly DefaultsExplanation[] => {
  const { namespace = '', name = '', generation = 0 } = defaults.metadata;
  const stands = inForce ? `; generation ${inForce.metadata.generation} stays in force` : '; nothing of it is in force';
  return [
    {
      source: `${namespace}/${name}@${generation}`,
      mode: defaults.spec?.mode ?? 'Default',
      verdict: 'refused',
      why: `it is invalid: ${violations.map((violation) => violation.replace(/\.$/, '')).join('; ')}${stands}`,
      values: [],
    },
  ];
};

const explainEntry = (entry: Entry, findings: Findings): DefaultsExplanation => {
  const { happened, matches, again, refusal } = findings;
  const head = { source: titleOf(entry), mode: entry.mode };
  const match = matches.find(({ matched }) => matched.has(entry));
  if (match === undefined) {
    const outcomes = again.get(namespacedName(entry));
    if (outcomes === undefined) return { ...head, verdict: 'not matching', ...whyNot(entry, happened), values: [] };
    const [then = ''] = outcomes.map(({ by }) => (by === head.source ? '' : generationOf(by)));
    const gave = then === '' ? '' : `as generation ${then} gave it when the object was made: `;
    return { ...head, ...givenAgain(outcomes, gave, refusal) };
  }
  const leftOut = match.leftOut.get(entry.source)?.find(({ values }) => values === undefined);
  if (leftOut !== undefined) return { ...head, verdict: 'refused', why: leftOut.why, values: [] };
  if (entry.spec.inject === undefined)
    return { ...head, verdict: 'applied', why: 'it gives variables to other defaults alone', values: [] };
  if (refusal !== undefined) return { ...head, verdict: 'refused', why: refusal, values: [] };
  const values = valuesOf(entry, match, findings);
  return { ...head, ...verdictOf(values), values };
};

const whyNot = (
  entry: Entry,
  { targets, subject, unasked }: Happened,
): Pick<DefaultsExplanation, 'why'> & Partial<Mismatch> => {
  if (!givesAnything(entry)) return { why: 'it provisions namespaces and gives objects nothing' };
  const { kinds } = entry.spec.match;
  const target = targets.find((one) => isOfKinds(kinds, one)) ?? targets[0];
  return mismatchOf(entry, target ?? subject) ?? { why: unasked(entry) };
};

const verdictOf = (values: readonly ValueExplanation[]): Pick<DefaultsExplanation, 'verdict' | 'why'> => {
  const count = (verdict: ValueExplanation['verdict']): number =>
    values.filter((value) => value.verdict === verdict).length;
  const counts = (['applied', 'kept back', 'refused'] as const).map((verdict) => ({ verdict, number: count(verdict) }));
  const [first] = counts.filter(({ number }) => number > 0);
  if (first === undefined) return { verdict: 'kept back', why: 'the object has no place for anything it gives' };
  const told = counts.filter(({ number }) => number > 0).map(({ verdict, number }) => `${number} ${verdict}`);
  return { verdict: count('applied') > 0 ? 'applied' : first.verdict, why: `of its values ${told.join(', ')}` };
};

const valuesOf = (
  entry: Entry,
  match: Match,
  { outcomes, explain, inContainers }: Findings,
): readonly ValueExplanation[] => {
  const title = titleOf(entry);
  const own = (outcomes.get(title) ?? []).map(explanationOf);
  const made = (explain.get(`PlatformDefaults ${title}`) ?? [])
    .filter(({ effect }) => own.length === 0 || effect === 'companion')
    .map((one) => madeBy(one, entry));
  const told = [...own, ...made, ...leftOutOf(match.leftOut.get(entry.source) ?? [])];
  return [...told, ...remainderOf(entry, match, { told, inContainers })];
};

/** What is made beside the object has no place in it. */
const madeBy = ({ path, why, effect }: Explanation, { spec }: Entry): ValueExplanation =>
  effect === 'companion'
    ? { verdict: 'applied', field: 'spec.inject.storageClass', value: spec.inject?.storageClass, why }
    : { verdict: 'applied', field: path, value: undefined, why };

const explanationOf = ({ verdict, field, key, value, over, why }: Outcome): ValueExplanation => ({
  verdict,
  field: fieldOf({ field, key }),
  value,
  why,
  ...(over !== undefined && { over }),
});

const fieldOf = ({ field, key }: Pick<Outcome, 'field' | 'key'>): string => `${field} ${key}`;

const leftOutOf = (leftOut: readonly LeftOut[]): readonly ValueExplanation[] =>
  leftOut.flatMap(({ values = [] }) =>
    values.map(({ field, why }) => ({
      verdict: 'refused' as const,
      field: `spec.inject.${field}`,
      value: undefined,
      why,
    })),
  );

/** The values of an entry that came to nothing: others give them too and win, or the object has no use for them. */
const remainderOf = (
  entry: Entry,
  match: Match,
  { told, inContainers }: Pick<Findings, 'inContainers'> & { readonly told: readonly ValueExplanation[] },
): readonly ValueExplanation[] => {
  const layer = match.layers.get(entry.source);
  if (layer === undefined) return [];
  const { byTitle } = match.winners();
  return [...itemsOf(mergeLayers([layer], []))].flatMap(([id, item]): readonly ValueExplanation[] => {
    const one = { verdict: 'kept back' as const, field: placeInSpec(item, layer.inject), value: valueIn(item) };
    const rivals = isByContainer(item, match)
      ? rivalsOf(item, layer.entry, { inContainers, byTitle })
      : rivalOf(id, item, layer, match);
    if (rivals.length === 0)
      return told.some((row) => comesOf(item, row)) ? [] : [{ ...one, why: whyUnused(item, entry) }];
    return rivals.map(({ rival, over }) => ({
      ...one,
      ...(over !== undefined && { over }),
      why: whyLost(rival, layer.entry),
    }));
  });
};

/** Who wins a value wherever it goes; nobody where that is its own giver. */
const rivalOf = (id: string, item: Item, { entry }: Layer, match: Match): readonly Rival[] => {
  const { items, byMountPath, byTitle } = match.winners();
  const won = items.get(id);
  if (won === undefined) {
    const rival = byMountPath.get(item.resolved.needs?.mountPath ?? item.id) ?? storeRival(item, match.winners());
    return [{ rival, over: undefined }];
  }
  const { source } = won.resolved;
  if (isDeepStrictEqual(source, entry.source)) return [];
  return [{ rival: byTitle.get(sourceTitle(source)), over: valueIn(won) }];
};

/** Who gives another ObjectStore, whose sources and committer come in the place of these. */
const storeRival = ({ key }: Item, { items, byTitle }: Winners): Entry | undefined => {
  const store = key === 'envFrom' || key === 's3aCommitter' ? items.get('objectStore ')?.resolved : undefined;
  return store && byTitle.get(sourceTitle(store.source));
};

const whyUnused = ({ key }: Item, { spec: { match } }: Entry): string => {
  if (key === 'storageClass') return 'no class is made for the claim: the one it names is there, or it names none';
  if (key === 'volumes') return 'nothing in the object mounts it';
  if (match.containers !== undefined && IN_CONTAINERS.has(key))
    return `the object has no container of ${match.containers.join(', ')}`;
  return 'nothing in the object takes it';
};
