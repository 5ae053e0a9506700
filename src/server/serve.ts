import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import packageJson from '../../package.json' with { type: 'json' };
import { AppError } from '../api/errors.ts';
import { didYouMean } from '../api/plain-text.ts';
import { aborted } from '../controller/periodic.ts';
import { webhookNames } from '../kinds/index.ts';
import { createDecisionLog } from '../ops/decisions.ts';
import { type Check, createHealth, type Health } from '../ops/health.ts';
import { createReplicaProofs } from '../ops/replica-proof.ts';
import { createOpsApp, createOpsServer } from '../ops/server.ts';
import type { Settings } from '../settings/config.ts';
import { type Controllers, startControllers } from './controllers.ts';
import { type Core, type CoreOptions, createCore } from './core.ts';
import type { LiveSettings } from './live-settings.ts';
import { decidingCluster, explainSent, statusSources } from './status.ts';
import { keepServingCertificate, listen, startWebhook, type Webhook } from './webhook.ts';

interface ServeMode {
  readonly webhook: boolean;
  readonly controller: boolean;
}

export interface ServeOptions extends Omit<CoreOptions, 'signal' | 'watchesClaims'> {
  readonly mode: ServeMode;
  /** Fires when the process is to end. */
  readonly shutdownSignal: AbortSignal;
}

/** All that runs and must end. */
interface Parts {
  readonly health: Health;
  readonly webhook: Webhook | undefined;
  readonly controllers: Controllers | undefined;
  readonly ops: Server;
}

const REMEMBERED_DECISIONS = 100;
const { version } = packageJson;

/**
 * Runs until `shutdownSignal`, or until a part of it fails for good, then ends gracefully. Resolves to the exit code: 0, or 1 after a
 * failure, which is logged. Throws AppError('InvalidSetting') where it cannot begin.
 */
export const serve = async ({ mode, shutdownSignal, ...given }: ServeOptions): Promise<number> => {
  refuseUnknownWebhooks(given.settings);
  const background = new AbortController();
  const core = await createCore({ ...given, signal: background.signal, watchesClaims: mode.controller });
  const parts = startParts(core, mode);
  const code = await untilOver(core, mode, parts, shutdownSignal);
  await end(core, parts);
  background.abort();
  core.log.info({}, 'ended');
  return code;
};

/** One that is misspelt would leave open what is to fail closed. */
const refuseUnknownWebhooks = ({ failurePolicy }: Pick<Settings, 'failurePolicy'>): void => {
  const name = Object.keys(failurePolicy).find((one) => !webhookNames.includes(one));
  if (name === undefined) return;
  const meant = didYouMean(name, webhookNames);
  throw new AppError(
    'InvalidSetting',
    `Settings refused: FAILURE_POLICY: there is no webhook ${name}${meant}, only ${webhookNames.join(', ')}.`,
  );
};

const startParts = (core: Core, mode: ServeMode): Parts => {
  const { metrics, log } = core;
  const decisions = createDecisionLog({
    capacity: REMEMBERED_DECISIONS,
    now: () => new Date(),
    explain: explainSent(() => decidingCluster(core), core.settings.namespace),
    onFault: (error) => log.error({ error }, 'decision not explained'),
  });
  const certificates = keepServingCertificate(core);
  const webhook = mode.webhook ? startWebhook(core, certificates, decisions) : undefined;
  const controllers = mode.controller ? startControllers(core, certificates) : undefined;
  const health = healthOf(core, webhook);
  const standing = () => ({ isLeading: controllers?.isLeading(), certificateUntil: certificates.current()?.notAfter });
  const proofs = createReplicaProofs(() => certificates.current()?.key, Date.now);
  const port = (): number | undefined => portOf(ops);
  const status = statusSources(core, { health, decisions, proofs, port, standing });
  const onFault = (path: string, error: unknown): void => log.error({ path, error }, 'operations page failed');
  const ops = createOpsServer(createOpsApp({ health, metrics: metrics.expose, status, proofs, onFault }));
  return { health, webhook, controllers, ops };
};

const portOf = (server: Server): number | undefined => {
  const address = server.address();
  return typeof address === 'object' ? address?.port : undefined;
};

const healthOf = ({ stores, detection, live }: Core, webhook: Webhook | undefined): Health =>
  createHealth([
    ...Object.entries({ ...stores }).map(([name, store]) => readCheck(`the cache of ${name}`, store)),
    readCheck('the live settings', live),
    { name: 'the cloud to be named', isMet: () => detection.verdict() !== undefined },
    ...(webhook ? [{ name: 'a certificate to serve with', isMet: webhook.isListening }] : []),
  ]);

const readCheck = (
  name: string,
  { hasSynced, isForbidden }: Pick<LiveSettings, 'hasSynced' | 'isForbidden'>,
): Check => ({
  name,
  isMet: hasSynced,
  why: () => (isForbidden() ? 'which may not be listed and watched: apply the roles of this version' : undefined),
});

const untilOver = async (
  { log, settings }: Core,
  mode: ServeMode,
  { webhook, controllers, ops }: Parts,
  shutdownSignal: AbortSignal,
): Promise<number> => {
  const open = async (): Promise<void> => {
    await listen(ops, { host: settings.opsHost, port: settings.opsPort, setting: 'OPS_PORT' });
    log.info({ version, address: ops.address(), ...mode }, 'quartermaster started');
  };
  try {
    await Promise.race([aborted(shutdownSignal), ...[open(), webhook?.started, controllers?.done].map(failureOf)]);
    log.info({ signal: String(shutdownSignal.reason) }, 'ending');
    return 0;
  } catch (error) {
    log.fatal({ error: error instanceof AppError ? error.message : error }, 'ending, because it cannot go on');
    return 1;
  }
};

/** Settles only where the work fails. */
const failureOf = (work: Promise<void> | undefined): Promise<never> =>
  new Promise((_, reject) => {
    work?.catch(reject);
  });

/**
 * Not ready at once; new connections are still taken, and answered with `Connection: close`, until nobody has come for
 * `drainSeconds`: Services have forgotten us. Then what is in flight is finished, all within `shutdownSeconds`. The Lease is
 * released meanwhile.
 */
const end = async ({ settings, log }: Core, { health, webhook, controllers, ops }: Parts): Promise<void> => {
  health.drain();
  const drained = webhook?.drain(settings.drainSeconds * 1_000);
  const stopControllers = async (): Promise<void> => {
    await controllers?.stop().catch((error: unknown) => log.error({ error }, 'controllers did not end well'));
  };
  const graceful = async (): Promise<void> => {
    await Promise.all([stopControllers(), drained]);
    await webhook?.close();
  };
  await Promise.race([graceful(), sleep(settings.shutdownSeconds * 1_000, undefined, { ref: false })]);
  ops.closeAllConnections();
  ops.close();
};
