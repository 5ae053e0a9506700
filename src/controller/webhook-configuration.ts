import type { KubeObject, LabelSelector, OwnerReference } from '../api/kubernetes.ts';
import type { AdmissionRule } from '../api/mutator.ts';
import { GROUP, MANAGED_BY, MANAGED_BY_LABEL, MUTATE_PATH, NAMESPACE_NAME_LABEL } from '../api/names.ts';

/** How the API server reaches the webhook: through its Service, or (development) by an https:// address. */
export type WebhookTarget =
  | { readonly service: { readonly name: string; readonly namespace: string } }
  | { readonly url: string };

export interface WebhookConfigurationOptions {
  readonly name: string;
  readonly rules: readonly AdmissionRule[];
  readonly target: WebhookTarget;
  /** PEM of every authority to trust. Undefined: the one that is there is none of ours. */
  readonly caBundle: string | undefined;
  readonly systemNamespace: string;
  readonly nfsNamespace: string;
  /** A cluster-scoped object that the configuration goes with, whoever deletes it. */
  readonly owner?: OwnerReference;
}

/** admissionregistration.k8s.io/v1, as far as we write it. */
export interface MutatingWebhookConfiguration extends KubeObject {
  readonly webhooks?: readonly Webhook[];
}

export interface Webhook {
  readonly name: string;
  readonly clientConfig: {
    readonly service?: {
      readonly name: string;
      readonly namespace: string;
      readonly path: string;
      readonly port: number;
    };
    readonly url?: string;
    /** Base64 of PEM. */
    readonly caBundle?: string;
  };
  readonly [field: string]: unknown;
}

/** Longer than any admission of ours takes; short enough that a lost replica is not felt as a hang. */
const TIMEOUT_SECONDS = 5;

/** The whole configuration: one webhook per rule, so that each kind has a failure policy and selectors of its own. */
export const webhookConfiguration = (options: WebhookConfigurationOptions): MutatingWebhookConfiguration => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'MutatingWebhookConfiguration',
  metadata: {
    name: options.name,
    labels: { 'app.kubernetes.io/name': 'quartermaster', [MANAGED_BY_LABEL]: MANAGED_BY },
    ...(options.owner && { ownerReferences: [options.owner] }),
  },
  webhooks: options.rules.map((rule) => webhookOf(rule, options)),
});

const webhookOf = (rule: AdmissionRule, options: WebhookConfigurationOptions): Webhook => ({
  name: `${rule.name}.${GROUP}`,
  clientConfig: clientConfig(options),
  rules: [
    {
      apiGroups: [rule.group],
      apiVersions: rule.versions,
      resources: [rule.resource],
      operations: rule.operations,
      scope: 'Namespaced',
    },
  ],
  admissionReviewVersions: ['v1'],
  sideEffects: 'NoneOnDryRun',
  failurePolicy: rule.failurePolicy,
  // Another webhook may add what a default looks at; our own mutation is idempotent.
  reinvocationPolicy: 'IfNeeded',
  matchPolicy: 'Equivalent',
  timeoutSeconds: TIMEOUT_SECONDS,
  namespaceSelector: excludeNamespaces(
    ['kube-system', 'kube-node-lease', options.systemNamespace, options.nfsNamespace],
    rule.namespaceSelector,
  ),
  ...(rule.objectSelector && { objectSelector: rule.objectSelector }),
  ...(rule.matchConditions && { matchConditions: rule.matchConditions }),
});

const clientConfig = ({ target, caBundle }: WebhookConfigurationOptions): Webhook['clientConfig'] => ({
  ...('url' in target ? { url: target.url } : { service: { ...target.service, path: MUTATE_PATH, port: 443 } }),
  ...(caBundle !== undefined && { caBundle: Buffer.from(caBundle).toString('base64') }),
});

/** Namespaces that must work when we do not. The label is set by Kubernetes 1.21 on; nothing breaks where it is missing. */
const excludeNamespaces = (namespaces: readonly string[], selector: LabelSelector | undefined): LabelSelector => ({
  ...selector,
  matchExpressions: [
    ...(selector?.matchExpressions ?? []),
    { key: NAMESPACE_NAME_LABEL, operator: 'NotIn', values: namespaces },
  ],
});
