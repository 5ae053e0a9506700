import { distance } from 'fastest-levenshtein';

/** Characters of a name that is logged or remembered: those of the longest valid one. */
export const MAX_NAME_LENGTH = 253;
/** Characters of a sentence that is sent or logged; kubectl shows a quarter of that. */
const MAX_SENTENCE_LENGTH = 1_000;
const MAX_SENTENCES = 50;

const CONTROL = /[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu;

/**
 * Text that is safe to show on a terminal and no longer than `most`. Mutation comes before validation: what it is made of may
 * be as long as its author liked, hold escape sequences, and be no text at all: that is empty.
 */
export const plainText = (text: unknown, most: number): string => {
  if (typeof text !== 'string') return '';
  const short = text.length <= most ? text : `${text.slice(0, most - 1)}…`;
  return short.replace(CONTROL, '\uFFFD');
};

/** Sentences as they are sent along with an answer: each plain, and no more of them than anybody reads. */
export const plainSentences = (sentences: readonly string[]): readonly string[] => {
  const first = sentences.slice(0, MAX_SENTENCES).map((sentence) => plainText(sentence, MAX_SENTENCE_LENGTH));
  const left = sentences.length - first.length;
  return left === 0 ? first : [...first, `${left} more were left out.`];
};

/** The known word that a wrong one was probably meant to be: the same in other case, or at most a third of it mistyped. */
export const nearestOf = (word: string, known: readonly string[]): string | undefined => {
  const lower = word.toLowerCase();
  const most = ({ length }: string): number => Math.floor(Math.max(length, word.length) / 3);
  const ranked = known
    .slice(0, MAX_KNOWN)
    // As many letters are to be put in or taken out at least.
    .filter((candidate) => candidate !== word && Math.abs(candidate.length - word.length) <= most(candidate))
    .map((candidate) => ({ candidate, edits: editsBetween(lower, candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= most(candidate))
    .sort((a, b) => a.edits - b.edits);
  return ranked[0]?.candidate;
};

/** More are no list that anybody mistypes one of; a tenant has as many labels as fit into an object. */
const MAX_KNOWN = 500;

/** Letters that changed places are one mistake, not two. */
const editsBetween = (word: string, other: string): number => {
  const edits = distance(word, other);
  return edits === 2 && word.length === other.length && hasSameLetters(word, other) ? 1 : edits;
};

const hasSameLetters = (word: string, other: string): boolean =>
  [...word].sort().join('') === [...other].sort().join('');

/** ` (did you mean x?)`, to end a sentence with; empty where nothing is near. */
export const didYouMean = (word: string, known: readonly string[]): string => {
  const meant = nearestOf(word, known);
  return meant === undefined ? '' : ` (did you mean ${meant}?)`;
};

/** For sorting: by UTF-16 code units, as `<` has it. */
export const compareText = (one: string, other: string): number => {
  if (one === other) return 0;
  return one < other ? -1 : 1;
};
