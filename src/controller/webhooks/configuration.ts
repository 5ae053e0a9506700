import type { AdmissionRule } from '../../api/admission.ts';
import type { KubeObject, LabelRequirement, LabelSelector, Maybe, OwnerReference } from '../../api/kubernetes.ts';
import { GROUP, MANAGED_BY, MANAGED_BY_LABEL, MUTATE_PATH, NAMESPACE_NAME_LABEL } from '../../api/names.ts';
import { failClosedExpression } from './fail-closed.ts';

/** How the API server reaches the webhook: through its Service, or (development) by an https:// address. */
export type WebhookTarget =
  | { readonly service: { readonly name: string; readonly namespace: string } }
  | { readonly url: string };

/** What is chosen about webhooks; left out, there is nothing besides. */
export interface WebhookChoices {
  /** Instead of a rule's own, by what the rule is called. */
  readonly failurePolicies?: Readonly<Record<string, 'Ignore' | 'Fail'>>;
  readonly timeoutSeconds?: number;
  readonly excludedNamespaces?: readonly string[];
  readonly namespaceRequirements?: readonly LabelRequirement[];
  readonly objectRequirements?: readonly LabelRequirement[];
}

export interface WebhookConfigurationOptions extends WebhookChoices {
  readonly name: string;
  readonly rules: readonly AdmissionRule[];
  readonly target: WebhookTarget;
  /** PEM of every authority to trust. Undefined: the one that is there is none of ours. */
  readonly caBundle: string | undefined;
  readonly systemNamespace: string;
  readonly nfsNamespace: string;
  /** A cluster-scoped object that the configuration goes with, whoever deletes it. */
  readonly owner?: OwnerReference | undefined;
  /** True once a replica has answered: rules that are to fail closed do so. Until then every webhook ignores failures. */
  readonly failsClosed?: boolean;
  /** The service account whose permission the API server asks about before it fails closed. Left out where there is none. */
  readonly account?: { readonly namespace: string; readonly name: string };
}

/** admissionregistration.k8s.io/v1, as far as we write it. */
export interface MutatingWebhookConfiguration extends KubeObject {
  readonly webhooks?: Maybe<readonly Webhook[]>;
}

export interface MatchCondition {
  readonly name: string;
  readonly expression: string;
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
  readonly failurePolicy?: string;
  readonly matchConditions?: Maybe<readonly MatchCondition[]>;
  readonly [field: string]: unknown;
}

/** Longer than any admission of ours takes; short enough that a lost replica is not felt as a hang. */
const TIMEOUT_SECONDS = 5;
const SUFFIX = '-fail-closed';

/** The webhook that ignores failures, of a rule. */
export const webhookName = ({ name }: Pick<AdmissionRule, 'name'>): string => `${name}.${GROUP}`;
/** The one that takes its place where the rule fails closed. */
export const failClosedName = ({ name }: Pick<AdmissionRule, 'name'>): string => `${name}${SUFFIX}.${GROUP}`;

/** The names of the conditions that choose between the two. */
const CHOOSING: ReadonlySet<string> = new Set(['fails-open', 'fails-closed']);

/** The webhooks of a configuration by what they are sent: one a rule, whichever of two is asked at the moment. */
export const webhooksByRule = ({ webhooks }: MutatingWebhookConfiguration): readonly Webhook[] =>
  (webhooks ?? [])
    .filter(({ name }) => !isFailClosedName(name))
    .map((webhook) => {
      if (!webhook.matchConditions) return webhook;
      return { ...webhook, matchConditions: webhook.matchConditions.filter(({ name }) => !CHOOSING.has(name)) };
    });

const isFailClosedName = (name: string): boolean => name.endsWith(`${SUFFIX}.${GROUP}`);

export const isOurs = ({ name }: Pick<Webhook, 'name'>): boolean => name.endsWith(`.${GROUP}`);

/** True of a configuration that we made fail closed. */
export const hasFailClosed = ({ webhooks }: MutatingWebhookConfiguration): boolean =>
  (webhooks ?? []).some(({ name, clientConfig, failurePolicy }) =>
    clientConfig.url === undefined ? isFailClosedName(name) : isOurs({ name }) && failurePolicy === 'Fail',
  );

