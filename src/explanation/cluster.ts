import type { Facts } from '../api/facts.ts';
import type { KubeObject } from '../api/kubernetes.ts';
import type { Entry } from '../defaults/entry.ts';
import type { Validation } from '../defaults/in-force.ts';
import type { WebhookRules } from './webhook-rules.ts';

/** The cluster under preview: what decisions are made from, and every PlatformDefaults that is in force. */
export interface PreviewCluster {
  readonly facts: Facts;
  readonly entries: readonly Entry[];
  /** Those that are wrong, each with the version of it that stands. */
  readonly invalid: readonly Validation[];
  /** What the API server sends. */
  readonly webhooks: readonly WebhookRules[];
  /** CustomResourceDefinitions besides our own. */
  readonly definitions?: readonly KubeObject[];
  /** Objects that are there already: what is previewed by the same name is an UPDATE. */
  readonly stored?: readonly KubeObject[];
}
