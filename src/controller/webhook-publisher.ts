import type { KubeObject, Maybe, OwnerReference } from '../api/kubernetes.ts';
import { type Kube, resources } from '../kube/api-server.ts';
import type { MutatingWebhookConfiguration, Webhook } from './webhook-configuration.ts';

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
export type Publication = 'unchanged' | 'published' | 'absent' | 'withdrawn';

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
