import type { AdmissionRule } from '../api/admission.ts';
import { DEPLOYMENT_NAME, installedName } from '../api/names.ts';
import type { CertificateWatcher } from '../certificates/watcher.ts';
import type { WebhookChoices, WebhookTarget } from '../controller/webhooks/configuration.ts';
import { probeThrough } from '../controller/webhooks/probe.ts';
import {
  type Installation,
  RECREATE_AFTER_MS,
  type WebhookPublisherOptions,
  webhookPublisher,
  withdrawIfUninstalled,
} from '../controller/webhooks/publisher.ts';
import { reconcileOnce, reconcileWebhookConfiguration } from '../controller/webhooks/reconcile.ts';
import { isSpecChange } from '../defaults/controller.ts';
import { askedBy, type Entry } from '../defaults/entry.ts';
import { ENFORCED, enforcedRules, rulesInForce } from '../kinds/index.ts';
import { type Resource, resources } from '../kube/api-server.ts';
import { watchStore } from '../kube/stores.ts';
import { metadataOnly } from '../kube/transforms.ts';
import type { Settings } from '../settings/config.ts';
import type { Core } from './core.ts';

/** The webhook configuration, as the leader keeps it and as every replica leaves it. */
export interface WebhookKeeper {
  /** Keeps it until the signal. For the leader. */
  readonly keep: (signal: AbortSignal) => Promise<void>;
  /** Takes it away where the install is gone: there is no later chance to. Takes three seconds at most. */
  readonly withdraw: () => Promise<void>;
}

const PUBLISH_EVERY_MS = 2_000;
const WITHDRAW_MS = 3_000;
const COALESCE_MS = 200;

export const keepWebhooks = (core: Core, certificates: CertificateWatcher): WebhookKeeper => {
  const { settings, log } = core;
  const options = publisherOptions(core, certificates);
  if (settings.webhookConfigurationName === '') return { keep: nothing, withdraw: nothing };
  const onChange = watchInstall(core, options.installation);
  return {
    keep: (signal) =>
      reconcileWebhookConfiguration(
        { publish: webhookPublisher(options), intervalMs: PUBLISH_EVERY_MS, onChange, log },
        signal,
      ),
    withdraw: () =>
      reconcileOnce((signal) => withdrawIfUninstalled(options, signal), log, AbortSignal.timeout(WITHDRAW_MS)),
  };
};

const nothing = (): Promise<void> => Promise.resolve();

const publisherOptions = (core: Core, certificates: CertificateWatcher): WebhookPublisherOptions => {
  const { settings, kube } = core;
  const { webhookUrl, namespace, serviceName: service, serviceAccount, nfsNamespace } = settings;
  const target: WebhookTarget = webhookUrl === '' ? { service: { name: service, namespace } } : { url: webhookUrl };
  const choices: WebhookChoices = {
    failurePolicies: settings.failurePolicy,
    timeoutSeconds: settings.webhookTimeoutSeconds,
    excludedNamespaces: settings.excludedNamespaces,
    namespaceRequirements: settings.namespaceRequirements,
    objectRequirements: settings.objectRequirements,
  };
  const rulesNow = publishedRules(core);
  return {
    kube,
    name: settings.webhookConfigurationName,
    desired: () => {
      const certificate = certificates.current();
      if (certificate === undefined) return undefined;
      const { caBundle } = certificate;
      return { rules: rulesNow(), target, caBundle, systemNamespace: namespace, nfsNamespace, ...choices };
    },
    probe: probeThrough(kube),
    unavailablePolicy: settings.unavailablePolicy,
    unavailableMs: settings.unavailableSeconds * 1_000,
    recreateAfterMs: RECREATE_AFTER_MS,
    ...(webhookUrl === '' && {
      installation: { namespace, deployment: installedName(DEPLOYMENT_NAME, serviceAccount), service, serviceAccount },
    }),
  };
};

/** The rules for what the PlatformDefaults in force ask for, made anew where those, or the cloud, are others. */
const publishedRules = ({ defaults, detection, settings }: Core): (() => readonly AdmissionRule[]) => {
  let made: { readonly entries: readonly Entry[]; readonly cloud: string | undefined } | undefined;
  let rules: readonly AdmissionRule[] = [];
  return () => {
    const entries = defaults.entries();
    const cloud = detection.verdict()?.name;
    if (made?.entries !== entries || made.cloud !== cloud) rules = rulesOf(entries, cloud, settings);
    made = { entries, cloud };
    return rules;
  };
};

const rulesOf = (
  entries: readonly Entry[],
  cloud: string | undefined,
  { failurePolicy, exemptUsers }: Pick<Settings, 'failurePolicy' | 'exemptUsers'>,
): readonly AdmissionRule[] => {
  const askedOf = (some: readonly Entry[]) => some.flatMap((entry) => askedBy(entry, cloud));
  const rules = rulesInForce(askedOf(entries));
  if (failurePolicy[ENFORCED] !== 'Fail') return rules;
  const enforced = entries.filter(({ mode, isGlobal, isAudit }) => mode === 'Enforce' && isGlobal && !isAudit);
  return [...rules, ...enforcedRules(askedOf(enforced), exemptUsers)];
};

/** Runs once for all calls within so many milliseconds, at their end. */
const coalesce = (run: () => void, ms: number): (() => void) => {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      run();
    }, ms).unref();
  };
};

/** Calls who listened last at each change of what the webhooks depend on: seconds would be too late where it is being deleted. */
const watchInstall = (core: Core, installation: Installation | undefined): ((wake: () => void) => void) => {
  let notify = (): void => undefined;
  const watch = (resource: Resource, name: string, namespace?: string): void => {
    const query = { fieldSelector: `metadata.name=${name}`, ...(namespace !== undefined && { namespace }) };
    watchStore({ ...core.watching, query }, resource, metadataOnly).onChange(() => notify());
  };
  // All of them are looked through for the rules: one who changes theirs in a loop must not have that done each time.
  const notifyLater = coalesce(() => notify(), COALESCE_MS);
  core.stores.platformDefaults.onChange((type, defaults, old) => {
    if (isSpecChange(type, defaults, old)) notifyLater();
  });
  watch(resources.mutatingWebhooks, core.settings.webhookConfigurationName);
  if (installation !== undefined) {
    watch(resources.deployments, installation.deployment, installation.namespace);
    watch(resources.services, installation.service, installation.namespace);
    core.stores.namespaces.onChange((_, { metadata }) => {
      if (metadata.name === installation.namespace) notify();
    });
  }
  return (wake) => {
    notify = wake;
  };
};
