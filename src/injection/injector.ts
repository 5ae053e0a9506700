import { isDeepStrictEqual } from 'node:util';
import { type Application, type Explanation, type Mutation, type Outcome, untouched } from '../api/admission.ts';
import type { Injection } from '../api/injection.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { INJECT_DISABLED, INJECT_LABEL, INJECTED_ANNOTATION } from '../api/names.ts';
import { type Edit, type FieldPath, fieldId, isListPath, keyOf, OURSELVES } from './edit.ts';
import { memoize, memoizePassing } from './memo.ts';
import { createRecorder, NO_ROOM, outcomeOfRefusal } from './outcomes.ts';
import { listAt, type Path, pointerTo, readAt } from './path.ts';
import { type Rules, type Settlement, settle } from './settlement.ts';
import {
  bytesLeftForSnapshot,
  decodeSnapshot,
  encodeSnapshot,
  namedIn,
  readInjected,
  type SnapshotForm,
  writeInjected,
} from './snapshot.ts';
import { isOptedOut } from './target.ts';

/** What is to be injected into one object. */
export interface InjectionPlan {
  readonly edits: readonly Edit[];
  readonly rulesFor: (edits: readonly Edit[]) => Rules;
  readonly form: SnapshotForm;
  readonly warnings: readonly string[];
  /** What could not be made an edit of the object; `warnings` tell of it. */
  readonly refused?: Settlement['refused'];
  /** The object or its namespace opted out, so that all that is left is enforced. */
  readonly isDisabled: boolean;
  /** What the edits were made from. */
  readonly injections: readonly Pick<Injection, 'matched' | 'notApplied'>[];
  /** Why the object is refused: `denialFor`. */
  readonly denial?: (refused: Settlement['refused']) => string | undefined;
}

/**
 * Injects into an object on its way in, and records what was injected. A snapshot the object brings along
 * counts for one thing alone: what it names and we would inject anyway was injected by an earlier admission.
 */
export const inject = (object: KubeObject, plan: InjectionPlan): Mutation => {
  const outcomes = (): readonly Outcome[] => outcomesOf(object, plan);
  const { settled, snapshot, excess } = settleWithinLimit(object, plan);
  const refused = plan.refused === undefined ? settled.refused : [...plan.refused, ...settled.refused];
  const application = (): Application => applicationOf(plan.injections, { owned: settled.owned, refused }, excess);
  const denied = plan.denial?.(refused);
  if (denied !== undefined) return { ...untouched(object, plan.warnings), denied, outcomes, application };
  const mutated = writeInjected(settled.object, snapshot);
  const warnings = [...plan.warnings, ...excessWarnings(excess.length), ...refusalTexts(settled.refused)];
  if (plan.isDisabled && settled.owned.length > 0) warnings.push(enforcedWarning(settled.owned));
  if (snapshot === undefined && mutated !== settled.object) warnings.push(DISCARDED);
  if (mutated === object) return { ...untouched(object, warnings), outcomes, application };
  const annotation =
    mutated === settled.object ? [] : [explainAnnotation(snapshot === undefined ? TAKEN_OUT : RECORDED)];
  const explain = [...explainSettlement(object, settled), ...annotation];
  return { object: mutated, warnings, explain, companions: [], outcomes, application };
};

/** What a kind takes out again when a user's change no longer goes with it. */
export interface Reconsidered {
  readonly object: KubeObject;
  readonly edits: readonly Edit[];
  readonly withdrawn: readonly Edit[];
  readonly warnings: readonly string[];
  /** What cannot stay; `warnings` tell of it. */
  readonly refused?: Settlement['refused'];
}

export interface Reinjection {
  /** The paths at which the kind puts anything, as a snapshot has them. */
  readonly paths: Pick<ReadonlySet<string>, 'has'>;
  readonly rulesFor: (edits: readonly Edit[]) => Rules;
  readonly reconsider: (object: KubeObject, stored: KubeObject, edits: readonly Edit[]) => Reconsidered;
  readonly denial?: InjectionPlan['denial'];
}

