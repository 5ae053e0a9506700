import type { AdmissionRequest, Mutation, Operation } from './admission.ts';
import type { Facts } from './facts.ts';
import type { KubeObject, LabelSelector } from './kubernetes.ts';

/** What the webhook configuration asks the API server to send for one kind. */
export interface AdmissionRule {
  /** Name of the webhook, a DNS label: `<name>.quartermaster.dev`. */
  readonly name: string;
  readonly group: string;
  readonly versions: readonly string[];
  readonly resource: string;
  readonly operations: readonly Operation[];
  /** Fail where an object stored without us would be wrong for good; Ignore where the controller repairs it later. */
  readonly failurePolicy: 'Ignore' | 'Fail';
  readonly objectSelector?: LabelSelector;
  readonly namespaceSelector?: LabelSelector;
  readonly matchConditions?: readonly { readonly name: string; readonly expression: string }[];
}

/**
 * One kind: what to be sent, and what to do with it.
 *
 * `mutate` is pure and idempotent, never changes its argument and shares with it all that it did not change.
 * It treats null as absent and junk of another type as none of its business (the API server refuses that later).
 */
export interface Mutator {
  readonly rules: readonly AdmissionRule[];
  readonly mutate: (object: KubeObject, request: AdmissionRequest, facts: Facts) => Mutation;
}

/** The answer of a mutator that leaves the object alone. */
export const untouched = (object: KubeObject, warnings: readonly string[] = []): Mutation => ({
  object,
  warnings,
  explain: [],
  companions: [],
});
