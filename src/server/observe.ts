import type { HandlerOptions } from '../admission/handler.ts';
import { MAX_NAME_LENGTH, plainSentences, plainText } from '../api/plain-text.ts';
import { type DecisionLog, outcomeOf } from '../ops/decisions.ts';
import type { Core } from './core.ts';

/** Counts each admission, remembers it for the status page, and logs it: at debug where nothing came of it. */
export const observeAdmissions =
  ({ log, metrics }: Pick<Core, 'log' | 'metrics'>, decisions: DecisionLog): NonNullable<HandlerOptions['observe']> =>
  (request, decision, seconds) => {
    const outcome = outcomeOf(decision);
    metrics.countAdmission(request.object.kind, request.operation, outcome, seconds);
    decisions.add(request, decision);
    const level = outcome === 'unchanged' ? 'debug' : 'info';
    if (!log.isLevelEnabled(level)) return;
    log[level](
      {
        uid: request.uid,
        operation: request.operation,
        kind: plainText(request.object.kind, MAX_NAME_LENGTH),
        namespace: plainText(request.namespace, MAX_NAME_LENGTH),
        name: plainText(request.name, MAX_NAME_LENGTH),
        dryRun: request.dryRun,
        outcome,
        changes: decision.patch.length,
        companions: decision.companions.map(({ kind, metadata }) => `${kind}/${metadata.name ?? ''}`),
        warnings: plainSentences(decision.warnings),
      },
      'admission decided',
    );
  };
