import { once } from 'node:events';
import type { Server } from 'node:net';
import { hostname } from 'node:os';
import { type Callers, createCallers, type RefusedCaller } from '../admission/callers.ts';
import { type Decision, ensureStorageClasses, type Handle, type HandlerOptions } from '../admission/handler.ts';
import { isProbe } from '../admission/review.ts';
import { createWebhookServer, MAX_CONNECTIONS, type WebhookServer } from '../admission/server.ts';
import type { AdmissionRequest } from '../api/admission.ts';
import { AppError, messageOf } from '../api/errors.ts';
import { MAX_NAME_LENGTH, plainSentences, plainText } from '../api/plain-text.ts';
import { type CertificateSource, tlsOptions } from '../certificates/certificate.ts';
import { fileSource } from '../certificates/file-source.ts';
import { secretSource, serviceNames } from '../certificates/secret-source.ts';
import { type CertificateWatcher, watchCertificate } from '../certificates/watcher.ts';
import { createEventRecorder, type EventRecorder } from '../controller/events.ts';
import { keepDoing } from '../controller/periodic.ts';
import { isAuthorityPublished } from '../controller/webhooks/publisher.ts';
import { createPostman } from '../defaults/admissions/mailbox.ts';
import { createHandler } from '../kinds/index.ts';
import { type DecisionLog, isAudited, outcomeOf } from '../ops/decisions.ts';
import { tellOwners } from './admission-events.ts';
import { sampleNotMatching } from './admission-sample.ts';
import type { Core } from './core.ts';
import { warmUp } from './warm-up.ts';

/** The webhook server once it has a certificate, and how to end it. */
export interface Webhook {
  readonly isListening: () => boolean;
  /** Resolves when it listens; rejects where it cannot: the port is taken. */
  readonly started: Promise<void>;
  /** From now on every answer closes its connection. Resolves when nobody has come for `quietMs`. */
  readonly drain: (quietMs: number) => Promise<void>;
  /** Takes no new connections; resolves when the last request is answered. */
  readonly close: () => Promise<void>;
}

/** Keeps the certificate the webhook serves with, from files or from the Secret. */
export const keepServingCertificate = ({ settings, kube, log, metrics, signal }: Core): CertificateWatcher => {
  const keeper = watchCertificate({
    source: sourceOf(settings, kube),
    signal,
    onFailure: (error) => log.error({ error: messageOf(error) }, 'certificate cannot be kept'),
  });
  const reportExpiry = (): void => {
    const { notAfter, authorityNotAfter } = keeper.current() ?? {};
    if (notAfter) metrics.setCertificateExpiry('serving', notAfter);
    if (authorityNotAfter) metrics.setCertificateExpiry('authority', authorityNotAfter);
  };
  keeper.first.then(reportExpiry, () => undefined);
  keeper.onChange(reportExpiry);
  return keeper;
};

const sourceOf = (settings: Core['settings'], kube: Core['kube']): CertificateSource => {
  const { tlsCertFile: certFile, tlsKeyFile: keyFile, tlsCaFile: caFile, namespace, webhookUrl } = settings;
  const isTrusted = (authority: string, signal: AbortSignal): Promise<boolean> =>
    isAuthorityPublished(kube, settings.webhookConfigurationName, authority, signal);
  if (certFile !== '') return fileSource({ certFile, keyFile, isTrusted, ...(caFile !== '' && { caFile }) });
  const own = webhookUrl === '' ? [] : [new URL(webhookUrl).hostname];
  return secretSource({
    kube,
    namespace,
    names: [...serviceNames(settings.serviceName, namespace), ...own],
    isTrusted,
  });
};

/** Serves as soon as there is a certificate, and with each later one without dropping a connection. */
export const startWebhook = (core: Core, certificates: CertificateWatcher, decisions: DecisionLog): Webhook => {
  const { kube, log, metrics, settings, signal } = core;
  const events = createEventRecorder({ kube, instance: hostname(), log, metrics });
  let webhook: WebhookServer | undefined;
  const start = async (): Promise<void> => {
    const [first] = await Promise.all([certificates.first.catch(() => undefined), warmUp(core)]);
    if (first === undefined || signal.aborted) return;
    const created = createWebhookServer(
      tlsOptions(first),
      countErrors(core, createHandler(handlerOptions(core, decisions, events))),
      log,
      callersOf(core),
    );
    certificates.onChange((certificate) => created.renew(tlsOptions(certificate)));
    await listen(created.server, { host: settings.webhookHost, port: settings.webhookPort, setting: 'WEBHOOK_PORT' });
    webhook = created;
    log.info({ address: created.server.address() }, 'webhook listening');
  };
  const { namespace } = settings;
  const post = createPostman({ kube, namespace }, core.counted);
  const posting = new AbortController();
  const stopping = AbortSignal.any([posting.signal, signal]);
  const posted = keepDoing('what was counted cannot be posted', post, { everyMs: POST_MS, log }, stopping);
  return {
    isListening: () => webhook !== undefined,
    started: start(),
    drain: (quietMs) => webhook?.drain(quietMs) ?? Promise.resolve(),
    close: async () => {
      await webhook?.close();
      posting.abort();
      await posted;
      await post(AbortSignal.timeout(EVENTS_GRACE_MS)).catch(() => undefined);
      await events.close(EVENTS_GRACE_MS);
    },
  };
};

