import type { ClassVocabulary, Tier } from '../api/facts.ts';
import type { StorageClass } from '../api/kubernetes.ts';
import { nearestOf } from '../api/plain-text.ts';

/** What the words of a class's name ask for, on any cloud. */
export interface NameReading {
  readonly words: readonly string[];
  /** The words between dashes, one before and one after, for `holdsPhrase`. */
  readonly joined: string;
  readonly tier: Tier;
  readonly reclaimPolicy?: NonNullable<StorageClass['reclaimPolicy']>;
  readonly volumeBindingMode?: NonNullable<StorageClass['volumeBindingMode']>;
  readonly fsType?: string;
  readonly isEncrypted: boolean;
  readonly isExpandable: boolean;
  /** Copies in more than one zone. */
  readonly isReplicated: boolean;
  /** For many nodes, whatever mode the first claim asks for. */
  readonly isShared: boolean;
}

/** Words that ask for a tier, where the name has no type of the cloud. */
export const TIER_WORDS: Readonly<Record<string, Tier>> = {
  standard: 'basic',
  ssd: 'ssd',
  nvme: 'ssd',
  fast: 'fast',
  premium: 'fast',
  performance: 'fast',
  hdd: 'slow',
  slow: 'slow',
  magnetic: 'slow',
  cold: 'cold',
  archive: 'cold',
};

/** Words that ask for one field of the class, with what they ask. */
export const FIELD_WORDS = {
  retain: 'reclaimPolicy Retain: the volume stays when its claim goes',
  delete: 'reclaimPolicy Delete',
  xfs: 'file system xfs',
  ext4: 'file system ext4',
  immediate: 'volumeBindingMode Immediate',
  wait: 'volumeBindingMode WaitForFirstConsumer',
  wffc: 'volumeBindingMode WaitForFirstConsumer',
  encrypted: 'encryption at rest',
  regional: 'copies in more than one zone',
  regionalpd: 'copies in more than one zone',
  zrs: 'copies in more than one zone',
  zonal: 'copies in one zone',
  lrs: 'copies in one zone',
  expandable: 'allowVolumeExpansion',
  shared: 'storage for many nodes, whatever mode the first claim asks for',
  rwx: 'storage for many nodes, whatever mode the first claim asks for',
} as const;

type FieldWord = keyof typeof FIELD_WORDS;

/** Words that say what anything called a class is, and so nothing of how it is to be. */
const SILENT_WORDS = new Set(
  ['class', 'storageclass', 'storage', 'sc', 'csi', 'volume', 'volumes', 'vol', 'pv', 'pvc', 'block', 'disk', 'file']
    .concat([
      'share',
      'data',
      'default',
      'rwo',
      'rwop',
      'rox',
      'quartermaster',
      'nfs',
      'calrissian',
      'managed',
      'provisioner',
    ])
    .concat(['balanced', 'general', 'purpose', 'cloud']),
);

export const wordsOf = (className: string): readonly string[] =>
  className.split(/[^a-z0-9]+/).filter((word) => word !== '');

export const readName = (className: string): NameReading => {
  const words = wordsOf(className);
  const has = (...asked: readonly FieldWord[]): boolean => asked.some((word) => words.includes(word));
  const reclaimPolicy = has('retain') ? 'Retain' : has('delete') ? 'Delete' : undefined;
  const volumeBindingMode = has('wait', 'wffc') ? 'WaitForFirstConsumer' : has('immediate') ? 'Immediate' : undefined;
  const fsType = words.find((word) => word === 'xfs' || word === 'ext4');
  return {
    words,
    joined: `-${words.join('-')}-`,
    tier: tierOf(words),
    // A disk that stays can still be deleted; one that went cannot be had back.
    ...(reclaimPolicy && { reclaimPolicy }),
    ...(volumeBindingMode && { volumeBindingMode }),
    ...(fsType && { fsType }),
    isEncrypted: has('encrypted'),
    isExpandable: has('expandable'),
    isReplicated: has('regional', 'regionalpd', 'zrs'),
    isShared: has('shared', 'rwx'),
  };
};

/** By the first word that asks for one; "standard" is what many names begin with that then say more. */
const tierOf = (words: readonly string[]): Tier => {
  const tiers = words.flatMap((word) => (Object.hasOwn(TIER_WORDS, word) ? [TIER_WORDS[word] ?? 'standard'] : []));
  return tiers.find((tier) => tier !== 'basic') ?? tiers[0] ?? 'standard';
};

/** The longest of these phrases that the name holds. */
export const longestPhrase = (
  { joined }: Pick<NameReading, 'joined'>,
  phrases: Iterable<string>,
): string | undefined => {
  let longest: string | undefined;
  for (const phrase of phrases) {
    if (phrase.length > (longest?.length ?? 0) && joined.includes(`-${phrase}-`)) longest = phrase;
  }
  return longest;
};

/**
 * What a person should be told of a name's words that nobody reads, on this cloud or any other; undefined where nothing is to be
 * told. Teams and purposes stand in names beside the word that decides: such words are silent, unless they are nearly one that
 * is read. A name of which nothing at all is read asks for the cloud's standard, which its author may not know.
 */
export const unreadNote = (reading: NameReading, vocabulary: ClassVocabulary | undefined): string | undefined => {
  const unread = unreadWords(reading, vocabulary);
  if (vocabulary === undefined || unread.length === 0) return undefined;
  const known = [...Object.keys(TIER_WORDS), ...Object.keys(FIELD_WORDS), ...vocabulary.words];
  const misspelt = unread.flatMap((word) => {
    const meant = meantBy(word, known);
    return meant === undefined ? [] : [`nothing is read from “${word}”: if “${meant}” is meant, write that`];
  });
  if (misspelt.length > 0) return `${misspelt.slice(0, MOST_TOLD).join('; ')}.`;
  const isDecided = reading.words.some((word) => word.includes('nfs') || word === 'calrissian' || known.includes(word));
  return isDecided
    ? undefined
    : 'nothing is read from its name, so that it is the standard of this cluster; docs/storage-classes.md lists the words that are read.';
};

const MOST_TOLD = 3;
/** The first letter people get right (`gold` is no misspelt `cold`); short words are near to too many but for letters in another order. */
const meantBy = (word: string, known: readonly string[]): string | undefined =>
  nearestOf(
    word,
    known.filter(
      (each) => each[0] === word[0] && (Math.min(each.length, word.length) > 4 || sorted(each) === sorted(word)),
    ),
  );

const sorted = (word: string): string => [...word].sort().join('');

/** The words of a name that nobody reads, on this cloud or any other. Without a vocabulary none is. */
const unreadWords = (
  { words }: Pick<NameReading, 'words'>,
  vocabulary: ClassVocabulary | undefined,
): readonly string[] =>
  vocabulary === undefined ? [] : [...new Set(words)].filter((word) => !isRead(word) && !vocabulary.words.has(word));

/** True of a phrase whose every word says the same on any cloud. */
export const isKnownEverywhere = (phrase: string): boolean => wordsOf(phrase).every(isRead);

const isRead = (word: string): boolean =>
  SILENT_WORDS.has(word) ||
  Object.hasOwn(TIER_WORDS, word) ||
  Object.hasOwn(FIELD_WORDS, word) ||
  word.includes('nfs') ||
  /^v?\d+$/.test(word);
