import { type Decision, nameOf } from '../admission/handler.ts';
import type { AdmissionRequest, AuditedChange } from '../api/admission.ts';
import { MAX_NAME_LENGTH, plainSentences, plainText } from '../api/plain-text.ts';

/** One decision as the status page tells it. */
export interface DecisionRecord {
  readonly at: Date;
  readonly operation: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly outcome: 'changed' | 'unchanged' | 'refused';
  readonly dryRun: boolean;
  readonly explain: Decision['explain'];
  readonly warnings: readonly string[];
  readonly denied: string | undefined;
  /** What PlatformDefaults with the mode Audit would have changed. */
  readonly audited: readonly AuditedChange[];
  readonly auditedDenial: string | undefined;
}

export interface DecisionLog {
  readonly add: (request: AdmissionRequest, decision: Decision) => void;
  /** Newest first. */
  readonly latest: () => readonly DecisionRecord[];
}

/** Of one decision. */
const MAX_EXPLANATIONS = 200;

export const outcomeOf = ({ denied, patch }: Decision): DecisionRecord['outcome'] => {
  if (denied !== undefined) return 'refused';
  return patch.length > 0 ? 'changed' : 'unchanged';
};

/** True where something that is audited would have come to something. */
export const isAudited = ({ audited }: Decision): boolean =>
  audited !== undefined && (audited.changes.length > 0 || audited.denied !== undefined);

/** The last `capacity` decisions that changed, refused, audited or warned about anything; the others would only push those out. */
export const createDecisionLog = (capacity: number, now: () => Date): DecisionLog => {
  const records: DecisionRecord[] = [];
  return {
    add: (request, decision) => {
      const outcome = outcomeOf(decision);
      const isQuiet = decision.warnings.length === 0 && decision.companions.length === 0 && !isAudited(decision);
      if (outcome === 'unchanged' && isQuiet) return;
      records.push({
        at: now(),
        operation: request.operation,
        kind: plainText(request.object.kind, MAX_NAME_LENGTH),
        namespace: plainText(request.namespace, MAX_NAME_LENGTH),
        name: plainText(nameOf(request.object), MAX_NAME_LENGTH),
        outcome,
        dryRun: request.dryRun,
        explain: decision.explain.slice(0, MAX_EXPLANATIONS),
        warnings: plainSentences(decision.warnings),
        denied: plainSentences(decision.denied === undefined ? [] : [decision.denied])[0],
        audited: decision.audited?.changes.slice(0, MAX_EXPLANATIONS) ?? [],
        auditedDenial: plainSentences(decision.audited?.denied === undefined ? [] : [decision.audited.denied])[0],
      });
      // Seldom, and many at once: moving all the others takes time.
      if (records.length > 2 * capacity) records.splice(0, records.length - capacity);
    },
    latest: () => records.slice(-capacity).toReversed(),
  };
};
