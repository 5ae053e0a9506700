import { isDeepStrictEqual } from 'node:util';
import type { Mode } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import {
  type Edit,
  type Entries,
  entriesOf,
  entriesOfCopy,
  entriesWith,
  FIRST,
  type FieldPath,
  fieldId,
  isListPath,
  isPrepended,
  isWritableAt,
  setEntry,
} from './edit.ts';
import { ADDRESS, beforeOwnAddress, inOrderOfReferences, namesAddress } from './env-order.ts';
import { isStillGiven } from './fields/filled-in.ts';
import { invalidate, memoize } from './memo.ts';
import { childOf, isRecord, listAt, mapAt, type Path, textAt, type UnknownRecord } from './path.ts';

/** What one kind knows about its own fields. Pure; asked about the object as it is by then. */
export interface Rules {
  /** Why a value must not be put there, whoever asks for it; undefined where it may. */
  readonly refusalOf: (object: KubeObject, edit: Edit) => string | undefined;
  /** Fields that conflict: where else the object already says what this edit would say. */
  readonly conflictsOf: (object: KubeObject, edit: Edit) => readonly FieldPath[];
  /** What an edit settles anew where it is put, in any mode: taken out, nobody's word. */
  readonly supersededBy?: (edit: Edit) => readonly FieldPath[];
  /** True for a value that says nothing, so that a Default may fill it in. */
  readonly isBlank?: (edit: Edit, value: unknown) => boolean;
  /** True for what nothing there would use: a volume that nothing mounts. */
  readonly isUnused?: (object: KubeObject, edit: Edit) => boolean;
  /** What is enforced with what the API server made of it since, where `present` is that: put in its stead. */
  readonly completedBy?: (object: KubeObject, edit: Edit, present: unknown) => unknown;
  /** True for a list that stays in its order although something enforced is not last in it. */
  readonly keepsOrder?: (list: readonly unknown[], at: Path) => boolean;
}

export interface Settlement {
  readonly object: KubeObject;
  /** The fields we own: put there now, or there before and known to be ours. */
  readonly owned: readonly Edit[];
  /** What was put there now. */
  readonly put: readonly Edit[];
  /** What was taken away to make room for something enforced. */
  readonly removed: readonly Removal[];
  readonly refused: readonly Refusal[];
}

export interface Removal extends FieldPath {
  readonly mode: Mode;
  readonly value: unknown;
  readonly by: string;
}

export interface Refusal {
  readonly edit: Edit;
  readonly why: string;
  /** True where something else that is enforced stands in its way. */
  readonly isOutdone?: boolean;
  /** True where it fails for every object, whatever it says: nothing that whoever made this one could change. */
  readonly isGeneral?: boolean;
}

/**
 * Puts into an object what may be put there. A Default gives way to whatever the object says, there or in a conflicting
 * field; what is enforced replaces it. `isOurs` tells which field paths hold what an earlier admission put there.
 * What is enforced is settled first: a default then gives way to it like to anything else.
 */
export const settle = (
  object: KubeObject,
  edits: readonly Edit[],
  rules: Rules,
  isOurs: (path: FieldPath) => boolean,
  observe?: Observe,
): Settlement => {
  let settled = settleOnce(object, edits, rules, isOurs, observe);
  const refused = new Set<Edit>();
  // What was replaced or taken away may have been the reason for a refusal, and what that kept out the reason for another.
  for (let round = 1; round < MAX_ROUNDS && mayRefuseFewer(settled); round += 1) {
    const before = settled;
    for (const { edit } of before.refused) refused.add(edit);
    // All is put anew, so that one order comes out.
    const refusalOf: Rules['refusalOf'] = (now, edit) => rules.refusalOf(refused.has(edit) ? before.object : now, edit);
    settled = settleOnce(object, edits, { ...rules, refusalOf }, isOurs, observe);
    if (isSameRefused(before, settled)) break;
  }
  return settled;
};

/** A container waits for a mount, which waits for a volume, whose name waits for what is taken away. */
const MAX_ROUNDS = 4;

/** As many may be others: one refusal can take the place of another. */
const isSameRefused = (before: Settlement, now: Settlement): boolean => {
  const earlier = new Set(before.refused.map(({ edit }) => edit));
  return now.refused.length === earlier.size && now.refused.every(({ edit }) => earlier.has(edit));
};

