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
  isOurs: (spot: Spot) => boolean = () => false,
): Settlement => {
  const held = new Map<string, Edit>();
  const put: Edit[] = [];
  const removed: Removal[] = [];
  const refused: Refusal[] = [];
  let current = object;

  const place = (edit: Edit, rivals: readonly Spot[]): void => {
    const remove = (spot: Spot, values: readonly unknown[]): void => {
      removed.push(...values.map((value) => ({ at: spot.at, key: spot.key, value, by: edit.by })));
    };
    for (const rival of rivals) remove(rival, valuesAt(current, rival));
    remove(edit, valuesAt(current, edit).slice(1));
    current = write(rivals.reduce(erase, current), edit);
    put.push(edit);
  };

  for (const edit of enforcedFirst(edits)) {
    const verdict = judge(current, edit, rules, held);
    if (verdict.kind === 'refused') refused.push({ edit, why: verdict.why });
    if (verdict.kind === 'put') place(edit, verdict.rivals);
    if (isHeld(verdict, edit, isOurs)) held.set(spotId(edit), edit);
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
  const present = valuesAt(object, edit);
  const isDefault = edit.mode === 'Default';
  if (isDeepStrictEqual(present[0], edit.value) && (isDefault || present.length === 1)) return { kind: 'same' };
  if (isDefault && present.some((value) => !rules.isBlank?.(edit, value))) return { kind: 'other' };
  const rivals = rules.rivalsOf(object, edit);
  if (rivals.length > 0 && (isDefault || rivals.some((rival) => held.has(spotId(rival))))) return { kind: 'passed' };
  if (rules.isIdle?.(object, edit)) return { kind: 'passed' };
  const why = rules.refusalOf(object, edit);
  return why === undefined ? { kind: 'put', rivals } : { kind: 'refused', why };
};

const enforcedFirst = (edits: readonly Edit[]): readonly Edit[] => {
  const enforced = edits.filter(({ mode }) => mode === 'Enforce');
  if (enforced.length === 0 || enforced.length === edits.length) return edits;
  return [...enforced, ...edits.filter(({ mode }) => mode === 'Default')];
};
