import { type Decision, nameOf } from '../admission/handler.ts';
import type { AdmissionRequest, AuditedChange } from '../api/admission.ts';
import { MAX_NAME_LENGTH, plainSentences, plainText } from '../api/plain-text.ts';
import { changesBetween, type FieldChange } from './changes.ts';
import type { DefaultsVerdicts } from './verdicts.ts';

/** One decision as the status page and its API tell it. */
export interface DecisionRecord {
  readonly id: string;
  /** RFC 3339, in milliseconds and UTC. */
  readonly at: string;
  readonly operation: string;
  readonly group: string;
  /** The plural: `pods`. */
  readonly resource: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly outcome: 'changed' | 'unchanged' | 'refused';
  readonly dryRun: boolean;
  readonly explain: Decision['explain'];
  readonly warnings: readonly string[];
  readonly denied?: string | undefined;
  /** What PlatformDefaults with the mode Audit would have changed. */
  readonly audited: readonly AuditedChange[];
  readonly auditedDenial?: string | undefined;
  /** Left out for most of a crowd: `explain` and `warnings` are there all the same. */
  readonly details?: DecisionDetails | undefined;
}

/** What is found out about a decision after it was answered. */
export interface DecisionDetails extends DefaultsVerdicts {
  readonly changes: readonly FieldChange[];
  /** Whole sentences: what about the object looks like a mistake. */
  readonly notes: readonly string[];
}

export interface DecisionLog {
  readonly add: (request: AdmissionRequest, decision: Decision) => void;
  /** Newest first. */
  readonly latest: () => readonly DecisionRecord[];
}

export interface DecisionLogOptions {
  /** How many are remembered; of those that came to nothing half as many besides. */
  readonly capacity: number;
  readonly now: () => Date;
  /** Explains a request as it would be decided now. Without it no decision has details. May reject. */
  readonly explain?: (request: AdmissionRequest) => Promise<Omit<DecisionDetails, 'changes'>>;
  readonly onFault?: (error: unknown) => void;
}

/** Of one decision. */
const MAX_EXPLANATIONS = 200;
/** So many at once and then one after each so many milliseconds: explaining takes longer than deciding. */
const DETAILED = { most: 20, everyMs: 500 };
const QUIET = { most: 5, everyMs: 2_000 };
/** So many of those that were changed, and nothing else is to be said of: a crowd of them would push out all others within a moment. */
const CHANGED = { most: 100, everyMs: 20 };

export const outcomeOf = ({ denied, patch }: Decision): DecisionRecord['outcome'] => {
  if (denied !== undefined) return 'refused';
  return patch.length > 0 ? 'changed' : 'unchanged';
};

/** True where something that is audited would have come to something. */
export const isAudited = ({ audited }: Decision): boolean =>
  audited !== undefined && (audited.changes.length > 0 || audited.denied !== undefined);

/**
 * The last decisions that changed, refused, audited or warned about anything, of a crowd of changes some, and apart from them, so that
 * they push none of those out, some that came to nothing. Details are found out after the answer.
 */
export const createDecisionLog = ({ capacity, now, explain, onFault }: DecisionLogOptions): DecisionLog => {
  const clock = (): number => now().getTime();
  const telling = { records: createRing<Kept>(capacity), allowance: createAllowance(DETAILED, clock) };
  const quiet = { records: createRing<Kept>(Math.ceil(capacity / 2)), allowance: createAllowance(QUIET, clock) };
  const changed = createAllowance(CHANGED, clock);
  const later = createUnhurried();
  let added = 0;
  return {
    add: (request, decision) => {
      if (isPlainChange(decision) && !changed.take()) return;
      const { records, allowance } = isQuiet(decision) ? quiet : telling;
      const { size = 0 } = request;
      const isDetailed = explain !== undefined && later.hasRoom(size) && allowance.take();
      if (records === quiet.records && !isDetailed) return;
      const kept: Kept = { order: added++, record: recordOf(request, decision, now()) };
      records.add(kept);
      if (!isDetailed) return;
      later.add(size, () =>
        detailsOf(request, decision, explain).then(
          (details) => {
            kept.record = { ...kept.record, details };
          },
          (error: unknown) => onFault?.(error),
        ),
      );
    },
    latest: () =>
      [...telling.records.latest(), ...quiet.records.latest()]
        .sort((one, other) => other.order - one.order)
        .map(({ record }) => record),
  };
};

