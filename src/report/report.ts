import { setImmediate } from 'node:timers/promises';
import type { KubeObject } from '../api/kubernetes.ts';
import type { PlatformDefaults } from '../api/platform-defaults.ts';
import { type Entry, namespacedName } from '../defaults/entry.ts';
import { tiesOf } from '../defaults/ties.ts';
import type { PreviewCluster } from '../explanation/cluster.ts';
import { giversAmong } from '../explanation/stored.ts';
import { type Examined, examine, type Row, type Standing, unreadable } from './examine.ts';

/** What became of one PlatformDefaults over all objects. */
export interface DefaultsSummary {
  /** `namespace/name`. */
  readonly name: string;
  readonly mode: string;
  /** How many objects it matches, and how many of those it gives anything, or would were it enforced. */
  readonly matched: number;
  readonly won: number;
  /** `invalid`: why. `unmatched`: it matches nothing. `never won`: others, or the objects themselves, say all that it gives. */
  readonly note: 'invalid' | 'unmatched' | 'never won' | undefined;
  /** Sentences: why it is invalid, and with which others it ties. */
  readonly details: readonly string[];
}

export interface Report {
  readonly objects: number;
  readonly rows: readonly Row[];
  readonly defaults: readonly DefaultsSummary[];
}

/** Takes objects one after the other, so that no more than one page of them is ever in memory. */
export interface Reporter {
  readonly add: (stored: KubeObject) => void;
  /** Lets others have their turn meanwhile. */
  readonly finish: () => Promise<Report>;
}

/** A report on stored objects in a cluster. `defaults` with their managed fields, for the times. */
export const createReporter = (cluster: PreviewCluster, defaults: readonly PlatformDefaults[]): Reporter => {
  const rows: Row[] = [];
  const giverOf = giversAmong(defaults);
  const matched = new Map<string, number>();
  const won = new Map<string, number>();
  let objects = 0;
  const examinedOf = (stored: KubeObject): Examined => {
    try {
      return examine(stored, giverOf, cluster);
    } catch (error) {
      return unreadable(stored, error);
    }
  };
  return {
    add: (stored) => {
      objects += 1;
      const examined = examinedOf(stored);
      for (const row of examined.rows) rows.push(row);
      for (const name of examined.matched) matched.set(name, (matched.get(name) ?? 0) + 1);
      for (const name of examined.won) won.set(name, (won.get(name) ?? 0) + 1);
    },
    finish: async () => ({
      objects,
      rows,
      defaults: [
        ...(await converted(cluster.entries, (entry) => summaryOf(entry, cluster, matched, won))),
        ...cluster.invalid.map(({ defaults: { metadata, spec }, violations }) => ({
          name: `${metadata.namespace}/${metadata.name}`,
          mode: spec?.mode ?? 'Default',
          matched: 0,
          won: 0,
          note: 'invalid' as const,
          details: violations,
        })),
      ],
    }),
  };
};

const converted = async <T, R>(list: readonly T[], convert: (item: T) => R): Promise<readonly R[]> => {
  const results: R[] = [];
  for (const item of list) {
    results.push(convert(item));
    await setImmediate();
  }
  return results;
};

type Counts = ReadonlyMap<string, number>;

const summaryOf = (entry: Entry, { entries }: PreviewCluster, matched: Counts, won: Counts): DefaultsSummary => {
  const name = namespacedName(entry);
  const counts = { matched: matched.get(name) ?? 0, won: won.get(name) ?? 0 };
  const details = entry.spec.inject === undefined ? [] : tiesOf(entry, entries);
  return { name, mode: entry.isAudit ? 'Audit' : entry.mode, ...counts, note: noteOn(entry, counts), details };
};

/** What gives objects nothing is for namespaces, or for other defaults. */
const noteOn = (
  { spec }: Entry,
  { matched, won }: Pick<DefaultsSummary, 'matched' | 'won'>,
): DefaultsSummary['note'] => {
  if (spec.inject === undefined) return undefined;
  if (matched === 0) return 'unmatched';
  return won === 0 ? 'never won' : undefined;
};

/** How many objects stand how to one PlatformDefaults in one namespace. */
export interface Group {
  readonly namespace: string;
  readonly defaults: string;
  readonly counts: Readonly<Record<Standing, number>>;
}

/** By namespace, then by PlatformDefaults. */
export const groupsOf = (rows: readonly Row[]): readonly Group[] =>
  [...Map.groupBy(rows, ({ namespace, defaults }) => `${namespace} ${defaults}`)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, list]) => {
      const [first] = list;
      if (first === undefined) return [];
      const count = (standing: Standing): number => list.filter((row) => row.standing === standing).length;
      const counts = {
        has: count('has'),
        complies: count('complies'),
        lacks: count('lacks'),
        outdated: count('outdated'),
        edited: count('edited'),
        forged: count('forged'),
        refused: count('refused'),
        audited: count('audited'),
        unreadable: count('unreadable'),
      };
      return [{ namespace: first.namespace, defaults: first.defaults, counts }];
    });

/** True where an object is as a default would have it. */
export const isFine = ({ standing }: Pick<Row, 'standing'>): boolean => standing === 'has' || standing === 'complies';

/** Everything that is not as the defaults would have it, and what would be otherwise were all that is audited enforced. */
export const findingsOf = ({ rows }: Report): readonly Row[] => rows.filter((row) => !isFine(row));
