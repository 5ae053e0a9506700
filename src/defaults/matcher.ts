import type { Requirement } from '../api/admission.ts';
import type { DefaultsTarget, TargetKind } from '../api/injection.ts';
import type { StringMap } from '../api/kubernetes.ts';
import { compareEntries, type Entry, entryFor, meetsAll } from './entry.ts';

/** An entry that a matcher holds. The number is never given to another, so that what is made of some can be told by their numbers. */
export interface Posted {
  readonly id: number;
  readonly entry: Entry;
  /** What an entry that names every pod besides is for the other kinds. */
  readonly named?: Posted;
}

/** Finds the entries that match an object. What a change costs follows from the entry alone, however many others there are. */
export interface Matcher {
  readonly add: (entry: Entry) => void;
  /** The very one that was added; nothing where it was not. */
  readonly remove: (entry: Entry) => void;
  /** Best first. */
  readonly match: (target: DefaultsTarget) => readonly Posted[];
}

/**
 * An inverted index: each entry is posted under the one label (or namespace label, or cloud) it needs that fewest other entries
 * needed when it came; an object is looked up by the labels it has. What is posted elsewhere is never looked at.
 */
export const createMatcher = (): Matcher => {
  const partitions = new Map<string, Partition>();
  const frequencies = createFrequencies();
  const places = new Map<Entry, Place>();
  let lastId = 0;
  return {
    add: (entry) => {
      const terms = termsOf(entry);
      lastId += 1;
      const place = { posted: postedAs(entry, lastId), term: mostSelective(terms, frequencies.of) };
      frequencies.count(terms, 1);
      places.set(entry, place);
      for (const name of partitionsOf(entry)) addPosting(getOrAdd(partitions, name, emptyPartition), place);
    },
    remove: (entry) => {
      const place = places.get(entry);
      if (place === undefined) return;
      places.delete(entry);
      frequencies.count(termsOf(entry), -1);
      for (const name of partitionsOf(entry)) removePosting(partitions, name, place);
    },
    match: (target) => matchIn(partitions, target),
  };
};

const postedAs = (entry: Entry, id: number): Posted =>
  entry.named === undefined ? { id, entry } : { id, entry, named: { id: -id, entry: entry.named } };

/** Where an entry is posted in each of its partitions. Undefined: with those that ask for nothing that could be looked up. */
interface Place {
  readonly posted: Posted;
  readonly term: Term | undefined;
}

const matchIn = (partitions: ReadonlyMap<string, Partition>, target: DefaultsTarget): readonly Posted[] => {
  const { labels, namespaceLabels, cloud, namespace, kind } = target;
  const dimensionValues: DimensionValues = {
    label: labels,
    namespaceLabel: namespaceLabels,
    cloud: { [CLOUD]: cloud },
  };
  const found: Posted[] = [];
  const lookUpKind = (name: string): void => {
    lookUp(partitions.get(partitionKey(name, ALL_NAMESPACES)), dimensionValues, found);
    lookUp(partitions.get(partitionKey(name, namespace)), dimensionValues, found);
  };
  lookUpKind(kind);
  const isOfEveryPod = target.pod !== undefined && kind !== EVERY_POD;
  if (isOfEveryPod) lookUpKind(EVERY_POD);
  const matching = found
    .filter(({ entry }) => isMatch(entry, target))
    .map((posted) => (entryFor(posted.entry, kind) === posted.entry ? posted : (posted.named ?? posted)))
    .sort((a, b) => compareEntries(a.entry, b.entry));
  // An entry may name both kinds.
  return isOfEveryPod ? matching.filter((posted, index) => posted !== matching[index - 1]) : matching;
};

type Dimension = 'label' | 'namespaceLabel' | 'cloud';
type DimensionValues = Readonly<Record<Dimension, StringMap>>;

const DIMENSIONS: readonly Dimension[] = ['label', 'namespaceLabel', 'cloud'];
const CLOUD = 'cloud';
/** The partition of global entries; no namespace can be called that. */
const ALL_NAMESPACES = '*';
const EVERY_POD: TargetKind = 'Pod';

/** What must be there for an entry to match: a key of one dimension, with one of these values or with any. */
interface Term {
  readonly dimension: Dimension;
  readonly key: string;
  readonly values: readonly string[] | undefined;
}

