import type { AdmissionRequest, Application, NotApplied } from '../../api/admission.ts';
import { plainText } from '../../api/plain-text.ts';
import { type Infer, integer, map, object, required, text } from '../../api/schema.ts';
import { createCountedNames, OTHER } from './names.ts';

const count = (description: string) => required(integer(description, { minimum: 0 }));

const missing = object('The last time something of it was missing.', {
  at: count('When, in seconds of Unix time.'),
  generation: count('metadata.generation of the PlatformDefaults it was.'),
  field: required(text('The value; empty for all there is.')),
  why: required(text('A part of a sentence.')),
  object: required(text('One that it happened to: `Pod team-a/x`.')),
});

const tally = object(
  'What one PlatformDefaults came to in admissions of objects that were made. Each is counted once.',
  {
    applied: count('It gave something, and nothing of it was missing.'),
    keptBack: count('The objects say themselves, or others that match say, all that it gives.'),
    refused: count('Something of it could not be given.'),
    lastApplied: integer('When it last gave something, in seconds of Unix time.', { minimum: 0 }),
    missing,
  },
);

/** By `<namespace>/<name>`. */
export const tallies = map('What PlatformDefaults came to.', tally);

export type Tally = Infer<typeof tally>;
export type TalliesByName = Readonly<Record<string, Tally>>;
export type Missing = Infer<typeof missing>;
type Outcome = 'applied' | 'keptBack' | 'refused';

/** What one replica counts. Only sums are kept: an admission costs a look-up for each PlatformDefaults that matches. */
export interface Tallies {
  readonly add: (request: AdmissionRequest, application: Application, isDenied: boolean) => void;
  /** Has the counts of one begin at nothing, before anything matches: who watches for a rise would miss the first. */
  readonly expect: (name: string, mode: Counts['mode']) => void;
  /** Since the start, with the mode each has now; of those past the bound all together by the name `other`. */
  readonly all: () => Iterable<readonly [name: string, counts: Readonly<Counts>]>;
  /** What came since the last call. */
  readonly take: () => TalliesByName;
  /** For one that is gone. */
  readonly forget: (name: string) => void;
}

interface Counts {
  mode: 'Default' | 'Enforce';
  applied: number;
  keptBack: number;
  refused: number;
}

interface Counting extends Counts {
  readonly name: string;
  readonly taken: { applied: number; keptBack: number; refused: number };
  lastApplied: number;
  missing: Missing | undefined;
}

/** Every change of a PlatformDefaults makes another title for it. */
const MAX_TITLES = 2_000;
const MAX_TEXT = 200;

/** `now`: milliseconds of Unix time; `platform`: the namespace whose PlatformDefaults are the platform's. */
export const createTallies = (now: () => number, platform: string): Tallies => {
  const names = createCountedNames(platform);
  const byName = new Map<string, Counting>();
  // The name is cut out of a title once, not for every admission.
  const byTitle = new Map<string, Counting>();

  const countingFor = (own: string, mode: Counts['mode']): Counting => {
    const name = names.of(own);
    const counting = byName.get(name) ?? newCounting(name, mode);
    counting.mode = mode;
    byName.set(name, counting);
    return counting;
  };
  const countingOf = (by: string, mode: Counts['mode']): Counting => {
    const known = byTitle.get(by);
    if (known !== undefined) return known;
    const counting = countingFor(by.slice(0, by.lastIndexOf('@')), mode);
    if (byTitle.size >= MAX_TITLES) byTitle.clear();
    byTitle.set(by, counting);
    return counting;
  };
  return {
    add: (request, { matched, applied, notApplied }, isDenied) => {
      if (matched.length === 0) return;
      const at = Math.floor(now() / 1_000);
      const given = isDenied ? NOTHING_GIVEN : sourcesIn(applied);
      const missingBy = firstOfEach(notApplied);
      // An object that is refused for one of them says nothing of the others.
      const counts = isDenied ? matched.filter(({ by }) => missingBy.has(by)) : matched;
      for (const { by, mode } of counts) {
        const lost = missingBy.get(by);
        const counting = countingOf(by, mode);
        counting[outcomeOf(lost, given.has(by))] += 1;
        counting.missing = missingOf(lost, request, at, counting.missing);
        if (given.has(by)) counting.lastApplied = at;
      }
    },
    expect: (name, mode) => void countingFor(name, mode),
    all: () => byName,
    take: () => {
      const changed = [...byName.values()].filter((counting) => counting.name !== OTHER && hasNews(counting));
      return Object.fromEntries(changed.map((counting) => [counting.name, takeFrom(counting)]));
    },
    forget: (name) => {
      names.forget(name);
      byName.delete(name);
      byTitle.clear();
    },
  };
};

