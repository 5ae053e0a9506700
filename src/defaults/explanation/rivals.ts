import type { Outcome } from '../../api/admission.ts';
import { AT_POD, compareEntries, type Entry, hasEqualPrecedence, namespacedName } from '../entry.ts';
import type { Item } from './items.ts';

/** Who gives a value that another gives too, where that is known, and what. */
export interface Rival {
  readonly rival: Entry | undefined;
  readonly over: unknown;
}

/** Who won a value in some container, each once: in one where the winner is not for it another one wins. */
export const rivalsOf = (
  { id }: Item,
  entry: Entry,
  {
    inContainers,
    byTitle,
  }: {
    readonly inContainers: () => ReadonlyMap<string, readonly Outcome[]>;
    readonly byTitle: ReadonlyMap<string, Entry>;
  },
): readonly Rival[] => {
  const at = id.indexOf(' ');
  const place = id.slice(0, Math.max(at, 0)).replaceAll('/', '.');
  const won = (inContainers().get(id.slice(at + 1)) ?? []).filter(({ field }) => field.endsWith(place));
  return [...Map.groupBy(won, ({ by }) => by)].flatMap(([title, [first]]) => {
    const rival = byTitle.get(title);
    return rival === undefined || first === undefined || compareEntries(rival, entry) >= 0
      ? []
      : [{ rival, over: first.value }];
  });
};

export const whyLost = (rival: Entry | undefined, entry: Entry): string =>
  rival === undefined ? 'another gives it' : `${namespacedName(rival)} gives it and ${whyItWins(rival, entry)}`;

/** Why of two matching entries one wins, as docs/platform-defaults.md has it. */
const whyItWins = (winner: Entry, loser: Entry): string => {
  if (hasEqualPrecedence(winner, loser)) return 'comes first by its name alone';
  const at = winner.precedence.findIndex((rank, index) => rank !== loser.precedence[index]);
  if (at === 0)
    return winner.mode === loser.mode ? `is ${winner.isGlobal ? 'global' : "the namespace's own"}` : 'is enforced';
  return (
    [
      '',
      'asks for more labels',
      'asks for more labels of the namespace',
      `names ${namedBeyond(winner, loser)}`,
      'has the higher priority',
    ][at] ?? 'is more specific'
  );
};

/** What of pods one names and the other does not. */
const namedBeyond = (winner: Entry, loser: Entry): string => {
  const others = namedBy(loser);
  return namedBy(winner)
    .filter((what) => !others.includes(what))
    .join(' and ');
};

const namedBy = ({ precedence, owner, containers }: Entry): readonly string[] => {
  const besides = [...(owner === undefined ? [] : ['an owner']), ...(containers === undefined ? [] : ['containers'])];
  return (precedence[AT_POD] ?? 0) > besides.length ? ['a framework', ...besides] : besides;
};