const mayRefuseFewer = ({ refused, put }: Settlement): boolean =>
  refused.length > 0 && put.some(({ mode }) => mode === 'Enforce');

const settleOnce = (
  object: KubeObject,
  edits: readonly Edit[],
  rules: Rules,
  isOurs: (path: FieldPath) => boolean,
  observe: Observe | undefined,
): Settlement => {
  const draft = createDraft(object);
  const owned = new Map<string, Edit>();
  const changes: Changes = { put: [], removed: [], variables: [] };
  const refused: Refusal[] = [];
  let collection: Collection | undefined;
  for (const edit of sorted(edits)) {
    if (collection?.at !== edit.at) collection = collectionAt(draft, edit.at);
    const id = idOf(edit);
    const first = owned.get(id);
    const decision = first ? decideSecond(first, edit) : decide(draft.object, collection, edit, rules, owned);
    observe?.(edit, decision, { object: draft.object, owned });
    if (becomesOwned(decision, edit, isOurs, collection)) owned.set(id, edit);
    if (decision.kind === 'refused') refused.push({ ...decision, edit });
    if (decision.kind === 'put')
      collection = applyEdit(draft, collection, decision.edit ?? edit, decision.conflicts, changes);
  }
  const { put, removed, variables } = changes;
  orderVariables(draft, variables);
  const ours = [...owned.values()];
  orderSources(draft, ours, rules);
  orderBeforeAddress(draft, ours, rules);
  return { object: draft.object, owned: ours, put, removed, refused };
};

/** Variables that were added stand before those that refer to them. */
const orderVariables = (draft: Draft, appended: readonly Edit[]): void => {
  for (const edits of Map.groupBy(appended, ({ at }) => at.join('/')).values()) {
    const list = open(draft, edits[0]?.at ?? []);
    if (!Array.isArray(list) || !list.some(isReferring)) continue;
    const ordered = inOrderOfReferences(list, new Set(edits.map(({ value }) => value)));
    for (const [at, entry] of ordered.entries()) list[at] = entry;
  }
};

/** Of two sources that give one variable the later wins: what is enforced comes last, wherever its user had it. */
const orderSources = (draft: Draft, owned: readonly Edit[], { keepsOrder }: Rules): void => {
  const enforced = owned.filter(({ at, mode }) => mode === 'Enforce' && at.at(-1) === 'envFrom');
  if (enforced.length === 0) return;
  for (const edits of Map.groupBy(enforced, ({ at }) => at.join('/')).values()) {
    const at = edits[0]?.at ?? [];
    const list = listAt(draft.object, at);
    const last = edits.flatMap(({ key }) => entriesWith(list, at, key).slice(0, 1));
    const isLast = last.every((entry, index) => list[list.length - last.length + index] === entry);
    if (isLast || keepsOrder?.(list, at)) continue;
    const moved = new Set(last);
    const own = open(draft, at) as unknown[];
    own.splice(0, own.length, ...list.filter((entry) => !moved.has(entry)), ...last);
  }
};

/** What is enforced with the API server's address in it has the cluster's, whatever the object calls so. */
const orderBeforeAddress = (draft: Draft, owned: readonly Edit[], { keepsOrder }: Rules): void => {
  const naming = owned.filter(({ at, mode, value }) => mode === 'Enforce' && at.at(-1) === 'env' && isOfAddress(value));
  if (naming.length === 0) return;
  const enforced = new Set(owned.filter(({ mode }) => mode === 'Enforce').map(fieldId));
  for (const edits of Map.groupBy(naming, ({ at }) => at.join('/')).values()) {
    const at = edits[0]?.at ?? [];
    const list = listAt(draft.object, at);
    const ordered = beforeOwnAddress(list, new Set(edits.map(({ key }) => key)));
    if (ordered === list || enforced.has(fieldId({ at, key: ADDRESS })) || keepsOrder?.(list, at)) continue;
    const own = open(draft, at) as unknown[];
    own.splice(0, own.length, ...ordered);
  }
};

const isOfAddress = (entry: unknown): boolean => namesAddress(textAt(entry, VALUE) ?? '');

const isReferring = (entry: unknown): boolean => textAt(entry, VALUE)?.includes('$(') === true;
const VALUE = ['value'];

const idOf = (edit: Edit): string => memoize(edit, fieldId, '', () => fieldId(edit));

interface Changes {
  readonly put: Edit[];
  readonly removed: Removal[];
  /** Those of `put` that were added to a list of variables. */
  readonly variables: Edit[];
}