const NOTHING_GIVEN: ReadonlySet<string> = new Set();
const NOTHING_MISSING: ReadonlyMap<string, NotApplied> = new Map();

const firstOfEach = (notApplied: readonly NotApplied[]): ReadonlyMap<string, NotApplied> =>
  notApplied.length === 0 ? NOTHING_MISSING : new Map(notApplied.toReversed().map((one) => [one.by, one]));

const newCounting = (name: string, mode: Counts['mode']): Counting => ({
  ...{ name, mode, applied: 0, keptBack: 0, refused: 0, lastApplied: 0, missing: undefined },
  taken: { applied: 0, keptBack: 0, refused: 0 },
});

const outcomeOf = (lost: NotApplied | undefined, isGiven: boolean): Outcome => {
  if (lost !== undefined) return 'refused';
  return isGiven ? 'applied' : 'keptBack';
};

/** Those of one source stand together. */
const sourcesIn = (applied: Application['applied']): ReadonlySet<string> => {
  const sources = new Set<string>();
  let last: string | undefined;
  for (const { by } of applied) {
    if (by !== last) sources.add(by);
    last = by;
  }
  return sources;
};

/** The first object with the same complaint goes on standing for all, so that what is told of it does not change. */
const missingOf = (
  lost: NotApplied | undefined,
  { object: { kind, metadata }, namespace, name }: AdmissionRequest,
  at: number,
  before: Missing | undefined,
): Missing | undefined => {
  if (lost === undefined) return before;
  const { by, field, why } = lost;
  const generation = Number(by.slice(by.lastIndexOf('@') + 1)) || 0;
  const now = { at, generation, field: plainText(field, MAX_TEXT), why: plainText(why, MAX_TEXT) };
  if (before !== undefined && isSameComplaint(before, now)) return { ...before, at };
  const called = name || metadata.name || metadata.generateName || '';
  return { ...now, object: plainText(`${kind} ${namespace ?? ''}/${called}`, MAX_TEXT) };
};

type Complaint = Pick<Missing, 'generation' | 'field' | 'why'>;

const isSameComplaint = (one: Complaint, other: Complaint): boolean =>
  one.generation === other.generation && one.field === other.field && one.why === other.why;

const OUTCOMES = ['applied', 'keptBack', 'refused'] as const;

const hasNews = (counting: Counting): boolean =>
  OUTCOMES.some((outcome) => counting[outcome] !== counting.taken[outcome]);

const takeFrom = (counting: Counting): Tally => {
  const { applied, keptBack, refused, taken, lastApplied, missing: lost } = counting;
  const news = {
    applied: applied - taken.applied,
    keptBack: keptBack - taken.keptBack,
    refused: refused - taken.refused,
    ...(lastApplied > 0 && { lastApplied }),
    ...(lost !== undefined && { missing: lost }),
  };
  Object.assign(taken, { applied, keptBack, refused });
  return news;
};

/** Both together. Of two complaints the later one stands, by the first object that had it. */
export const sumOf = (one: Tally | undefined, other: Tally): Tally => {
  if (one === undefined) return other;
  const lastApplied = Math.max(one.lastApplied ?? 0, other.lastApplied ?? 0);
  const lost = laterOf(one.missing, other.missing);
  return {
    applied: one.applied + other.applied,
    keptBack: one.keptBack + other.keptBack,
    refused: one.refused + other.refused,
    ...(lastApplied > 0 && { lastApplied }),
    ...(lost !== undefined && { missing: lost }),
  };
};

const laterOf = (one: Missing | undefined, other: Missing | undefined): Missing | undefined => {
  if (one === undefined || other === undefined) return one ?? other;
  if (isSameComplaint(one, other)) return { ...one, at: Math.max(one.at, other.at) };
  return other.at >= one.at ? other : one;
};
