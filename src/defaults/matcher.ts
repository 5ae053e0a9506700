import type { DefaultsTarget } from '../api/injection.ts';
import type { StringMap } from '../api/kubernetes.ts';
import type { Entry } from './entry.ts';
import { meetsAll, type Requirement } from './selector.ts';

/** Finds the entries that match an object, as positions in the list the matcher was made from, ascending. */
export type Matcher = (target: DefaultsTarget) => readonly number[];

/**
 * Each entry is filed under the one label (or namespace label, or cloud) it needs that fewest other entries need;
 * an object is looked up by the labels it has. What is filed elsewhere is never looked at.
 */
export const createMatcher = (entries: readonly Entry[]): Matcher => {
  const drawers = fileAll(entries);
  return (target) => {
    const { labels, namespaceLabels, cloud, namespace, kind } = target;
    const sides: Sides = { label: labels, namespaceLabel: namespaceLabels, cloud: { [CLOUD]: cloud } };
    const found = [
      ...lookUp(drawers.get(drawerName(kind, EVERYWHERE)), sides),
      ...lookUp(drawers.get(drawerName(kind, namespace)), sides),
    ];
    return found.filter((at) => isMatch(entries[at], target)).sort((a, b) => a - b);
  };
};

type Side = 'label' | 'namespaceLabel' | 'cloud';
type Sides = Readonly<Record<Side, StringMap>>;

const SIDES: readonly Side[] = ['label', 'namespaceLabel', 'cloud'];
const CLOUD = 'cloud';
/** Where global entries are filed; no namespace can be called that. */
const EVERYWHERE = '*';

/** What must be there for an entry to match: a key of one side, with one of these values or with any. */
interface Anchor {
  readonly side: Side;
  readonly key: string;
  readonly values: readonly string[] | undefined;
}

interface Postings {
  readonly any: number[];
  readonly byValue: Map<string, number[]>;
}

interface Drawer {
  readonly always: number[];
  readonly anchored: Readonly<Record<Side, Map<string, Postings>>>;
}

const drawerName = (kind: string, namespace: string): string => `${kind}/${namespace}`;

const fileAll = (entries: readonly Entry[]): ReadonlyMap<string, Drawer> => {
  const demand = countDemand(entries);
  const drawers = new Map<string, Drawer>();
  entries.forEach((entry, at) => {
    const anchor = rarest(anchorsOf(entry), demand);
    for (const kind of entry.spec.match.kinds) {
      const name = drawerName(kind, entry.isGlobal ? EVERYWHERE : entry.source.namespace);
      file(getOrAdd(drawers, name, emptyDrawer), anchor, at);
    }
  });
  return drawers;
};

const anchorsOf = (entry: Entry): readonly Anchor[] => [
  ...entry.onLabels.flatMap((requirement) => anchorOf('label', requirement)),
  ...entry.onNamespace.flatMap((requirement) => anchorOf('namespaceLabel', requirement)),
  ...(entry.clouds.length > 0 ? [{ side: 'cloud' as const, key: CLOUD, values: entry.clouds }] : []),
];

/** Only what asks for presence can be looked up; NotIn and DoesNotExist hold for objects without the label. */
const anchorOf = (side: Side, { key, operator, values }: Requirement): readonly Anchor[] => {
  if (operator === 'In') return [{ side, key, values: [...new Set(values)] }];
  return operator === 'Exists' ? [{ side, key, values: undefined }] : [];
};

/** How many entries each key, and each value of it, is needed by. */
const countDemand = (entries: readonly Entry[]): ReadonlyMap<string, number> => {
  const demand = new Map<string, number>();
  for (const name of entries.flatMap(anchorsOf).flatMap(namesOf)) demand.set(name, (demand.get(name) ?? 0) + 1);
  return demand;
};

const namesOf = ({ side, key, values = [''] }: Anchor): readonly string[] =>
  values.map((value) => `${side} ${key} ${value}`);

const rarest = (anchors: readonly Anchor[], demand: ReadonlyMap<string, number>): Anchor | undefined => {
  if (anchors.length < 2) return anchors[0];
  const costOf = (anchor: Anchor): number => namesOf(anchor).reduce((sum, name) => sum + (demand.get(name) ?? 0), 0);
  return anchors.toSorted((a, b) => costOf(a) - costOf(b))[0];
};

const emptyDrawer = (): Drawer => ({
  always: [],
  anchored: { label: new Map(), namespaceLabel: new Map(), cloud: new Map() },
});

const file = (drawer: Drawer, anchor: Anchor | undefined, at: number): void => {
  if (anchor === undefined) {
    drawer.always.push(at);
    return;
  }
  const postings = getOrAdd(drawer.anchored[anchor.side], anchor.key, () => ({ any: [], byValue: new Map() }));
  if (anchor.values === undefined) postings.any.push(at);
  for (const value of anchor.values ?? []) getOrAdd(postings.byValue, value, () => []).push(at);
};

const lookUp = (drawer: Drawer | undefined, sides: Sides): readonly number[] => {
  if (drawer === undefined) return [];
  const found = [...drawer.always];
  for (const side of SIDES) {
    if (drawer.anchored[side].size === 0) continue;
    for (const [key, value] of Object.entries(sides[side])) {
      const postings = drawer.anchored[side].get(key);
      if (postings !== undefined) found.push(...postings.any, ...(postings.byValue.get(value) ?? []));
    }
  }
  return found;
};

const isMatch = (entry: Entry | undefined, target: DefaultsTarget): boolean => {
  if (entry === undefined) return false;
  if (target.isDisabled && !(entry.isGlobal && entry.mode === 'Enforce')) return false;
  if (entry.clouds.length > 0 && !entry.clouds.includes(target.cloud)) return false;
  return meetsAll(entry.onLabels, target.labels) && meetsAll(entry.onNamespace, target.namespaceLabels);
};

const getOrAdd = <K, V>(items: Map<K, V>, key: K, make: () => V): V => {
  const held = items.get(key);
  if (held !== undefined) return held;
  const made = make();
  items.set(key, made);
  return made;
};