const callersOf = ({ settings, log, metrics }: Core): Callers => {
  const warn = oncePer(REFUSALS_LOGGED_EVERY_MS, (reason, address) =>
    log.warn({ reason, address }, 'reviews refused that come from no API server'),
  );
  return createCallers({
    authorities: settings.webhookClientCa,
    names: settings.webhookClientNames,
    ranges: settings.webhookClients,
    onRefused: (reason, address) => {
      metrics.countRefusedCaller(reason);
      warn(reason, address);
    },
  });
};

const REFUSALS_LOGGED_EVERY_MS = 60_000;

/** Whoever is refused decides how often. */
const oncePer = (ms: number, tell: (reason: RefusedCaller, address: string) => void): typeof tell => {
  const toldAt = new Map<RefusedCaller, number>();
  return (reason, address) => {
    const now = performance.now();
    if (now - (toldAt.get(reason) ?? Number.NEGATIVE_INFINITY) < ms) return;
    toldAt.set(reason, now);
    tell(reason, address);
  };
};

const EVENTS_GRACE_MS = 3_000;
const POST_MS = 30_000;

/** What throws is counted too, and answered as a fault of ours. */
const countErrors =
  ({ metrics }: Core, handle: Handle): Handle =>
  (request) => {
    const startedAt = performance.now();
    const failed = (error: unknown): never => {
      const seconds = (performance.now() - startedAt) / 1_000;
      metrics.countAdmission(request.object.kind, request.operation, 'error', seconds);
      throw error;
    };
    try {
      const answered = handle(request);
      return answered instanceof Promise ? answered.catch(failed) : answered;
    } catch (error) {
      return failed(error);
    }
  };

const handlerOptions = (core: Core, decisions: DecisionLog, events: EventRecorder): HandlerOptions => ({
  facts: core.facts,
  ensure: ensureStorageClasses(core.kube, core.settings.ensureDeadlineMs, {
    onStart: core.classesUnderWay.add,
    onCreated: () => core.metrics.countStorageClass('admission'),
  }),
  observe: all(observeAdmissions(core, decisions), tellOwners(events), sampleNotMatching(core)),
});

type Observe = NonNullable<HandlerOptions['observe']>;

const all =
  (...observers: readonly Observe[]): Observe =>
  (request, decision, seconds) => {
    for (const observe of observers) observe(request, decision, seconds);
  };

/** Where a server listens, and the setting that says so. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly setting: string;
}

/** As many as there may be: of what waits beyond that the kernel drops the first packet, which its client sends again after a second. */
const BACKLOG = MAX_CONNECTIONS;

/** Resolves when the server listens. Throws AppError('Unavailable') naming the setting where it cannot: the port is taken, or not ours. */
export const listen = async (server: Server, { host, port, setting }: Address): Promise<void> => {
  server.listen({ port, host, backlog: BACKLOG });
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new AppError('Unavailable', `${setting} cannot be used: ${messageOf(cause)}.`, { cause });
  }
};

/** Counts each admission, remembers it for the status page, and logs it: at debug where nothing came of it. */
export const observeAdmissions =
  (
    { log, metrics, counted }: Pick<Core, 'log' | 'metrics' | 'counted'>,
    decisions: DecisionLog,
  ): NonNullable<HandlerOptions['observe']> =>
  (request, decision, seconds) => {
    if (isProbe(request)) return;
    const outcome = outcomeOf(decision);
    metrics.countAdmission(request.object.kind, request.operation, outcome, seconds);
    decisions.add(request, decision);
    countApplication(counted, request, decision);
    for (const source of decision.audited?.by ?? NONE) metrics.countAudited(source);
    const level = outcome === 'unchanged' && !isAudited(decision) ? 'debug' : 'info';
    if (!log.isLevelEnabled(level)) return;
    log[level](
      {
        uid: request.uid,
        operation: request.operation,
        kind: plainText(request.object.kind, MAX_NAME_LENGTH),
        namespace: plainText(request.namespace, MAX_NAME_LENGTH),
        name: plainText(request.name, MAX_NAME_LENGTH),
        dryRun: request.dryRun,
        outcome,
        changes: decision.patch.length,
        companions: decision.companions.map(({ kind, metadata }) => `${kind}/${metadata.name ?? ''}`),
        warnings: plainSentences(decision.warnings),
        ...(isAudited(decision) && auditFields(decision)),
      },
      'admission decided',
    );
  };

const countApplication = (counted: Core['counted'], request: AdmissionRequest, { application, denied }: Decision) => {
  if (application !== undefined && request.operation === 'CREATE' && !request.dryRun)
    counted.add(request, application(), denied !== undefined);
};

const NONE: readonly string[] = [];

/** So many say what it is about. */
const MAX_LOGGED = 50;

const auditFields = ({ audited }: Decision): object => ({
  audited: plainSentences(
    audited?.changes.slice(0, MAX_LOGGED).map(({ source, field }) => `${source}: ${field}`) ?? [],
  ),
  auditedDenial: plainSentences(audited?.denied === undefined ? [] : [audited.denied])[0],
  auditedWarnings: plainSentences(audited?.warnings ?? []),
});