/**
 * Injects into an object that is being changed exactly what was injected when it was created: an apply of the unchanged
 * manifest, which drops what we put into its lists, must come out as what is stored. What the user says by now wins
 * over defaults. The snapshot is the stored object's: what the new one says in its place is undone.
 *
 * Whoever stored a forged snapshot while no webhook was there to discard it gains nothing: it is put only where this
 * user can write in the manifest anyway, under the same rules as what the platform gives.
 */
export const reinject = (object: KubeObject, stored: KubeObject, kind: Reinjection): Mutation => {
  const snapshot = readInjected(stored);
  if (snapshot === undefined || isDeepStrictEqual(readAt(object, ['spec']), readAt(stored, ['spec']))) {
    const isForged = snapshot === undefined && readInjected(object) !== undefined;
    return finish(object, object, snapshot, isForged ? [DISCARDED] : [], []);
  }
  const recorded = decodeSnapshot(snapshot, kind.paths);
  if (recorded === undefined) return finish(object, object, snapshot, [UNREADABLE], []);
  const wanted = isOptedOut(object) ? recorded.filter(({ mode }) => mode === 'Enforce') : recorded;
  const kept = kind.reconsider(object, stored, wanted);
  const rules: Rules = {
    ...kind.rulesFor(kept.edits),
    // A version that left it so stored it: another order would have the job restarted.
    keepsOrder: (list, at) => isDeepStrictEqual(list, listAt(stored, at)),
  };
  const settled = settle(kept.object, kept.edits, rules, namedIn(undefined));
  const denied = kind.denial?.([...(kept.refused ?? []), ...settled.refused]);
  const outcomes = (): readonly Outcome[] => outcomesAgain(kept, kind);
  if (denied !== undefined) return { ...untouched(object, kept.warnings), denied, outcomes };
  const warnings = [...kept.warnings, ...refusalTexts(settled.refused)];
  const explain = [
    ...explainSettlement(kept.object, { ...settled, put: settled.put.map(asBefore) }),
    ...kept.withdrawn.flatMap((edit) => explainWithdrawal(object, edit, 'no longer goes with what the manifest says')),
  ];
  return { ...finish(object, settled.object, snapshot, warnings, explain), outcomes };
};

/** What became of each value that was given before, by settling once more. All that is as it was is ours. */
const outcomesAgain = (
  { object, edits, refused = [] }: Reconsidered,
  { rulesFor }: Reinjection,
): readonly Outcome[] => {
  const again = edits.map(asBefore);
  const recorder = createRecorder(rulesFor(again), () => true);
  settle(object, again, rulesFor(again), namedIn(undefined), recorder.observe);
  return [...recorder.outcomes(new Set()), ...refused.map(outcomeOfRefusal)];
};

const RECORDED = 'says what was injected and by which PlatformDefaults';
const TAKEN_OUT = 'only Quartermaster writes it';
const DISCARDED = 'metadata.annotations[quartermaster.dev/injected] was taken out: only Quartermaster writes it.';
const UNREADABLE =
  'metadata.annotations[quartermaster.dev/injected] of the stored object cannot be read: nothing was injected again.';

const finish = (
  object: KubeObject,
  settled: KubeObject,
  snapshot: string | undefined,
  warnings: readonly string[],
  explain: readonly Explanation[],
): Mutation => {
  const mutated = writeInjected(settled, snapshot);
  if (mutated === object) return untouched(object, warnings);
  const why = snapshot === undefined ? TAKEN_OUT : 'kept as it was when the object was created';
  const annotation = mutated === settled ? [] : [explainAnnotation(why)];
  return { object: mutated, warnings, explain: [...explain, ...annotation], companions: [] };
};

const asBefore = (edit: Edit): Edit => ({ ...edit, why: 'injected when the object was created' });

interface Recorded {
  readonly settled: Settlement;
  readonly snapshot: string | undefined;
  /** The warning that not all could be injected. */
  readonly excess: readonly Edit[];
}

