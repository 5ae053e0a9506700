import { setTimeout as sleep } from 'node:timers/promises';
import type { AdmissionRule } from '../api/admission.ts';
import { AppError, messageOf } from '../api/errors.ts';
import type { KubeObject, LabelSelector, Maybe, OwnerReference } from '../api/kubernetes.ts';
import { GROUP, MANAGED_BY, MANAGED_BY_LABEL, MUTATE_PATH, NAMESPACE_NAME_LABEL } from '../api/names.ts';
import { type Kube, resources } from '../kube/api-server.ts';
import type { Log } from '../ops/log.ts';

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

interface Webhook {
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

/** Where Quartermaster itself is installed: what is being deleted there must take the webhooks with it. */
export interface Installation {
  readonly namespace: string;
  readonly deployment: string;
}

export interface WebhookPublisherOptions {
  readonly kube: Pick<Kube, 'get' | 'create' | 'mergePatch' | 'remove'>;
  readonly name: string;
  /** The whole configuration, undefined while there is no certificate to name in it. */
  readonly desired: (owner: OwnerReference | undefined) => MutatingWebhookConfiguration | undefined;
  /** Left out where the webhook runs outside the cluster. */
  readonly installation?: Installation;
}

/** What one reconcile came to. `absent`: gone, and not put back before the next one. */
type Publication = 'unchanged' | 'published' | 'absent' | 'withdrawn';

interface Deployment extends KubeObject {
  readonly spec?: Maybe<{ readonly replicas?: number }>;
}

/**
 * Makes the webhook configuration what it should be; call it every few seconds while leading, and once more when stopping.
 * Edited, it is written back at once. Deleted, it comes back on the second reconcile that misses it and not before: `kubectl delete
 * -k` deletes it first, and by then the rest of the installation is going too. With its Namespace or Deployment gone, going or
 * scaled to nothing, the configuration is removed; nobody would answer.
 */
export const webhookPublisher = (options: WebhookPublisherOptions): ((signal: AbortSignal) => Promise<Publication>) => {
  const missesTolerated = options.installation === undefined ? 0 : 1;
  let misses = 0;
  let written = '';

  return async (signal) => {
    const [live, home] = await Promise.all([find(options, signal), observeInstallation(options, signal)]);
    if (!home.isInstalled) return withdraw(options, live, signal);
    const desired = options.desired(home.owner);
    if (desired === undefined || (live && written === fingerprint(desired, live))) return 'unchanged';
    if (live === undefined && misses < missesTolerated) {
      misses += 1;
      return 'absent';
    }
    misses = 0;
    const stored = await write(options, desired, live, signal);
    written = fingerprint(desired, stored);
    return stored.metadata.resourceVersion === live?.metadata.resourceVersion ? 'unchanged' : 'published';
  };
};

/** True where every API server call to the webhook is told to trust `authority` (PEM), none is made, or (no name) it is not for us to tell. */
export const isAuthorityPublished = async (
  kube: Pick<Kube, 'get'>,
  name: string,
  authority: string,
  signal: AbortSignal,
): Promise<boolean> => {
  if (name === '') return true;
  const live = await kube.get<MutatingWebhookConfiguration>(
    resources.mutatingWebhooks,
    { namespace: '', name },
    signal,
  );
  return (live?.webhooks ?? []).every(({ clientConfig }) =>
    Buffer.from(clientConfig.caBundle ?? '', 'base64')
      .toString()
      .includes(authority),
  );
};

const find = (
  { kube, name }: WebhookPublisherOptions,
  signal: AbortSignal,
): Promise<MutatingWebhookConfiguration | undefined> =>
  kube.get(resources.mutatingWebhooks, { namespace: '', name }, signal);

interface ObservedInstallation {
  readonly isInstalled: boolean;
  readonly owner: OwnerReference | undefined;
}

const observeInstallation = async (
  { kube, installation }: WebhookPublisherOptions,
  signal: AbortSignal,
): Promise<ObservedInstallation> => {
  if (installation === undefined) return { isInstalled: true, owner: undefined };
  const { namespace, deployment } = installation;
  const [home, program] = await Promise.all([
    kube.get(resources.namespaces, { namespace: '', name: namespace }, signal),
    kube.get<Deployment>(resources.deployments, { namespace, name: deployment }, signal),
  ]);
  const isInstalled = isThere(home) && isThere(program) && program.spec?.replicas !== 0;
  return { isInstalled, owner: home && ownerOf(home) };
};

const isThere = <T extends KubeObject>(object: T | undefined): object is T =>
  object !== undefined && !object.metadata.deletionTimestamp;

const ownerOf = ({ metadata }: KubeObject): OwnerReference => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  name: metadata.name ?? '',
  uid: metadata.uid ?? '',
});

