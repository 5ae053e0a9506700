import { hasReason } from '../../api/errors.ts';
import type { KubeObject, Maybe, OwnerReference } from '../../api/kubernetes.ts';
import { type Kube, resources } from '../../kube/api-server.ts';
import {
  failClosedName,
  hasFailClosed,
  isOurs,
  type MutatingWebhookConfiguration,
  type Webhook,
  type WebhookConfigurationOptions,
  webhookConfiguration,
  webhookName,
} from './configuration.ts';
import { bindFailClosed, unbindFailClosed } from './fail-closed.ts';
import { yieldOwned } from './field-owners.ts';
import type { Probe } from './probe.ts';

/** Where Quartermaster itself is installed: what is being deleted there must take the webhooks with it. */
export interface Installation {
  readonly namespace: string;
  readonly deployment: string;
  readonly service: string;
  readonly serviceAccount: string;
}

export interface WebhookPublisherOptions {
  readonly kube: Pick<Kube, 'get' | 'apply' | 'remove'>;
  /** The whole configuration, undefined while there is no certificate to name in it. */
  readonly desired: () => Omit<WebhookConfigurationOptions, 'name' | 'owner' | 'account' | 'failsClosed'> | undefined;
  readonly name: string;
  readonly probe: Probe;
  /** What becomes of webhooks that fail closed when no review was answered for `unavailableMs`. */
  readonly unavailablePolicy: 'keep' | 'ignore';
  readonly unavailableMs: number;
  /** How long a configuration that was deleted stays away while the rest is still there. */
  readonly recreateAfterMs?: number;
  /** Left out where the webhook runs outside the cluster. */
  readonly installation?: Installation;
  /** In milliseconds; never goes back. */
  readonly now?: () => number;
}

/** For `recreateAfterMs`: much longer than it takes from there to its Namespace, which `kubectl delete` deletes next. */
export const RECREATE_AFTER_MS = 2_000;

/** What one reconcile came to. `absent`: gone, and not put back yet. */
export type Publication = 'unchanged' | 'published' | 'failing closed' | 'failing open' | 'absent' | 'withdrawn';

interface Deployment extends KubeObject {
  readonly spec?: Maybe<{ readonly replicas?: number }>;
}

/** What is there of the install. */
interface Observed {
  readonly live: MutatingWebhookConfiguration | undefined;
  readonly isInstalled: boolean;
  /** The Namespace, which the configuration goes with. */
  readonly home: OwnerReference | undefined;
  /** The Deployment, which failing closed ends with. */
  readonly program: OwnerReference | undefined;
  readonly hasService: boolean;
}

/**
 * Makes the webhook configuration what it should be; call it every few seconds while leading.
 *
 * What others wrote into it stays theirs; the authority, the rules and the webhooks that fail closed are kept. These are there once a
 * review was answered through the Service, and go when there is no Service, or where `unavailablePolicy` says so when none was answered
 * for long. Deleted, the configuration comes back after a while and not before: `kubectl delete -k` deletes it first, and by then the
 * rest of the install is going too. With its Namespace or Deployment gone, going or scaled to nothing, it is removed.
 */