interface Kept {
  readonly order: number;
  record: DecisionRecord;
}

const isQuiet = (decision: Decision): boolean =>
  outcomeOf(decision) === 'unchanged' &&
  decision.warnings.length === 0 &&
  decision.companions.length === 0 &&
  !isAudited(decision);

const isPlainChange = (decision: Decision): boolean =>
  outcomeOf(decision) === 'changed' && decision.warnings.length === 0 && !isAudited(decision);

const recordOf = (request: AdmissionRequest, decision: Decision, at: Date): DecisionRecord => ({
  id: plainText(request.uid, MAX_NAME_LENGTH),
  at: at.toISOString(),
  operation: request.operation,
  group: plainText(request.resource.group, MAX_NAME_LENGTH),
  resource: plainText(request.resource.resource, MAX_NAME_LENGTH),
  kind: plainText(request.object.kind, MAX_NAME_LENGTH),
  namespace: plainText(request.namespace, MAX_NAME_LENGTH),
  name: plainText(nameOf(request.object), MAX_NAME_LENGTH),
  outcome: outcomeOf(decision),
  dryRun: request.dryRun,
  explain: decision.explain.slice(0, MAX_EXPLANATIONS),
  warnings: plainSentences(decision.warnings),
  denied: plainSentences(decision.denied === undefined ? [] : [decision.denied])[0],
  audited: decision.audited?.changes.slice(0, MAX_EXPLANATIONS) ?? [],
  auditedDenial: plainSentences(decision.audited?.denied === undefined ? [] : [decision.audited.denied])[0],
});

const detailsOf = async (
  request: AdmissionRequest,
  { object }: Decision,
  explain: NonNullable<DecisionLogOptions['explain']>,
): Promise<DecisionDetails> => {
  const { notes, ...verdicts } = await explain(request);
  return { changes: changesBetween(request.object, object), notes: plainSentences(notes), ...verdicts };
};

/** So long after the answer, in which a burst of reviews may be over. */
const AFTER_MS = 200;
/** Between two jobs: a hundred times what the last took, so that of a burst one review in a hundred waits for one. */
const REST = 100;
const PAUSE_MS = { least: 20, most: 250 };
/** Each holds an object, that takes several times its characters: together no more than an update of the largest that is stored. */
const MAX_WAITING = { jobs: 25, characters: 4 * 2 ** 20 };

interface Unhurried {
  readonly hasRoom: (size: number) => boolean;
  /** The job does not reject. */
  readonly add: (size: number, job: () => Promise<void>) => void;
}

/** Has jobs done one after the other, with pauses. */
const createUnhurried = (): Unhurried => {
  const waiting: { readonly size: number; readonly job: () => Promise<void> }[] = [];
  let characters = 0;
  const doNext = async (): Promise<void> => {
    const startedAt = performance.now();
    await waiting[0]?.job();
    characters -= waiting.shift()?.size ?? 0;
    const pauseMs = REST * (performance.now() - startedAt);
    if (waiting.length > 0) after(Math.min(Math.max(pauseMs, PAUSE_MS.least), PAUSE_MS.most));
  };
  const after = (ms: number): void => void setTimeout(() => void doNext(), ms).unref();
  return {
    hasRoom: (size) => waiting.length < MAX_WAITING.jobs && characters + size <= MAX_WAITING.characters,
    add: (size, job) => {
      characters += size;
      if (waiting.push({ size, job }) === 1) after(AFTER_MS);
    },
  };
};

interface Ring<T> {
  readonly add: (item: T) => void;
  readonly latest: () => readonly T[];
}

const createRing = <T>(capacity: number): Ring<T> => {
  const items: T[] = [];
  return {
    add: (item) => {
      items.push(item);
      // Seldom, and many at once: moving all the others takes time.
      if (items.length > 2 * capacity) items.splice(0, items.length - capacity);
    },
    latest: () => items.slice(-capacity),
  };
};

interface Allowance {
  /** False where too many were taken lately. */
  readonly take: () => boolean;
}

const createAllowance = (
  { most, everyMs }: { readonly most: number; readonly everyMs: number },
  clock: () => number,
): Allowance => {
  let available = most;
  let countedAt = clock();
  return {
    take: () => {
      const earned = Math.floor((clock() - countedAt) / everyMs);
      if (earned > 0) {
        available = Math.min(most, available + earned);
        countedAt += earned * everyMs;
      }
      if (available === 0) return false;
      available -= 1;
      return true;
    },
  };
};
