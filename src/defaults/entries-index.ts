import type { DefaultsIndex } from '../api/injection.ts';
import type { PlatformDefaults } from '../api/platform-defaults.ts';
import { titleOf } from '../injection/edit.ts';
import { shareOf } from './containers.ts';
import { type DefaultsOptions, type Entry, entryOf, givesAnything } from './entry.ts';
import { createMatcher, type Posted } from './matcher.ts';
import { createResolver, NOTHING } from './resolution.ts';

/**
 * The entries in force, indexed. What a change costs follows from the entry: a tenant changes theirs as often as they like, and
 * decisions for everybody else go on with what was made for them.
 */
export interface EntriesIndex {
  readonly add: (entry: Entry) => void;
  /** The very one that was added. */
  readonly remove: (entry: Entry) => void;
  /** What decisions are made from, as it is at each moment; another one after a change. */
  readonly view: () => DefaultsIndex;
}

export const createEntriesIndex = (): EntriesIndex => {
  const matcher = createMatcher();
  const resolve = createResolver();
  const claims = createClaimNames();
  const audited = new Map<string, boolean>();
  let size = 0;
  let view: DefaultsIndex | undefined;
  const count = (entry: Entry, step: 1 | -1): void => {
    size += step;
    claims.count(entry, step);
    view = undefined;
  };
  const viewOf = (find: typeof matcher.match, entries: number): DefaultsIndex => ({
    resolve: (target) => resolve(target, find(target))?.injection,
    resolveContainers: (target) => {
      const resolution = resolve(target, find(target));
      return (container) => resolution?.sharedBy(({ containers }) => shareOf(container, containers)) ?? NOTHING;
    },
    provisionsClaim: claims.has,
    size: entries,
  });
  return {
    add: (entry) => {
      if (givesAnything(entry)) matcher.add(entry);
      if (entry.isAudit) audited.set(auditTitle(entry), entry.spec.auditWarnings === true);
      count(entry, 1);
    },
    remove: (entry) => {
      matcher.remove(entry);
      if (entry.isAudit) audited.delete(auditTitle(entry));
      count(entry, -1);
    },
    view: () => {
      view ??=
        audited.size === 0
          ? viewOf(matcher.match, size)
          : {
              ...viewOf((target) => matcher.match(target).filter(isInForce), size - audited.size),
              audit: { index: viewOf(matcher.match, size), sources: audited },
            };
      return view;
    },
  };
};

/**
 * Indexes PlatformDefaults that `validateDefaults` found nothing wrong with, in any order. One in the system
 * namespace, or without a namespace, is global.
 */
export const indexDefaults = (list: readonly PlatformDefaults[], options: DefaultsOptions): DefaultsIndex =>
  indexEntries(list.map((defaults) => entryOf(defaults, options)));

/** The same for entries that were read before. */
export const indexEntries = (entries: readonly Entry[]): DefaultsIndex => {
  const index = createEntriesIndex();
  for (const entry of entries) index.add(entry);
  return index.view();
};

const isInForce = ({ entry }: Posted): boolean => !entry.isAudit;

const auditTitle = ({ source }: Entry): string => `PlatformDefaults ${titleOf(source)}`;

/** The claims that entries provision, by name; one with a variable in its name may be any. */
const createClaimNames = () => {
  const names = new Map<string, number>();
  let variable = 0;
  return {
    count: ({ spec }: Entry, step: 1 | -1): void => {
      for (const { name } of spec.provision?.persistentVolumeClaims ?? []) {
        const count = (names.get(name) ?? 0) + step;
        if (count === 0) names.delete(name);
        else names.set(name, count);
        if (name.includes('${')) variable += step;
      }
    },
    has: (name: string): boolean => variable > 0 || names.has(name),
  };
};