export const webhookPublisher = (options: WebhookPublisherOptions): ((signal: AbortSignal) => Promise<Publication>) => {
  const { kube, name } = options;
  const isTolerated = toleratesAbsence(options);
  const decide = decidesFailingClosed(options);
  const gate = gateOf(options);
  let written = '';

  const apply = async (
    whole: MutatingWebhookConfiguration,
    live: MutatingWebhookConfiguration | undefined,
    inherits: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<Publication> => {
    const desired = live === undefined ? whole : yieldOwned(whole, live, inherits);
    if (live !== undefined && written === fingerprint(desired, live)) return 'unchanged';
    const stored = await applyTo(live, desired, kube, signal);
    if (stored === undefined) return 'absent';
    written = fingerprint(desired, stored);
    return publicationOf(live, stored);
  };

  return async (signal) => {
    const observed = await observe(options, signal);
    if (!observed.isInstalled) return withdraw(options, observed.live, signal);
    const desired = options.desired();
    if (desired === undefined) return 'unchanged';
    if (isTolerated(observed.live)) return 'absent';
    const live = await replaceTarget(options, observed.live, desired, signal);
    const failsClosed = await decide({ ...observed, live }, desired.caBundle, signal);
    const account = accountOf(options);
    const whole = webhookConfiguration({
      ...desired,
      name,
      failsClosed,
      owner: observed.home,
      ...(account && { account }),
    });
    // One that fails closed is asked only while it stands there, and never while its place is empty.
    if (!failsClosed) await gate.close(signal);
    const publication = await apply(whole, live, inheritance(desired), signal);
    if (failsClosed && publication !== 'absent') await gate.open(observed.program, signal);
    return publication;
  };
};

/** Undefined where what was observed is gone by now: applied without its UID it would be made anew, after an uninstall for good. */
const applyTo = async (
  live: MutatingWebhookConfiguration | undefined,
  desired: MutatingWebhookConfiguration,
  kube: Pick<Kube, 'apply'>,
  signal: AbortSignal,
): Promise<MutatingWebhookConfiguration | undefined> => {
  const uid = live?.metadata.uid;
  if (uid === undefined) return kube.apply(resources.mutatingWebhooks, desired, { signal });
  const bound = { ...desired, metadata: { ...desired.metadata, uid } };
  return kube.apply(resources.mutatingWebhooks, bound, { signal }).catch((error: unknown) => {
    if (hasReason(error, 'Conflict')) return undefined;
    throw error;
  });
};

/** Whether a configuration that is missing is to stay so for now. */
const toleratesAbsence = ({ now = clock, recreateAfterMs = 0, installation }: WebhookPublisherOptions) => {
  let missingSince: number | undefined;
  return (live: KubeObject | undefined): boolean => {
    if (live !== undefined || installation === undefined) {
      missingSince = undefined;
      return false;
    }
    const isFirst = missingSince === undefined;
    missingSince ??= now();
    return isFirst || now() - missingSince < recreateAfterMs;
  };
};

/** Whether webhooks are to fail closed: since a review was answered, until none can be. As it is, where nothing was learnt. */
const decidesFailingClosed = ({ now = clock, probe, unavailableMs, unavailablePolicy }: WebhookPublisherOptions) => {
  let answeredAt = now();
  const isGivenUp = (): boolean => unavailablePolicy === 'ignore' && now() - answeredAt > unavailableMs;
  return async (
    { live, hasService }: Pick<Observed, 'live' | 'hasService'>,
    caBundle: string | undefined,
    signal: AbortSignal,
  ): Promise<boolean> => {
    if (live === undefined || !hasService) return false;
    const target = (live.webhooks ?? []).find(isOurs);
    if (target === undefined || !trusts(target, caBundle)) return hasFailClosed(live);
    const isAnswered = await probe(target, signal);
    if (isAnswered) answeredAt = now();
    return isAnswered || (hasFailClosed(live) && !isGivenUp());
  };
};

/** What lets the API server ask the webhooks that fail closed. Outside a cluster there is nothing to bind. */
const gateOf = (options: WebhookPublisherOptions) => {
  const { kube } = options;
  const account = accountOf(options);
  return {
    open: async (owner: OwnerReference | undefined, signal: AbortSignal): Promise<void> => {
      if (account !== undefined && owner !== undefined) await bindFailClosed({ kube, account, signal }, owner);
    },
    close: async (signal: AbortSignal): Promise<void> => {
      if (account !== undefined) await unbindFailClosed({ kube, account, signal });
    },
  };
};

const clock = (): number => performance.now();

const publicationOf = (
  before: MutatingWebhookConfiguration | undefined,
  stored: MutatingWebhookConfiguration,
): Publication => {
  const wasClosed = before !== undefined && hasFailClosed(before);
  if (hasFailClosed(stored) !== wasClosed) return wasClosed ? 'failing open' : 'failing closed';
  return stored.metadata.resourceVersion === before?.metadata.resourceVersion ? 'unchanged' : 'published';
};

/** Which webhook that fails closed takes what a person chose from which. */
const inheritance = ({ rules }: Pick<WebhookConfigurationOptions, 'rules'>): ReadonlyMap<string, string> =>
  new Map(rules.map((rule) => [failClosedName(rule), webhookName(rule)]));

/** Where the certificate is not ours, whatever stands there is to be trusted. */
const trusts = ({ clientConfig }: Webhook, caBundle: string | undefined): boolean =>
  caBundle === undefined || Buffer.from(clientConfig.caBundle ?? '', 'base64').toString() === caBundle;

const accountOf = ({ installation }: WebhookPublisherOptions) =>
  installation && { namespace: installation.namespace, name: installation.serviceAccount };

/** A Service cannot be applied away where a URL is to stand (development): the configuration is made anew. */
const replaceTarget = async (
  { kube, name }: WebhookPublisherOptions,
  live: MutatingWebhookConfiguration | undefined,
  { target }: Pick<WebhookConfigurationOptions, 'target'>,
  signal: AbortSignal,
): Promise<MutatingWebhookConfiguration | undefined> => {
  const isUrl = 'url' in target;
  const isAnother = (webhook: Webhook): boolean =>
    isOurs(webhook) && (isUrl ? webhook.clientConfig.service : webhook.clientConfig.url) !== undefined;
  if (!live?.webhooks?.some(isAnother)) return live;
  await kube.remove(resources.mutatingWebhooks, { namespace: '', name }, {}, { signal });
  return undefined;
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
  return (live?.webhooks ?? []).filter(isOurs).every(({ clientConfig }) =>
    Buffer.from(clientConfig.caBundle ?? '', 'base64')
      .toString()
      .includes(authority),
  );
};

const observe = async (
  { kube, name, installation }: WebhookPublisherOptions,
  signal: AbortSignal,
): Promise<Observed> => {
  const finding = kube.get<MutatingWebhookConfiguration>(resources.mutatingWebhooks, { namespace: '', name }, signal);
  if (installation === undefined) {
    return { live: await finding, isInstalled: true, home: undefined, program: undefined, hasService: true };
  }
  const { namespace, deployment, service } = installation;
  const [live, home, program, front] = await Promise.all([
    finding,
    kube.get(resources.namespaces, { namespace: '', name: namespace }, signal),
    kube.get<Deployment>(resources.deployments, { namespace, name: deployment }, signal),
    kube.get(resources.services, { namespace, name: service }, signal),
  ]);
  return {
    live,
    isInstalled: isThere(home) && isThere(program) && program.spec?.replicas !== 0,
    home: home && ownerOf(home, 'v1', 'Namespace'),
    program: program && ownerOf(program, 'apps/v1', 'Deployment'),
    hasService: isThere(front),
  };
};

const isThere = <T extends KubeObject>(object: T | undefined): object is T =>
  object !== undefined && !object.metadata.deletionTimestamp;

const ownerOf = ({ metadata }: KubeObject, apiVersion: string, kind: string): OwnerReference => ({
  apiVersion,
  kind,
  name: metadata.name ?? '',
  uid: metadata.uid ?? '',
});

/** Takes the webhooks away where the install is gone, going or scaled to nothing. For every replica that is told to end. */
export const withdrawIfUninstalled = async (
  options: WebhookPublisherOptions,
  signal: AbortSignal,
): Promise<Publication> => {
  const { live, isInstalled } = await observe(options, signal);
  return isInstalled ? 'unchanged' : withdraw(options, live, signal);
};

const withdraw = async (
  options: WebhookPublisherOptions,
  live: MutatingWebhookConfiguration | undefined,
  signal: AbortSignal,
): Promise<Publication> => {
  if (live === undefined) return 'unchanged';
  const { kube, name } = options;
  await kube.remove(resources.mutatingWebhooks, { namespace: '', name }, {}, { signal });
  const account = accountOf(options);
  if (account !== undefined) await unbindFailClosed({ kube, account, signal });
  return 'withdrawn';
};

const fingerprint = (desired: MutatingWebhookConfiguration, { metadata }: KubeObject): string =>
  `${metadata.uid} ${metadata.resourceVersion} ${JSON.stringify(desired)}`;