/**
 * The whole configuration. One webhook per rule ignores failures, so that nothing waits for us from the first moment on. Where
 * `failsClosed`, each rule that asks for it has a second webhook, which is asked instead of the first while the account may answer.
 * Without an account the first fails closed itself.
 */
export const webhookConfiguration = (options: WebhookConfigurationOptions): MutatingWebhookConfiguration => ({
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'MutatingWebhookConfiguration',
  metadata: {
    name: options.name,
    labels: { 'app.kubernetes.io/name': 'quartermaster', [MANAGED_BY_LABEL]: MANAGED_BY },
    ...(options.owner && { ownerReferences: [options.owner] }),
  },
  webhooks: [
    ...options.rules.map((rule) => openWebhook(rule, options)),
    ...options.rules.flatMap((rule) => failClosedWebhook(rule, options)),
  ],
});

const policyOf = (rule: AdmissionRule, { failurePolicies = {} }: WebhookChoices): 'Ignore' | 'Fail' =>
  failurePolicies[rule.calledName ?? rule.name] ?? rule.failurePolicy;

const openWebhook = (rule: AdmissionRule, options: WebhookConfigurationOptions): Webhook => {
  const webhook = webhookOf(rule, options);
  if (!options.failsClosed || policyOf(rule, options) === 'Ignore') return webhook;
  if (options.account === undefined) return { ...webhook, failurePolicy: 'Fail' };
  return withCondition(webhook, { name: 'fails-open', expression: `!${failClosedExpression(options.account)}` });
};

const failClosedWebhook = (rule: AdmissionRule, options: WebhookConfigurationOptions): readonly Webhook[] => {
  if (!options.failsClosed || policyOf(rule, options) === 'Ignore' || options.account === undefined) return [];
  const webhook = { ...webhookOf(rule, options), name: failClosedName(rule), failurePolicy: 'Fail' };
  return [withCondition(webhook, { name: 'fails-closed', expression: failClosedExpression(options.account) })];
};

const withCondition = (webhook: Webhook, condition: MatchCondition): Webhook => ({
  ...webhook,
  matchConditions: [...(webhook.matchConditions ?? []), condition],
});

const webhookOf = (rule: AdmissionRule, options: WebhookConfigurationOptions): Webhook => ({
  name: webhookName(rule),
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
  failurePolicy: 'Ignore',
  // Another webhook may add what a default looks at; our own mutation is idempotent.
  reinvocationPolicy: 'IfNeeded',
  matchPolicy: 'Equivalent',
  timeoutSeconds: options.timeoutSeconds ?? TIMEOUT_SECONDS,
  namespaceSelector: withRequirements(rule.namespaceSelector, [
    {
      // The label is set by Kubernetes 1.21 on; nothing breaks where it is missing.
      key: NAMESPACE_NAME_LABEL,
      operator: 'NotIn',
      values: [...alwaysExcluded(options), ...(options.excludedNamespaces ?? [])],
    },
    ...(options.namespaceRequirements ?? []),
  ]),
  ...objectSelectorOf(rule, options),
  ...(rule.matchConditions && { matchConditions: rule.matchConditions }),
});

const clientConfig = ({ target, caBundle }: WebhookConfigurationOptions): Webhook['clientConfig'] => ({
  ...('url' in target ? { url: target.url } : { service: { ...target.service, path: MUTATE_PATH, port: 443 } }),
  ...(caBundle !== undefined && { caBundle: Buffer.from(caBundle).toString('base64') }),
});

/** Namespaces that must work when we do not. */
export const alwaysExcluded = ({
  systemNamespace,
  nfsNamespace,
}: Pick<WebhookConfigurationOptions, 'systemNamespace' | 'nfsNamespace'>): readonly string[] => [
  'kube-system',
  'kube-node-lease',
  systemNamespace,
  nfsNamespace,
];

const objectSelectorOf = (
  { objectSelector }: AdmissionRule,
  { objectRequirements = [] }: WebhookChoices,
): { readonly objectSelector?: LabelSelector } => {
  if (objectRequirements.length > 0) return { objectSelector: withRequirements(objectSelector, objectRequirements) };
  return objectSelector === undefined ? {} : { objectSelector };
};

const withRequirements = (
  selector: LabelSelector | undefined,
  requirements: readonly LabelRequirement[],
): LabelSelector => ({ ...selector, matchExpressions: [...(selector?.matchExpressions ?? []), ...requirements] });