/** Puts a value into its collection, which is returned as it is then. */
const applyEdit = (
  draft: Draft,
  collection: Collection,
  edit: Edit,
  conflicts: readonly FieldPath[],
  changes: Changes,
): Collection => {
  for (const conflict of conflicts)
    recordRemoved(changes, conflict, valuesOf(collectionAt(draft, conflict.at), conflict.key), edit);
  for (const conflict of conflicts) erase(draft, conflict);
  const cleared = conflicts.length === 0 ? collection : collectionAt(draft, edit.at);
  const present = valuesOf(cleared, edit.key);
  if (present.length > 1) recordRemoved(changes, edit, present.slice(1), edit);
  if (present.length === 0 || !isDeepStrictEqual(present[0], edit.value)) changes.put.push(edit);
  if (present.length === 0 && edit.at.at(-1) === 'env') changes.variables.push(edit);
  put(cleared, edit);
  return cleared;
};

const recordRemoved = (
  { removed }: Pick<Changes, 'removed'>,
  { at, key }: FieldPath,
  values: readonly unknown[],
  { by, mode }: Edit,
): void => {
  for (const value of values) removed.push({ at, key, value, by, mode });
};

/** Told what is decided about an edit, and how things are just before that: to look at, not to keep. The last word counts. */
export type Observe = (edit: Edit, decision: EditDecision, before: Observed) => void;

export interface Observed {
  readonly object: KubeObject;
  /** What is ours of it, by `fieldId`. */
  readonly owned: ReadonlyMap<string, Edit>;
}

/** `same`: what is there is what would be put. `other`: something else is there. `skipped`: nothing is to be done. */
export type EditDecision =
  | { readonly kind: 'same' | 'other' | 'skipped' }
  | { readonly kind: 'refused'; readonly why: string; readonly isOutdone?: boolean }
  /** `edit`: what is put in the stead of the one that was asked for. */
  | { readonly kind: 'put'; readonly conflicts: readonly FieldPath[]; readonly edit?: Edit };

const SKIPPED: EditDecision = { kind: 'skipped' };
const SAME: EditDecision = { kind: 'same' };
const OTHER: EditDecision = { kind: 'other' };
const NO_CONFLICTS: readonly FieldPath[] = [];
const PUT: EditDecision = { kind: 'put', conflicts: NO_CONFLICTS };
/** Nobody has nearly as many labels; a map of tens of thousands of keys takes longer to copy and to compare than a hundred pods. */
const MAX_KEYS = 20_000;
const CROWDED: EditDecision = { kind: 'refused', why: `there are more than ${MAX_KEYS} others` };

const becomesOwned = (
  { kind }: EditDecision,
  edit: Edit,
  isOurs: (path: FieldPath) => boolean,
  collection: Collection,
): boolean => {
  if (kind === 'put') return true;
  if (kind === 'same') return edit.mode === 'Enforce' || isOurs(edit);
  // The API server fills in defaults between two admissions, so that what we put need not look as we put it. What looks otherwise is
  // its user's, whatever the record says that came with it.
  return kind === 'other' && isOurs(edit) && isStillGiven(edit, valuesOf(collection, edit.key)[0]);
};

const decide = (
  object: KubeObject,
  collection: Collection,
  edit: Edit,
  rules: Rules,
  owned: ReadonlyMap<string, Edit>,
): EditDecision => {
  if (!collection.isWritable) return SKIPPED;
  const present = valuesOf(collection, edit.key);
  const decision =
    edit.mode === 'Default'
      ? decideDefault(object, present, edit, rules)
      : decideEnforced(object, present, edit, rules, owned);
  return decision.kind === 'put' && isCrowded(collection) ? CROWDED : decision;
};

const decideDefault = (object: KubeObject, present: readonly unknown[], edit: Edit, rules: Rules): EditDecision => {
  if (present.length > 0 && isDeepStrictEqual(present[0], edit.value)) return SAME;
  if (present.some((value) => !rules.isBlank?.(edit, value))) return OTHER;
  if (rules.conflictsOf(object, edit).length > 0 || rules.isUnused?.(object, edit)) return SKIPPED;
  return unlessRefused(object, edit, rules, NO_CONFLICTS);
};