/** Settles, and where the snapshot would grow too large leaves out those defaults that do not fit. */
const settleWithinLimit = (object: KubeObject, { edits, rulesFor, form }: InjectionPlan): Recorded => {
  const isOurs = namedIn(readInjected(object), object);
  const settled = settle(object, edits, rulesFor(edits), isOurs);
  const snapshot = snapshotOf(settled.owned, edits, form);
  const maxBytes = bytesLeftForSnapshot(object);
  if (Buffer.byteLength(snapshot ?? '') <= maxBytes) return { settled, snapshot, excess: [] };
  const excess = excessOver(maxBytes, settled.owned, form);
  const ids = new Set(excess.map(fieldId));
  const fitting = edits.filter((edit) => !ids.has(fieldId(edit)));
  const fitted = settle(object, fitting, rulesFor(fitting), isOurs);
  return { settled: fitted, snapshot: encodeSnapshot(fitted.owned, form), excess };
};

/** What we own is often all that was to be injected, and the same for all objects that match alike. */
const snapshotOf = (owned: readonly Edit[], edits: readonly Edit[], form: SnapshotForm): string | undefined => {
  const encode = (): string | undefined => encodeSnapshot(owned, form);
  return owned.length === edits.length ? memoize(edits, encodeSnapshot, form, encode) : encode();
};

/** What is enforced is written down whatever its size: dropping it would let an object full of annotations escape it. */
const excessOver = (maxBytes: number, owned: readonly Edit[], form: SnapshotForm): readonly Edit[] => {
  let left = maxBytes;
  return owned.filter((edit) => {
    const size = Buffer.byteLength(encodeSnapshot([edit], form) ?? '');
    const isExcess = size > left && edit.mode === 'Default';
    if (!isExcess) left -= size;
    return isExcess;
  });
};

/** What became of each edit, by settling once more. */
const outcomesOf = (object: KubeObject, plan: InjectionPlan): readonly Outcome[] => {
  const { edits, rulesFor } = plan;
  const isOurs = namedIn(readInjected(object), object);
  const recorder = createRecorder(rulesFor(edits), isOurs);
  const { owned } = settle(object, edits, rulesFor(edits), isOurs, recorder.observe);
  const excess = new Set(excessOver(bytesLeftForSnapshot(object), owned, plan.form));
  return [...recorder.outcomes(excess), ...(plan.refused ?? []).map(outcomeOfRefusal)];
};

const excessWarnings = (count: number): readonly string[] =>
  count === 0
    ? []
    : [
        `Not injected: ${count} of the values of PlatformDefaults; the annotation quartermaster.dev/injected has no room to record them.`,
      ];

/** What another that is enforced stands in the way of has given way to it, and is not missing. */
export const applicationOf = (
  injections: InjectionPlan['injections'],
  { owned, refused }: Pick<Settlement, 'owned' | 'refused'>,
  excess: readonly Edit[] = [],
): Application => ({
  matched: injections.flatMap(({ matched }) => matched),
  applied: owned,
  notApplied: [
    ...injections.flatMap(({ notApplied }) => notApplied),
    ...refused
      .filter(({ isOutdone }) => !isOutdone)
      .map(({ edit, why }) => ({ by: edit.by, field: fieldOf(edit), why })),
    ...excess.map((edit) => ({ by: edit.by, field: fieldOf(edit), why: NO_ROOM })),
  ],
});

const fieldOf = ({ at, key }: FieldPath): string => `${at.join('.')} ${key}`;

const enforcedWarning = (owned: readonly Edit[]): string =>
  `${INJECT_LABEL}: ${INJECT_DISABLED} is set, and yet this is enforced: ${sourcesOf(owned)}.`;

const sourcesOf = (edits: readonly Edit[]): string =>
  [...new Set(edits.map(({ by }) => `PlatformDefaults ${by}`))].join(', ');

/** One sentence for each value and reason, whichever paths it was refused at; for all variables of a bundle. */
export const refusalTexts = (refused: Settlement['refused']): readonly string[] => {
  const alike = Map.groupBy(refused, ({ edit, why }) =>
    [edit.by, edit.at.at(-1), edit.needs === undefined ? edit.key : '', why].join(' '),
  );
  return [...alike.values()].flatMap((list) => {
    const [first] = list;
    if (first === undefined) return [];
    const keys = new Set(list.map(({ edit }) => edit.key));
    const paths = new Set(list.map(({ edit }) => edit.at.join('.')));
    return `PlatformDefaults ${first.edit.by}: ${[...keys].join(', ')} ${keys.size === 1 ? 'was' : 'were'} not injected into ${[...paths].join(', ')}: ${first.why}.`;
  });
};

