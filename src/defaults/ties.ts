import type { Requirement } from '../api/admission.ts';
import type { TargetKind } from '../api/injection.ts';
import { canShareContainers } from './containers.ts';
import { areExclusive, type Entry, entryFor, hasEqualPrecedence } from './entry.ts';
import { withOwnVolumes } from './layers/volume-names.ts';
import { mergeLayers } from './merge.ts';
import { countValues } from './validation/inject.ts';

/**
 * What is looked at for the ties of one entry, in values of selectors and of what is injected. A tenant makes as many that
 * tie as they like, and each change of one has those judged again that it ties with: what is past that is not told.
 */
const MAX_STEPS = 20_000;
/** What looking at another takes, and what comparing two takes besides their values. */
const STEPS_PER_LOOK = 20;
const STEPS_PER_ENTRY = 200;

/** Those that could tie with an entry: whose warnings may change as it comes, changes or goes. The first of very many. */
export const conflictingEntries = (entry: Entry, entries: Iterable<Entry>): readonly Entry[] => {
  const budget = { left: MAX_STEPS };
  const found: Entry[] = [];
  for (const other of entries) {
    if (budget.left <= 0) break;
    if (other.source === entry.source) continue;
    budget.left -= STEPS_PER_LOOK;
    if (!canConflict(entry, other, budget)) continue;
    budget.left -= STEPS_PER_ENTRY + valuesOf(entry) + valuesOf(other);
    found.push(other);
  }
  return found;
};

/** One sentence for each other entry that gives something else and is as specific. */
export const tiesOf = (entry: Entry, entries: Iterable<Entry>): readonly string[] =>
  conflictingEntries(entry, entries)
    // What is audited takes nothing from anybody.
    .filter(({ isAudit }) => entry.isAudit || !isAudit)
    .flatMap((conflicting) => tiesBetween(...inNameOrder(entry, conflicting)));

const tiesBetween = (winner: Entry, loser: Entry): readonly string[] => {
  const kind = kindOfTie(winner, loser);
  if (kind === undefined) return [];
  const layers = [winner, loser].map((entry) => ({ entry: entryFor(entry, kind), inject: entry.spec.inject ?? {} }));
  return mergeLayers(withOwnVolumes(layers), []).warnings;
};

/** A kind that both name and for which neither is more specific. */
const kindOfTie = (one: Entry, other: Entry): TargetKind | undefined =>
  one.spec.match.kinds.find(
    (kind) => other.spec.match.kinds.includes(kind) && hasEqualPrecedence(entryFor(one, kind), entryFor(other, kind)),
  );

const inNameOrder = (a: Entry, b: Entry): readonly [Entry, Entry] => (a.source.name < b.source.name ? [a, b] : [b, a]);

const valuesOf = ({ spec }: Entry): number => countValues(spec.inject ?? {});

interface Budget {
  left: number;
}

/** True where some object could match both, neither is more specific and both give something of one sort. */
const canConflict = (entry: Entry, other: Entry, budget: Budget): boolean =>
  entry.source.namespace === other.source.namespace &&
  kindOfTie(entry, other) !== undefined &&
  (entry.clouds.length === 0 || other.clouds.length === 0 || overlap(entry.clouds, other.clouds)) &&
  overlap(sortsOf(entry), sortsOf(other)) &&
  canShareContainers(entry.spec.match.containers, other.spec.match.containers) &&
  !areDisjoint(entry.labelRequirements, other.labelRequirements, budget) &&
  !areDisjoint(entry.namespaceRequirements, other.namespaceRequirements, budget);

/** What keys of `inject` come to that is given by others too. */
const SORTS: Readonly<Record<string, readonly string[]>> = {
  proxy: ['env'],
  caBundle: ['env', 'mounts'],
  volumeMounts: ['mounts'],
  configMaps: ['mounts'],
  secrets: ['mounts'],
  initContainers: ['containers'],
  sidecars: ['containers'],
  objectStore: ['objectStore', 'envFrom'],
};

const sortsOf = ({ spec }: Entry): readonly string[] =>
  Object.keys(spec.inject ?? {}).flatMap((key) => SORTS[key] ?? [key]);

const overlap = (some: readonly string[], others: readonly string[]): boolean =>
  some.some((one) => others.includes(one));

/** True where no labels at all could meet both: they want the same key to be two things. */
const areDisjoint = (some: readonly Requirement[], others: readonly Requirement[], budget: Budget): boolean =>
  some.some((one) =>
    others.some((other) => {
      budget.left -= 1;
      if (one.key !== other.key || budget.left <= 0) return false;
      budget.left -= one.values.length * other.values.length;
      return areExclusive(one, other);
    }),
  );
