import type { CloudVerdict, StorageFacts } from '../api/facts.ts';
import type { TopologySelectorTerm } from '../api/kubernetes.ts';
import { type NameReading, wordsOf } from './class-name.ts';

/** A zone of the cluster that stands in the name of a class, and the words it is made of there. */
export interface NamedZone {
  readonly zone: string;
  readonly words: readonly string[];
}

/** As many words as the longest names of zones have (`us-west-2-lax-1a`). */
const MOST_WORDS = 6;

/**
 * The zone that a name asks for: one that nodes have, or that the cluster is known to be in. The longest where there are several,
 * since `eu-west-1a` may be a zone and `1a` too. One of digits alone is no zone to be told from a number.
 */
export const zoneIn = (
  { words }: Pick<NameReading, 'words'>,
  { cloud, storage }: { readonly cloud: CloudVerdict; readonly storage: Pick<StorageFacts, 'zoneCalled'> },
): NamedZone | undefined => {
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

/** `allowedTopologies` of a class whose volumes are made in one zone. `label` is what its driver calls zones by. */
export const inZone = (label: string, zone: string): readonly TopologySelectorTerm[] => [
  { matchLabelExpressions: [{ key: label, values: [zone] }] },
];
