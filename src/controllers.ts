import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CertificateKeeper } from './certificates/keeper.ts';
import { runAsLeader } from './controller/leader.ts';
import { type WebhookTarget, webhookConfiguration } from './controller/webhook-configuration.ts';
import { webhookPublisher } from './controller/webhook-publisher.ts';
import type { Core } from './core.ts';
import { messageOf } from './errors.ts';
import { mutators } from './mutate/index.ts';
import { DEPLOYMENT_NAME, LEASE_NAME } from './names.ts';

/** The controllers of this process, acting only while it leads. */
export interface Controllers {
  /** Lets what is under way finish and releases the Lease. */
  readonly stop: () => Promise<void>;
}

const PUBLISH_EVERY_MS = 2_000;

/** Contends for leadership and runs every controller while it is held. */
export const startControllers = (core: Core, certificates: CertificateKeeper): Controllers => {
  const { settings, kube, log, metrics } = core;
  const stopping = new AbortController();
  const done = runAsLeader({
    kube,
    name: LEASE_NAME,
    identity: `${hostname()}_${randomUUID()}`,
    namespace: settings.namespace,
    leaseSeconds: settings.leaseSeconds,
    signal: AbortSignal.any([stopping.signal, core.signal]),
    log,
    metrics,
    lead: async (signal) => {
      await Promise.all(controllersOf(core, certificates).map((run) => run(signal)));
    },
  }).catch((error: unknown) => log.fatal({ error: messageOf(error) }, 'controllers ended'));
  return {
    stop: async () => {
      stopping.abort();
      await done;
    },
  };
};

type Run = (signal: AbortSignal) => Promise<void>;

const controllersOf = (core: Core, certificates: CertificateKeeper): readonly Run[] => [
  publishWebhooks(core, certificates),
];

/** Keeps the webhook configuration right, looking at it every other second. */
const publishWebhooks = ({ settings, kube, log }: Core, certificates: CertificateKeeper): Run => {
  const { webhookConfigurationName: name, webhookUrl, namespace, serviceName, nfsNamespace } = settings;
  const target: WebhookTarget = webhookUrl === '' ? { service: { name: serviceName, namespace } } : { url: webhookUrl };
  const publish = webhookPublisher({
    kube,
    name,
    desired: (owner) => {
      const certificate = certificates.current();
      if (certificate === undefined) return undefined;
      const { caBundle } = certificate;
      const rules = mutators.flatMap((mutator) => mutator.rules);
      return webhookConfiguration({
        name,
        rules,
        target,
        caBundle,
        systemNamespace: namespace,
        nfsNamespace,
        ...(owner && { owner }),
      });
    },
    ...(webhookUrl === '' && { installation: { namespace, deployment: DEPLOYMENT_NAME } }),
  });
  return async (signal) => {
    while (name !== '' && !signal.aborted) {
      await publish(signal).then(
        (publication) => publication !== 'unchanged' && log.info({ publication }, 'webhook configuration written'),
        (error: unknown) => log.warn({ error: messageOf(error) }, 'webhook configuration cannot be kept'),
      );
      await sleep(PUBLISH_EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  };
};