const withdraw = async (
  { kube, name }: WebhookPublisherOptions,
  live: MutatingWebhookConfiguration | undefined,
  signal: AbortSignal,
): Promise<Publication> => {
  if (live === undefined) return 'unchanged';
  await kube.remove(resources.mutatingWebhooks, { namespace: '', name }, {}, { signal });
  return 'withdrawn';
};

/**
 * A merge patch replaces `webhooks` as one list, so that what others added to it goes too, and is accepted by API servers that do
 * not know every field of it, which server-side apply is not.
 */
const write = (
  { kube, name }: WebhookPublisherOptions,
  desired: MutatingWebhookConfiguration,
  live: MutatingWebhookConfiguration | undefined,
  signal: AbortSignal,
): Promise<MutatingWebhookConfiguration> => {
  if (live === undefined) return kube.create(resources.mutatingWebhooks, desired, { signal });
  const { labels, ownerReferences } = desired.metadata;
  const patch = {
    metadata: { labels, ownerReferences, resourceVersion: live.metadata.resourceVersion },
    webhooks: desired.webhooks?.map((webhook) => preserveCaBundle(webhook, live)),
  };
  return kube.mergePatch(resources.mutatingWebhooks, { namespace: '', name }, patch, { signal });
};

/** Where the certificate is not ours, neither is the caBundle. */
const preserveCaBundle = (webhook: Webhook, live: MutatingWebhookConfiguration): Webhook => {
  const { caBundle } = live.webhooks?.find(({ name }) => name === webhook.name)?.clientConfig ?? {};
  if (webhook.clientConfig.caBundle !== undefined || caBundle === undefined) return webhook;
  return { ...webhook, clientConfig: { ...webhook.clientConfig, caBundle } };
};

const fingerprint = (desired: MutatingWebhookConfiguration, { metadata }: KubeObject): string =>
  `${metadata.uid} ${metadata.resourceVersion} ${JSON.stringify(desired)}`;

export interface WebhookReconcilerOptions {
  /** One reconcile of the webhook configuration: see `webhookPublisher`. */
  readonly publish: (signal: AbortSignal) => Promise<Publication>;
  readonly intervalMs: number;
  readonly log: Log;
}

const FINAL_RECONCILE_MS = 3_000;

/**
 * Reconciles the webhook configuration every `intervalMs` while it leads, and once more when the process is told to end: where that is
 * because the Deployment was deleted or scaled to nothing, there is no later chance to take the webhooks away.
 */
export const reconcileWebhookConfiguration = async (
  options: WebhookReconcilerOptions,
  signal: AbortSignal,
): Promise<void> => {
  while (!signal.aborted) {
    await reconcilePublication(options, signal);
    await sleep(options.intervalMs, undefined, { signal }).catch(() => undefined);
  }
  // Leadership lost: another looks after it now.
  if (!(signal.reason instanceof AppError))
    await reconcilePublication(options, AbortSignal.timeout(FINAL_RECONCILE_MS));
};

const reconcilePublication = async ({ publish, log }: WebhookReconcilerOptions, signal: AbortSignal): Promise<void> => {
  try {
    const publication = await publish(signal);
    if (publication !== 'unchanged') log.info({ publication }, 'webhook configuration written');
  } catch (error) {
    if (!signal.aborted) log.warn({ error: messageOf(error) }, 'webhook configuration cannot be kept');
  }
};
