import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../api/kubernetes.ts';
import { createDraft, type Draft, erase, type Place, placeAt, put, valuesOf } from './draft.ts';
import { type Edit, type Spot, spotId } from './edit.ts';
import { remember } from './memo.ts';

/** What one kind knows about its own fields. Pure; asked about the object as it is by then. */
export interface Rules {
  /** Why a value must not be put there, whoever asks for it; undefined where it may. */
  readonly refusalOf: (object: KubeObject, edit: Edit) => string | undefined;
  /** Where else the object already says what this edit would say. */
  readonly rivalsOf: (object: KubeObject, edit: Edit) => readonly Spot[];
  /** True for a value that says nothing, so that a Default may fill it in. */
  readonly isBlank?: (edit: Edit, value: unknown) => boolean;
  /** True for what would serve nothing there: a volume that nothing mounts. */
  readonly isIdle?: (object: KubeObject, edit: Edit) => boolean;
}

export interface Settlement {
  readonly object: KubeObject;
  /** What holds by our doing: put there now, or there before and known to be ours. */
  readonly held: readonly Edit[];
  /** What was put there now. */
  readonly put: readonly Edit[];
  /** What was taken away to make room for something enforced. */
  readonly removed: readonly Removal[];
  readonly refused: readonly Refusal[];
}

export interface Removal extends Spot {
  readonly value: unknown;
  readonly by: string;
}

export interface Refusal {
  readonly edit: Edit;
  readonly why: string;
}

/**
 * Puts into an object what may be put there. A Default stands back for whatever the object says, there or in a rival
 * place; what is enforced replaces it. `isOurs` tells which spots hold what an earlier pass of ours put there.
 * What is enforced is settled first: a default then stands back for it like for anything else.
 */
export const settle = (
  object: KubeObject,
  edits: readonly Edit[],
  rules: Rules,
  isOurs: (spot: Spot) => boolean,
): Settlement => {
  const first = settleOnce(object, edits, rules, isOurs);
  if (first.refused.length === 0 || first.put.every(({ mode }) => mode === 'Default')) return first;
  // What was replaced or taken away may have been the reason for a refusal. All is put anew, so that one order comes out.
  const refused = new Set(first.refused.map(({ edit }) => edit));
  const refusalOf: Rules['refusalOf'] = (before, edit) =>
    rules.refusalOf(refused.has(edit) ? first.object : before, edit);
  return settleOnce(object, edits, { ...rules, refusalOf }, isOurs);
};

const settleOnce = (
  object: KubeObject,
  edits: readonly Edit[],
  rules: Rules,
  isOurs: (spot: Spot) => boolean,
): Settlement => {
  const draft = createDraft(object);
  const held = new Map<string, Edit>();
  const changes: Changes = { put: [], removed: [] };
  const refused: Refusal[] = [];
  let place: Place | undefined;
  for (const edit of inOrder(edits)) {
    if (place?.at !== edit.at) place = placeAt(draft, edit.at);
    const id = idOf(edit);
    const verdict = held.has(id) ? PASSED : judge(draft.object, place, edit, rules, held);
    if (isHeld(verdict, edit, isOurs)) held.set(id, edit);
    if (verdict.kind === 'refused') refused.push({ edit, why: verdict.why });
    if (verdict.kind === 'put') place = give(draft, place, edit, verdict.rivals, changes);
  }
  return { object: draft.object, held: [...held.values()], ...changes, refused };
};

const idOf = (edit: Edit): string => remember(edit, spotId, '', () => spotId(edit));

interface Changes {
  readonly put: Edit[];
  readonly removed: Removal[];
}

/** Puts a value into its place, which is given back as it is then. */
const give = (draft: Draft, place: Place, edit: Edit, rivals: readonly Spot[], changes: Changes): Place => {
  for (const rival of rivals) tellRemoved(changes, rival, valuesOf(placeAt(draft, rival.at), rival.key), edit);
  for (const rival of rivals) erase(draft, rival);
  const cleared = rivals.length === 0 ? place : placeAt(draft, edit.at);
  const present = valuesOf(cleared, edit.key);
  if (present.length > 1) tellRemoved(changes, edit, present.slice(1), edit);
  if (present.length === 0 || !isDeepStrictEqual(present[0], edit.value)) changes.put.push(edit);
  put(cleared, edit);
  return cleared;
};

const tellRemoved = ({ removed }: Changes, { at, key }: Spot, values: readonly unknown[], { by }: Edit): void => {
  for (const value of values) removed.push({ at, key, value, by });
};

/** `same`: what is there is what would be put. `other`: something else is there. `passed`: nothing is to be done. */
type Verdict =
  | { readonly kind: 'same' | 'other' | 'passed' }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'put'; readonly rivals: readonly Spot[] };

const PASSED: Verdict = { kind: 'passed' };
const SAME: Verdict = { kind: 'same' };
const OTHER: Verdict = { kind: 'other' };

const isHeld = ({ kind }: Verdict, edit: Edit, isOurs: (spot: Spot) => boolean): boolean => {
  if (kind === 'put') return true;
  // The API server fills in defaults between two passes, so that what we put need not look as we put it.
  return (kind === 'same' && edit.mode === 'Enforce') || ((kind === 'same' || kind === 'other') && isOurs(edit));
};

const judge = (
  object: KubeObject,
  place: Place,
  edit: Edit,
  rules: Rules,
  held: ReadonlyMap<string, Edit>,
): Verdict => {
  if (!place.hasRoom) return PASSED;
  const present = valuesOf(place, edit.key);
  return edit.mode === 'Default'
    ? judgeDefault(object, present, edit, rules)
    : judgeEnforced(object, present, edit, rules, held);
};

const judgeDefault = (object: KubeObject, present: readonly unknown[], edit: Edit, rules: Rules): Verdict => {
  if (present.length > 0 && isDeepStrictEqual(present[0], edit.value)) return SAME;
  if (present.some((value) => !rules.isBlank?.(edit, value))) return OTHER;
  if (rules.rivalsOf(object, edit).length > 0 || rules.isIdle?.(object, edit)) return PASSED;
  return unlessRefused(object, edit, rules, []);
};

const judgeEnforced = (
  object: KubeObject,
  present: readonly unknown[],
  edit: Edit,
  rules: Rules,
  held: ReadonlyMap<string, Edit>,
): Verdict => {
  const rivals = rules.rivalsOf(object, edit);
  const isThere = present.length === 1 && isDeepStrictEqual(present[0], edit.value);
  if (rivals.length === 0 && isThere) return SAME;
  const ours = rivals.find((rival) => held.has(spotId(rival)));
  if (ours !== undefined) return { kind: 'refused', why: `${[...ours.at, ours.key].join('.')} is enforced too` };
  if (rules.isIdle?.(object, edit)) return PASSED;
  return unlessRefused(object, edit, rules, rivals);
};

const unlessRefused = (object: KubeObject, edit: Edit, rules: Rules, rivals: readonly Spot[]): Verdict => {
  const why = rules.refusalOf(object, edit);
  return why === undefined ? { kind: 'put', rivals } : { kind: 'refused', why };
};

/** What is enforced, then defaults; volumes after all that may mount them, or they would look idle. */
const inOrder = (edits: readonly Edit[]): readonly Edit[] =>
  edits.every((edit, index) => index === 0 || turnOf(edits[index - 1] ?? edit) <= turnOf(edit))
    ? edits
    : edits.toSorted((one, other) => turnOf(one) - turnOf(other));

const turnOf = ({ at, mode }: Edit): number => (at.at(-1) === 'volumes' ? 2 : 0) + (mode === 'Enforce' ? 0 : 1);
