import { once } from 'node:events';
import type { Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import packageJson from '../package.json' with { type: 'json' };
import type { Settings } from './config.ts';
import { type Controllers, startControllers } from './controllers.ts';
import { type Core, createCore } from './core.ts';
import { createDecisionLog } from './ops/decisions.ts';
import { createHealth, type Health } from './ops/health.ts';
import { createOpsApp } from './ops/server.ts';
import { takeSnapshot } from './ops/snapshot.ts';
import { keepServingCertificate, startWebhook, type Webhook } from './webhook.ts';

export interface ServeMode {
  readonly webhook: boolean;
  readonly controller: boolean;
}

const REMEMBERED_DECISIONS = 100;

/** Runs until `ending`, then ends gracefully. Resolves to the exit code. */
export const serve = async (
  settings: Settings,
  mode: ServeMode,
  environment: Readonly<Record<string, string | undefined>>,
  ending: AbortSignal,
): Promise<number> => {
  const background = new AbortController();
  const core = await createCore(settings, environment, background.signal);
  const decisions = createDecisionLog(REMEMBERED_DECISIONS, () => new Date());
  const certificates = keepServingCertificate(core);
  const webhook = mode.webhook ? startWebhook(core, certificates, decisions) : undefined;
  const controllers = mode.controller ? startControllers(core, certificates) : undefined;
  const health = healthOf(core, webhook);
  const { version } = packageJson;
  const snapshot = () =>
    takeSnapshot({ version, health, verdict: core.detection.verdict, stores: core.stores, decisions });
  const ops = createOpsApp({ health, metrics: core.metrics.expose, snapshot }).listen(
    settings.opsPort,
    settings.opsHost,
  );
  await once(ops, 'listening');
  core.log.info({ version, address: ops.address(), ...mode }, 'quartermaster started');

  await aborted(ending);
  core.log.info({ signal: String(ending.reason) }, 'ending');
  await end({ settings, health, webhook, controllers, ops });
  background.abort();
  core.log.info({}, 'ended');
  return 0;
};

const healthOf = ({ stores, detection }: Core, webhook: Webhook | undefined): Health =>
  createHealth([
    ...Object.entries(stores).map(([name, store]) => ({ name: `the cache of ${name}`, isMet: store.hasSynced })),
    { name: 'the cloud to be named', isMet: () => detection.verdict() !== undefined },
    ...(webhook ? [{ name: 'a certificate to serve with', isMet: webhook.isListening }] : []),
  ]);

interface Ending {
  readonly settings: Settings;
  readonly health: Health;
  readonly webhook: Webhook | undefined;
  readonly controllers: Controllers | undefined;
  readonly ops: Server;
}

/**
 * Not ready at once; new connections are still taken while Services forget us, each answered with `Connection: close`; then
 * what is in flight is finished and the Lease released, all within `shutdownSeconds`.
 */
const end = async ({ settings, health, webhook, controllers, ops }: Ending): Promise<void> => {
  health.drain();
  webhook?.drain();
  const graceful = async (): Promise<void> => {
    await Promise.all([controllers?.stop(), webhook && sleep(settings.drainSeconds * 1_000)]);
    await webhook?.close();
  };
  await Promise.race([graceful(), sleep(settings.shutdownSeconds * 1_000, undefined, { ref: false })]);
  ops.closeAllConnections();
  ops.close();
};

const aborted = async (signal: AbortSignal): Promise<void> => {
  if (!signal.aborted) await once(signal, 'abort');
};
