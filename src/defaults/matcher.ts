import type { Requirement } from '../api/admission.ts';
import type { DefaultsTarget, TargetKind } from '../api/injection.ts';
import type { StringMap } from '../api/kubernetes.ts';
import { type Entry, meetsAll } from './entry.ts';

/** Finds the entries that match an object, as positions in the list the matcher was made from, ascending. */
export type Matcher = (target: DefaultsTarget) => readonly number[];

/**
 * An inverted index: each entry is posted under the one label (or namespace label, or cloud) it needs that fewest other entries need;
 * an object is looked up by the labels it has. What is posted elsewhere is never looked at.
 */
export const createMatcher = (entries: readonly Entry[]): Matcher => {
  const partitions = buildPartitions(entries);
  return (target) => {
    const { labels, namespaceLabels, cloud, namespace, kind } = target;
    const dimensionValues: DimensionValues = {
      label: labels,
      namespaceLabel: namespaceLabels,
      cloud: { [CLOUD]: cloud },
    };
    const lookUpKind = (name: string): readonly number[] => [
      ...lookUp(partitions.get(partitionKey(name, ALL_NAMESPACES)), dimensionValues),
      ...lookUp(partitions.get(partitionKey(name, namespace)), dimensionValues),
    ];
    const ofEveryPod = target.pod === undefined || kind === EVERY_POD ? NONE : lookUpKind(EVERY_POD);
    const found = lookUpKind(kind)
      .concat(ofEveryPod)
      .filter((at) => isMatch(entries[at], target))
      .sort((a, b) => a - b);
    // An entry may name both kinds.
    return ofEveryPod.length === 0 ? found : found.filter((at, index) => at !== found[index - 1]);
  };
};

type Dimension = 'label' | 'namespaceLabel' | 'cloud';
type DimensionValues = Readonly<Record<Dimension, StringMap>>;

const DIMENSIONS: readonly Dimension[] = ['label', 'namespaceLabel', 'cloud'];
const CLOUD = 'cloud';
/** The partition of global entries; no namespace can be called that. */
const ALL_NAMESPACES = '*';
const EVERY_POD: TargetKind = 'Pod';
const NONE: readonly number[] = [];

/** What must be there for an entry to match: a key of one dimension, with one of these values or with any. */
interface Term {
  readonly dimension: Dimension;
  readonly key: string;
  readonly values: readonly string[] | undefined;
}

interface Postings {
  readonly any: number[];
  readonly byValue: Map<string, number[]>;
}

interface Partition {
  readonly unconditional: number[];
  readonly byTerm: Readonly<Record<Dimension, Map<string, Postings>>>;
}

const partitionKey = (kind: string, namespace: string): string => `${kind}/${namespace}`;

const buildPartitions = (entries: readonly Entry[]): ReadonlyMap<string, Partition> => {
  const frequencies = countFrequencies(entries);
  const partitions = new Map<string, Partition>();
  entries.forEach((entry, at) => {
    const term = mostSelective(termsOf(entry), frequencies);
    for (const kind of entry.spec.match.kinds) {
      const name = partitionKey(kind, entry.isGlobal ? ALL_NAMESPACES : entry.source.namespace);
      addPosting(getOrAdd(partitions, name, emptyPartition), term, at);
    }
  });
  return partitions;
};

const termsOf = (entry: Entry): readonly Term[] => [
  ...entry.labelRequirements.flatMap((requirement) => termOf('label', requirement)),
  ...entry.namespaceRequirements.flatMap((requirement) => termOf('namespaceLabel', requirement)),
  ...(entry.clouds.length > 0 ? [{ dimension: 'cloud' as const, key: CLOUD, values: entry.clouds }] : []),
];

/** Only what asks for presence can be looked up; NotIn and DoesNotExist hold for objects without the label. */
const termOf = (dimension: Dimension, { key, operator, values }: Requirement): readonly Term[] => {
  if (operator === 'In') return [{ dimension, key, values: [...new Set(values)] }];
  return operator === 'Exists' ? [{ dimension, key, values: undefined }] : [];
};

/** How many entries each key, and each value of it, is needed by. */
const countFrequencies = (entries: readonly Entry[]): ReadonlyMap<string, number> => {
  const frequencies = new Map<string, number>();
  for (const name of entries.flatMap(termsOf).flatMap(namesOf)) frequencies.set(name, (frequencies.get(name) ?? 0) + 1);
  return frequencies;
};

const namesOf = ({ dimension, key, values = [''] }: Term): readonly string[] =>
  values.map((value) => `${dimension} ${key} ${value}`);

const mostSelective = (terms: readonly Term[], frequencies: ReadonlyMap<string, number>): Term | undefined => {
  if (terms.length < 2) return terms[0];
  const frequencyOf = (term: Term): number =>
    namesOf(term).reduce((sum, name) => sum + (frequencies.get(name) ?? 0), 0);
  return terms.toSorted((a, b) => frequencyOf(a) - frequencyOf(b))[0];
};

const emptyPartition = (): Partition => ({
  unconditional: [],
  byTerm: { label: new Map(), namespaceLabel: new Map(), cloud: new Map() },
});

const addPosting = (partition: Partition, term: Term | undefined, at: number): void => {
  if (term === undefined) {
    partition.unconditional.push(at);
    return;
  }
  const postings = getOrAdd(partition.byTerm[term.dimension], term.key, () => ({ any: [], byValue: new Map() }));
  if (term.values === undefined) postings.any.push(at);
  for (const value of term.values ?? []) getOrAdd(postings.byValue, value, () => []).push(at);
};

const lookUp = (partition: Partition | undefined, dimensionValues: DimensionValues): readonly number[] => {
  if (partition === undefined) return [];
  const found = [...partition.unconditional];
  for (const dimension of DIMENSIONS) {
    if (partition.byTerm[dimension].size === 0) continue;
    for (const [key, value] of Object.entries(dimensionValues[dimension])) {
      const postings = partition.byTerm[dimension].get(key);
      if (postings !== undefined) found.push(...postings.any, ...(postings.byValue.get(value) ?? []));
    }
  }
  return found;
};

const isMatch = (entry: Entry | undefined, target: DefaultsTarget): boolean => {
  if (entry === undefined) return false;
  if (target.isDisabled && !(entry.isGlobal && entry.mode === 'Enforce')) return false;
  if (entry.clouds.length > 0 && !entry.clouds.includes(target.cloud)) return false;
  if (entry.owner !== undefined && target.pod?.owners.has(entry.owner) !== true) return false;
  return (
    meetsAll(entry.labelRequirements, target.labels) && meetsAll(entry.namespaceRequirements, target.namespaceLabels)
  );
};

const getOrAdd = <K, V>(items: Map<K, V>, key: K, make: () => V): V => {
  const existing = items.get(key);
  if (existing !== undefined) return existing;
  const created = make();
  items.set(key, created);
  return created;
};