/** Every path that a settlement changed, and why. What was taken away has its path of before. */
const explainSettlement = (before: KubeObject, { object, put, removed }: Settlement): readonly Explanation[] => [
  ...put.flatMap((edit) => explanationsOf(object, edit, reasonOf(edit))),
  ...removed.flatMap((removal) =>
    explanationsOf(before, removal, {
      pointer: pointerTo(pointerPathOf(removal)),
      source: sourceOf(removal.by),
      mode: removal.mode,
      effect: 'removed',
      why:
        removal.mode === 'Enforce'
          ? 'taken out: what is enforced says the same in its own place'
          : 'taken out: the API server settles it anew from what is given',
    }),
  ),
];

/** One value taken out again, `why` in a few words. */
const explainWithdrawal = (before: KubeObject, edit: Edit, why: string): readonly Explanation[] =>
  explanationsOf(before, edit, { ...reasonOf(edit), mode: 'Derived', why, effect: 'removed' });

/** The annotation that says what was injected. */
const explainAnnotation = (why: string): Explanation => ({
  path: pointerTo(['metadata', 'annotations', INJECTED_ANNOTATION]),
  source: OURSELVES,
  mode: 'Derived',
  why,
});

interface Reason extends Omit<Explanation, 'path'> {
  /** To the field of a map; to the list of an entry. */
  readonly pointer: string;
}

/** Field by field: every admission makes some, and a spread of what is left of a reason takes several times as long. */
const explanationAt = (path: string, { source, mode, why, effect }: Reason): Explanation =>
  effect === undefined ? { path, source, mode, why } : { path, source, mode, why, effect };

/** Nothing where the object does not hold the value. */
const explanationsOf = (
  object: KubeObject,
  { at, key, value }: Pick<Edit, 'at' | 'key' | 'value'>,
  reason: Reason,
): readonly Explanation[] => {
  if (!isListPath(at)) return [explanationAt(reason.pointer, reason)];
  const list = listAt(object, at);
  // A container that was added is given more, and is another object by then.
  const index = at.at(-1) === 'initContainers' ? placeOfKey(list, at, key) : placeIn(list, value);
  return index < 0 ? [] : [explanationAt(`${reason.pointer}/${index}`, reason)];
};

/** Of a long list all are looked up at once: nothing is put into it any more. */
const placeIn = (list: readonly unknown[], value: unknown): number =>
  list.length <= SHORT_LIST
    ? list.indexOf(value)
    : (memoizePassing(list, placeIn, () => new Map(list.map((item, index) => [item, index]))).get(value) ?? -1);

const placeOfKey = (list: readonly unknown[], at: Path, key: string): number => {
  const keys = (): ReadonlyMap<string | undefined, number> =>
    new Map(list.map((item, index) => [keyOf(at, item), index] as const).toReversed());
  return list.length <= SHORT_LIST
    ? list.findIndex((item) => keyOf(at, item) === key)
    : (memoizePassing(list, placeOfKey, keys).get(key) ?? -1);
};

const SHORT_LIST = 64;

const reasonOf = (edit: Edit): Reason => memoize(edit, reasonFor, '', () => reasonFor(edit));

const reasonFor = (edit: Edit): Reason => {
  const { by, mode, why } = edit;
  return {
    pointer: pointerTo(pointerPathOf(edit)),
    source: sourceOf(by),
    mode: by === OURSELVES ? 'Derived' : mode,
    why: why ?? (mode === 'Enforce' ? 'enforced, whatever the manifest says' : 'the manifest says nothing here'),
  };
};

const pointerPathOf = ({ at, key }: FieldPath) => (isListPath(at) ? at : [...at, key]);

const sourceOf = (by: string): string => (by === OURSELVES ? by : `PlatformDefaults ${by}`);
