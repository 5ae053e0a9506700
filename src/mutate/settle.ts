import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../api/kubernetes.ts';
import { type Edit, isListPlace, type Spot, spotId } from './edit.ts';
import { erase, hasRoomFor, valuesAt, write } from './spot.ts';

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
  // What was replaced or taken away may have been the reason for a refusal.
  const held = new Set(first.held.map(spotId));
  const second = settleOnce(first.object, edits, rules, (spot) => held.has(spotId(spot)) || isOurs(spot));
  return { ...second, put: [...first.put, ...second.put], removed: [...first.removed, ...second.removed] };
};

const settleOnce = (
  object: KubeObject,
  edits: readonly Edit[],
  rules: Rules,
  isOurs: (spot: Spot) => boolean,
): Settlement => {
  const held = new Map<string, Edit>();
  const put: Edit[] = [];
  const removed: Removal[] = [];
  const refused: Refusal[] = [];
  let current = object;

  const remove = (spot: Spot, values: readonly unknown[], { by }: Edit): void => {
    removed.push(...values.map((value) => ({ at: spot.at, key: spot.key, value, by })));
  };

  for (const edit of inOrder(edits)) {
    const verdict = judge(current, edit, rules, held);
    if (verdict.kind === 'refused') refused.push({ edit, why: verdict.why });
    if (isHeld(verdict, edit, isOurs)) held.set(spotId(edit), edit);
    if (verdict.kind !== 'put') continue;
    for (const rival of verdict.rivals) remove(rival, valuesAt(current, rival), edit);
    const [first, ...doubles] = valuesAt(current, edit);
    remove(edit, doubles, edit);
    if (!isDeepStrictEqual(first, edit.value)) put.push(edit);
    current = write(verdict.rivals.reduce(erase, current), edit);
  }
  return { object: current, held: [...held.values()], put, removed, refused };
};

/** `same`: what is there is what would be put. `other`: something else is there. `passed`: nothing is to be done. */
type Verdict =
  | { readonly kind: 'same' | 'other' | 'passed' }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'put'; readonly rivals: readonly Spot[] };

const isHeld = ({ kind }: Verdict, edit: Edit, isOurs: (spot: Spot) => boolean): boolean => {
  if (kind === 'put') return true;
  // The API server fills in defaults between two passes, so that what we put need not look as we put it.
  return (kind === 'same' && edit.mode === 'Enforce') || ((kind === 'same' || kind === 'other') && isOurs(edit));
};

const judge = (object: KubeObject, edit: Edit, rules: Rules, held: ReadonlyMap<string, Edit>): Verdict => {
  if (held.has(spotId(edit)) || !hasRoomFor(object, edit.at, isListPlace(edit.at))) return { kind: 'passed' };
  return edit.mode === 'Default' ? judgeDefault(object, edit, rules) : judgeEnforced(object, edit, rules, held);
};

const judgeDefault = (object: KubeObject, edit: Edit, rules: Rules): Verdict => {
  const present = valuesAt(object, edit);
  if (isDeepStrictEqual(present[0], edit.value)) return { kind: 'same' };
  if (present.some((value) => !rules.isBlank?.(edit, value))) return { kind: 'other' };
  if (rules.rivalsOf(object, edit).length > 0 || rules.isIdle?.(object, edit)) return { kind: 'passed' };
  return unlessRefused(object, edit, rules, []);
};

const judgeEnforced = (object: KubeObject, edit: Edit, rules: Rules, held: ReadonlyMap<string, Edit>): Verdict => {
  const rivals = rules.rivalsOf(object, edit);
  if (rivals.length === 0 && isThere(object, edit)) return { kind: 'same' };
  const ours = rivals.find((rival) => held.has(spotId(rival)));
  if (ours !== undefined) return { kind: 'refused', why: `${[...ours.at, ours.key].join('.')} is enforced too` };
  if (rules.isIdle?.(object, edit)) return { kind: 'passed' };
  return unlessRefused(object, edit, rules, rivals);
};

const unlessRefused = (object: KubeObject, edit: Edit, rules: Rules, rivals: readonly Spot[]): Verdict => {
  const why = rules.refusalOf(object, edit);
  return why === undefined ? { kind: 'put', rivals } : { kind: 'refused', why };
};

/** True where an object holds the value, and no other beside it at its spot. */
const isThere = (object: KubeObject, edit: Edit): boolean => {
  const present = valuesAt(object, edit);
  return present.length === 1 && isDeepStrictEqual(present[0], edit.value);
};

/** What is enforced, then defaults; volumes after all that may mount them, or they would look idle. */
const inOrder = (edits: readonly Edit[]): readonly Edit[] => {
  const turns = Map.groupBy(edits, ({ at, mode }) => (at.at(-1) === 'volumes' ? 2 : 0) + (mode === 'Enforce' ? 0 : 1));
  return turns.size < 2 ? edits : [0, 1, 2, 3].flatMap((turn) => turns.get(turn) ?? []);
};
