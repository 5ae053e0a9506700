import type { Condition } from '../api/condition.ts';

/** What was found about one condition, without when. */
export type ConditionUpdate = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

/**
 * The conditions of a status after these findings. Those of other types and the order stay; one whose status did not
 * change keeps the time of its last transition, so that equal findings give an equal list. `now` is RFC 3339.
 */
export const setConditions = (
  previous: readonly Condition[],
  updates: readonly ConditionUpdate[],
  { now, generation }: { readonly now: string; readonly generation: number | undefined },
): readonly Condition[] => {
  const dated = (finding: ConditionUpdate): Condition => {
    const before = previous.find(({ type }) => type === finding.type);
    const lastTransitionTime = before?.status === finding.status ? before.lastTransitionTime : now;
    return { ...finding, lastTransitionTime, ...(generation !== undefined && { observedGeneration: generation }) };
  };
  const found = new Map(updates.map((finding) => [finding.type, dated(finding)]));
  const known = new Set(previous.map(({ type }) => type));
  return [
    ...previous.map((condition) => found.get(condition.type) ?? condition),
    ...[...found.values()].filter(({ type }) => !known.has(type)),
  ];
};
