import type { Outcome } from '../api/admission.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import { type Edit, type FieldPath, fieldId, holdsAt, isListPath, isWritableAt, valuesAt } from './edit.ts';
import type { EditDecision, Observe, Observed, Refusal, Rules } from './settlement.ts';

/** Records what a settlement decides about each edit, for people to read. */
interface Recorder {
  readonly observe: Observe;
  /** All there are by now; `excess` are those that had to be left out in the end. */
  readonly outcomes: (excess: ReadonlySet<Edit>) => readonly Outcome[];
}

/** `rules` and `isOurs` are those of the settlement. */
export const createRecorder = (rules: Rules, isOurs: (path: FieldPath) => boolean): Recorder => {
  const recorded = new Map<Edit, Outcome>();
  return {
    observe: (edit, decision, now) => {
      // The very same for a container that is given things for two reasons.
      if (decision.kind === 'skipped' && now.owned.get(fieldId(edit)) === edit) return;
      recorded.set(edit, { ...describe(edit), ...judge({ ...now, edit, decision, rules, isOurs }) });
    },
    outcomes: (excess) =>
      onceForEachGiver(
        [...recorded].map(([edit, outcome]) =>
          excess.has(edit) ? { ...outcome, verdict: 'refused', why: NO_ROOM } : outcome,
        ),
      ),
  };
};

/** Several things of one default may need the same volume: it gives way to nobody but itself. */
const onceForEachGiver = (outcomes: readonly Outcome[]): readonly Outcome[] => {
  const told = new Set<string>();
  return outcomes.filter(({ by, field, key, verdict }) => {
    const id = JSON.stringify([by, field, key]);
    const isFirst = !told.has(id);
    told.add(id);
    return isFirst || verdict !== 'kept back';
  });
};

/** Of what was refused before there was anything to settle. */
export const outcomeOfRefusal = ({ edit, why }: Refusal): Outcome => ({ ...describe(edit), verdict: 'refused', why });

export const NO_ROOM = 'the annotation quartermaster.dev/injected has no room to record it';

const describe = ({ at, key, value, mode, by }: Edit): Pick<Outcome, 'by' | 'mode' | 'field' | 'key' | 'value'> => ({
  by,
  mode,
  field: at.join('.'),
  key,
  value,
});

interface Observation extends Observed {
  readonly edit: Edit;
  readonly decision: EditDecision;
  readonly rules: Rules;
  readonly isOurs: (path: FieldPath) => boolean;
}

type Judgement = Pick<Outcome, 'verdict' | 'why' | 'over'>;

const judge = (observation: Observation): Judgement => {
  const { edit, decision, object, isOurs, rules } = observation;
  const [present] = valuesAt(object, edit);
  switch (decision.kind) {
    case 'put':
      return {
        verdict: 'applied',
        why: edit.why ?? NOT_SAID,
        ...saidBeside(edit, rules, object),
        ...replaced(edit, decision.conflicts, object, rules),
      };
    case 'same':
      return edit.mode === 'Enforce' || isOurs(edit)
        ? { verdict: 'applied', why: 'it is there already' }
        : { verdict: 'kept back', over: present, why: 'the object says the same itself' };
    case 'other':
      return { verdict: 'kept back', over: present, why: 'the object says it itself' };
    case 'refused':
      return { verdict: 'refused', why: decision.why };
    case 'skipped':
      return judgeSkipped(observation);
  }
};

/** What was there, in its place, in one that says the same or in one that is settled anew. */
const replaced = (
  edit: Edit,
  conflicts: readonly FieldPath[],
  object: KubeObject,
  rules: Rules,
): Partial<Judgement> => {
  const isDefault = edit.mode === 'Default';
  const superseded = new Set((rules.supersededBy?.(edit) ?? []).map(fieldId));
  const places = [edit, ...conflicts].filter((one) => holdsAt(object, one));
  const place = places.find((one) => !superseded.has(fieldId(one)));
  const [anew] = places.filter((one) => superseded.has(fieldId(one)));
  const why = isDefault ? (place === undefined ? NOT_SAID : BLANK) : ENFORCED;
  const beside = place === undefined || place === edit ? '' : `, and ${titleOf(place)} said the same`;
  const after = anew === undefined ? '' : `; ${titleOf(anew)} is settled anew`;
  if (places.length === 0) return {};
  return { ...(place !== undefined && { over: valuesAt(object, place)[0] }), why: `${why}${beside}${after}` };
};

const NOT_SAID = 'nothing else says it';
const BLANK = 'what was there counts as nothing said';
const ENFORCED = 'it is enforced';

/** What a default would have given way to and what is enforced stands beside. */
const saidBeside = (edit: Edit, rules: Rules, object: KubeObject): Partial<Judgement> => {
  if (edit.mode === 'Default') return {};
  const [place] = rules.conflictsOf(object, { ...edit, mode: 'Default' });
  if (place === undefined) return {};
  return { over: valuesAt(object, place)[0], why: `it is enforced, though ${titleOf(place)} says it too` };
};

const judgeSkipped = ({ edit, object, owned, rules }: Observation): Judgement => {
  const first = owned.get(fieldId(edit));
  if (first !== undefined) return { verdict: 'kept back', over: first.value, why: `${first.by} gives it already` };
  if (!isWritableAt(object, edit.at, isListPath(edit.at)))
    return { verdict: 'refused', why: `${edit.at.join('.')} is not what it should be` };
  const conflicts = rules.conflictsOf(object, edit);
  const conflict = conflicts.find((place) => !owned.has(fieldId(place))) ?? conflicts[0];
  if (conflict === undefined) return { verdict: 'kept back', why: 'nothing in the object would use it' };
  const giver = owned.get(fieldId(conflict))?.by;
  return {
    verdict: 'kept back',
    over: valuesAt(object, conflict)[0],
    why:
      giver === undefined ? `the object says it in ${titleOf(conflict)}` : `${giver} gives it in ${titleOf(conflict)}`,
  };
};

const titleOf = ({ at, key }: FieldPath): string => `${at.join('.')} ${key}`;
