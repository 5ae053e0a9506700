import type { Facts } from './facts.ts';
import type { KubeObject, LabelRequirement, LabelSelector, StringMap } from './kubernetes.ts';
import type { TargetKind } from './target-kinds.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

/** The part of an admission.k8s.io/v1 AdmissionRequest that a decision is made from. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: Operation;
  readonly resource: { readonly group: string; readonly version: string; readonly resource: string };
  readonly subResource?: string | undefined;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly object: KubeObject;
  readonly oldObject?: KubeObject | undefined;
  readonly dryRun: boolean;
  readonly username: string;
  readonly groups?: readonly string[] | undefined;
  /** Of the review it came in, in characters. */
  readonly size?: number | undefined;
}

/** One JSON Patch operation (RFC 6902), of the three kinds we emit. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** Why one path of the object is as it is now. `path` is a JSON Pointer into the mutated object. */
export interface Explanation {
  readonly path: string;
  /** `PlatformDefaults <namespace>/<name>@<generation>`, or the engine that decided (`storage class`, `cloud aws`). */
  readonly source: string;
  readonly mode: 'Default' | 'Enforce' | 'Derived';
  readonly why: string;
  /** `removed`: the path is that of before; `companion`: it is about what is made beside the object. Else something was put there. */
  readonly effect?: 'removed' | 'companion';
}

/** One thing that PlatformDefaults with the mode Audit would change. */
export interface AuditedChange {
  /** A JSON Pointer into the object as it would be; of what would be taken out, or would not be any more, into the object as it came or is decided. */
  readonly path: string;
  /** As people write it: `spec.driver.env HTTP_PROXY`. */
  readonly field: string;
  readonly source: string;
  /** `kept`: what is taken out now would stay, since what takes it out would give way itself. */
  readonly effect: 'set' | 'removed' | 'kept' | 'companion';
}

/** What would have been decided, were all that is audited enforced. Nothing of it was done. */
export interface Audited {
  readonly changes: readonly AuditedChange[];
  /** Those with that mode that any of the changes is by, as `PlatformDefaults <namespace>/<name>@<generation>`. */
  readonly by: readonly string[];
  /** What would be warned of besides. */
  readonly warnings: readonly string[];
  /** Why the object would be refused, which it is not. */
  readonly denied: string | undefined;
  readonly enforced: Mutation;
}

/** What became of one value that a PlatformDefaults has for one field of an object. */
export interface Outcome {
  /** `<namespace>/<name>@<generation>` of the PlatformDefaults, or `quartermaster`. */
  readonly by: string;
  readonly mode: 'Default' | 'Enforce';
  /** Of the map or list, as people write it: `spec.driver.env`. */
  readonly field: string;
  /** The field of the map, or the entry of the list by what tells it apart: a name, a mount path. */
  readonly key: string;
  readonly value: unknown;
  readonly verdict: 'applied' | 'kept back' | 'refused';
  /** What it is instead of: what it replaced, or what it gave way to. */
  readonly over?: unknown;
  /** A part of a sentence. */
  readonly why: string;
}

/** One value that a matching PlatformDefaults has for an object, and that it was not given although nothing took its place. */
export interface NotApplied {
  /** `<namespace>/<name>@<generation>` of the PlatformDefaults. */
  readonly by: string;
  /** As people write it: `env HTTP_PROXY` of `spec.inject`, `spec.driver.env HTTP_PROXY` of the object; empty for all there is. */
  readonly field: string;
  /** A part of a sentence. */
  readonly why: string;
}

/** What came of the PlatformDefaults that match an object, for those who count it. */
export interface Application {
  readonly matched: readonly { readonly by: string; readonly mode: 'Default' | 'Enforce' }[];
  /** What the object holds of them. */
  readonly applied: readonly { readonly by: string }[];
  readonly notApplied: readonly NotApplied[];
}

/**
 * What a mutator answers. `object` is the very object it was given where nothing changes, and shares with
 * it every part that did not. `companions` are whole objects that must exist for it to work, in apply order.
 */
export interface Mutation {
  readonly object: KubeObject;
  /** Set: the object is refused, with one sentence naming the field. */
  readonly denied?: string;
  readonly warnings: readonly string[];
  readonly explain: readonly Explanation[];
  readonly companions: readonly KubeObject[];
  /** Audit annotations beside the explanation's own, short keys. */
  readonly audit?: StringMap;
  /** What became of each value there was for it, found out when it is asked for. */
  readonly outcomes?: (() => readonly Outcome[]) | undefined;
  /** Undefined where nothing matches; asked for at most once. */
  readonly application?: (() => Application) | undefined;
}

/** What the webhook configuration asks the API server to send for one kind. */
export interface AdmissionRule {
  /** Name of the webhook, a DNS label: `<name>.quartermaster.dev`. */
  readonly name: string;
  /** What people call it who set its failure policy, where that is not its name: webhooks that come by number go by one. */
  readonly calledName?: string;
  /** What PlatformDefaults call the objects, where it is one kind that all of them are of. */
  readonly kind?: TargetKind;
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
  /** Where what is sent follows from what is asked for: the rules instead of `rules`, none while nothing is. */
  readonly rulesInForce?: (asked: readonly Asked[]) => readonly AdmissionRule[];
  readonly mutate: (object: KubeObject, request: AdmissionRequest, facts: Facts) => Mutation;
}

/** For which objects one PlatformDefaults gives something. */
export interface Asked {
  readonly kinds: readonly TargetKind[];
  readonly labels: readonly Requirement[];
  readonly namespaceLabels: readonly Requirement[];
}

/** One thing a label selector asks for; matchLabels are `In` with one value. */
export interface Requirement {
  readonly key: string;
  readonly operator: LabelRequirement['operator'];
  readonly values: readonly string[];
}

/** The answer of a mutator that leaves the object alone. */
export const untouched = (object: KubeObject, warnings: readonly string[] = []): Mutation => ({
  object,
  warnings,
  explain: [],
  companions: [],
});
