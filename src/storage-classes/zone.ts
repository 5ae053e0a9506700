import type { CloudVerdict, StorageFacts } from '../api/facts.ts';
import type { StorageClassInjection } from '../api/injection.ts';
import type { TopologySelectorTerm } from '../api/kubernetes.ts';
import { type NameReading, readName, wordsOf } from './class-name.ts';

/** A zone of the cluster that stands in the name of a class, and the words it is made of there. */
interface NamedZone {
  readonly zone: string;
  readonly words: readonly string[];
}

interface ZoneFacts {
  readonly cloud: CloudVerdict;
  readonly storage: Pick<StorageFacts, 'zoneCalled'>;
}

/** As many words as the longest names of zones have (`us-west-2-lax-1a`). */
const MOST_WORDS = 6;

/**
 * The zone that a name asks for: one that nodes have, or that the cluster is known to be in. The longest where there are several,
 * since `eu-west-1a` may be a zone and `1a` too. One of digits alone is no zone to be told from a number.
 */
const zoneIn = ({ words }: Pick<NameReading, 'words'>, { cloud, storage }: ZoneFacts): NamedZone | undefined => {
  const known = cloud.facts['zone']?.value;
  for (let length = Math.min(MOST_WORDS, words.length); length > 0; length -= 1) {
    for (let from = 0; from + length <= words.length; from += 1) {
      const part = words.slice(from, from + length);
      const text = part.join('-');
      const zone = /[a-z]/.test(text) && /\d|-/.test(text) ? zoneCalled(text, known, storage) : undefined;
      if (zone !== undefined) return { zone, words: part };
    }
  }
  return undefined;
};

const zoneCalled = (
  text: string,
  known: string | undefined,
  storage: Pick<StorageFacts, 'zoneCalled'>,
): string | undefined =>
  storage.zoneCalled(text) ??
  (known !== undefined && wordsOf(known.toLowerCase()).join('-') === text ? known : undefined);

/** What the zone in a name comes to. */
interface Placed {
  /** The name's words without the zone. */
  readonly reading: NameReading;
  readonly allowedTopologies?: readonly TopologySelectorTerm[];
  /** The zone, where its driver takes none. */
  readonly denied: readonly string[];
  /** Why the volumes are not kept in the zone though their driver takes one, as part of a sentence. */
  readonly why?: string;
}

interface Placing {
  /** What the driver calls zones by. */
  readonly zoneLabel: string | undefined;
  readonly injected: StorageClassInjection;
  /** Copies stand in more than one zone. */
  readonly isReplicated: boolean;
}

/** The zone that a name asks for, where there is one, as its driver takes it. */
export const placedIn = (reading: NameReading, cluster: ZoneFacts, placing: Placing): Placed => {
  const found = zoneIn(reading, cluster);
  if (found === undefined) return { reading, denied: [] };
  const { zoneLabel, injected } = placing;
  const without = { ...reading, words: reading.words.filter((word) => !found.words.includes(word)) };
  if (injected.allowedTopologies) return { reading: without, denied: [] };
  if (zoneLabel === undefined) return { reading: without, denied: [found.words.join('-')] };
  const why = whyNotIn(found.zone, cluster, placing);
  return why === undefined
    ? { reading: without, denied: [], allowedTopologies: inZone(zoneLabel, found.zone) }
    : { reading: without, denied: [], why };
};

/** A driver refuses a class whose volumes cannot all be in the zone, or makes them elsewhere. */
const whyNotIn = (zone: string, { storage }: ZoneFacts, { injected, isReplicated }: Placing): string | undefined => {
  if (isReplicated) return 'its volumes have copies in more than one zone';
  const elsewhere = Object.entries(injected.parameters ?? {}).find(([, value]) => isBeside(value, [zone], storage));
  return elsewhere && `a PlatformDefaults gives it ${elsewhere.join(' ')}`;
};

/** `allowedTopologies` of a class whose volumes are made in one zone. */
const inZone = (label: string, zone: string): readonly TopologySelectorTerm[] => [
  { matchLabelExpressions: [{ key: label, values: [zone] }] },
];

/**
 * What is known of the cloud where a class keeps its volumes in zones, by its name or as the platform has it: a fact that is another zone
 * of nodes is passed over, since a parameter filled from it wins over `allowedTopologies` (Cinder's `availability`). One that is no zone
 * of nodes stays: such disks can be attached in any.
 */
export const cloudInZone = (
  className: string,
  { cloud, storage }: ZoneFacts,
  { allowedTopologies }: StorageClassInjection = {},
): CloudVerdict => {
  const zones = allowedTopologies
    ? zonesOf(allowedTopologies)
    : [zoneIn(readName(className), { cloud, storage })?.zone ?? []].flat();
  const facts = Object.entries(cloud.facts).filter(([, { value }]) => !isBeside(value, zones, storage));
  return { ...cloud, facts: Object.fromEntries(facts) };
};

const zonesOf = (terms: readonly TopologySelectorTerm[]): readonly string[] =>
  terms.flatMap(({ matchLabelExpressions }) => (matchLabelExpressions ?? []).flatMap(({ values }) => values));

/** True for a zone of nodes that is none of these, where there are any. */
const isBeside = (text: string, zones: readonly string[], storage: Pick<StorageFacts, 'zoneCalled'>): boolean => {
  const zone = zones.length === 0 || zones.includes(text) ? undefined : storage.zoneCalled(text.toLowerCase());
  return zone !== undefined && !zones.includes(zone);
};