const decideEnforced = (
  object: KubeObject,
  present: readonly unknown[],
  edit: Edit,
  rules: Rules,
  owned: ReadonlyMap<string, Edit>,
): EditDecision => {
  const conflicts = rules.conflictsOf(object, edit);
  const isThere = present.length === 1 && isDeepStrictEqual(present[0], edit.value);
  if (conflicts.length === 0 && isThere) return SAME;
  const ours = owned.size === 0 ? undefined : ownerOf(conflicts, owned);
  if (ours !== undefined) return outdoneBy(ours);
  if (rules.isUnused?.(object, edit)) return SKIPPED;
  const decision = unlessRefused(object, edit, rules, conflicts);
  const completed = present.length === 1 ? rules.completedBy?.(object, edit, present[0]) : undefined;
  if (completed === undefined || decision.kind !== 'put') return decision;
  return isDeepStrictEqual(completed, present[0]) ? SAME : { ...decision, edit: { ...edit, value: completed } };
};

const ownerOf = (conflicts: readonly FieldPath[], owned: ReadonlyMap<string, Edit>): Edit | undefined => {
  for (const conflict of conflicts) {
    const ours = owned.get(fieldId(conflict));
    if (ours !== undefined) return ours;
  }
  return undefined;
};

const outdoneBy = ({ at, key, by }: Edit): EditDecision => ({
  kind: 'refused',
  why: `${[...at, key].join('.')} is enforced too, by ${by}`,
  isOutdone: true,
});

/** Two keys of PlatformDefaults may be one to the engine: the first of them stands. */
const decideSecond = (first: Edit, edit: Edit): EditDecision =>
  first.mode === 'Enforce' && edit.mode === 'Enforce' && !isDeepStrictEqual(first.value, edit.value)
    ? outdoneBy(first)
    : SKIPPED;

const unlessRefused = (object: KubeObject, edit: Edit, rules: Rules, conflicts: readonly FieldPath[]): EditDecision => {
  const why = rules.refusalOf(object, edit);
  if (why !== undefined) return { kind: 'refused', why };
  const superseded = rules.supersededBy?.(edit) ?? NO_CONFLICTS;
  if (conflicts.length === 0 && superseded.length === 0) return PUT;
  return { kind: 'put', conflicts: superseded.length === 0 ? conflicts : [...conflicts, ...superseded] };
};

/** Containers of pods before what they are given; what is enforced, then defaults; volumes after all that may mount them, or they would look unused. */
const sorted = (edits: readonly Edit[]): readonly Edit[] =>
  edits.every((edit, index) => index === 0 || precedenceOf(edits[index - 1] ?? edit) <= precedenceOf(edit))
    ? edits
    : edits.toSorted((one, other) => precedenceOf(one) - precedenceOf(other));

const precedenceOf = ({ at, mode }: Edit): number => {
  // Their order is their own. Those of an application are given nothing more, and need its mounts.
  if (at.at(-1) === 'initContainers') return at.length === 2 ? -1 : 1;
  return (at.at(-1) === 'volumes' ? 2 : 0) + (mode === 'Enforce' ? 0 : 1);
};

/**
 * An object in the making. It shares with its original all that was not changed; what was changed is a copy, which later
 * changes are made to in place. So the cost follows the number of changes, not the size of the object times it.
 */
interface Draft {
  /** As it is by now: to look at, not to keep. */
  object: KubeObject;
  readonly copies: Set<unknown>;
  /** Whether a map had more keys than anything is added to before something was. */
  readonly crowded: Map<Path, boolean>;
}

/** One map or list of a draft, whose entries have a key. Good until something is erased, or put into another collection. */
interface Collection {
  readonly draft: Draft;
  readonly at: Path;
  /** False where something of another type stands there: the API server will say so. */
  readonly isWritable: boolean;
  /** By key, of a list. */
  entries: Entries | undefined;
  /** The map; what it is by now once something was put into it. */
  map: UnknownRecord;
  /** What is written to: a copy, from the first write on. */
  own: Container | undefined;
}

type Container = Record<string, unknown> | unknown[];

const createDraft = (original: KubeObject): Draft => ({ object: original, copies: new Set(), crowded: new Map() });

const collectionAt = (draft: Draft, at: Path): Collection => {
  const { object } = draft;
  const isList = isListPath(at);
  return {
    draft,
    at,
    isWritable: isWritableAt(object, at, isList),
    entries: isList ? entriesOf(listAt(object, at), at) : undefined,
    map: isList ? NO_FIELDS : mapAt(object, at),
    own: undefined,
  };
};