interface Postings {
  readonly any: Set<Posted>;
  readonly byValue: Map<string, Set<Posted>>;
}

interface Partition {
  readonly unconditional: Set<Posted>;
  readonly byTerm: Readonly<Record<Dimension, Map<string, Postings>>>;
}

const partitionKey = (kind: string, namespace: string): string => `${kind}/${namespace}`;

const partitionsOf = ({ spec, isGlobal, source }: Entry): ReadonlySet<string> =>
  new Set(spec.match.kinds.map((kind) => partitionKey(kind, isGlobal ? ALL_NAMESPACES : source.namespace)));

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
const createFrequencies = () => {
  const frequencies = new Map<string, number>();
  return {
    count: (terms: readonly Term[], step: 1 | -1): void => {
      for (const name of terms.flatMap(namesOf)) {
        const count = (frequencies.get(name) ?? 0) + step;
        if (count === 0) frequencies.delete(name);
        else frequencies.set(name, count);
      }
    },
    of: (term: Term): number => namesOf(term).reduce((sum, name) => sum + (frequencies.get(name) ?? 0), 0),
  };
};

const namesOf = ({ dimension, key, values = [''] }: Term): readonly string[] =>
  values.map((value) => `${dimension} ${key} ${value}`);

const mostSelective = (terms: readonly Term[], frequencyOf: (term: Term) => number): Term | undefined => {
  if (terms.length < 2) return terms[0];
  const counted = terms.map((term) => ({ term, frequency: frequencyOf(term) }));
  return counted.reduce((least, one) => (one.frequency < least.frequency ? one : least)).term;
};

const emptyPartition = (): Partition => ({
  unconditional: new Set(),
  byTerm: { label: new Map(), namespaceLabel: new Map(), cloud: new Map() },
});

const addPosting = (partition: Partition, { posted, term }: Place): void => {
  if (term === undefined) {
    partition.unconditional.add(posted);
    return;
  }
  const postings = getOrAdd(partition.byTerm[term.dimension], term.key, emptyPostings);
  if (term.values === undefined) postings.any.add(posted);
  for (const value of term.values ?? []) getOrAdd(postings.byValue, value, () => new Set<Posted>()).add(posted);
};

const emptyPostings = (): Postings => ({ any: new Set(), byValue: new Map() });

/** Leaves nothing empty behind: whoever chooses labels could have as much of that as they like. */
const removePosting = (partitions: Map<string, Partition>, name: string, { posted, term }: Place): void => {
  const partition = partitions.get(name);
  if (partition === undefined) return;
  partition.unconditional.delete(posted);
  if (term !== undefined) removeFromTerm(partition.byTerm[term.dimension], term, posted);
  const isEmpty = DIMENSIONS.every((dimension) => partition.byTerm[dimension].size === 0);
  if (isEmpty && partition.unconditional.size === 0) partitions.delete(name);
};

const removeFromTerm = (byKey: Map<string, Postings>, { key, values = [] }: Term, posted: Posted): void => {
  const postings = byKey.get(key);
  if (postings === undefined) return;
  postings.any.delete(posted);
  for (const value of values) {
    const withValue = postings.byValue.get(value);
    withValue?.delete(posted);
    if (withValue?.size === 0) postings.byValue.delete(value);
  }
  if (postings.any.size === 0 && postings.byValue.size === 0) byKey.delete(key);
};

const lookUp = (partition: Partition | undefined, dimensionValues: DimensionValues, found: Posted[]): void => {
  if (partition === undefined) return;
  addTo(found, partition.unconditional);
  for (const dimension of DIMENSIONS) {
    const byKey = partition.byTerm[dimension];
    if (byKey.size > 0) lookUpTerms(byKey, dimensionValues[dimension], found);
  }
};

const lookUpTerms = (byKey: ReadonlyMap<string, Postings>, labels: StringMap, found: Posted[]): void => {
  for (const key of Object.keys(labels)) {
    const postings = byKey.get(key);
    if (postings === undefined) continue;
    addTo(found, postings.any);
    addTo(found, postings.byValue.get(labels[key] ?? ''));
  }
};

const addTo = (found: Posted[], some: Iterable<Posted> = []): void => {
  for (const posted of some) found.push(posted);
};

const isMatch = (entry: Entry, target: DefaultsTarget): boolean => {
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
