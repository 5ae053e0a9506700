import type { KubeObject, StringMap } from './kubernetes.ts';

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
}