const isCrowded = ({ draft: { crowded }, at, map }: Collection): boolean => {
  const isKnown = crowded.get(at);
  if (isKnown !== undefined) return isKnown;
  const isTooMany = Object.keys(map).length > MAX_KEYS;
  crowded.set(at, isTooMany);
  return isTooMany;
};

/** All that is there by that key: one value, several where a list has the entry twice, none for absent and null. */
const valuesOf = ({ entries, map }: Collection, key: string): readonly unknown[] => {
  if (entries !== undefined) return entries.get(key) ?? NO_VALUES;
  const value = childOf(map, key) ?? undefined;
  return value === undefined ? NO_VALUES : [value];
};

/** Where the entry is that it replaces (and of its doubles), else at the end of its list or the start. */
const put = (collection: Collection, edit: Edit): void => {
  const own = collection.own ?? open(collection.draft, collection.at);
  if (collection.entries === undefined) {
    assign(own, edit.key, edit.value);
    collection.map = own as UnknownRecord;
  } else {
    if (collection.own === undefined) collection.entries = entriesOfCopy(own as unknown[], collection.entries);
    putEntry(own as unknown[], collection.entries, edit);
  }
  collection.own = own;
};

const putEntry = (list: unknown[], entries: Entries, edit: Edit): void => {
  const present = entries.get(edit.key);
  if (present !== undefined) replaceEntries(list, present, edit.value);
  else if (isPrepended(edit)) list.unshift(edit.value);
  else list.push(edit.value);
  const values = [edit.value];
  entries.set(edit.key, values);
  setEntry(list, edit.key, values);
  invalidate(list, edit.key);
};

const erase = (draft: Draft, { at, key }: FieldPath): void => {
  const collection = open(draft, at);
  if (Array.isArray(collection)) {
    removeEntries(collection, entriesWith(collection, at, key));
    setEntry(collection, key, NO_VALUES);
  } else {
    delete collection[key];
    invalidate(collection, key);
  }
};

const NO_VALUES: readonly unknown[] = [];
const NO_FIELDS: UnknownRecord = {};

/** The map or list at a path, as a copy that may be written to. */
const open = (draft: Draft, at: Path): Container => {
  const { object, copies } = draft;
  let node: Container = copies.has(object) ? (object as unknown as Container) : ownRoot(draft);
  at.forEach((step, index) => {
    const isList = index === at.length - 1 ? isListPath(at) : at[index + 1] === FIRST;
    node = ownChild(copies, node, step, isList);
  });
  return node;
};

const ownRoot = (draft: Draft): Container => {
  draft.object = { ...draft.object };
  draft.copies.add(draft.object);
  return draft.object as unknown as Container;
};

/** The map or list in a field of a copy, as a copy itself. */
const ownChild = (copies: Set<unknown>, parent: Container, step: string, isList: boolean): Container => {
  const child = childOf(parent, step);
  // Only maps and lists are among the copies.
  if (copies.has(child)) return child as Container;
  const copy = Array.isArray(child) || (isList && !isRecord(child)) ? [...listAt(child, [])] : { ...mapAt(child, []) };
  copies.add(copy);
  assign(parent, step, copy);
  return copy;
};

/** Puts a value where the first of these entries is, and takes out the others. */
const replaceEntries = (list: unknown[], [first, ...doubles]: readonly unknown[], value: unknown): void => {
  const at = list.indexOf(first);
  // Entries may be equal texts: this one is not to go with its doubles.
  list[at] = undefined;
  removeEntries(list, doubles);
  list[at] = value;
};

/** So many are sooner found one by one: there may be a thousand conflicts, each of which takes out one of very many. */
const FEW = 4;

const removeEntries = (list: unknown[], entries: readonly unknown[]): void => {
  if (entries.length <= FEW) {
    for (const entry of entries) list.splice(list.indexOf(entry), 1);
    return;
  }
  const gone = new Set(entries);
  let length = 0;
  for (const item of list) if (!gone.has(item)) list[length++] = item;
  list.length = length;
};

/** As JSON.parse does it: `__proto__` is a field like any other. */
const assign = (container: Container, step: string, value: unknown): void => {
  if (step !== '__proto__') (container as Record<string, unknown>)[step] = value;
  else Object.defineProperty(container, step, { value, enumerable: true, configurable: true, writable: true });
  invalidate(container, step);
};
